"""Failed attempts to guess a token, counted over the last minute, so that guessing costs us next to nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Attempts"]

LIMIT = 20
"""Unknown tokens looked at within `WINDOW`; each costs a key derivation of some 50 ms."""
WINDOW = 60.0


class Attempts:
    """Counts for one application; `now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float], *, limit: int = LIMIT, window: float = WINDOW) -> None:
        self._now, self._limit, self._window = now, limit, window
        self._times: deque[float] = deque()

    def wait(self) -> float:
        """Seconds until the next attempt may be made; 0 when one may be made now."""
        now = self._now()
        while self._times and now - self._times[0] >= self._window:
            self._times.popleft()
        return self._window - (now - self._times[0]) if len(self._times) >= self._limit else 0.0

    def begin(self) -> None:
        """Count one; it counts from the start, so that a burst is no way around."""
        self._times.append(self._now())

    def forgive(self) -> None:
        """Take back the last one: the token was right."""
        if self._times:
            self._times.pop()
