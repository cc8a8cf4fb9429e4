"""OTLP in protobuf, read by hand: 6 µs a point, where generated code takes 3.5 (``tests/benchmarks/otlp.py``) but
brings protobuf along, whose versions quarrel in the processes of agents, and makes objects of a whole request at once.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence

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
    Span,
    SummaryPoint,
)
from auscult_plugins.otlp.wire import FIXED64, VARINT, Malformed, double, fixed, packed_varints, signed, text, walk

__all__ = ["metrics", "spans"]

_SHAPES = {5: "gauge", 7: "sum", 9: "histogram", 10: "exponential", 11: "summary"}
_Memo = dict[tuple[bytes, ...], Attributes]


def metrics(body: bytes) -> Iterator[tuple[Resource, Metric]]:
    """An ExportMetricsServiceRequest, read as it is asked for. Raises Malformed."""
    for resource, memo, begin, end in _scopes(body):
        for number, first, last in walk(body, begin, end):
            if number == 2:
                yield resource, _metric(body, first, _end(first, last), memo)


def spans(body: bytes) -> Iterator[tuple[Resource, Span]]:
    """An ExportTraceServiceRequest, read as it is asked for. Raises Malformed."""
    for resource, _, begin, end in _scopes(body):
        for number, first, last in walk(body, begin, end):
            if number == 2:
                yield resource, _span(body, first, _end(first, last))


def _end(begin: int, end: int) -> int:
    if end < 0:
        raise Malformed(f"a number stands in place of a message, near byte {begin}")
    return end


def _scopes(body: bytes) -> Iterator[tuple[Resource, _Memo, int, int]]:
    """What both requests have around the matter itself: resource, then scope."""
    for number, begin, end in walk(body, 0, len(body)):
        if number != 1:
            continue
        attributes: dict[str, Scalar] = {}
        memo: _Memo = {}
        for inner, first, last in walk(body, begin, _end(begin, end)):
            if inner == 1:
                attributes = _attributes(body, first, _end(first, last), 1)
        for inner, first, last in walk(body, begin, end):
            if inner == 2:
                scope = _scope_name(body, first, _end(first, last))
                yield Resource(attributes, scope), memo, first, last


def _scope_name(body: bytes, begin: int, end: int) -> str:
    for number, first, last in walk(body, begin, end):
        if number == 1:
            for inner, here, there in walk(body, first, _end(first, last)):
                if inner == 1:
                    return text(body, here, there)
    return ""


def _attributes(body: bytes, begin: int, end: int, field: int) -> dict[str, Scalar]:
    pairs = (_pair(body, first, _end(first, last)) for number, first, last in walk(body, begin, end) if number == field)
    return {key: value for key, value in pairs if value is not None}


def _pair(body: bytes, begin: int, end: int) -> tuple[str, Scalar | None]:
    key, value = "", None
    for number, first, last in walk(body, begin, end):
        if number == 1:
            key = text(body, first, last)
        elif number == 2:
            value = _value(body, first, _end(first, last))
    return key, value


def _value(body: bytes, begin: int, end: int) -> Scalar | None:
    """Lists, maps and bytes are None: nothing is made of them."""
    for number, first, last in walk(body, begin, end):
        if number == 1:
            return text(body, first, last)
        if number == 2 and last == VARINT:
            return bool(first)
        if number == 3 and last == VARINT:
            return first - (1 << 64) if first >> 63 else first
        if number == 4:
            return double(body, first, last)
    return None


def _known(body: bytes, raw: list[tuple[int, int]], memo: _Memo) -> Attributes:
    """Most points have the attributes of one that came before: those are the same bytes."""
    key = tuple([body[begin:end] for begin, end in raw])
    found = memo.get(key)
    if found is None:
        pairs = [_pair(body, begin, _end(begin, end)) for begin, end in raw]
        found = memo[key] = Attributes({name: value for name, value in pairs if value is not None})
    return found


def _metric(body: bytes, begin: int, end: int, memo: _Memo) -> Metric:
    metric = Metric("", "", "", "", 0, False, ())
    for number, first, last in walk(body, begin, end):
        if number == 1:
            metric.name = text(body, first, last)
        elif number == 2:
            metric.description = text(body, first, last)
        elif number == 3:
            metric.unit = text(body, first, last)
        elif number in _SHAPES:
            metric.shape = _SHAPES[number]  # type: ignore[assignment]
            metric.points = _points(body, first, _end(first, last), metric.shape, memo)
            for inner, value, kind in walk(body, first, last):
                if inner == 2 and kind == VARINT:
                    metric.temporality = value
                elif inner == 3 and kind == VARINT:
                    metric.monotonic = bool(value)
    return metric


def _points(body: bytes, begin: int, end: int, shape: str, memo: _Memo) -> Iterator[Point]:
    read = {"histogram": _histogram, "exponential": _exponential, "summary": _summary}.get(shape, _number)
    for number, first, last in walk(body, begin, end):
        if number == 1:
            yield read(body, first, _end(first, last), memo)


def _number(body: bytes, begin: int, end: int, memo: _Memo) -> Point:
    start = time = flags = 0
    value: float | None = None
    raw: list[tuple[int, int]] = []
    for number, first, last in walk(body, begin, end):
        if number == 7:
            raw.append((first, last))
        elif number == 2:
            start = fixed(body, first, last)
        elif number == 3:
            time = fixed(body, first, last)
        elif number == 4:
            value = double(body, first, last)
        elif number == 6:
            value = float(signed(body, first, last))
        elif number == 8:
            flags = first
    return NumberPoint(_known(body, raw, memo), start, time, None if flags & 1 else value)


def _histogram(body: bytes, begin: int, end: int, memo: _Memo) -> Point:
    point = HistogramPoint(_NONE, 0, 0, 0, None, (), (), True)
    raw: list[tuple[int, int]] = []
    for number, first, last in walk(body, begin, end):
        if number == 9:
            raw.append((first, last))
        elif number == 2:
            point.start = fixed(body, first, last)
        elif number == 3:
            point.time = fixed(body, first, last)
        elif number == 4:
            point.count = fixed(body, first, last)
        elif number == 5:
            point.sum = double(body, first, last)
        elif number == 6:
            point.counts = [*point.counts, *_numbers(body, first, last, "Q")]
        elif number == 7:
            point.bounds = [*point.bounds, *_numbers(body, first, last, "d")]
        elif number == 10:
            point.recorded = not first & 1
    point.attributes = _known(body, raw, memo)
    return point


def _numbers(body: bytes, begin: int, end: int, kind: str) -> Sequence[int] | Sequence[float]:
    """Eight bytes each; one by itself, or many packed."""
    if end == FIXED64:
        end = begin + 8
    if end < 0 or (end - begin) % 8 or end - begin > 8 * (MOST_BUCKETS + 1):
        raise Malformed(f"buckets at byte {begin} are more than {MOST_BUCKETS}, or not whole")
    found = array(kind, body[begin:end])
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _exponential(body: bytes, begin: int, end: int, memo: _Memo) -> Point:
    point = ExponentialPoint(_NONE, 0, 0, 0, None, 0, 0, 0, (), True)
    raw: list[tuple[int, int]] = []
    for number, first, last in walk(body, begin, end):
        if number == 1:
            raw.append((first, last))
        elif number == 2:
            point.start = fixed(body, first, last)
        elif number == 3:
            point.time = fixed(body, first, last)
        elif number == 4:
            point.count = fixed(body, first, last)
        elif number == 5:
            point.sum = double(body, first, last)
        elif number == 6:
            point.scale = _zigzag(first)
        elif number == 7:
            point.low += fixed(body, first, last)
        elif number == 8:
            point.offset, point.counts = _buckets(body, first, _end(first, last))
        elif number == 9:
            point.low += sum(_buckets(body, first, _end(first, last))[1])
        elif number == 10:
            point.recorded = not first & 1
    point.attributes = _known(body, raw, memo)
    return point


def _buckets(body: bytes, begin: int, end: int) -> tuple[int, Sequence[int]]:
    offset, counts = 0, list[int]()
    for number, first, last in walk(body, begin, end):
        if number == 1:
            offset = _zigzag(first)
        elif number == 2 and last == VARINT:
            counts.append(first)
        elif number == 2:
            counts += packed_varints(body, first, _end(first, last), MOST_BUCKETS)
        if len(counts) > MOST_BUCKETS:
            raise Malformed(f"a histogram has more than {MOST_BUCKETS} buckets")
    return offset, counts


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _summary(body: bytes, begin: int, end: int, memo: _Memo) -> Point:
    point = SummaryPoint(_NONE, 0, 0, 0, 0.0, (), True)
    raw: list[tuple[int, int]] = []
    for number, first, last in walk(body, begin, end):
        if number == 7:
            raw.append((first, last))
        elif number == 2:
            point.start = fixed(body, first, last)
        elif number == 3:
            point.time = fixed(body, first, last)
        elif number == 4:
            point.count = fixed(body, first, last)
        elif number == 5:
            point.sum = double(body, first, last)
        elif number == 6 and len(point.quantiles) < MOST_BUCKETS:
            point.quantiles = (*point.quantiles, _quantile(body, first, _end(first, last)))
        elif number == 8:
            point.recorded = not first & 1
    point.attributes = _known(body, raw, memo)
    return point


def _quantile(body: bytes, begin: int, end: int) -> tuple[float, float]:
    pair = {1: 0.0, 2: 0.0}
    for number, first, last in walk(body, begin, end):
        pair[number] = double(body, first, last)
    return pair[1], pair[2]


def _span(body: bytes, begin: int, end: int) -> Span:
    trace = identity = b""
    span = Span((b"", b""), "", 0, 0, {}, False)
    for number, first, last in walk(body, begin, end):
        if number == 1:
            trace = body[first : _end(first, last)]
        elif number == 2:
            identity = body[first : _end(first, last)]
        elif number == 5:
            span.name = text(body, first, last)
        elif number == 7:
            span.start = fixed(body, first, last)
        elif number == 8:
            span.end = fixed(body, first, last)
        elif number == 9:
            key, value = _pair(body, first, _end(first, last))
            if value is not None:
                span.attributes[key] = value
        elif number == 15:
            span.failed = any(inner == 3 and value == 2 for inner, value, _ in walk(body, first, _end(first, last)))
    span.identity = (trace[:16], identity[:8])
    return span


_NONE = Attributes({})
