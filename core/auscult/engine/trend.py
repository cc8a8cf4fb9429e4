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
_WIDTHS = tuple(length // BUCKETS for length in WINDOWS.values())
"""How long a bucket of each window is, ms."""
MINUTE_MS = 60_000
MIN_RESULTS = 10
MIN_BUCKETS = 4
RELATIVE_BAND = 0.1
NOISE_BAND = 4.0
"""Of steady series with much noise three would call one in ten a trend, four one in twenty."""
SUCCESS_BAND = 0.05
"""A change of the success share smaller than this is no trend."""


_FIELDS = 4
_NUMBER, _COUNT, _FAILED, _TIMED = range(_FIELDS)
_LATEST = 2**31 - 1
"""Highest number of a bucket: minutes until the year 6053."""


class _Rings:
    """Sums of all windows: per bucket its number, the number of results, of failures, of timed ones, and their time.

    Flat arrays, the windows one behind the other: every component has them.
    """

    __slots__ = ("_ms", "_sums")

    def __init__(self) -> None:
        self._sums = array("i", bytes(4 * _FIELDS * BUCKETS * len(_WIDTHS)))
        self._ms = array("d", bytes(8 * BUCKETS * len(_WIDTHS)))

    def add(self, window: int, at: int, count: int, failed: int, timed: int, ms: float) -> None:
        number = at // _WIDTHS[window]
        i = window * BUCKETS + number % BUCKETS
        sums, first = self._sums, i * _FIELDS
        if sums[first] != number or not sums[first + _COUNT]:
            if not -_LATEST < number < _LATEST or (sums[first + _COUNT] and number < sums[first]):
                return  # the clock went back: older than what the bucket holds
            sums[first] = number
            sums[first + _COUNT] = sums[first + _FAILED] = sums[first + _TIMED] = 0
            self._ms[i] = 0.0
        sums[first + _COUNT] += count
        sums[first + _FAILED] += failed
        sums[first + _TIMED] += timed
        self._ms[i] += ms

    def judge(self, window: int, now: int) -> Trend:
        first = now // _WIDTHS[window] - BUCKETS + 1
        places = range(window * BUCKETS, (window + 1) * BUCKETS)
        rows = [(*self._sums[i * _FIELDS : (i + 1) * _FIELDS], self._ms[i]) for i in places]
        live = sorted(row for row in rows if row[_NUMBER] >= first and row[_COUNT])
        if sum(row[_COUNT] for row in live) < MIN_RESULTS or len(live) < MIN_BUCKETS:
            return Trend.UNKNOWN
        success = [(float(number), 1 - failed / count) for number, count, failed, _, _ in live]
        verdict = _verdict(success, SUCCESS_BAND, better_up=True)
        if verdict is not Trend.STABLE:
            return verdict
        times = [(float(number), ms / timed) for number, _, _, timed, ms in live if timed]
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
    """What trends need to know of one component; a little more than a kilobyte.

    The current minute is summed up here first: every bucket is a whole number of minutes.
    """

    __slots__ = ("_count", "_failed", "_minute", "_ms", "_rings", "_timed")

    def __init__(self) -> None:
        self._rings = _Rings()
        self._minute = self._count = self._failed = self._timed = 0
        self._ms = 0.0

    def add(self, at: int, ms: float | None, *, failed: bool) -> None:
        """Take in one counted result."""
        minute = at // MINUTE_MS
        if minute != self._minute:
            self._pass_on()
            self._minute = minute
        self._count += 1
        self._failed += failed
        if ms is not None:
            self._timed += 1
            self._ms += ms

    def trends(self, now: int) -> dict[str, Trend]:
        """The trend over each window."""
        self._pass_on()
        return {name: self._rings.judge(window, now) for window, name in enumerate(WINDOWS)}

    def _pass_on(self) -> None:
        if self._count:
            for window in range(len(_WIDTHS)):
                self._rings.add(window, self._minute * MINUTE_MS, self._count, self._failed, self._timed, self._ms)
            self._count = self._failed = self._timed = 0
            self._ms = 0.0


def worst(trends: list[Trend]) -> Trend:
    """Of several trends the one to show: worsening before improving before stable before unknown."""
    for trend in (Trend.WORSENING, Trend.IMPROVING, Trend.STABLE):
        if trend in trends:
            return trend
    return Trend.UNKNOWN
