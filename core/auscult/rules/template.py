"""Message templates: ``{name}`` and ``{name:.1f}``, and nothing else (decision 16).

No attributes, no indices, no conversions: a template cannot reach anything but the data, and cannot loop. What is
missing shows as ``?``; a value that does not fit its format shows as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["LONGEST", "Template", "TemplateError"]

LONGEST = 4000
"""Characters of a rendered message."""
_SOURCE = 2000
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,99}")
_SPEC = re.compile(r"(?:[^{}]?[<>^])?[-+ ]?0?(?:[1-9]\d?|100)?,?(?:\.(?:\d\d?|100))?[bcdeEfFgGnosxX%]?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class TemplateError(ValueError):
    """The template cannot be understood; one sentence."""


class Template:
    """A template, ready to be filled. Raises TemplateError."""

    __slots__ = ("_parts", "names", "text")

    def __init__(self, text: str) -> None:
        if len(text) > _SOURCE:
            raise TemplateError(f"a message template has at most {_SOURCE} characters, this one {len(text)}")
        self.text = text
        self._parts = [_part(match) for match in _PART.finditer(text)]
        self.names = frozenset(part[0] for part in self._parts if isinstance(part, tuple))
        """Every name that it asks for."""

    def render(self, get: Callable[[str], Any]) -> str:
        """The message for the data that `get(name)` gives, None for what is missing."""
        pieces, length = [], 0
        for part in self._parts:
            piece = part if isinstance(part, str) else _shown(get, *part)
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST:
                break
        text = _CONTROL.sub(" ", "".join(pieces))
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def _part(match: re.Match[str]) -> str | tuple[str, str]:
    text = match[0]
    if text in ("{{", "}}"):
        return text[0]
    if text in ("{", "}"):
        raise TemplateError(f"a single `{text}` at column {match.start() + 1}; write `{text * 2}` for the character")
    if match[1] is None:
        return text
    name, colon, spec = match[1].partition(":")
    if not _NAME.fullmatch(name):
        raise TemplateError(
            f"`{text}` at column {match.start() + 1} is no plain name; `{{name}}` and `{{name:.1f}}` are understood"
        )
    if colon and not _SPEC.fullmatch(spec):
        raise TemplateError(f"`{spec}` at column {match.start() + 1} is no format such as `.1f`, `>8` or `,`")
    return name, spec


def _shown(get: Callable[[str], Any], name: str, spec: str) -> str:
    try:
        value = get(name)
        if value is None:
            return "?"
        if isinstance(value, str):
            value = str(value)[:LONGEST]
        try:
            return format(value, spec or (".6g" if isinstance(value, float) else ""))
        except (ValueError, TypeError, OverflowError):
            return str(value)[:LONGEST]
    except Exception:  # data of somebody else's making
        return "?"
