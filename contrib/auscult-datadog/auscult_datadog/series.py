"""Snapshots as what Datadog's series API (v2) takes.

https://docs.datadoghq.com/api/latest/metrics/submit-metrics/
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from auscult import Family, Growth, Sample, Samples, SeriesKey, Snapshot, is_counted
from auscult_datadog.tags import tag

__all__ = ["OLDEST_MS", "Form", "payloads"]

OLDEST_MS = 3_540_000
"""Datadog takes no point that is more than an hour old by its own clock; a minute is for the way there."""
NEWEST_MS = 540_000
"""Nor one more than ten minutes ahead."""
MAX_BYTES, MAX_PACKED = 5_000_000, 500_000
"""Bytes of a request before and after it is compressed; Datadog takes 5,242,880 and 512,000."""
_COUNT, _RATE, _GAUGE = 1, 2, 3
_LONGEST_NAME = 200
_UNFIT = re.compile(r"[^A-Za-z0-9_.]")
_UNITS = {
    "seconds": "second",
    "milliseconds": "millisecond",
    "bytes": "byte",
    "percent": "percent",
    "celsius": "degree celsius",
}


class Form(Struct, frozen=True):
    """How the user wants metrics to look at Datadog."""

    prefix: str
    tags: tuple[str, ...]
    host: str
    rates: bool
    buckets: bool

    def series(self, snapshot: Snapshot, growth: Growth, now: int) -> Iterator[dict[str, Any]]:
        """Everything that can be told of a snapshot: one point for each series."""
        resources = [{"name": self.host, "type": "host"}] if self.host else []
        for samples in snapshot:
            base = samples.family.base
            for key, sample in zip(samples.series, samples, strict=True):
                at = snapshot.at if sample.at is None else sample.at
                if sample.name == f"{base}_created" or not -NEWEST_MS < now - at < OLDEST_MS:
                    continue
                if (sample.name == f"{base}_bucket" and not self.buckets) or not math.isfinite(sample.value):
                    continue
                body = self._point(samples, key, sample, at, growth)
                if body is not None:
                    yield {**body, "resources": resources} if resources else body

    def _point(
        self, samples: Samples, key: SeriesKey, sample: Sample, at: int, growth: Growth
    ) -> dict[str, Any] | None:
        body: dict[str, Any] = {"metric": self._name(sample.name), "tags": self._tags(sample)}
        if unit := _unit(samples.family, sample):
            body["unit"] = unit
        if not is_counted(samples, key):
            return {**body, "type": _GAUGE, "points": [{"timestamp": at // 1000, "value": sample.value}]}
        grown = growth.of(key)
        if grown is None:
            return None
        seconds = max((growth.at - grown.since) / 1000, 0.001)
        value = grown.value / seconds if self.rates else grown.value
        points = [{"timestamp": growth.at // 1000, "value": value}]
        return {**body, "type": _RATE if self.rates else _COUNT, "interval": max(1, round(seconds)), "points": points}

    def _name(self, name: str) -> str:
        fit = _UNFIT.sub("_", self.prefix + name)
        fit = fit if fit[0].isascii() and fit[0].isalpha() else f"m{fit}"
        return fit[:_LONGEST_NAME]

    def _tags(self, sample: Sample) -> list[str]:
        named = [f"{'upper_bound' if name == 'le' else name}:{value}" for name, value in sample.labels if value]
        return list(dict.fromkeys([*self.tags, *map(tag, named)]))


def _unit(family: Family, sample: Sample) -> str:
    if sample.name.endswith(("_count", "_bucket")) and family.type != "gauge":
        return ""
    return _UNITS.get(family.unit, "")


def payloads(series: Sequence[dict[str, Any]]) -> Iterable[bytes]:
    """Compressed requests within the limits: what is too large is halved."""
    if not series:
        return
    data = json.dumps({"series": series}, separators=(",", ":")).encode()
    packed = _gzipped(data) if len(data) <= MAX_BYTES else b""
    if (not packed or len(packed) > MAX_PACKED) and len(series) > 1:
        middle = len(series) // 2
        yield from payloads(series[:middle])
        yield from payloads(series[middle:])
    else:
        yield packed or _gzipped(data)


def _gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
