"""What OTLP says, in whichever form it was sent: points of metrics, and spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

__all__ = [
    "MOST_BUCKETS",
    "Attributes",
    "ExponentialPoint",
    "HistogramPoint",
    "Metric",
    "NumberPoint",
    "Point",
    "Resource",
    "Scalar",
    "Span",
    "SummaryPoint",
]

MOST_BUCKETS = 512
"""Buckets that a histogram may have; the SDKs make 160 at most."""
Scalar = str | bool | int | float
Shape = Literal["gauge", "sum", "histogram", "exponential", "summary", ""]


class Attributes(Struct):
    """Attributes by name, those whose value is a scalar. One object for the same attributes within a request."""

    values: dict[str, Scalar]
    labels: dict[str, str] | None = None
    """What they come to as labels, once that is known."""
    own_labels: dict[str, str] | None = None
    """The same with what tells one process from another."""
    identity: int = 0
    """Tells them apart from others, all of them."""


class Resource(Struct):
    """Who sends."""

    attributes: dict[str, Scalar]
    scope: str
    """The name of the meter or tracer."""


class NumberPoint(Struct):
    """One number."""

    attributes: Attributes
    start: int
    """ns."""
    time: int
    """ns."""
    value: float | None
    """None where the sender says that nothing was recorded."""


class HistogramPoint(Struct):
    """Counts between bounds."""

    attributes: Attributes
    start: int
    time: int
    count: int
    sum: float | None
    bounds: Sequence[float]
    counts: Sequence[int]
    """One more than `bounds`, or none."""
    recorded: bool


class ExponentialPoint(Struct):
    """Counts between powers of a base."""

    attributes: Attributes
    start: int
    time: int
    count: int
    sum: float | None
    scale: int
    low: int
    """How many were zero or less."""
    offset: int
    counts: Sequence[int]
    recorded: bool


class SummaryPoint(Struct):
    """Quantiles that the sender has computed."""

    attributes: Attributes
    start: int
    time: int
    count: int
    sum: float
    quantiles: Sequence[tuple[float, float]]
    recorded: bool


Point = NumberPoint | HistogramPoint | ExponentialPoint | SummaryPoint


class Metric(Struct):
    """One metric; its points are read one by one."""

    name: str
    unit: str
    description: str
    shape: Shape
    temporality: int
    """1 delta, 2 cumulative."""
    monotonic: bool
    points: Iterable[Point]


class Span(Struct):
    """One span."""

    identity: tuple[bytes, bytes]
    """Ids of trace and span."""
    name: str
    start: int
    """ns."""
    end: int
    """ns."""
    attributes: dict[str, Scalar]
    failed: bool


Metrics = Iterator[tuple[Resource, Metric]]
Spans = Iterator[tuple[Resource, Span]]
