"""What counters grew by from one snapshot to the next, for exporters whose destinations take increases, not totals."""

from __future__ import annotations

from math import isnan
from typing import NamedTuple

from auscult.families import Samples, SeriesKey, Snapshot

__all__ = ["Growth", "Increase", "Increases", "is_counted"]

FORGET_MS = 3_600_000
"""How long a series that is gone is remembered: when it comes back, only what it grew by counts."""
_COUNTED = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}


class Increase(NamedTuple):
    """How much one series grew."""

    value: float
    since: int
    """From when on, ms since the epoch."""


def is_counted(samples: Samples, series: SeriesKey) -> bool:
    """Whether a sample is a total that only grows: a counter, a histogram's bucket, the count of a summary."""
    base, kind = samples.family.base, samples.family.type
    return any(series.name == base + suffix for suffix in _COUNTED.get(kind, ()))


class Growth:
    """What became of all totals at one snapshot. `of` says what a series grew by."""

    __slots__ = ("_families", "_now", "_seen", "at")

    def __init__(
        self, at: int, now: dict[SeriesKey, Increase], seen: dict[SeriesKey, _Last], families: set[str]
    ) -> None:
        self.at = at
        self._now, self._seen, self._families = now, seen, families

    def of(self, series: SeriesKey) -> Increase | None:
        """What it grew by; None for a total whose beginning nobody saw, and for what is none."""
        return self._now.get(series)


class _Last(NamedTuple):
    value: float
    at: int


class Increases:
    """Remembers totals. `growth` compares without changing anything, `took` moves on once that has arrived somewhere.

    So what one snapshot could not tell the next one tells. A total that fell began anew at nothing. A series that is
    new in a family that was there before counts from nothing as well; of the others the first total is where counting
    begins, for it may have grown for weeks.
    """

    def __init__(self) -> None:
        self._last: dict[SeriesKey, _Last] = {}
        self._families: set[str] = set()
        self._at: int | None = None

    def growth(self, snapshot: Snapshot) -> Growth:
        """What grew since the snapshot that was taken last."""
        at, last, before = snapshot.at, self._last, self._at
        now: dict[SeriesKey, Increase] = {}
        seen: dict[SeriesKey, _Last] = {}
        families: set[str] = set()
        for samples in snapshot:
            if samples.family.type not in _COUNTED:
                continue
            families.add(samples.family.name)
            known = samples.family.name in self._families and before is not None
            for series, value in zip(samples.series, samples.values, strict=True):
                if isnan(value) or not is_counted(samples, series):
                    continue
                seen[series] = _Last(value, at)
                was = last.get(series)
                if was is not None:
                    now[series] = Increase(value - was.value if value >= was.value else value, was.at)
                elif known:
                    now[series] = Increase(value, before or at)
        return Growth(at, now, seen, families)

    def took(self, growth: Growth) -> None:
        """That has arrived: the next growth is counted from there."""
        gone = {series: was for series, was in self._last.items() if growth.at - was.at < FORGET_MS}
        self._last = gone | growth._seen
        self._families |= growth._families
        self._at = growth.at
