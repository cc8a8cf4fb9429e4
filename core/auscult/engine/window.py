"""The recent past of one component: the last 100 results, at most an hour, with rates and percentiles.

Percentiles are by nearest rank: the smallest time that at least p percent of the results do not exceed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from math import ceil

__all__ = ["MAX_AGE_MS", "SIZE", "Window"]

SIZE = 100
MAX_AGE_MS = 3_600_000
_NO_TIME = -1.0


class Window:
    """Results by time; `add` costs a microsecond or two, a full window about two kilobytes."""

    __slots__ = ("_at", "_failed", "_ms", "_sorted", "failures")

    def __init__(self) -> None:
        self._at = array("q")
        self._ms = array("d")
        self._failed = bytearray()
        self._sorted = array("d")
        self.failures = 0

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: int, ms: float | None, *, failed: bool) -> None:
        """Take in one counted result; what is too old or too many leaves."""
        self.drop_before(at - MAX_AGE_MS)
        if len(self._at) >= SIZE:
            self._drop_oldest()
        self._at.append(at)
        self._failed.append(failed)
        self.failures += failed
        self._ms.append(_NO_TIME if ms is None else ms)
        if ms is not None:
            insort(self._sorted, ms)

    def drop_before(self, at: int) -> None:
        """Forget results older than `at`."""
        while self._at and self._at[0] < at:
            self._drop_oldest()

    def success_rate(self) -> float | None:
        """Percent of results that did not fail; None without any."""
        count = len(self._at)
        return (count - self.failures) * 100 / count if count else None

    def percentile(self, percent: float) -> float | None:
        """Nearest-rank percentile of the response times in ms; None without any."""
        count = len(self._sorted)
        return self._sorted[max(ceil(percent / 100 * count) - 1, 0)] if count else None

    def _drop_oldest(self) -> None:
        self._at.pop(0)
        self.failures -= self._failed.pop(0)
        ms = self._ms.pop(0)
        if ms != _NO_TIME:
            del self._sorted[bisect_left(self._sorted, ms)]
