"""Metrics as ``ExportMetricsServiceRequest``, in protobuf and in JSON, and what the answer to one says.

https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import structs

from auscult import __version__
from auscult_plugins._wire import double, fixed64, nested, packed, text, uint
from auscult_plugins.otlp_export.points import HistogramPoint, Labels, Metric, NumberPoint, Point, SummaryPoint

__all__ = ["as_json", "as_protobuf", "chunks", "refused"]

_SCOPE = "auscult"
_CUMULATIVE = 2
_FIELD = {"gauge": 5, "sum": 7, "histogram": 9, "summary": 11}


def chunks(metrics: Iterable[Metric], limit: int) -> Iterator[list[Metric]]:
    """Metrics with at most so many points together; one with more comes in several pieces."""
    chunk: list[Metric] = []
    room = limit
    for metric in metrics:
        points = metric.points
        while points:
            chunk.append(structs.replace(metric, points=points[:room]))
            points, room = points[room:], room - min(room, len(points))
            if not room:
                yield chunk
                chunk, room = [], limit
    if chunk:
        yield chunk


# Protobuf


def as_protobuf(metrics: Iterable[Metric], resource: Mapping[str, str]) -> bytes:
    """One request."""
    attributes = b"".join(nested(1, _attribute(name, value)) for name, value in resource.items())
    scope = nested(1, text(1, _SCOPE) + text(2, __version__))
    listed = b"".join([nested(2, _metric(metric)) for metric in metrics])
    return nested(1, nested(1, attributes) + nested(2, scope + listed))


def _metric(metric: Metric) -> bytes:
    points = b"".join([nested(1, _point(point)) for point in metric.points])
    more = uint(2, _CUMULATIVE) if metric.shape in ("sum", "histogram") else b""
    if metric.shape == "sum":
        more += uint(3, int(metric.monotonic))
    head = text(1, metric.name) + text(2, metric.description) + text(3, metric.unit)
    return head + nested(_FIELD[metric.shape], points + more)


def _point(point: Point) -> bytes:
    times = (fixed64(2, _nanos(point.start)) if point.start else b"") + fixed64(3, _nanos(point.time))
    if isinstance(point, NumberPoint):
        return _attributes(7, point.labels) + times + double(4, point.value)
    if isinstance(point, SummaryPoint):
        quantiles = b"".join(nested(6, double(1, q) + double(2, value)) for q, value in point.quantiles)
        return _attributes(7, point.labels) + times + fixed64(4, point.count) + double(5, point.sum) + quantiles
    total = b"" if point.sum is None else double(5, point.sum)
    counts = packed(6, struct.pack(f"<{len(point.counts)}Q", *point.counts))
    bounds = packed(7, struct.pack(f"<{len(point.bounds)}d", *point.bounds))
    return _attributes(9, point.labels) + times + fixed64(4, point.count) + total + counts + bounds


def _attributes(field: int, labels: Labels) -> bytes:
    return b"".join([nested(field, _attribute(name, value)) for name, value in labels])


def _attribute(name: str, value: str) -> bytes:
    # An empty value is still a string: text() would leave it out, and with it that there is one.
    return text(1, name) + nested(2, nested(1, value.encode("utf-8", "replace")))


def _nanos(at: int) -> int:
    return max(at, 0) * 1_000_000


# JSON: 64-bit integers are strings, enumerations are numbers, and what is no number is a word


def as_json(metrics: Iterable[Metric], resource: Mapping[str, str]) -> bytes:
    """One request."""
    document = {
        "resourceMetrics": [
            {
                "resource": {"attributes": _listed(resource.items())},
                "scopeMetrics": [
                    {
                        "scope": {"name": _SCOPE, "version": __version__},
                        "metrics": [_metric_json(metric) for metric in metrics],
                    }
                ],
            }
        ]
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _metric_json(metric: Metric) -> dict[str, Any]:
    data: dict[str, Any] = {"dataPoints": [_point_json(point) for point in metric.points]}
    if metric.shape in ("sum", "histogram"):
        data["aggregationTemporality"] = _CUMULATIVE
    if metric.shape == "sum":
        data["isMonotonic"] = metric.monotonic
    head = {"name": metric.name, "description": metric.description, "unit": metric.unit}
    return {**head, metric.shape: data}


def _point_json(point: Point) -> dict[str, Any]:
    found: dict[str, Any] = {"attributes": _listed(point.labels), "timeUnixNano": str(_nanos(point.time))}
    if point.start:
        found["startTimeUnixNano"] = str(_nanos(point.start))
    if isinstance(point, NumberPoint):
        return {**found, "asDouble": _number(point.value)}
    found["count"] = str(point.count)
    if point.sum is not None:
        found["sum"] = _number(point.sum)
    if isinstance(point, HistogramPoint):
        counts = [str(count) for count in point.counts]
        return {**found, "bucketCounts": counts, "explicitBounds": list(point.bounds)}
    return {**found, "quantileValues": [{"quantile": q, "value": _number(value)} for q, value in point.quantiles]}


def _listed(labels: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels]


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


# The answer


def refused(body: bytes, content_type: str) -> tuple[int, str]:
    """How many points a receiver that took a request did not take after all, and why; (0, "") when it says nothing."""
    try:
        return _from_json(body) if "json" in content_type else _from_protobuf(body)
    except (ValueError, IndexError, TypeError, AttributeError):
        return 0, ""


def _from_json(body: bytes) -> tuple[int, str]:
    partial = json.loads(body or b"{}").get("partialSuccess") or {}
    return int(partial.get("rejectedDataPoints", 0)), str(partial.get("errorMessage", ""))


def _from_protobuf(body: bytes) -> tuple[int, str]:
    partial = dict(_fields(body)).get(1, b"")
    inside = dict(_fields(partial)) if isinstance(partial, bytes) else {}
    count, message = inside.get(1, 0), inside.get(2, b"")
    if not isinstance(count, int) or not isinstance(message, bytes):
        raise TypeError("no such message")
    return count, message.decode("utf-8", "replace")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of the two wire types that occur in an answer. Raises IndexError, ValueError."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2:
            if at + value > len(message):
                raise ValueError("cut off")
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            raise ValueError("another wire type")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("too long")
