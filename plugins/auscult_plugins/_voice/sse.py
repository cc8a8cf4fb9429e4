"""Server-sent events, as far as vendors use them: the data of each event, whatever way the bytes are cut."""

from __future__ import annotations

__all__ = ["EventReader", "StreamTooLong"]


class StreamTooLong(ValueError):
    """An event is longer than anything a vendor sends."""


class EventReader:
    """Give it bytes, get the data of the events they complete. Comments and other fields are passed over.

    Lines end with LF or CRLF only: text inside JSON may hold the other characters that `str.splitlines` splits at.
    """

    LIMIT = 1 << 20
    """Bytes one event may have."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Data of the events completed by `chunk`, in order. Raises StreamTooLong."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > self.LIMIT or sum(map(len, self._data)) > self.LIMIT:
            raise StreamTooLong(f"one event is longer than {self.LIMIT} bytes")
        return [data for line in lines if (data := self._line(line.rstrip(b"\r"))) is not None]

    def close(self) -> list[str]:
        """Data of an event that the end of the stream completes: some servers leave the last blank line out."""
        return self.feed(b"\n\n")

    def _line(self, line: bytes) -> str | None:
        if not line:
            data, self._data = self._data, []
            return "\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        return None
