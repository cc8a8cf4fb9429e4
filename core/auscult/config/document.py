"""One configuration file as plain data, with the line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from auscult.config import toml_lines
from auscult.errors import ConfigurationError, Finding

__all__ = ["KeyPath", "Document", "dotted", "empty", "parse", "read"]

KeyPath = tuple[str | int, ...]
"""Where a value is: ``("components", "redis", "port")``, list positions as numbers."""

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 40
"""Tables and lists inside each other; nobody writes more, and walking them must never exhaust the stack."""
YAML_SUFFIXES = (".yaml", ".yml", ".json")

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_AT = re.compile(r"^(.*?)(?: \(at line (\d+), column (\d+)\)| \(at end of document\))$", re.DOTALL)


class Document:
    """The data of one file; `line` finds where a key stands."""

    def __init__(
        self, data: dict[str, Any], file: Path | None, find_lines: Callable[[], Mapping[KeyPath, int]]
    ) -> None:
        self.data = data
        self.file = file
        self._find_lines = find_lines

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        return self._find_lines()

    def line(self, path: KeyPath) -> int | None:
        """The line of the key at `path`, or of the nearest table around it."""
        for end in range(len(path), 0, -1):
            if (line := self._lines.get(path[:end])) is not None:
                return line
        return None

    @property
    def directory(self) -> Path | None:
        """Where relative paths in the file start; None without a file."""
        return self.file.parent if self.file is not None else None


def dotted(path: KeyPath) -> str:
    """The path as people write it: ``components.redis.port``, ``routes[0].channel``, ``labels."a b"``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else _quoted(part))
    return text


def _quoted(part: str) -> str:
    shown = part if len(part) <= 60 else part[:59] + "…"
    return '"' + shown.encode("unicode_escape").decode().replace('"', '\\"') + '"'


def empty() -> Document:
    """No file at all."""
    return Document({}, None, dict)


def read(path: Path) -> Document:
    """The file at `path`: YAML by its suffix, else TOML. Raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _failed(path, f"cannot be read: {error.strerror or error}") from None
    return parse(content, path)


def parse(content: bytes, path: Path) -> Document:
    """`content` as what the file at `path` holds. Raises ConfigurationError."""
    if len(content) > MAX_BYTES:
        raise _failed(path, f"is larger than {MAX_BYTES // 1024 // 1024} MiB, which no configuration is")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _failed(path, f"is not UTF-8 text: byte 0x{content[error.start]:02x} cannot stand there", line) from None
    if path.suffix.lower() in YAML_SUFFIXES:
        from auscult.config import yaml_file

        return yaml_file.parse(text, path)
    return _parse_toml(text, path)


def _parse_toml(text: str, path: Path) -> Document:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(_toml_findings(error, text, path)) from None
    except ValueError:
        raise _failed(path, "holds a whole number with thousands of digits") from None
    except RecursionError:
        raise _failed(path, f"has more than {MAX_DEPTH} tables or lists inside each other") from None
    if too_deep(data):
        raise _failed(path, f"has more than {MAX_DEPTH} tables or lists inside each other")
    return Document(data, path, lambda: toml_lines.scan(text).lines)


def too_deep(data: Any) -> bool:
    """Whether `data` nests deeper than `MAX_DEPTH`; found without recursion."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True


def _toml_findings(error: tomllib.TOMLDecodeError, text: str, path: Path) -> list[Finding]:
    repeated = toml_lines.scan(text).repeated
    if repeated and str(error).startswith("Cannot "):
        return [
            Finding(key=dotted(key), message=f"given twice, first in line {first}", file=str(path), line=second)
            for key, first, second in repeated
        ]
    match = _AT.match(str(error))
    what, line = (match[1], match[2]) if match else (str(error), None)
    column = f" (column {match[3]})" if match and match[3] else ""
    number = int(line) if line else text.count("\n") + 1
    return [Finding(key="", message=f"is not valid TOML: {_in_words(what)}{column}", file=str(path), line=number)]


def _in_words(what: str) -> str:
    if what == "Invalid value":
        return "expected a value; text stands in quotes"
    if what.startswith("Expected '=' after a key"):
        return "expected `=` after a key"
    return what[:1].lower() + what[1:]


def _failed(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([Finding(key="", message=message, file=str(path), line=line)])
