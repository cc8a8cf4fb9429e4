"""Families as OpenTelemetry's metrics have them: one metric a family, one point a series, and when each total began.

https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from auscult import Family, Sample, Samples, Snapshot

__all__ = [
    "HistogramPoint",
    "Labels",
    "Metric",
    "NumberPoint",
    "Point",
    "Shape",
    "Starts",
    "SummaryPoint",
    "metrics_of",
]

Labels = tuple[tuple[str, str], ...]
Shape = Literal["gauge", "sum", "histogram", "summary"]
FORGET_MS = 3_600_000
"""How long the beginning of a total is remembered after it was seen last."""
_UNITS = {
    "seconds": "s",
    "milliseconds": "ms",
    "bytes": "By",
    "ratio": "1",
    "percent": "%",
    "celsius": "Cel",
    "meters": "m",
    "volts": "V",
    "amperes": "A",
    "joules": "J",
    "grams": "g",
}
"""Units of Prometheus as UCUM writes them."""


class NumberPoint(Struct, frozen=True, gc=False):
    """One number; `start` is 0 where nothing began."""

    labels: Labels
    time: int
    value: float
    start: int = 0


class HistogramPoint(Struct, frozen=True, gc=False):
    """Observations since `start`; `counts` has one more than `bounds`, for what lies above."""

    labels: Labels
    time: int
    start: int
    count: int
    sum: float | None
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


class SummaryPoint(Struct, frozen=True, gc=False):
    """Observations since `start`, and quantiles that the process itself has computed."""

    labels: Labels
    time: int
    start: int
    count: int
    sum: float
    quantiles: tuple[tuple[float, float], ...]


Point = NumberPoint | HistogramPoint | SummaryPoint


class Metric(Struct, frozen=True):
    """One metric. Sums and histograms are cumulative; `monotonic` is of sums."""

    name: str
    description: str
    unit: str
    shape: Shape
    points: list[Point]
    monotonic: bool = False


class _Seen(NamedTuple):
    start: int
    value: float
    at: int


class Starts:
    """When totals began, ms: as their process says (``_created``), or else when they were first seen.

    One that fell has begun anew after it was seen last.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Labels], _Seen] = {}

    def start(self, name: str, labels: Labels, value: float, at: int, created: float | None) -> int:
        """The beginning of one total that is `value` at `at`."""
        was = self._seen.get((name, labels))
        if created is not None and 0 < created * 1000 <= at:
            start = int(created * 1000)
        elif was is None:
            start = at
        else:
            start = was.start if value >= was.value else was.at
        self._seen[name, labels] = _Seen(start, value, at)
        return start

    def tidy(self, now: int) -> None:
        """Forget what has been gone for long."""
        if len(self._seen) and min(seen.at for seen in self._seen.values()) < now - FORGET_MS:
            self._seen = {key: seen for key, seen in self._seen.items() if seen.at >= now - FORGET_MS}


def metrics_of(snapshot: Snapshot, starts: Starts) -> Iterator[Metric]:
    """All metrics of a snapshot, those without a point left out."""
    for samples in snapshot:
        for metric in _family(samples, snapshot.at, starts):
            if metric.points:
                yield metric
    starts.tidy(snapshot.at)


def _family(samples: Samples, now: int, starts: Starts) -> Iterable[Metric]:
    make = _SHAPES.get(samples.family.type, _gauges)
    return make(samples, now, starts)


def _metric(family: Family, shape: Shape, points: list[Point], *, name: str = "", monotonic: bool = False) -> Metric:
    unit = _UNITS.get(family.unit, family.unit)
    return Metric(name or family.name, family.help, unit, shape, points, monotonic)


def _at(sample: Sample, now: int) -> int:
    return now if sample.at is None else sample.at


def _gauges(samples: Samples, now: int, _: Starts) -> Iterable[Metric]:
    """Each name on its own: what is neither a total nor a histogram here."""
    points: dict[str, list[Point]] = {}
    for sample in samples:
        points.setdefault(sample.name, []).append(NumberPoint(sample.labels, _at(sample, now), sample.value))
    return [_metric(samples.family, "gauge", listed, name=name) for name, listed in points.items()]


