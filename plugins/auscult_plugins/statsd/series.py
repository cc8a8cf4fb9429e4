"""What the lines come to, until it is told: counters, gauges, histograms, sets. Bounded, whatever comes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from auscult import Family, SourceContext
from auscult_plugins.statsd.lines import Line, Refused, number, parsed

__all__ = ["Book"]

MOST_SERIES = 50_000
MOST_MEMBERS = 200_000
"""Distinct values of all sets together that are told apart within one interval."""
_FOREIGN = re.compile(r"[^a-zA-Z0-9_:]+")
_LABEL_FOREIGN = re.compile(r"[^a-zA-Z0-9_]+")
_IN_MS = re.compile(r"_(?:ms|millis|milliseconds)$")


class _Series(Struct):
    family: Family
    labels: dict[str, str]
    type: str
    factor: float
    """What values are multiplied by."""
    seen: float = 0.0
    dirty: bool = False
    value: float = 0.0
    """Of a counter or gauge; of a histogram the sum."""
    counts: list[float] = []
    """Of a histogram, each bucket for itself."""
    bucket_labels: tuple[dict[str, str], ...] = ()
    members: set[int] = set()


class Book:
    """All series of one source."""

    def __init__(self, bounds: Sequence[float], labels: Mapping[str, str], prefix: str) -> None:
        self._bounds, self._labels, self._prefix = tuple(bounds), dict(labels), prefix
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._types: dict[str, str] = {}
        self._members = 0
        self.taken = 0
        """Lines."""
        self.refused: dict[str, int] = {}
        """Lines by reason."""

    def __len__(self) -> int:
        return len(self._series)

    def refuse(self, reason: str) -> bool:
        """Count a line that is not taken; True for the first one of its kind."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return self.refused[reason] == 1

    def take(self, line: bytes, now: float) -> None:
        """Take in one line. Raises Refused."""
        told = parsed(line.decode(errors="replace").strip())
        key = (told.name, told.type, told.tags)
        series = self._series.get(key) or self._new(key)
        self._add(series, told)
        series.seen, series.dirty = now, True
        self.taken += 1

    def _add(self, series: _Series, told: Line) -> None:
        if series.type != "set":
            _add(series, told, self._bounds)
        elif (member := hash(told.values[0])) not in series.members:
            if self._members >= MOST_MEMBERS:
                raise Refused("members")
            self._members += 1
            series.members.add(member)

    def _new(self, key: tuple[str, str, str]) -> _Series:
        if len(self._series) >= MOST_SERIES:
            raise Refused("series")
        name, kind, tags = key
        family, factor = self._family(name, kind)
        if self._types.setdefault(family.name, kind) != kind:
            raise Refused("another type")
        series = _Series(family, self._labels | _labels(tags, kind), kind, factor)
        if family.type == "histogram":
            series.counts = [0.0] * (len(self._bounds) + 1)
            ends = [*(repr(bound) for bound in self._bounds), "+Inf"]
            series.bucket_labels = tuple([{**series.labels, "le": end} for end in ends])
        self._series[key] = series
        return series

    def _family(self, name: str, kind: str) -> tuple[Family, float]:
        base = _FOREIGN.sub("_", self._prefix + name).strip("_")
        base = f"_{base}" if base[:1].isdigit() else base
        if not base or len(base) > 128:
            raise Refused("name")
        factor, unit = 1.0, ""
        if kind == "timer" or (kind == "histogram" and _IN_MS.search(base)):
            base = _IN_MS.sub("", base).removesuffix("_seconds")
            base, factor, unit = f"{base}_seconds", 1e-3, "seconds"
        types = {"counter": "counter", "timer": "histogram", "histogram": "histogram"}
        if kind == "counter":
            base = f"{base.removesuffix('_total')}_total"
        return Family(base, types.get(kind, "gauge"), f"`{name[:200]}`, by StatsD.", unit), factor

    def told(self, ctx: SourceContext) -> Iterator[None]:
        """Tell what has changed since the last time; yields between series."""
        self._members = 0
        for series in list(self._series.values()):
            if series.dirty:
                series.dirty = False
                _tell(series, ctx)
                yield

    def forget(self, before: float) -> None:
        """Let go of what was not heard of since."""
        self._series = {key: series for key, series in self._series.items() if series.seen >= before}
        names = {series.family.name for series in self._series.values()}
        self._types = {name: kind for name, kind in self._types.items() if name in names}


def _add(series: _Series, told: Line, bounds: Sequence[float]) -> None:
    values = [number(value) for value in told.values]
    if series.type == "counter":
        if any(value < 0 for value in values):
            raise Refused("number")
        series.value += sum(values) / told.rate
    elif series.type == "gauge":
        relative = told.values[-1].startswith(("+", "-"))
        series.value = series.value + values[-1] if relative else values[-1]
    else:
        for value in values:
            amount = value * series.factor
            series.counts[bisect_left(bounds, amount)] += 1 / told.rate
            series.value += amount / told.rate


def _tell(series: _Series, ctx: SourceContext) -> None:
    family, labels = series.family, series.labels
    if series.type == "set":
        ctx.set(family, labels, float(len(series.members)))
        if series.members:
            series.members = set()
            series.dirty = True  # the next interval may have none
    elif series.type in ("counter", "gauge"):
        ctx.set(family, labels, series.value)
    else:
        below = 0.0
        for own, count in zip(series.bucket_labels, series.counts, strict=True):
            below += count
            ctx.set(family, own, below, name=f"{family.name}_bucket")
        ctx.set(family, labels, below, name=f"{family.name}_count")
        ctx.set(family, labels, series.value, name=f"{family.name}_sum")


def _labels(tags: str, kind: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tags.split(","):
        name, colon, value = tag.partition(":")
        name = _LABEL_FOREIGN.sub("_", name.strip()).strip("_")
        if name:
            name = f"_{name}" if name[0].isdigit() else name
            if name == "le" and kind in ("timer", "histogram"):
                name = "exported_le"
            found[name] = value if colon else "true"
    return found
