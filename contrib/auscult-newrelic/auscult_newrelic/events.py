"""Snapshots as custom events, which New Relic once called Insights: one for each set of labels, with all its numbers.

https://docs.newrelic.com/docs/data-apis/ingest-apis/event-api/introduction-event-api/
"""

from __future__ import annotations

import math
from typing import Any

from auscult import Growth, Snapshot, is_counted
from auscult_newrelic.requests import MAX_NAME, clipped

__all__ = ["OLDEST_MS", "events_of"]

OLDEST_MS = 23 * 3_600_000
"""New Relic drops events that are more than a day old."""
_MAX_NUMBERS, _MAX_LABELS = 180, 60
"""Of 254 attributes; the others are for what all events have in common."""
_RESERVED = frozenset({"accountId", "appId", "eventType", "timestamp", "type"})
Labels = tuple[tuple[str, str], ...]


def events_of(snapshot: Snapshot, growth: Growth, event_type: str, common: dict[str, str]) -> list[dict[str, Any]]:
    """Events with the gauges of a set of labels as they are, and its counters by how much they grew.

    Buckets and quantiles are left out: events are there to be counted and joined, histograms are for metrics.
    """
    numbers: dict[Labels, dict[str, float]] = {}
    for samples in snapshot:
        left_out = {f"{samples.family.base}_{suffix}" for suffix in ("bucket", "created")}
        for key, sample in zip(samples.series, samples, strict=True):
            apart = any(name == "quantile" for name, _ in sample.labels)
            if sample.name in left_out or apart or not math.isfinite(sample.value):
                continue
            value: float | None = sample.value
            if is_counted(samples, key):
                grown = growth.of(key)
                value = None if grown is None else grown.value
            if value is not None:
                numbers.setdefault(sample.labels, {})[_name(sample.name)] = value
    events = []
    for labels, values in numbers.items():
        texts = clipped({_name(name): text for name, text in {**common, **dict(labels)}.items()}, _MAX_LABELS)
        listed = list(values.items())
        for begin in range(0, len(listed), _MAX_NUMBERS):
            some = dict(listed[begin : begin + _MAX_NUMBERS])
            events.append({**texts, **some, "eventType": event_type, "timestamp": snapshot.at})
    return events


def _name(name: str) -> str:
    return f"{name}_" if name in _RESERVED else name[:MAX_NAME]
