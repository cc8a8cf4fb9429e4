"""All components in one verdict (decision 7), and what depends on what."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from math import fsum

from msgspec.structs import replace

from auscult.component import Component
from auscult.engine.trend import worst
from auscult.model import ComponentHealth, Status, SystemHealth

__all__ = ["Tally", "aggregate"]

ROUNDING = 1 + 1e-9
"""Weights like 0.1 are not exact: what is half on paper must not count as more than half."""
NAMED = 3
"""Components named in the message; further ones are counted."""


class Tally:
    """Totals kept up to date, so that a verdict over thousands of components costs nothing.

    Components that are not counted, and those in maintenance, do not take part.
    """

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Status, float, bool]] = {}
        self._counts: dict[Status, int] = {}
        self._weighted: dict[tuple[Status, float], int] = {}
        """How many components have each status and weight: a running float sum would drift."""
        self._bad: dict[Status, list[str]] = {status: [] for status in Status if status != Status.HEALTHY}
        """Names by status, sorted: the message names the first few at every change of any status."""
        self._critical: set[str] = set()

    def put(self, component: Component, status: Status) -> None:
        """Take in that component's status, or its new one."""
        self._put(component.name, status, component.weight, critical=component.critical, counted=component.counted)

    def put_view(self, view: ComponentHealth) -> None:
        """The same from a view."""
        self._put(view.component_name, view.status, view.weight, critical=view.critical, counted=view.counted)

    def _put(self, name: str, status: Status, weight: float, *, critical: bool, counted: bool) -> None:
        entry = (status, weight, critical)
        if not counted or status == Status.MAINTENANCE:
            self.remove(name)
            return
        if self._entries.get(name) == entry:
            return
        self.remove(name)
        self._entries[name] = entry
        self._counts[status] = self._counts.get(status, 0) + 1
        self._weighted[status, weight] = self._weighted.get((status, weight), 0) + 1
        if status != Status.HEALTHY:
            insort(self._bad[status], name)
            if critical and status == Status.UNHEALTHY:
                self._critical.add(name)

    def remove(self, name: str) -> None:
        """Leave a component out from now on."""
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._counts[entry[0]] -= 1
            self._weighted[entry[:2]] -= 1
            if entry[0] != Status.HEALTHY:
                names = self._bad[entry[0]]
                del names[bisect_left(names, name)]
            self._critical.discard(name)

    def of_status(self, status: Status) -> list[str]:
        """Names of the components that take part and have that status, which is not `healthy`; sorted."""
        return list(self._bad[status])

    def summary(self) -> SystemHealth:
        """The verdict and the totals, without components."""
        total, healthy = len(self._entries), self._counts.get(Status.HEALTHY, 0)
        return SystemHealth(
            status=self.status(),
            healthy_components=healthy,
            total_components=total,
            health_percentage=healthy * 100 / total if total else 0.0,
            health_score=self._score(),
            message=self._message(),
        )

    def _weight(self, *statuses: Status) -> float:
        """What the components of these statuses weigh, of all without any named."""
        return fsum(
            weight * count for (status, weight), count in self._weighted.items() if not statuses or status in statuses
        )

    def _score(self) -> float:
        total = self._weight()
        won = self._weight(Status.HEALTHY) + self._weight(Status.DEGRADED) / 2
        return min(won / total, 1.0) * 100 if total else 0.0

    def status(self) -> Status:
        """The verdict alone; it costs the same however many there are."""
        if not self._entries or self._counts.get(Status.UNKNOWN, 0) == len(self._entries):
            return Status.UNKNOWN
        if self._critical or self._weight(Status.UNHEALTHY) > self._weight() / 2 * ROUNDING:
            return Status.UNHEALTHY
        if self._counts.get(Status.UNHEALTHY, 0) or self._counts.get(Status.DEGRADED, 0):
            return Status.DEGRADED
        return Status.UNKNOWN if self._counts.get(Status.UNKNOWN, 0) else Status.HEALTHY

    def _message(self) -> str:
        total = len(self._entries)
        parts = []
        for status in (Status.UNHEALTHY, Status.DEGRADED, Status.UNKNOWN):
            if names := self._bad[status]:
                more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
                verb = "is" if len(names) == 1 else "are"
                parts.append(f"{len(names)} of {total} {verb} {status}: {', '.join(names[:NAMED])}{more}")
        if parts:
            return "; ".join(parts)
        if total < 2:
            return "the only component is healthy" if total else "nothing is monitored yet"
        return f"all {total} components are healthy"


def aggregate(views: Iterable[ComponentHealth], *, now: int) -> SystemHealth:
    """The verdict over `views`, each of them told whom it may blame."""
    by_name = {view.component_name: view for view in views}
    tally = Tally()
    for view in by_name.values():
        tally.put_view(view)
    counted = [view for view in by_name.values() if view.counted]
    return replace(
        tally.summary(),
        last_check=max((view.last_check for view in counted if view.last_check is not None), default=None),
        trend=worst([view.trend for view in counted]),
        components={name: _blamed(view, by_name) for name, view in by_name.items()},
    )


def _blamed(view: ComponentHealth, by_name: Mapping[str, ComponentHealth]) -> ComponentHealth:
    if not view.depends_on:
        return view
    causes = _unhealthy_below(view.component_name, by_name)
    return replace(view, blamed_on=causes) if causes else view


def _unhealthy_below(name: str, by_name: Mapping[str, ComponentHealth]) -> tuple[str, ...]:
    """Unhealthy components that `name` depends on, directly or through others; safe on cycles."""
    seen, waiting, causes = {name}, list(by_name[name].depends_on), []
    while waiting:
        current = waiting.pop()
        if current in seen or current not in by_name:
            continue
        seen.add(current)
        waiting.extend(by_name[current].depends_on)
        if by_name[current].status == Status.UNHEALTHY:
            causes.append(current)
    return tuple(sorted(causes))
