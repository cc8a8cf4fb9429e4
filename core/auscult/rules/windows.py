"""The recent past of what a component measures, for conditions such as ``avg(response_time_ms, "5m") > 800``."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from math import ceil, fsum
from typing import Any, Protocol

from auscult.rules.values import MISSING

__all__ = ["FAILED", "FUNCTIONS", "LONGEST", "READER", "Windows", "WindowReader"]

READER = "$windows"
"""The key under which data carries its `WindowReader`; no name in a condition can be spelled so."""
FAILED = "$failed"
"""The series behind `rate_of_failures`: 1 for an unhealthy result, 0 for another."""
LONGEST = 3600.0
"""Seconds that a window may look back."""
CAPACITY = 3600
"""Values kept of one series; of more than one a second the oldest leave early."""
_LARGEST = 1e300
"""Beyond it a sum might overflow; neither infinity nor what is no number comes in."""


class WindowReader(Protocol):
    """Gives the recent values of one name."""

    def window(self, name: str, seconds: float) -> Sequence[float]:
        """Values of the last `seconds`, oldest first; empty where there are none."""
        ...


class Windows:
    """A `WindowReader` over what `add` took in; remembers only the names it is made for."""

    __slots__ = ("_longest", "_now", "_series")

    def __init__(self, longest: Mapping[str, float]) -> None:
        self._longest = {name: int(seconds * 1000) for name, seconds in longest.items()}
        self._series: dict[str, tuple[array[int], array[float]]] = {
            name: (array("q"), array("d")) for name in self._longest
        }
        self._now = 0

    def resized(self, longest: Mapping[str, float]) -> Windows:
        """The same for other names; what is known of a name stays."""
        new = Windows(longest)
        new._now = self._now
        new._series |= {name: kept for name, kept in self._series.items() if name in longest}
        return new

    def add(self, get: Callable[[str], Any], now: int) -> None:
        """Take in what the data of one result holds."""
        self._now = now
        for name, (at, values) in self._series.items():
            value = _failed(get) if name == FAILED else get(name)
            while at and at[-1] > now:  # the clock was set back
                at.pop()
                values.pop()
            drop = max(bisect_right(at, now - self._longest[name]), len(at) - CAPACITY + 1)
            if drop > 0:
                del at[:drop], values[:drop]
            if isinstance(value, int | float) and abs(value) <= _LARGEST:
                at.append(now)
                values.append(value)

    def shift(self, by: int) -> None:
        """The wall clock was set by that many ms: what is known is as old as it was."""
        self._now += by
        self._series = {
            name: (array("q", [each + by for each in at]), values) for name, (at, values) in self._series.items()
        }

    def window(self, name: str, seconds: float) -> Sequence[float]:
        """Values of the last `seconds` before the latest result, oldest first."""
        if name not in self._series:
            return ()
        at, values = self._series[name]
        return values[bisect_right(at, self._now - int(seconds * 1000)) :]


def _failed(get: Callable[[str], Any]) -> bool:
    run = get("consecutive_failures")
    return run > 0 if isinstance(run, int) else get("status") == "unhealthy"


def _average(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _percentile(percent: int) -> Callable[[Sequence[float]], float]:
    """By nearest rank: the smallest value that at least `percent` of all do not exceed."""
    return lambda values: sorted(values)[max(ceil(percent / 100 * len(values)) - 1, 0)]


def _over(fold: Callable[[Sequence[float]], float]) -> Callable[..., Any]:
    def read(get: Callable[[str], Any], name: str, seconds: float) -> Any:
        reader = get(READER)
        if reader is None:
            return MISSING
        values = reader.window(name, seconds)
        return fold(values) if len(values) else MISSING

    return read


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "avg": _over(_average),
    "min": _over(min),
    "max": _over(max),
    "p50": _over(_percentile(50)),
    "p95": _over(_percentile(95)),
    "p99": _over(_percentile(99)),
    "count": _over(len),
    "rate_of_failures": _over(lambda values: _average(values) * 100),
}
"""What a condition may ask of a window; each is missing where the window holds nothing."""
