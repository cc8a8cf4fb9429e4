"""Where a component is heading (decision 10): a robust slope against the noise around it.

Results are summed up in 15 buckets per window (15 minutes, 1 hour, 6 hours). The slope is the Theil-Sen estimator
over the buckets' means: the median of the slopes between all pairs, which a few outliers cannot turn (Sen, 1968).
The change it makes over the window counts when it exceeds both the noise, four median absolute deviations of the
residuals, and a tenth of the usual value.
"""

from __future__ import annotations

from array import array
from itertools import combinations
from statistics import median

from auscult.model import Trend

__all__ = ["WINDOWS", "TrendMemory", "worst"]

WINDOWS = {"15m": 900_000, "1h": 3_600_000, "6h": 21_600_000}
"""Names and lengths in ms."""
BUCKETS = 15
MIN_RESULTS = 10
MIN_BUCKETS = 4
RELATIVE_BAND = 0.1
NOISE_BAND = 4.0
"""Of steady series with much noise three would call one in ten a trend, four one in twenty."""
SUCCESS_BAND = 0.05
"""A change of the success share smaller than this is no trend."""


class _Ring:
    """Sums of one window: per bucket the number of results, of failures, of timed ones, and their time."""

    __slots__ = ("_count", "_failed", "_ms", "_number", "_timed", "_width")

    def __init__(self, length: int) -> None:
        self._width = length // BUCKETS
        self._number = array("q", [-1] * BUCKETS)
        self._count = array("I", [0] * BUCKETS)
        self._failed = array("I", [0] * BUCKETS)
        self._timed = array("I", [0] * BUCKETS)
        self._ms = array("d", [0.0] * BUCKETS)

    def add(self, at: int, ms: float | None, *, failed: bool) -> None:
        number = at // self._width
        i = number % BUCKETS
        if self._number[i] != number:
            if number < self._number[i]:
                return  # the clock went back: older than what the bucket holds
            self._number[i] = number
            self._count[i] = self._failed[i] = self._timed[i] = 0
            self._ms[i] = 0.0
        self._count[i] += 1
        self._failed[i] += failed
        if ms is not None:
            self._timed[i] += 1
            self._ms[i] += ms

    def judge(self, now: int) -> Trend:
        first = now // self._width - BUCKETS + 1
        live = [i for i in range(BUCKETS) if self._number[i] >= first and self._count[i]]
        live.sort(key=self._number.__getitem__)
        if sum(self._count[i] for i in live) < MIN_RESULTS or len(live) < MIN_BUCKETS:
            return Trend.UNKNOWN
        success = [(float(self._number[i]), 1 - self._failed[i] / self._count[i]) for i in live]
        verdict = _verdict(success, SUCCESS_BAND, better_up=True)
        if verdict is not Trend.STABLE:
            return verdict
        times = [(float(self._number[i]), self._ms[i] / self._timed[i]) for i in live if self._timed[i]]
        if len(times) < MIN_BUCKETS:
            return verdict
        return _verdict(times, RELATIVE_BAND * median(y for _, y in times), better_up=False)


def _verdict(points: list[tuple[float, float]], band: float, *, better_up: bool) -> Trend:
    slope = median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))
    level = median(y - slope * x for x, y in points)
    noise = median(abs(y - slope * x - level) for x, y in points)
    change = slope * (points[-1][0] - points[0][0])
    if abs(change) <= max(band, NOISE_BAND * noise, 1e-9):
        return Trend.STABLE
    return Trend.IMPROVING if (change > 0) == better_up else Trend.WORSENING


class TrendMemory:
    """What trends need to know of one component; about a kilobyte and a half."""

    __slots__ = ("_rings",)

    def __init__(self) -> None:
        self._rings = {name: _Ring(length) for name, length in WINDOWS.items()}

    def add(self, at: int, ms: float | None, *, failed: bool) -> None:
        """Take in one counted result."""
        for ring in self._rings.values():
            ring.add(at, ms, failed=failed)

    def trends(self, now: int) -> dict[str, Trend]:
        """The trend over each window."""
        return {name: ring.judge(now) for name, ring in self._rings.items()}


def worst(trends: list[Trend]) -> Trend:
    """Of several trends the one to show: worsening before improving before stable before unknown."""
    for trend in (Trend.WORSENING, Trend.IMPROVING, Trend.STABLE):
        if trend in trends:
            return trend
    return Trend.UNKNOWN
