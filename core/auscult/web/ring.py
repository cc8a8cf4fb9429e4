"""`Ring`: the latest events of the stream, kept once for all readers."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["ALL", "CAPACITY", "TOPICS", "Ring"]

CAPACITY = 4 << 20
"""Bytes of events that are kept for readers that lag behind or come back."""
TOPICS = ("system", "components", "alerts", "deliveries", "silences")
ALL = frozenset(TOPICS)


class Ring:
    """Events by position; positions grow by one."""

    def __init__(self, position: int, capacity: int = CAPACITY) -> None:
        self.position = position
        """Of the latest event."""
        self._capacity = capacity
        self._events: list[tuple[str, bytes]] = []
        self._dropped = 0
        """Events at the beginning of the list that are no longer there."""
        self._size = 0
        self._joined: tuple[int, int, Container[str], bytes] = (0, 0, (), b"")

    def add(self, topic: str, event: bytes) -> None:
        """One more, at the next position."""
        self.position += 1
        self._events.append((topic, event))
        self._size += len(event)
        while self._size > self._capacity:
            self._size -= len(self._events[self._dropped][1])
            self._events[self._dropped] = ("", b"")
            self._dropped += 1
        if self._dropped > 1000 and self._dropped * 2 > len(self._events):
            del self._events[: self._dropped]
            self._dropped = 0

    def skip(self) -> int:
        """One event that is not kept, and none before it: nobody is there to read. Gives its position."""
        self.position += 1
        if self._events:
            self._events, self._dropped, self._size = [], 0, 0
        return self.position

    def has(self, position: int) -> bool:
        """Whether everything after that position is there."""
        return self.position - (len(self._events) - self._dropped) <= position <= self.position

    def after(self, position: int, topics: frozenset[str]) -> bytes:
        """Everything after that position, as bytes to send. Most readers ask for the same, which is made once."""
        begin, end, wanted, joined = self._joined
        if (begin, end, wanted) != (position, self.position, topics):
            events = self._events[len(self._events) - (self.position - position) :]
            joined = b"".join([event for topic, event in events if topic in topics])
            self._joined = (position, self.position, topics, joined)
        return joined
