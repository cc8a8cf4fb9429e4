"""Datadog's series API on the loopback: takes what the vendor's schema and limits allow, and nothing else.

https://docs.datadoghq.com/api/latest/metrics/submit-metrics/
"""

from __future__ import annotations

import json
import math
import re
import time
import zlib
from typing import Any

from tests.servers.vendor import Answer, Judge, Refused, Request

__all__ = ["points_of", "series_api"]

MAX_PACKED, MAX_OPEN = 512_000, 5_242_880
_SERIES = {"metric", "type", "points", "interval", "resources", "tags", "unit", "source_type_name", "metadata"}


def unpacked(request: Request) -> bytes:
    """The body as it was before compression."""
    if request.headers.get("content-encoding") == "gzip":
        return zlib.decompress(request.body, 16 + zlib.MAX_WBITS)
    return request.body


def series_api(key: str) -> Judge:
    """What answers for an organisation with that API key."""

    def judge(request: Request) -> Answer:
        if request.headers.get("dd-api-key") != key:
            return Answer(403, {"errors": ["Forbidden"]})
        if (request.method, request.path) != ("POST", "/api/v2/series"):
            return Answer(404, {"errors": ["Not Found"]})
        if len(request.body) > MAX_PACKED or len(unpacked(request)) > MAX_OPEN:
            return Answer(413, {"errors": ["Payload too big"]})
        if request.headers.get("content-type") != "application/json":
            raise Refused("the content type")
        _judge_document(json.loads(unpacked(request), parse_constant=_no_constant))
        return Answer(202, {"errors": []})

    return judge


def _no_constant(name: str) -> None:
    raise Refused(f"{name} is not JSON")


def _judge_document(document: Any) -> None:
    if set(document) != {"series"} or not isinstance(document["series"], list) or not document["series"]:
        raise Refused("an object with a list `series`")
    for series in document["series"]:
        _judge_series(series)


def _judge_series(series: dict[str, Any]) -> None:
    if set(series) - _SERIES:
        raise Refused(f"unknown keys {set(series) - _SERIES}")
    name = series["metric"]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]{0,199}", name):
        raise Refused(f"the name {name!r}")
    if series.get("type", 0) not in (0, 1, 2, 3) or isinstance(series.get("type"), bool):
        raise Refused(f"{name}: the type {series['type']!r}")
    interval = series.get("interval")
    if series.get("type") in (1, 2) and (not isinstance(interval, int) or interval < 1):
        raise Refused(f"{name}: a count or rate needs its interval in whole seconds")
    for resource in series.get("resources", []):
        if set(resource) != {"name", "type"} or not all(
            isinstance(value, str) and value for value in resource.values()
        ):
            raise Refused(f"{name}: the resource {resource}")
    for tag in series.get("tags", []):
        if not isinstance(tag, str) or not 1 <= len(tag) <= 200 or not tag[0].isalpha():
            raise Refused(f"{name}: the tag {tag!r}")
    if not series["points"]:
        raise Refused(f"{name}: no points")
    for point in series["points"]:
        _judge_point(name, point)


def _judge_point(name: str, point: dict[str, Any]) -> None:
    if set(point) != {"timestamp", "value"}:
        raise Refused(f"{name}: the point {point}")
    at, value = point["timestamp"], point["value"]
    if not isinstance(at, int) or not time.time() - 3600 <= at <= time.time() + 600:
        raise Refused(f"{name}: {at} is not within the last hour, in seconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{name}: the value {value!r}")


def points_of(*requests: Request) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """All series of these requests, by metric and tags, in the order in which they came."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for request in requests:
        for series in json.loads(unpacked(request))["series"]:
            found.setdefault((series["metric"], *series.get("tags", [])), []).append(series)
    return found
