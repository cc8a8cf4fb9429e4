"""The one door through which results enter: bounded, open to any thread, emptied in order on the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from auscult.model import CheckResult
from auscult.runtime.loop import Loop

__all__ = ["CAPACITY", "Inbox", "Stored"]

CAPACITY = 100_000
"""Results that may wait; further ones push the oldest out, counted."""
AT_ONCE = 200
"""Results taken before the loop gets a turn, so that nothing else waits for more than a few milliseconds."""

Taken = Callable[[CheckResult], None]
Stored = Callable[[BaseException | None], None]


class Inbox:
    """`offer` from any thread; `consume(result, stored)` runs on the loop for each, in order, with no await inside."""

    def __init__(self, consume: Callable[[CheckResult, Stored | None], None], capacity: int = CAPACITY) -> None:
        self._consume = consume
        self._items: deque[tuple[CheckResult, Stored | None, Taken | None]] = deque()
        self._capacity = capacity
        self._loop: Loop | None = None
        self._scheduled = False
        self.dropped = 0

    def open(self, loop: Loop) -> None:
        """Start to empty; what was offered before comes first."""
        self._loop = loop
        if self._items:
            self._schedule()

    def close(self) -> None:
        """Take in what is left, then only collect."""
        self._loop = None
        while self._items:
            self._take()

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, result: CheckResult, *, stored: Stored | None = None, taken: Taken | None = None) -> None:
        """Hand in a result; `taken` is called on the loop once it was consumed.

        `stored` goes with it to the consumer: whom to tell, from any thread, once it is on disk or cannot be.
        """
        if len(self._items) >= self._capacity:
            try:
                self._items.popleft()
                self.dropped += 1
            except IndexError:
                pass
        self._items.append((result, stored, taken))
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        if (loop := self._loop) is not None:
            self._scheduled = True
            try:
                loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is gone: stop() collects what is left
                self._scheduled = False

    def _drain(self) -> None:
        # First, so that an offer from another thread during the loop below schedules anew.
        self._scheduled = False
        for _ in range(min(AT_ONCE, len(self._items))):
            self._take()
        if self._items and not self._scheduled:
            self._schedule()

    def _take(self) -> None:
        try:
            result, stored, taken = self._items.popleft()
        except IndexError:
            return
        self._consume(result, stored)
        if taken is not None:
            taken(result)
