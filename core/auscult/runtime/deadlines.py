"""One timer for many things of which each may take equally long: most end in time, and arming a timer costs."""

from __future__ import annotations

from typing import Protocol

from auscult.clock import Clock
from auscult.runtime.loop import Handle, Loop

__all__ = ["Deadlines"]


class Limited(Protocol):
    """Something that may take only so long."""

    def expire(self) -> None:
        """Its time is over: take it out with `discard`, and act."""
        ...


class Deadlines:
    """Has those `expire` that are still there `seconds` after they were added."""

    def __init__(self, loop: Loop, clock: Clock, seconds: float) -> None:
        self._loop, self._clock, self._seconds = loop, clock, seconds
        self._dues: dict[Limited, float] = {}
        """Oldest first."""
        self._timer: Handle | None = None

    def add(self, item: Limited) -> None:
        """Its time begins now."""
        self._dues[item] = self._clock.monotonic() + self._seconds
        if self._timer is None:
            self._arm()

    def discard(self, item: Limited) -> bool:
        """It has ended; whether it was there until now."""
        return self._dues.pop(item, None) is not None

    def stop(self) -> None:
        """Have nothing expire any more."""
        self._dues.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        due = next(iter(self._dues.values()), None)
        self._timer = None
        if due is not None:
            self._timer = self._loop.call_later(due - self._clock.monotonic(), self._ring)

    def _ring(self) -> None:
        now = self._clock.monotonic()
        try:
            while self._dues:
                item, due = next(iter(self._dues.items()))
                if due > now:
                    break
                item.expire()
        finally:
            self._arm()
