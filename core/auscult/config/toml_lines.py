"""Where the keys of a TOML text stand, which `tomllib` does not tell.

A scan of the text's outline: it needs a text that `tomllib` accepts, or one it refuses for repeated keys, and
stops quietly where it understands nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct, field

__all__ = ["Outline", "scan"]

_Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}\n#]+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class Outline(Struct):
    """What the scan found."""

    lines: dict[_Path, int] = field(default_factory=dict)
    """Key path to line number, from 1."""
    repeated: list[tuple[_Path, int, int]] = field(default_factory=list)
    """Keys and tables given twice: path, first line, second line."""


class _LostError(Exception):
    """The text is not what the scan expects."""


def scan(text: str) -> Outline:
    """The outline of `text`; as far as it goes when the text is broken."""
    scanner = _Scanner(text)
    with suppress(_LostError, RecursionError):
        scanner.document()
    return scanner.outline


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self._counted = 0
        self.outline = Outline()
        self._lengths: dict[_Path, int] = {}
        self._headers: dict[_Path, int] = {}
        self._values: dict[_Path, int] = {}

    def document(self) -> None:
        """Header, key, header, key, to the end."""
        table: _Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> _Path:
        is_list = self.text.startswith("[[", self.at)
        line = self._line_here()
        self.at += 2 if is_list else 1
        key = self._key()
        self._expect("]]" if is_list else "]")
        path = self._inside(key, is_list)
        for end in range(1, len(path) + 1):
            self._note(path[:end], line)
        if not is_list:
            self._once(self._headers, path, line)
        return path

    def _inside(self, key: tuple[str, ...], is_list: bool) -> _Path:
        """The key with list positions: a header below ``[[routes]]`` means the latest of them."""
        path: _Path = ()
        for number, part in enumerate(key):
            path = (*path, part)
            last = number == len(key) - 1
            if last and is_list:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _pair(self, table: _Path) -> None:
        line = self._line_here()
        path: _Path = (*table, *self._key())
        for end in range(len(table) + 1, len(path)):
            self._note(path[:end], line)
        self._note(path, line)
        self._once(self._values, path, line)
        self._expect("=")
        self._value(path)

    def _value(self, path: _Path) -> None:
        self._skip(_SPACE)
        start = self.text[self.at : self.at + 1]
        if start == "{":
            self._items("}", lambda _: self._pair(path))
        elif start == "[":
            self._items("]", lambda number: self._element((*path, number)))
        elif start in ('"', "'"):
            self._string()
        else:
            self._match(_PLAIN)

    def _element(self, path: _Path) -> None:
        self._note(path, self._line_here())
        self._value(path)

    def _items(self, end: str, item: Callable[[int], None]) -> None:
        self.at += 1
        number = 0
        self._skip(_BLANK)
        while not self.text.startswith(end, self.at):
            item(number)
            number += 1
            self._skip(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
                self._skip(_BLANK)
            elif not self.text.startswith(end, self.at):
                raise _LostError
        self.at += 1

    def _key(self) -> tuple[str, ...]:
        parts = [self._key_part()]
        self._skip(_SPACE)
        while self.text.startswith(".", self.at):
            self.at += 1
            parts.append(self._key_part())
            self._skip(_SPACE)
        return tuple(parts)

    def _key_part(self) -> str:
        self._skip(_SPACE)
        if self.text[self.at : self.at + 1] in ('"', "'"):
            raw = self._string()
            return raw[1:-1] if raw[0] == "'" else _ESCAPE.sub(_unescape, raw[1:-1])
        return self._match(_BARE_KEY)

    def _string(self) -> str:
        return self._match(_STRING)

    def _match(self, pattern: re.Pattern[str]) -> str:
        if not (match := pattern.match(self.text, self.at)):
            raise _LostError
        self.at = match.end()
        return match[0]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def _expect(self, text: str) -> None:
        self._skip(_SPACE)
        if not self.text.startswith(text, self.at):
            raise _LostError
        self.at += len(text)

    def _line_here(self) -> int:
        self.line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self.line

    def _note(self, path: _Path, line: int) -> None:
        self.outline.lines.setdefault(path, line)

    def _once(self, seen: dict[_Path, int], path: _Path, line: int) -> None:
        if path in seen:
            self.outline.repeated.append((path, seen[path], line))
        else:
            seen[path] = line


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "uU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else ""
    return _ESCAPES.get(code, code)
