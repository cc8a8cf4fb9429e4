"""OTLP in JSON: the same messages, ids in hexadecimal, large numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from auscult_plugins.otlp.model import (
    MOST_BUCKETS,
    Attributes,
    ExponentialPoint,
    HistogramPoint,
    Metric,
    NumberPoint,
    Point,
    Resource,
    Scalar,
    Shape,
    Span,
    SummaryPoint,
)
from auscult_plugins.otlp.wire import Malformed

__all__ = ["decoded", "metrics", "spans"]

MOST_OBJECTS = 2_000_000
MOST_COMMAS = 6_000_000
"""How much a document may hold: objects of Python are larger than what they are read from."""
_T = TypeVar("_T")
_Whole = int | str
_Number = float | str


class _Camel(Struct, rename="camel"):
    pass


class _Value(_Camel):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Whole | None = None
    double_value: _Number | None = None


class _Pair(_Camel):
    key: str = ""
    value: _Value | None = None


class _Holder(_Camel):
    """A resource."""

    attributes: list[_Pair] = []


class _Scope(_Camel):
    name: str = ""


class _Point(_Camel):
    attributes: list[_Pair] = []
    start_time_unix_nano: _Whole = 0
    time_unix_nano: _Whole = 0
    flags: int = 0


class _NumberPoint(_Point):
    as_double: _Number | None = None
    as_int: _Whole | None = None


class _HistogramPoint(_Point):
    count: _Whole = 0
    sum: _Number | None = None
    bucket_counts: list[_Whole] = []
    explicit_bounds: list[_Number] = []


class _Buckets(_Camel):
    offset: int = 0
    bucket_counts: list[_Whole] = []


class _ExponentialPoint(_Point):
    count: _Whole = 0
    sum: _Number | None = None
    scale: int = 0
    zero_count: _Whole = 0
    positive: _Buckets | None = None
    negative: _Buckets | None = None


class _Quantile(_Camel):
    quantile: _Number = 0.0
    value: _Number = 0.0


class _SummaryPoint(_Point):
    count: _Whole = 0
    sum: _Number = 0.0
    quantile_values: list[_Quantile] = []


class _Numbers(_Camel):
    data_points: list[_NumberPoint] = []
    aggregation_temporality: int = 0
    is_monotonic: bool = False


class _Histograms(_Camel):
    data_points: list[_HistogramPoint] = []
    aggregation_temporality: int = 0


class _Exponentials(_Camel):
    data_points: list[_ExponentialPoint] = []
    aggregation_temporality: int = 0


class _Summaries(_Camel):
    data_points: list[_SummaryPoint] = []


class _Metric(_Camel):
    name: str = ""
    description: str = ""
    unit: str = ""
    gauge: _Numbers | None = None
    sum: _Numbers | None = None
    histogram: _Histograms | None = None
    exponential_histogram: _Exponentials | None = None
    summary: _Summaries | None = None


class _ScopeMetrics(_Camel):
    scope: _Scope | None = None
    metrics: list[_Metric] = []


class _ResourceMetrics(_Camel):
    resource: _Holder | None = None
    scope_metrics: list[_ScopeMetrics] = []


class MetricsRequest(_Camel):
    """What is posted to ``/v1/metrics``."""

    resource_metrics: list[_ResourceMetrics] = []


class _Status(_Camel):
    code: int = 0


class _Span(_Camel):
    trace_id: str = ""
    span_id: str = ""
    name: str = ""
    start_time_unix_nano: _Whole = 0
    end_time_unix_nano: _Whole = 0
    attributes: list[_Pair] = []
    status: _Status | None = None


class _ScopeSpans(_Camel):
    scope: _Scope | None = None
    spans: list[_Span] = []


class _ResourceSpans(_Camel):
    resource: _Holder | None = None
    scope_spans: list[_ScopeSpans] = []


class TraceRequest(_Camel):
    """What is posted to ``/v1/traces``."""

    resource_spans: list[_ResourceSpans] = []


def decoded(body: bytes, kind: type[_T]) -> _T:
    """The document. Raises Malformed."""
    if body.count(b"{") > MOST_OBJECTS or body.count(b",") > MOST_COMMAS:
        raise Malformed(f"the document has more than {MOST_OBJECTS} objects or {MOST_COMMAS} commas")
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from None


def metrics(request: MetricsRequest) -> Iterator[tuple[Resource, Metric]]:
    """The same as those of `binary`. Raises Malformed."""
    for holder in request.resource_metrics:
        attributes = _attributes(holder.resource.attributes) if holder.resource else {}
        for group in holder.scope_metrics:
            resource = Resource(attributes, group.scope.name if group.scope else "")
            for metric in group.metrics:
                yield resource, _metric(metric)


def spans(request: TraceRequest) -> Iterator[tuple[Resource, Span]]:
    """The same as those of `binary`. Raises Malformed."""
    for holder in request.resource_spans:
        attributes = _attributes(holder.resource.attributes) if holder.resource else {}
        for group in holder.scope_spans:
            resource = Resource(attributes, group.scope.name if group.scope else "")
            for span in group.spans:
                yield resource, _span(span)


def _span(span: _Span) -> Span:
    try:
        identity = bytes.fromhex(span.trace_id)[:16], bytes.fromhex(span.span_id)[:8]
    except ValueError:
        raise Malformed("the id of a span or trace is not hexadecimal") from None
    start, end = _whole(span.start_time_unix_nano), _whole(span.end_time_unix_nano)
    failed = span.status is not None and span.status.code == 2
    return Span(identity, span.name, start, end, _attributes(span.attributes), failed)


def _whole(value: _Whole) -> int:
    try:
        found = value if isinstance(value, int) else int(value[:40])
    except ValueError:
        raise Malformed("a text stands in place of a whole number") from None
    if not -(1 << 63) <= found < 1 << 64:
        raise Malformed("a number has more than 64 bits")
    return found


def _real(value: _Number) -> float:
    try:
        return value if isinstance(value, float) else float(value[:400])
    except ValueError:
        raise Malformed("a text stands in place of a number") from None


def _attributes(pairs: Sequence[_Pair]) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for pair in pairs:
        value = _scalar(pair.value) if pair.value is not None else None
        if value is not None:
            found[pair.key] = value
    return found


def _scalar(value: _Value) -> Scalar | None:
    if value.string_value is not None:
        return value.string_value
    if value.bool_value is not None:
        return value.bool_value
    if value.int_value is not None:
        return _whole(value.int_value)
    return _real(value.double_value) if value.double_value is not None else None


def _metric(given: _Metric) -> Metric:
    shapes: tuple[tuple[Shape, Any], ...] = (
        ("gauge", given.gauge),
        ("sum", given.sum),
        ("histogram", given.histogram),
        ("exponential", given.exponential_histogram),
        ("summary", given.summary),
    )
    for shape, data in shapes:
        if data is not None:
            temporality = getattr(data, "aggregation_temporality", 0)
            monotonic = getattr(data, "is_monotonic", False)
            points = map(_READERS[shape], data.data_points)
            return Metric(given.name, given.unit, given.description, shape, temporality, monotonic, points)
    return Metric(given.name, given.unit, given.description, "", 0, False, ())


def _times(point: _Point) -> tuple[Attributes, int, int]:
    start, time = _whole(point.start_time_unix_nano), _whole(point.time_unix_nano)
    return Attributes(_attributes(point.attributes)), start, time


def _number(point: _NumberPoint) -> Point:
    value = None
    if not point.flags & 1:
        if point.as_double is not None:
            value = _real(point.as_double)
        elif point.as_int is not None:
            value = float(_whole(point.as_int))
    return NumberPoint(*_times(point), value)


def _counts(given: Sequence[_Whole]) -> list[int]:
    if len(given) > MOST_BUCKETS + 1:
        raise Malformed(f"a histogram has more than {MOST_BUCKETS} buckets")
    return [_whole(count) for count in given]


def _histogram(point: _HistogramPoint) -> Point:
    if len(point.explicit_bounds) > MOST_BUCKETS:
        raise Malformed(f"a histogram has more than {MOST_BUCKETS} buckets")
    return HistogramPoint(
        *_times(point),
        _whole(point.count),
        _real(point.sum) if point.sum is not None else None,
        [_real(bound) for bound in point.explicit_bounds],
        _counts(point.bucket_counts),
        not point.flags & 1,
    )


def _exponential(point: _ExponentialPoint) -> Point:
    positive, negative = point.positive or _Buckets(), point.negative or _Buckets()
    return ExponentialPoint(
        *_times(point),
        _whole(point.count),
        _real(point.sum) if point.sum is not None else None,
        point.scale,
        _whole(point.zero_count) + sum(_counts(negative.bucket_counts)),
        positive.offset,
        _counts(positive.bucket_counts),
        not point.flags & 1,
    )


def _summary(point: _SummaryPoint) -> Point:
    quantiles = [(_real(each.quantile), _real(each.value)) for each in point.quantile_values[:MOST_BUCKETS]]
    return SummaryPoint(*_times(point), _whole(point.count), _real(point.sum), quantiles, not point.flags & 1)


_READERS: dict[str, Callable[[Any], Point]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential": _exponential,
    "summary": _summary,
}
