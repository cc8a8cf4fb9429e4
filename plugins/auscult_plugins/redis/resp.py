"""The little of RESP2, Redis' protocol, that a probe needs: commands out, and answers that are one line or one text."""

from __future__ import annotations

__all__ = ["ErrorReply", "NotRedis", "Reader", "command"]

MAX_LINE = 4096
MAX_TEXT = 1 << 20
"""Bytes; INFO of a large server has some ten thousand."""


class NotRedis(Exception):
    """What came is not RESP; the sentence says what came instead."""


class ErrorReply(Exception):
    """The server refuses. The first word of what it says is `code`, the rest `text`."""

    def __init__(self, line: str) -> None:
        code, _, text = line.partition(" ")
        self.code, self.text = (code, text) if code.isupper() and text else ("", line)
        super().__init__(line)


def command(*words: str) -> bytes:
    """A command as an array of texts."""
    parts = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])


class Reader:
    """Feed it until `take` gives an answer."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._buffer += data

    def take(self) -> tuple[str | int | ErrorReply | None] | None:
        """One whole answer in a tuple (a missing key is ``(None,)``), or None until more has come. Raises NotRedis."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_LINE or (self._buffer and self._buffer[:1] not in b"+-:$"):
                raise self._strange()
            return None
        kind, line = self._buffer[:1], self._buffer[1:end]
        if kind == b"$":
            return self._take_text(end + 2, self._number(line))
        if kind not in (b"+", b"-", b":") or end > MAX_LINE:
            raise self._strange()
        value: str | int | ErrorReply = line.decode(errors="replace")
        if kind == b":":
            value = self._number(line)
        elif kind == b"-":
            value = ErrorReply(line.decode(errors="replace"))
        self._buffer = self._buffer[end + 2 :]
        return (value,)

    def _take_text(self, start: int, length: int) -> tuple[str | None] | None:
        if length == -1:
            self._buffer = self._buffer[start:]
            return (None,)
        if not 0 <= length <= MAX_TEXT:
            raise self._strange()
        if len(self._buffer) < start + length + 2:
            return None
        if self._buffer[start + length : start + length + 2] != b"\r\n":
            raise self._strange()
        text = self._buffer[start : start + length].decode(errors="replace")
        self._buffer = self._buffer[start + length + 2 :]
        return (text,)

    def _number(self, line: bytes) -> int:
        digits = line.removeprefix(b"-")
        if not digits.isdigit() or len(digits) > 19:
            raise self._strange()
        return int(line)

    def _strange(self) -> NotRedis:
        return NotRedis(f"what answers there is not Redis: it says {self._buffer[:24]!r}")
