"""Snapshots as what New Relic's Metric API takes.

https://docs.newrelic.com/docs/data-apis/ingest-apis/metric-api/report-metrics-metric-api/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from auscult import Growth, Sample, Samples, SeriesKey, Snapshot, is_counted
from auscult_newrelic.requests import MAX_NAME, clipped

__all__ = ["OLDEST_MS", "metrics_of"]

OLDEST_MS = 47 * 3_600_000
"""New Relic drops what is more than 48 hours old, without a word in its answer."""
_MAX_ATTRIBUTES = 100
"""Of 150; the others are for what all metrics have in common."""
Labels = tuple[tuple[str, str], ...]


def metrics_of(snapshot: Snapshot, growth: Growth, *, prefix: str = "", buckets: bool = False) -> list[dict[str, Any]]:
    """Everything that can be told of a snapshot."""
    found: list[dict[str, Any]] = []
    for samples in snapshot:
        if samples.family.type == "histogram":
            found += _summaries(samples, growth)
        found += _singles(samples, snapshot.at, growth, buckets)
    for metric in found:
        metric["name"] = f"{prefix}{metric['name']}"[:MAX_NAME]
    return found


def _singles(samples: Samples, now: int, growth: Growth, buckets: bool) -> Iterator[dict[str, Any]]:
    base, kind = samples.family.base, samples.family.type
    told = {f"{base}_created"}
    if kind == "histogram":
        told |= {f"{base}_count", f"{base}_sum"} | (set() if buckets else {f"{base}_bucket"})
    for key, sample in zip(samples.series, samples, strict=True):
        at = now if sample.at is None else sample.at
        if sample.name in told or not math.isfinite(sample.value) or now - at >= OLDEST_MS:
            continue
        if not is_counted(samples, key):
            yield _metric(sample.name, "gauge", sample.value, sample.labels, at)
        elif (grown := growth.of(key)) is not None and grown.value >= 0:
            yield _over_time(_metric(sample.name, "count", grown.value, sample.labels, grown.since), growth.at)


def _metric(name: str, kind: str, value: object, labels: Iterable[tuple[str, str]], at: int) -> dict[str, Any]:
    attributes = clipped(dict(labels), _MAX_ATTRIBUTES)
    return {"name": name, "type": kind, "value": value, "timestamp": at, "attributes": attributes}


def _over_time(metric: dict[str, Any], until: int) -> dict[str, Any]:
    """What came in from its time until then; after a long outage as far back as New Relic takes it."""
    begin = min(max(metric["timestamp"], until - OLDEST_MS), until - 1)
    return {**metric, "timestamp": begin, "interval.ms": until - begin}


def _summaries(samples: Samples, growth: Growth) -> Iterator[dict[str, Any]]:
    """Of each histogram how many observations came in since the last push, their sum, and between which they lie."""
    base = samples.family.base
    buckets: dict[Labels, dict[float, float]] = {}
    parts: dict[Labels, dict[str, Sample]] = {}
    for sample in samples:
        bound = next((value for name, value in sample.labels if name == "le"), None)
        if sample.name == f"{base}_bucket" and bound is not None:
            grown = growth.of(SeriesKey(sample.name, sample.labels))
            rest = tuple(pair for pair in sample.labels if pair[0] != "le")
            buckets.setdefault(rest, {})[_number(bound)] = grown.value if grown is not None else 0.0
        else:
            parts.setdefault(sample.labels, {})[sample.name] = sample
    for labels in parts:
        count = growth.of(SeriesKey(f"{base}_count", labels))
        total = growth.of(SeriesKey(f"{base}_sum", labels))
        if count is None or total is None or count.value <= 0 or not math.isfinite(total.value):
            continue
        low, high = _between(buckets.get(labels, {}), total.value / count.value)
        value = {"count": count.value, "sum": total.value, "min": low, "max": high}
        yield _over_time(_metric(base, "summary", value, labels, count.since), growth.at)


def _between(buckets: Mapping[float, float], mean: float) -> tuple[float, float]:
    """The smallest and the largest observation as far as buckets tell: the outer bounds of those that grew."""
    low, high = mean, mean
    below, before, found = min(0.0, mean), 0.0, False
    for bound, upto in sorted(buckets.items()):
        if upto > before:
            low, found = (low, True) if found else (below, True)
            high = bound if math.isfinite(bound) else max(below, mean)
        below, before = bound, upto
    return min(low, mean), max(high, mean)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf
