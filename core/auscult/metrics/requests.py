"""Requests to auscult itself: how many, how fast, how they ended, by route template and minute. A microsecond each.

The latest day is kept, minute by minute, in memory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

from auscult.families import Labels
from auscult.metrics.durations import BOUNDS as COARSE
from auscult.metrics.text import number

__all__ = ["BOUNDS", "MINUTE", "RequestFigures", "Requests", "RouteFigures", "quantile"]

MINUTE = 60_000
KEPT = 24 * 60
"""Minutes."""
ROUTES = 500
"""Routes told apart; those that come later are counted together."""
OTHER = ("*", "other routes")
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, *COARSE)
"""Upper bounds in seconds: most of our own answers take less than the shortest that a probe does."""
_BUCKETS = len(BOUNDS) + 1
_STATUSES = 5
"""1xx to 5xx, in front of the buckets."""
_WIDTH = _STATUSES + _BUCKETS
Route = tuple[str, str]
"""Method and route template."""


class RouteFigures(Struct, frozen=True, kw_only=True):
    """Requests of one route, or of all together."""

    count: int = 0
    by_status: tuple[int, ...] = (0,) * _STATUSES
    """1xx to 5xx."""
    seconds: float = 0.0
    """All together."""
    buckets: tuple[int, ...] = (0,) * _BUCKETS
    """By `BOUNDS`, the last without a bound; each request in one of them."""

    @property
    def errors(self) -> int:
        """Answers with 5xx."""
        return self.by_status[4]

    @property
    def refused(self) -> int:
        """Answers with 4xx."""
        return self.by_status[3]

    def quantile_ms(self, share: float) -> float | None:
        """The time that this share of the requests did not exceed, ms; None without any."""
        seconds = quantile(BOUNDS, self.buckets, share)
        return None if seconds is None else seconds * 1000


class RequestFigures(Struct, frozen=True, kw_only=True):
    """Requests within a stretch of time."""

    start: int
    end: int
    total: RouteFigures
    routes: Mapping[Route, RouteFigures]
    times: Sequence[int]
    """Where each stretch of `series` begins, ms."""
    series: Sequence[RouteFigures]
    """All routes together, stretch by stretch."""
    step: int
    """Length of a stretch, ms."""
    since: int
    """When counting began."""
    bounds: Sequence[float] = BOUNDS
    """Upper bounds of the buckets, seconds."""


class Requests:
    """Counts for one monitor. `count` may be called from one thread; questions from any."""

    def __init__(self, now: int = 0) -> None:
        self.since = now
        self._minutes: OrderedDict[int, dict[Route, array[int]]] = OrderedDict()
        self._seconds: dict[tuple[int, Route], float] = {}
        self._totals: dict[Route, array[int]] = {}
        self._sums: dict[Route, float] = {}
        self._by_code: dict[tuple[str, str, int], int] = {}

    def count(self, method: str, route: str, status: int, seconds: float, now: int) -> None:
        """Count one request that ended at `now` (ms)."""
        key = (method, route)
        total = self._totals.get(key)
        if total is None:
            if len(self._totals) >= ROUTES:
                key = OTHER
            total = self._totals.setdefault(key, _empty())
        minute = now // MINUTE
        routes = self._minutes.get(minute)
        if routes is None:
            routes = self._begin(minute)
        row = routes.get(key)
        if row is None:
            row = routes[key] = _empty()
        klass, bucket = min(max(status // 100 - 1, 0), 4), _STATUSES + bisect_left(BOUNDS, seconds)
        for counts in (total, row):
            counts[klass] += 1
            counts[bucket] += 1
        self._sums[key] = self._sums.get(key, 0.0) + seconds
        self._seconds[minute, key] = self._seconds.get((minute, key), 0.0) + seconds
        code = (*key, status)
        self._by_code[code] = self._by_code.get(code, 0) + 1

    def _begin(self, minute: int) -> dict[Route, array[int]]:
        routes = self._minutes[minute] = {}
        while len(self._minutes) > KEPT:
            gone, counted = self._minutes.popitem(last=False)
            for key in counted:
                self._seconds.pop((gone, key), None)
        return routes

    def by_code(self) -> Mapping[tuple[str, str, int], int]:
        """Since the start: method, route and status code to the number of requests."""
        return dict(self._by_code)

    def histograms(self) -> Mapping[Route, tuple[Sequence[int], float]]:
        """Since the start, per route: cumulative counts by `BOUNDS`, the last for everything, and the seconds."""
        return {
            key: (list(accumulate(counts[_STATUSES:])), self._sums.get(key, 0.0))
            for key, counts in list(self._totals.items())
        }

    def figures(self) -> Iterator[tuple[str, Labels, float]]:
        """The same as samples: names, labels, values."""
        for (method, route, code), count in list(self._by_code.items()):
            labels = (("code", str(code)), ("method", method), ("route", route))
            yield "auscult_http_requests_total", labels, float(count)
        if not self._totals:
            return
        whole = [sum(column) for column in zip(*list(self._totals.values()), strict=True)][_STATUSES:]
        name = "auscult_http_request_duration_seconds"
        bounds = [*(number(bound) for bound in BOUNDS), "+Inf"]
        for bound, count in zip(bounds, accumulate(whole), strict=True):
            yield f"{name}_bucket", (("le", bound),), float(count)
        yield f"{name}_count", (), float(sum(whole))
        yield f"{name}_sum", (), sum(list(self._sums.values()))

    def within(self, start: int, end: int, points: int) -> RequestFigures:
        """What happened between two times (ms), whole minutes, cut into at most `points` stretches."""
        first, last = max(start, self.since) // MINUTE, end // MINUTE
        width = max(-(-(last - start // MINUTE + 1) // max(points, 1)), 1)
        minutes = [(minute, dict(routes)) for minute, routes in list(self._minutes.items()) if first <= minute <= last]
        routes: dict[Route, list[tuple[int, array[int]]]] = {}
        slots: dict[int, list[tuple[int, Route, array[int]]]] = {}
        for minute, counted in minutes:
            slot = minute // width * width
            for key, counts in counted.items():
                routes.setdefault(key, []).append((minute, counts))
                slots.setdefault(slot, []).append((minute, key, counts))
        times = range(first // width * width, last + 1, width)
        return RequestFigures(
            start=start,
            end=end,
            total=self._sum((minute, key, counts) for key, rows in routes.items() for minute, counts in rows),
            routes={key: self._sum((minute, key, counts) for minute, counts in rows) for key, rows in routes.items()},
            times=[slot * MINUTE for slot in times],
            series=[self._sum(slots.get(slot, ())) for slot in times],
            step=width * MINUTE,
            since=self.since,
        )

    def _sum(self, rows: Iterable[tuple[int, Route, array[int]]]) -> RouteFigures:
        counts, seconds = [0] * _WIDTH, 0.0
        for minute, key, row in rows:
            counts = [a + b for a, b in zip(counts, row, strict=True)]
            seconds += self._seconds.get((minute, key), 0.0)
        return RouteFigures(
            count=sum(counts[:_STATUSES]),
            by_status=tuple(counts[:_STATUSES]),
            seconds=seconds,
            buckets=tuple(counts[_STATUSES:]),
        )


def _empty() -> array[int]:
    return array("Q", bytes(8 * _WIDTH))


def quantile(bounds: Sequence[float], buckets: Sequence[int], share: float) -> float | None:
    """A quantile from counts by bucket, as Prometheus estimates it; None without any, the last bound beyond it."""
    total = sum(buckets)
    if not total:
        return None
    wanted, before = share * total, 0
    for at, count in enumerate(buckets):
        if count and before + count >= wanted:
            if at == len(bounds):
                return bounds[-1]
            low = bounds[at - 1] if at else 0.0
            return low + (bounds[at] - low) * max(wanted - before, 0.0) / count
        before += count
    return bounds[-1]
