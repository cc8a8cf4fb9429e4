"""Writes the little TOML that `auscult init` needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from auscult.options import Duration

__all__ = ["comment", "key_text", "table", "value_text"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
WIDTH = 100


def key_text(key: str) -> str:
    """A key, quoted where it must be."""
    return key if _BARE.fullmatch(key) else _string(key)


def value_text(value: Any) -> str:
    """Plain data on one line. Raises TypeError for what TOML cannot say, None for one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Duration):
        return _string(str(value))
    if isinstance(value, int | float):
        return repr(value).replace("Infinity", "inf")
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{key_text(str(k))} = {value_text(v)}" for k, v in value.items()) + " }"
            if value
            else "{}"
        )
    raise TypeError(f"TOML has no way to write {type(value).__name__}")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def table(path: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one table: its header and a line for each value that is not None."""
    yield "[" + ".".join(map(key_text, path)) + "]"
    for key, value in values.items():
        if value is not None:
            yield f"{key_text(key)} = {value_text(value)}"


def comment(text: str, *, width: int = WIDTH) -> Iterator[str]:
    """`text` as comment lines; line breaks and other control characters in it cannot end the comment."""
    import textwrap

    clean = "".join(char if char.isprintable() else " " for char in text)
    for line in textwrap.wrap(clean, width - 2) or [""]:
        yield f"# {line}".rstrip()
