"""Metrics as they come in, made into series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import inf, isfinite
from typing import TYPE_CHECKING

from auscult import Family, SourceContext, provider_name
from auscult_plugins.otlp.model import (
    Attributes,
    ExponentialPoint,
    HistogramPoint,
    Metric,
    NumberPoint,
    Point,
    Resource,
    Scalar,
    SummaryPoint,
)
from auscult_plugins.otlp.names import PROVIDERS, label_name, named, says_something, worded
from auscult_plugins.otlp.totals import Histogram, Totals

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SDK_BOUNDS", "Taking"]

SDK_BOUNDS = (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0)
"""What the SDKs take where nobody says anything. Made for milliseconds: of seconds they tell nothing."""
_SECONDS = tuple(2.0**power for power in range(-10, 9))
_ANYTHING = tuple(4.0**power for power in range(-2, 14))
"""Bounds that exponential histograms are told on: 1 ms to 4 min, and 0.06 to 67 million."""
_TWICE = {("livekit-agents", "gen_ai.client.token.usage")}
"""LiveKit tells the same tokens as ``lk.agents.usage.llm_…_tokens``: counted once."""
_TAKEN = {"histogram": "le", "summary": "quantile"}


class Taking:
    """Takes in the points of one source."""

    def __init__(
        self,
        resource_labels: Sequence[str],
        instance_labels: Sequence[str],
        dropped: Callable[[str], bool],
        *,
        coarse_buckets: bool,
        stale_after: float,
    ) -> None:
        self._resource_labels, self._instance_labels = resource_labels, instance_labels
        self._dropped = dropped
        self._coarse_buckets, self._stale_after = coarse_buckets, stale_after
        self.totals = Totals()

    def families(self, resource: Resource, metric: Metric, wants: Callable[[str], bool]) -> Filling | None:
        """What takes in the points of a metric; None where it is left out. Raises ValueError: it cannot be."""
        if not metric.name:
            raise ValueError("a metric has no name")
        if not metric.shape:
            return None  # it has no data
        if (resource.scope, metric.name) in _TWICE or not wants(metric.name):
            return None
        if metric.shape in ("sum", "histogram", "exponential") and metric.temporality not in (1, 2):
            raise ValueError(f"`{metric.name[:100]}` says neither whether it is cumulative nor that it is delta")
        return Filling(self, resource, metric)

    def label(self, resource: Resource, attributes: Attributes) -> None:
        """Say what attributes come to as labels; once for the same attributes."""
        own = {key: value for key, value in attributes.values.items() if not self._dropped(key)}
        attributes.labels = self._with(_labels(own), resource, self._resource_labels)
        attributes.own_labels = self._with(dict(attributes.labels), resource, self._instance_labels)
        attributes.identity = hash((frozenset(resource.attributes.items()), frozenset(attributes.values.items())))

    def _with(self, labels: dict[str, str], resource: Resource, names: Sequence[str]) -> dict[str, str]:
        for name in names:
            value = resource.attributes.get(name)
            if value is not None and not says_something(name):
                labels.setdefault(label_name(name), worded(value))
        return labels

    def bounds(self, bounds: tuple[float, ...], *, seconds: bool) -> tuple[float, ...]:
        """The bounds to tell: none where they would only mislead."""
        return () if seconds and bounds == SDK_BOUNDS and not self._coarse_buckets else bounds

    @property
    def stale_after(self) -> float:
        """Seconds after which a series that is not told any more is left out."""
        return self._stale_after


def _labels(attributes: Mapping[str, Scalar]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for key, value in sorted(attributes.items()):
        if says_something(key):
            continue
        name, text = label_name(key), worded(value)
        if key in PROVIDERS:
            text = provider_name(text)
        labels[name] = f"{labels[name]};{text}" if name in labels else text
    return labels


class Filling:
    """One metric, being taken in."""

    def __init__(self, taking: Taking, resource: Resource, metric: Metric) -> None:
        self._taking, self._resource, self._metric = taking, resource, metric
        name, self._unit, self._factor = named(metric.name, metric.unit, metric.shape, monotonic=metric.monotonic)
        if not name:
            raise ValueError(f"the name {metric.name[:100]!r} has no letter in it")
        counts = metric.shape == "sum" and metric.monotonic
        kind = {"histogram": "histogram", "exponential": "histogram", "summary": "summary"}.get(metric.shape, "gauge")
        unit = self._unit if self._unit and name.removesuffix("_total").endswith(self._unit) else ""
        text = metric.description[:500] or f"`{metric.name}`."
        self._family = Family(name, "counter" if counts else kind, text, unit)
        self._delta = metric.temporality == 1 and metric.shape in ("sum", "histogram", "exponential")
        self._adds_up = counts or kind == "histogram"
        self._reserved = _TAKEN.get(kind, "")

    def points(self) -> Iterable[Point]:
        """The points, read one by one."""
        return self._metric.points

    def take(self, point: Point, ctx: SourceContext, now: float) -> None:
        """Take in one point. Raises ValueError with what is wrong with it."""
        attributes = point.attributes
        if attributes.labels is None:
            self._taking.label(self._resource, attributes)
        labels = attributes.labels if self._adds_up else attributes.own_labels
        assert labels is not None
        if self._reserved and self._reserved in labels:
            labels = {(f"exported_{key}" if key == self._reserved else key): value for key, value in labels.items()}
        if isinstance(point, NumberPoint):
            self._number(point, labels, ctx, now)
        elif isinstance(point, HistogramPoint):
            self._histogram(point, labels, ctx, now)
        elif isinstance(point, ExponentialPoint):
            self._exponential(point, labels, ctx, now)
        else:
            self._summary(point, labels, ctx)

    def _number(self, point: NumberPoint, labels: dict[str, str], ctx: SourceContext, now: float) -> None:
        if point.value is None:
            return
        value = point.value * self._factor
        if self._family.type == "counter" or self._delta:
            total = self._counted(point, value, labels, now)
            if total is None:
                return
            value = total
        ctx.set(self._family, labels, value)

    def _counted(self, point: NumberPoint, value: float, labels: dict[str, str], now: float) -> float | None:
        totals, series = self._taking.totals, self._series(labels)
        stream = (self._family.name, point.attributes.identity)
        if self._family.type == "counter":
            return totals.counter(series, stream, value, point.start, point.time, now, delta=self._delta)
        # A gauge that is told by what was added may fall: what rises and what falls are counted apart.
        up = totals.counter((series, 1), (stream, 1), max(value, 0.0), point.start, point.time, now, delta=True)
        down = totals.counter((series, 0), (stream, 0), max(-value, 0.0), point.start, point.time, now, delta=True)
        return None if up is None or down is None else up - down

    def _series(self, labels: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
        return self._family.name, frozenset(labels.items())

    def _histogram(self, point: HistogramPoint, labels: dict[str, str], ctx: SourceContext, now: float) -> None:
        if not point.recorded:
            return
        bounds, counts = tuple(point.bounds), point.counts
        if counts and len(counts) != len(bounds) + 1:
            raise ValueError(f"a histogram has {len(counts)} buckets and {len(bounds)} bounds")
        if not all(map(isfinite, bounds)) or any(a >= b for a, b in pairwise(bounds)):
            raise ValueError("the bounds of a histogram do not rise")
        seconds = self._unit == "seconds" and self._factor == 1.0
        told = self._taking.bounds(bounds, seconds=seconds) if counts else ()
        if told != bounds or not counts:
            counts = [point.count]
        if self._factor != 1.0:
            told = tuple([float(f"{bound * self._factor:.12g}") for bound in told])
        self._tell(point, told, counts, labels, ctx, now)

    def _exponential(self, point: ExponentialPoint, labels: dict[str, str], ctx: SourceContext, now: float) -> None:
        if not point.recorded:
            return
        if not -20 <= point.scale <= 30 or abs(point.offset) > 1 << 40:
            raise ValueError("the scale or the offset of a histogram is beyond all numbers")
        bounds = _SECONDS if self._unit == "seconds" else _ANYTHING
        counts = [0] * (len(bounds) + 1)
        counts[0] = point.low
        for at, count in enumerate(point.counts):
            if count:
                power = (point.offset + at + 1) * 2.0**-point.scale
                upper = 2.0**power * self._factor if power < 1000 else inf
                # What lies on a bound belongs below it, rounding or not.
                counts[next((place for place, bound in enumerate(bounds) if upper <= bound * 1.000001), -1)] += count
        self._tell(point, bounds, counts, labels, ctx, now)

    def _tell(
        self,
        point: HistogramPoint | ExponentialPoint,
        bounds: tuple[float, ...],
        counts: Sequence[float],
        labels: dict[str, str],
        ctx: SourceContext,
        now: float,
    ) -> None:
        found = self._taking.totals.histogram(
            self._series(labels),
            (self._family.name, point.attributes.identity),
            bounds,
            counts,
            None if point.sum is None else point.sum * self._factor,
            point.start,
            point.time,
            now,
            delta=self._delta,
            stale_after=self._taking.stale_after,
        )
        if found is not None:
            _set_histogram(ctx, self._family, labels, found)

    def _summary(self, point: SummaryPoint, labels: dict[str, str], ctx: SourceContext) -> None:
        if not point.recorded:
            return
        name = self._family.name
        for quantile, value in point.quantiles:
            ctx.set(self._family, {**labels, "quantile": repr(quantile)}, value * self._factor)
        ctx.set(self._family, labels, float(point.count), name=f"{name}_count")
        ctx.set(self._family, labels, point.sum * self._factor, name=f"{name}_sum")


def _set_histogram(ctx: SourceContext, family: Family, labels: dict[str, str], found: Histogram) -> None:
    if not found.labels:
        found.labels = tuple([{**labels, "le": repr(bound)} for bound in found.bounds] + [{**labels, "le": "+Inf"}])
    bucket, below = f"{family.name}_bucket", 0.0
    for own, count in zip(found.labels, found.counts, strict=True):
        below += count
        ctx.set(family, own, below, name=bucket)
    ctx.set(family, labels, found.count, name=f"{family.name}_count")
    if found.sum is not None:
        ctx.set(family, labels, found.sum, name=f"{family.name}_sum")
