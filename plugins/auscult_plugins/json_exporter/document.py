"""The JSON document of a snapshot; its schema is `docs/reference/metrics.schema.json`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from auscult import Sample, Samples, Snapshot

__all__ = ["MetricFamily", "MetricSample", "MetricsDocument", "documents", "encoded"]

Number = float | Literal["+Inf", "-Inf"] | None


class MetricSample(Struct, frozen=True, omit_defaults=True):
    """One value of one series."""

    name: str
    """The family's name, or that with `_bucket`, `_sum` or `_count`."""
    value: Number
    """null where it is not a number; infinity as text."""
    labels: dict[str, str] = {}
    timestamp: str | None = None
    """Its own time, where it is not the document's: RFC 3339, UTC."""


class MetricFamily(Struct, frozen=True, omit_defaults=True):
    """Samples that measure the same."""

    name: str
    type: str
    """gauge, counter, histogram, summary, info, stateset, gaugehistogram or unknown."""
    samples: list[MetricSample]
    help: str = ""
    unit: str = ""


class MetricsDocument(Struct, frozen=True):
    """All metrics at one moment, or a part of them."""

    timestamp: str
    """When they were taken: RFC 3339, UTC."""
    metrics: list[MetricFamily]
    part: int = 1
    """Which part of `parts` this is, from 1 on."""
    parts: int = 1
    version: Literal[1] = 1


def documents(snapshot: Snapshot, limit: int) -> Iterator[MetricsDocument]:
    """The snapshot in documents of at most `limit` samples each; one, perhaps empty, at least."""
    parts = max(1, -(-len(snapshot) // limit))
    at, number, room = _iso(snapshot.at), 1, limit
    families: list[MetricFamily] = []
    for samples in snapshot:
        listed = [_sample(sample) for sample in samples]
        while listed:
            families.append(_family(samples, listed[:room]))
            listed, room = listed[room:], room - min(room, len(listed))
            if not room and number < parts:
                yield MetricsDocument(at, families, number, parts)
                families, number, room = [], number + 1, limit
    yield MetricsDocument(at, families, number, parts)


def encoded(document: object) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document)


def _family(samples: Samples, listed: list[MetricSample]) -> MetricFamily:
    family = samples.family
    return MetricFamily(family.name, family.type, listed, family.help, family.unit)


def _sample(sample: Sample) -> MetricSample:
    at = None if sample.at is None else _iso(sample.at)
    return MetricSample(sample.name, _number(sample.value), dict(sample.labels), at)


def _number(value: float) -> Number:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
