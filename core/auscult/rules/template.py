"""Message templates: ``{name}`` and ``{name:.1f}``, and nothing else (decision 16).

No attributes, no indices, no conversions: a template cannot reach anything but the data, and cannot loop. What is
missing shows as ``?``; a value that does not fit its format shows as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from math import isfinite
from typing import Any

from auscult.errors import did_you_mean

__all__ = ["LONGEST", "Template", "TemplateError"]

LONGEST = 4000
"""Characters of a rendered message."""
_SOURCE = 2000
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,99}")
_SPEC = re.compile(r"(?:[^{}]?[<>^=])?[-+ ]?0?(?:[1-9]\d?|100)?,?(?:\.(?:\d\d?|100))?[bcdeEfFgGnosxX%]?")
_WHOLE = re.compile(r"^(?!.*\.\d)(?:.*[^eEfFgGn%s])?$")
"""A format that says nothing of digits after the point."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BLANKS = re.compile("[\t\r\n\u2028\u2029]+")
_VALUE = 1000
"""Characters shown of one value."""


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
        text = _CONTROL.sub("", "".join(pieces))
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    def unknown(self, known: Collection[str]) -> list[str]:
        """A sentence for each name that is not `known`."""
        return [
            f"there is no data `{name}`, which would show as `?`{did_you_mean(name, known)}"
            for name in sorted(self.names.difference(known))
        ]

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
    """One value on one line, so that it cannot pretend to be another part of the message."""
    try:
        value = get(name)
        if value is None:
            return "?"
        text = _BLANKS.sub(" ", _formatted(value, spec))
    except Exception:  # data of somebody else's making
        return "?"
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


def _formatted(value: Any, spec: str) -> str:
    if isinstance(value, str):
        value = str(value)[: _VALUE + 1]
    elif isinstance(value, float) and not spec:
        return f"{round(value, 3):.15g}" if 1 <= abs(value) < 1e15 else f"{value:.3g}"
    elif isinstance(value, float) and (spec.endswith("d") or (_WHOLE.search(spec) and value.is_integer())):
        value = round(value) if isfinite(value) else value  # a count comes as a float, and is to look like one
    if not isinstance(value, str | int | float):
        return str(value)
    try:
        return format(value, spec)
    except (ValueError, TypeError, OverflowError):
        return str(value)
