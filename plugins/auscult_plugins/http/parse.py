"""HTTP/1.1 answers (RFC 9112) from bytes as they come; knows nothing of sockets."""

from __future__ import annotations

__all__ = ["MalformedAnswer", "Parser"]

MAX_HEAD = 64 * 1024
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")


class MalformedAnswer(ValueError):
    """What came is no HTTP answer; the sentence says why."""


class Parser:
    """Feed it until `done`; then `status`, `reason`, `headers` and `body` are there.

    Headers are by lower-case name, repeated ones joined by commas. The body is cut at `max_body` bytes, and `cut` says
    so: the rest is not waited for.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_left",
        "_method",
        "_state",
        "cut",
        "done",
        "headers",
        "max_body",
        "reason",
        "status",
    )

    def __init__(self, method: str, max_body: int) -> None:
        self._method, self.max_body = method, max_body
        self._buffer = b""
        self._body = bytearray()
        self._state = self._read_head
        self._left = 0
        self.status = 0
        self.reason = ""
        self.headers: dict[str, str] = {}
        self.cut = False
        self.done = False

    @property
    def body(self) -> bytes:
        """What was read of the body, as it came: still compressed where the server compresses."""
        return bytes(self._body)

    @property
    def started(self) -> bool:
        """Whether anything of an answer has come."""
        return bool(self.status or self._buffer)

    def feed(self, data: bytes) -> None:
        """Take in bytes. Raises MalformedAnswer."""
        self._buffer = self._buffer + data if self._buffer else data
        while not self.done and self._state():
            pass

    def eof(self) -> None:
        """The other side has closed. Raises MalformedAnswer when the answer is not complete."""
        if self.done:
            return
        if not self.started:
            raise MalformedAnswer("the connection was closed without an answer")
        if self._state == self._read_to_end:
            self.done = True
            return
        what = "header" if self._state == self._read_head else "body"
        raise MalformedAnswer(f"the connection was closed in the middle of the {what}")

    # States: each returns whether there may be more to do at once.

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise MalformedAnswer(f"the header is longer than {MAX_HEAD} bytes")
            if not b"HTTP/1.".startswith(self._buffer[:7]):
                raise MalformedAnswer(f"the answer begins with {self._buffer[:20]!r} and is not HTTP/1")
            return False
        lines = self._buffer[:end].split(b"\r\n")
        self._buffer = self._buffer[end + 4 :]
        self._read_status(lines[0])
        self.headers = _headers(lines[1:])
        if 100 <= self.status < 200 and self.status != 101:
            return True  # an interim answer: the real one follows
        self._choose_body()
        return True

    def _read_status(self, line: bytes) -> None:
        if not line.startswith(b"HTTP/1.") or len(line) < 12 or not _DIGITS.issuperset(line[9:12]):
            raise MalformedAnswer(f"the status line is {line[:60]!r}")
        self.status = int(line[9:12])
        self.reason = line[13:].decode("latin-1")

    def _choose_body(self) -> None:
        if self._method == "HEAD" or self.status in (101, 204, 304):
            self.done = True
        elif "chunked" in self.headers.get("transfer-encoding", "").lower():
            self._state = self._read_chunk_size
        elif (length := self.headers.get("content-length")) is not None:
            first = length.partition(",")[0].strip()
            if not first.isascii() or not first.isdigit() or len(first) > 18:
                raise MalformedAnswer(f"the content-length is {length[:30]!r}")
            self._left = int(first)
            self._state = self._read_length
        else:
            self._state = self._read_to_end

    def _read_length(self) -> bool:
        self._take_left()
        if not self._left:
            self.done = True
        return False

    def _read_to_end(self) -> bool:
        self._take(self._buffer)
        self._buffer = b""
        return False

    def _read_chunk_size(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > 256:
                raise MalformedAnswer("a chunk's size line is longer than 256 bytes")
            return False
        digits = self._buffer[:end].partition(b";")[0].strip()
        if not 0 < len(digits) <= 15 or not _HEX.issuperset(digits):
            raise MalformedAnswer(f"a chunk's size is {digits[:20]!r}")
        self._left = int(digits, 16)
        self._buffer = self._buffer[end + 2 :]
        self._state = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._take_left()
        if self._left or len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise MalformedAnswer("a chunk does not end where its size says")
        self._buffer = self._buffer[2:]
        self._state = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise MalformedAnswer("the trailer is too long")
            return False
        self.done = end == 0
        self._buffer = self._buffer[end + 2 :]
        return True

    def _take_left(self) -> None:
        """Move what is there of the `_left` bytes to the body."""
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(part)
        self._take(part)

    def _take(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self.max_body:
            del self._body[self.max_body :]
            self.cut = self.done = True


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise MalformedAnswer(f"a header line is {line[:60]!r}")
        key, text = name.decode("latin-1").lower(), value.strip().decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
