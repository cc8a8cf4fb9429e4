"""Questions to the history of metrics, and how numbers of several series become one answer. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import truediv
from typing import Literal

from msgspec import Struct

from auscult.alerts.matching import Matcher
from auscult.metrics.buckets import Buckets

__all__ = [
    "FUNCTIONS",
    "SERIES_AT_MOST",
    "MetricAnswer",
    "MetricQuery",
    "Track",
    "aggregated",
    "columns_for",
    "grown",
    "of_histograms",
    "on_grid",
    "quantile",
    "rates",
    "top",
]

Function = Literal["avg", "min", "max", "sum", "count", "last", "rate", "increase", "quantile"]
Aggregate = Literal["", "sum", "avg", "min", "max", "count"]
FUNCTIONS: tuple[str, ...] = ("avg", "min", "max", "sum", "count", "last", "rate", "increase", "quantile")
SERIES_AT_MOST = 5000
"""Series that one question may look at."""
COARSE = 0.9
"""From this share of all observations in one wide bucket on, no percentile is told."""


class MetricQuery(Struct, frozen=True, kw_only=True):
    """A question to the history of one metric."""

    name: str
    """The sample's name: ``x``, ``x_total``, ``x_count``; for ``quantile`` the histogram's: ``x``."""
    match: tuple[Matcher, ...] = ()
    """Which series: conditions on labels, all of which have to hold."""
    function: Function = "avg"
    """What is told of each stretch of time. ``rate`` and ``increase`` are of counters, over their restarts."""
    q: float = 0.95
    """For ``quantile``: which one."""
    aggregate: Aggregate = ""
    """How series become one; empty leaves each by itself. Quantiles are always of all matching series together."""
    by: tuple[str, ...] = ()
    """Labels that stay apart when series become one."""
    top: int = 0
    """Only that many, the largest on average; 0 for all."""


class Track(Struct, frozen=True, kw_only=True):
    """One line of an answer."""

    labels: dict[str, str]
    values: list[float | None]
    """One for each of the answer's times; None where nothing is known."""
    reason: str = ""
    """Why values are None where something was observed: "not computable, because …"."""


class MetricAnswer(Struct, frozen=True, kw_only=True):
    """What the history says: all lines have a value for each of the same times."""

    times: list[int]
    """Where each stretch begins, ms."""
    step: int
    """How long a stretch is, ms."""
    tracks: list[Track]
    source: str = ""
    """What was read: ``samples``, ``minutes`` or ``hours``."""
    reason: str = ""
    """Why there is no line at all."""


def columns_for(function: str, *, counts: bool) -> tuple[str, ...]:
    """The columns that `on_grid` needs. An average of a counter would mean nothing: its last number stands for it."""
    if function in ("rate", "increase"):
        return ("increase",)
    if function == "count":
        return ("count",)
    if counts:
        return ("last",)
    return ("sum", "count") if function == "avg" else (function,)


def on_grid(buckets: Buckets, times: Sequence[int], step: int, function: str, *, counts: bool) -> list[float | None]:
    """One number for each stretch of an even grid; None where there was no sample."""
    name, *divisor = columns_for(function, counts=counts)
    column: Sequence[float] = buckets.columns[name]
    if divisor:
        column = list(map(truediv, column, buckets.columns[divisor[0]]))
    found: list[float | None] = [None] * len(times)
    first = times[0] if times else 0
    if buckets.size == step and buckets.without_gaps and (buckets.starts[0] - first) % step == 0:
        low = (buckets.starts[0] - first) // step
        kept = column[max(-low, 0) : max(len(found) - low, 0)]
        found[max(low, 0) : max(low, 0) + len(kept)] = kept
        return found
    for start, value in zip(buckets.starts, column, strict=True):
        place = (start - first) // step
        if 0 <= place < len(found):
            found[place] = value
    return found


def rates(buckets: Buckets, times: Sequence[int], step: int, known: tuple[int, int]) -> list[float | None]:
    """Growth a second, over that part of each stretch of which something is known: the last one is still going on."""
    found = on_grid(buckets, times, step, "increase", counts=True)
    for at, (start, more) in enumerate(zip(times, found, strict=True)):
        if more is not None:
            length = min(start + step, known[1]) - max(start, known[0])
            found[at] = more * 1000 / length if length > 0 else None
    return found