def _states(samples: Samples, now: int, starts: Starts) -> Iterable[Metric]:
    """Infos and sets of states are sums that may fall, which the specification wants."""
    points: list[Point] = []
    for sample in samples:
        at = _at(sample, now)
        start = starts.start(sample.name, sample.labels, 0.0, at, None)
        points.append(NumberPoint(sample.labels, at, sample.value, start))
    return [_metric(samples.family, "sum", points)]


def _counter(samples: Samples, now: int, starts: Starts) -> Iterable[Metric]:
    points: list[Point] = []
    for labels, group in _grouped(samples, ()).items():
        total = group.get("_total") or group.get("")
        if total is None:
            continue
        at = _at(total, now)
        start = starts.start(samples.family.name, labels, total.value, at, _value(group, "_created"))
        points.append(NumberPoint(labels, at, total.value, start))
    return [_metric(samples.family, "sum", points, monotonic=True)]


def _histogram(samples: Samples, now: int, starts: Starts) -> Iterable[Metric]:
    buckets: dict[Labels, list[tuple[float, float]]] = {}
    groups = _grouped(samples, ("le",), lambda labels, le, value: buckets.setdefault(labels, []).append((le, value)))
    points: list[Point] = []
    for labels in dict.fromkeys((*groups, *buckets)):
        group = groups.get(labels, {})
        bounds, counts = _apart(sorted(buckets.get(labels, [])), _value(group, "_count"))
        count = sum(counts)
        at = next((_at(sample, now) for sample in group.values()), now)
        start = starts.start(samples.family.name, labels, count, at, _value(group, "_created"))
        points.append(HistogramPoint(labels, at, start, count, _finite(_value(group, "_sum")), bounds, counts))
    return [_metric(samples.family, "histogram", points)]


def _apart(buckets: list[tuple[float, float]], total: float | None) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bounds, and how many observations lie in each bucket alone: Prometheus counts everything below, too."""
    bounds = tuple(le for le, _ in buckets if math.isfinite(le))
    upto = [_whole(count) for le, count in buckets if math.isfinite(le)]
    infinite = [_whole(count) for le, count in buckets if le == math.inf]
    upto.append(max([*infinite, *upto, _whole(total or 0.0)] if not infinite else [*infinite, *upto]))
    counts = tuple(max(high - low, 0) for low, high in zip([0, *upto], upto, strict=False))
    return bounds, counts


def _summary(samples: Samples, now: int, starts: Starts) -> Iterable[Metric]:
    quantiles: dict[Labels, list[tuple[float, float]]] = {}
    groups = _grouped(
        samples, ("quantile",), lambda labels, q, value: quantiles.setdefault(labels, []).append((q, value))
    )
    points: list[Point] = []
    for labels in dict.fromkeys((*groups, *quantiles)):
        group = groups.get(labels, {})
        count = _value(group, "_count") or 0.0
        at = next((_at(sample, now) for sample in group.values()), now)
        start = starts.start(samples.family.name, labels, count, at, _value(group, "_created"))
        found = tuple(sorted(quantiles.get(labels, [])))
        points.append(SummaryPoint(labels, at, start, _whole(count), _value(group, "_sum") or 0.0, found))
    return [_metric(samples.family, "summary", points)]


_SHAPES: Mapping[str, Callable[[Samples, int, Starts], Iterable[Metric]]] = {
    "counter": _counter,
    "histogram": _histogram,
    "summary": _summary,
    "info": _states,
    "stateset": _states,
}


def _grouped(
    samples: Samples,
    apart: tuple[str, ...],
    take: Callable[[Labels, float, float], None] = lambda *_: None,
) -> dict[Labels, dict[str, Sample]]:
    """Samples of one series by their suffix; those with a label in `apart` go to `take` with that label's number."""
    groups: dict[Labels, dict[str, Sample]] = {}
    base = samples.family.base
    for sample in samples:
        special = next((value for name, value in sample.labels if name in apart), None)
        suffix = sample.name.removeprefix(base)
        if special is not None and suffix in ("_bucket", ""):
            labels = tuple(pair for pair in sample.labels if pair[0] not in apart)
            take(labels, _number(special), sample.value)
        else:
            groups.setdefault(sample.labels, {})[suffix] = sample
    return groups


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _value(group: Mapping[str, Sample], suffix: str) -> float | None:
    sample = group.get(suffix)
    return None if sample is None else sample.value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _whole(value: float) -> int:
    return int(value) if math.isfinite(value) and value > 0 else 0
