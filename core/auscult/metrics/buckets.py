"""Samples by stretches of time: how many there were, their least and largest, by how much a counter grew."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from operator import add, itemgetter

__all__ = ["COUNTER", "GAUGE", "Buckets", "bucketed", "merged"]

COUNTER = ("count", "last", "increase")
"""What is known of a counter's stretch."""
GAUGE = ("count", "last", "sum", "min", "max")
"""What is known of any other's."""
_FOLD: Mapping[str, Callable[[Sequence[float]], float]] = {
    "count": sum,
    "sum": sum,
    "increase": sum,
    "min": min,
    "max": max,
    "last": itemgetter(-1),
}
"""How several stretches become one."""
_ADDED = frozenset(name for name, fold in _FOLD.items() if fold is sum)
_FEW = 8
"""Neighbours up to which columns are added as wholes."""


class Buckets:
    """Columns by stretch, sorted by time; stretches without samples are left out."""

    __slots__ = ("columns", "size", "starts")

    def __init__(self, size: int, starts: array[int], columns: dict[str, array[float]]) -> None:
        self.size = size
        """How long a stretch is, ms."""
        self.starts = starts
        """Where each begins, ms."""
        self.columns = columns
        """By the names in `COUNTER` or `GAUGE`, or those of them that are wanted."""

    def __len__(self) -> int:
        return len(self.starts)

    def by_period(self, period: int) -> dict[int, Buckets]:
        """Cut at whole periods, by their beginnings."""
        return {start: self._part(low, high) for start, low, high in _stretches(self.starts, period)}

    @property
    def without_gaps(self) -> bool:
        """Whether every stretch from the first to the last is there: what can be told of all of them at once."""
        return bool(self.starts) and self.starts[-1] - self.starts[0] == (len(self.starts) - 1) * self.size

    def coarser(self, size: int, origin: int = 0) -> Buckets:
        """The same in longer stretches, `size` being a multiple of theirs, counted from `origin`."""
        if size == self.size:
            return self
        if self.without_gaps:
            return self._coarser_at_once(size, origin)
        stretches = _stretches(self.starts, size, origin)
        columns = {}
        for name, column in self.columns.items():
            fold = _FOLD[name]
            columns[name] = array("d", [fold(column[low:high]) for _, low, high in stretches])
        return Buckets(size, array("q", [start for start, _, _ in stretches]), columns)

    def _coarser_at_once(self, size: int, origin: int) -> Buckets:
        """Without gaps all stretches but the first and the last have as many parts."""
        each = size // self.size
        first = (self.starts[0] - origin) // size * size + origin
        head = min((first + size - self.starts[0]) // self.size, len(self))
        tail = head + (len(self) - head) // each * each
        columns = {}
        for name, column in self.columns.items():
            fold = _FOLD[name]
            columns[name] = array("d", [fold(column[:head]), *_folded(name, column[head:tail], each)])
            if tail < len(column):
                columns[name].append(fold(column[tail:]))
        count = 1 + (tail - head) // each + (tail < len(self))
        return Buckets(size, array("q", range(first, first + count * size, size)), columns)

    def _part(self, low: int, high: int) -> Buckets:
        columns = {name: column[low:high] for name, column in self.columns.items()}
        return Buckets(self.size, self.starts[low:high], columns)


def _folded(name: str, column: array[float], each: int) -> Iterable[float]:
    """So many neighbours as one."""
    if each <= _FEW and name in _ADDED:
        sums = column[::each]
        for at in range(1, each):
            sums = array("d", map(add, sums, column[at::each]))
        return sums
    return map(_FOLD[name], zip(*[iter(column)] * each, strict=True))


def bucketed(
    times: array[int],
    values: array[float],
    size: int,
    *,
    before: float | None = None,
    counts: bool = False,
    wanted: Iterable[str] = (),
    origin: int = 0,
) -> Buckets:
    """Sorted samples by stretches of `size` ms, counted from `origin`. NaN is no sample and has been left out.

    A counter's growth is counted from `before`, the number of the sample before the first one; a number that is smaller
    than the one before it means that the counter began anew. `wanted` names the columns that are made; all without any.
    """
    stretches = _stretches(times, size, origin)
    columns = {}
    for name in COUNTER if counts else GAUGE:
        if wanted and name not in wanted:
            continue
        if name == "count":
            columns[name] = array("d", [high - low for _, low, high in stretches])
            continue
        fold, column = _FOLD[name], _growth(values, before) if name == "increase" else values
        columns[name] = array("d", [fold(column[low:high]) for _, low, high in stretches])
    return Buckets(size, array("q", [start for start, _, _ in stretches]), columns)


def merged(earlier: Buckets, later: Buckets) -> Buckets:
    """Both together, with the same columns; a stretch that both have a part of is one."""
    if not len(earlier) or not len(later):
        return earlier if len(earlier) else later
    if earlier.starts[-1] <= later.starts[0]:
        return _appended(earlier, later)
    found: dict[int, list[float]] = {}
    names = list(earlier.columns)
    for buckets in (earlier, later):  # the clock has gone backwards in between
        for start, *row in zip(buckets.starts, *(buckets.columns[name] for name in names), strict=True):
            known = found.get(start)
            found[start] = (
                row if known is None else [_FOLD[name](pair) for name, *pair in zip(names, known, row, strict=True)]
            )
    starts = sorted(found)
    columns = {name: array("d", [found[start][at] for start in starts]) for at, name in enumerate(names)}
    return Buckets(earlier.size, array("q", starts), columns)


def _appended(earlier: Buckets, later: Buckets) -> Buckets:
    shared = earlier.starts[-1] == later.starts[0]
    columns = {}
    for name, column in earlier.columns.items():
        more = later.columns[name]
        if shared:
            columns[name] = column[:-1] + array("d", [_FOLD[name]((column[-1], more[0]))]) + more[1:]
        else:
            columns[name] = column + more
    return Buckets(earlier.size, earlier.starts + later.starts[int(shared) :], columns)


def _stretches(times: array[int], size: int, origin: int = 0) -> list[tuple[int, int, int]]:
    """Beginning, first and last place (exclusive) of each stretch that has a time in it."""
    found = []
    low, count = 0, len(times)
    while low < count:
        start = (times[low] - origin) // size * size + origin
        high = bisect_left(times, start + size, low)
        found.append((start, low, high))
        low = high
    return found


def _growth(values: array[float], before: float | None) -> array[float]:
    if not values:
        return array("d")
    first = 0.0 if before is None else values[0] - before if values[0] >= before else values[0]
    return array("d", [first, *[b - a if b >= a else b for a, b in pairwise(values)]])
