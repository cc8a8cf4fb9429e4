"""What counters and histograms have come to, whatever their senders tell: totals since they began, or what was added.

A sender's counter at one set of attributes is a *stream*. Cumulative streams are told apart by when they began as well,
so two processes that call themselves the same, or one that was started anew, add up instead of passing for resets.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import isfinite

from msgspec import Struct

__all__ = ["Histogram", "Totals"]

MOST_STREAMS = 50_000
FORGET_AFTER = 3600.0
"""Seconds after which a stream that says nothing more is forgotten."""


class _Stream(Struct):
    time: int
    seen: float
    values: tuple[float, ...] = ()


class Histogram(Struct):
    """Counts so far. `counts` has one more than `bounds`, each for itself."""

    bounds: tuple[float, ...]
    counts: list[float]
    count: float = 0.0
    sum: float | None = 0.0
    seen: float = 0.0
    labels: tuple[dict[str, str], ...] = ()
    """Those of the buckets."""


class Totals:
    """Bounded: beyond `MOST_STREAMS` new streams are refused until old ones are forgotten."""

    def __init__(self) -> None:
        self._streams: dict[Hashable, _Stream] = {}
        self._counters: dict[Hashable, list[float]] = {}
        self._histograms: dict[Hashable, Histogram] = {}
        self._next_look = 0.0

    def __len__(self) -> int:
        return len(self._streams)

    def forget(self, now: float) -> None:
        """Let go of streams that have ended; what they came to stays for as long as others add to it."""
        if now < self._next_look:
            return
        self._next_look = now + FORGET_AFTER / 60
        before = now - FORGET_AFTER
        self._streams = {key: stream for key, stream in self._streams.items() if stream.seen >= before}
        self._counters = {key: total for key, total in self._counters.items() if total[1] >= before}
        self._histograms = {key: total for key, total in self._histograms.items() if total.seen >= before}

    def counter(
        self, series: Hashable, stream: Hashable, value: float, start: int, time: int, now: float, *, delta: bool
    ) -> float | None:
        """What the series comes to with this point. Raises ValueError with what is wrong with it; None for old news."""
        if not isfinite(value) or value < 0:
            raise ValueError("a counter's value is negative, or no number")
        more = self._more((stream, 0 if delta else start), (value,), time, now, delta=delta)
        if more is None:
            return None
        total = self._counters.get(series)
        if total is None:
            total = self._counters[series] = [0.0, now]
        total[0] += more[0]
        total[1] = now
        return total[0]

    def histogram(
        self,
        series: Hashable,
        stream: Hashable,
        bounds: tuple[float, ...],
        counts: Sequence[float],
        total: float | None,
        start: int,
        time: int,
        now: float,
        *,
        delta: bool,
        stale_after: float,
    ) -> Histogram | None:
        """The same for a histogram."""
        known = self._histograms.get(series)
        if known is not None and known.bounds != bounds and now - known.seen < stale_after:
            raise ValueError("two senders have different bounds for one histogram; tell them apart by a label")
        if total is not None and not isfinite(total):
            raise ValueError("a histogram's sum is no number")
        values = (*counts, total or 0.0)
        more = self._more((stream, bounds, 0 if delta else start), values, time, now, delta=delta)
        if more is None:
            return None
        if known is None or known.bounds != bounds:
            known = self._histograms[series] = Histogram(bounds, [0.0] * len(counts))
        for at, count in enumerate(more[:-1]):
            known.counts[at] += count
        known.count = sum(known.counts)
        known.sum = known.sum + more[-1] if known.sum is not None and total is not None else None
        known.seen = now
        return known

    def _more(
        self, key: Hashable, values: tuple[float, ...], time: int, now: float, *, delta: bool
    ) -> Sequence[float] | None:
        """What this point adds; None where it was told before."""
        stream = self._streams.get(key)
        if stream is None:
            if len(self._streams) >= MOST_STREAMS:
                raise ValueError(f"{MOST_STREAMS} streams of counters and histograms are kept already, the limit")
            self._streams[key] = _Stream(time, now, values)
            return values
        stream.seen = now
        if time and time <= stream.time:
            return None
        before, stream.time, stream.values = stream.values, time, values
        if delta:
            return values
        counts = values[:-1] or values
        if len(before) != len(values) or any(new < old for new, old in zip(counts, before, strict=False)):
            return values  # it began anew without saying so
        return [new - old for new, old in zip(values, before, strict=True)]
