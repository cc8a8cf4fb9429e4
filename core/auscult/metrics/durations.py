"""A histogram of probe durations per component, in the doubling buckets that resolve voice latencies well."""

from __future__ import annotations

from array import array
from bisect import bisect_left

__all__ = ["BOUNDS", "ProbeDurations"]

BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Upper bounds in seconds, as the OpenTelemetry GenAI conventions advise for durations."""


class ProbeDurations:
    """`observe` costs less than a microsecond."""

    def __init__(self) -> None:
        self._counts: dict[str, array[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, component: str, seconds: float) -> None:
        """Count one probe."""
        counts = self._counts.get(component)
        if counts is None:
            counts = self._counts[component] = array("Q", bytes(8 * (len(BOUNDS) + 1)))
            self._sums[component] = 0.0
        counts[bisect_left(BOUNDS, seconds)] += 1
        self._sums[component] += seconds

    def forget(self, component: str) -> None:
        """Leave a component out from now on."""
        self._counts.pop(component, None)
        self._sums.pop(component, None)

    def of(self, component: str) -> tuple[list[int], float] | None:
        """Cumulative counts by bound, the last for everything, and the sum in seconds; None without any."""
        counts = self._counts.get(component)
        if counts is None:
            return None
        total, cumulative = 0, []
        for count in counts:
            total += count
            cumulative.append(total)
        return cumulative, self._sums[component]