def grown(
    moments: Sequence[int], numbers: Sequence[float], times: Sequence[int], step: int, *, per_second: bool
) -> list[float | None]:
    """By how much a counter grew in each stretch, over its restarts, as if it grew evenly from sample to sample.

    So it does not matter how the stretches lie between the samples. None where nothing is known.
    """
    if len(moments) < 2:
        return [None] * len(times)
    total = list(accumulate([b - a if b >= a else b for a, b in pairwise(numbers)], initial=0.0))
    first, last = moments[0], moments[-1]

    def at(moment: int) -> float:
        place = bisect_left(moments, moment)
        if place == 0 or moments[place] == moment:
            return total[place]
        before, after = moments[place - 1], moments[place]
        return total[place - 1] + (total[place] - total[place - 1]) * (moment - before) / (after - before)

    found: list[float | None] = []
    for start in times:
        low, high = max(start, first), min(start + step, last)
        if high <= low:
            found.append(None)
            continue
        more = at(high) - at(low)
        found.append(more * 1000 / (high - low) if per_second else more)
    return found


def aggregated(tracks: Iterable[Track], how: str, by: Sequence[str]) -> list[Track]:
    """Lines of the same `by` labels as one."""
    combine = _COMBINE[how]
    found = []
    for labels, group in _grouped(tracks, by):
        columns = zip(*(track.values for track in group), strict=True)
        values = [combine(known) if (known := [v for v in column if v is not None]) else None for column in columns]
        found.append(Track(labels=labels, values=values))
    return found


_COMBINE: Mapping[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
}


def _grouped(tracks: Iterable[Track], by: Sequence[str]) -> list[tuple[dict[str, str], list[Track]]]:
    groups: dict[tuple[str, ...], list[Track]] = {}
    for track in tracks:
        groups.setdefault(tuple([track.labels.get(name, "") for name in by]), []).append(track)
    return [(dict(zip(by, values, strict=True)), group) for values, group in groups.items()]


def top(tracks: Iterable[Track], count: int) -> list[Track]:
    """The lines that are largest on average, in that order."""

    def average(track: Track) -> float:
        known = [value for value in track.values if value is not None]
        return math.fsum(known) / len(known) if known else -math.inf

    return sorted(tracks, key=average, reverse=True)[:count]


def of_histograms(tracks: Iterable[Track], q: float, by: Sequence[str]) -> list[Track]:
    """Quantiles from the growth of buckets: `tracks` are increases, with the bucket's bound as their label ``le``."""
    found = []
    for labels, group in _grouped(tracks, by):
        bounds, columns = _by_bound(group)
        values: list[float | None] = []
        reason = ""
        for cumulative in zip(*columns, strict=True):
            value, why = quantile(q, bounds, cumulative)
            values.append(value)
            reason = why or reason
        found.append(Track(labels=labels, values=values, reason=reason))
    return found


def _by_bound(group: Iterable[Track]) -> tuple[list[float], list[list[float]]]:
    columns: dict[float, list[float]] = {}
    for track in group:
        try:
            bound = float(track.labels.get("le", "nan"))
        except ValueError:
            continue
        if bound != bound:  # noqa: PLR0124 - NaN
            continue
        numbers = [value or 0.0 for value in track.values]
        known = columns.get(bound)
        columns[bound] = numbers if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    bounds = sorted(columns)
    return bounds, [columns[bound] for bound in bounds]


def quantile(q: float, bounds: Sequence[float], cumulative: Sequence[float]) -> tuple[float | None, str]:
    """The quantile of a histogram as Prometheus interpolates it; or None and why it would be a false number.

    Nothing observed is None without a reason.
    """
    counts = list(accumulate(cumulative, max))
    total = counts[-1] if counts else 0.0
    if total <= 0:
        return None, ""
    if bounds[-1] != math.inf:
        return None, "not computable, because the histogram has no bucket without a bound"
    if len(bounds) < 2:
        return None, "not computable, because the histogram has a single bucket"
    rank = q * total
    at = bisect_left(counts, rank)
    if at == len(counts) - 1:
        return None, f"not computable, because it lies above the largest bound, {bounds[-2]:g}"
    before = counts[at - 1] if at else 0.0
    lower = bounds[at - 1] if at else min(0.0, bounds[0])
    upper, inside = bounds[at], counts[at] - before
    if inside / total >= COARSE and (lower <= 0 or upper > 4 * lower):
        text = f"{inside / total:.0%} of all observations lie between {lower:g} and {upper:g}, in one bucket"
        return None, f"not computable, because {text}"
    return lower + (upper - lower) * (rank - before) / inside if inside else upper, ""
