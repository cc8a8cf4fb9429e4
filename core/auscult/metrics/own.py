"""The monitor's own families: health, probe durations, what checks measured, how the monitor itself is doing."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping

from auscult.component import Component
from auscult.families import Family, Labels, Samples
from auscult.metrics.durations import BOUNDS, ProbeDurations
from auscult.metrics.grid import Grid
from auscult.metrics.names import FAMILIES, family_of
from auscult.metrics.table import Table
from auscult.metrics.text import number
from auscult.model import ComponentHealth, Measurement, Status, SystemHealth

__all__ = ["RENEW_MS", "OwnMetrics"]

RENEW_MS = 60_000
"""A time older than this is renewed: Prometheus forgets a series whose samples are five minutes old."""
_VALUES = {Status.HEALTHY: 1.0, Status.DEGRADED: 0.5, Status.UNHEALTHY: 0.0}
_PER_TURN = 50
"""Components looked at before the caller may give others a turn."""
_DURATIONS = "auscult_probe_duration_seconds"
_COLUMNS = (
    *((f"{_DURATIONS}_bucket", (("le", bound),)) for bound in (*map(number, BOUNDS), "+Inf")),
    (f"{_DURATIONS}_count", ()),
    (f"{_DURATIONS}_sum", ()),
)

_PER_COMPONENT: dict[str, Callable[[ComponentHealth], float | None]] = {
    "component_health_status": lambda view: _VALUES.get(view.status, math.nan),
    "component_health_response_time_ms": lambda view: view.response_time_ms,
    "component_health_success_rate": lambda view: view.success_rate,
    "component_health_error_rate": lambda view: view.error_rate,
    "auscult_component_last_check_timestamp_seconds": lambda view: (
        None if view.last_check is None else view.last_check / 1000
    ),
    "auscult_component_flapping": lambda view: float(view.flapping),
    "auscult_component_window_results": lambda view: float(view.window_results),
}


class OwnMetrics:
    """`fill` brings everything up to date, `samples` gives it."""

    def __init__(self) -> None:
        grids = {name: Grid(FAMILIES[name]) for name in _PER_COMPONENT}
        self._looks = [(grids[name], value_of) for name, value_of in _PER_COMPONENT.items()]
        self._durations = grids[_DURATIONS] = Grid(FAMILIES[_DURATIONS], _COLUMNS)
        self._plain = {name: Table(family) for name, family in FAMILIES.items() if name not in grids}
        everything: dict[str, Table | Grid] = {**self._plain, **grids}
        self._tables = {name: everything[name] for name in FAMILIES}
        self._measured: dict[str, Grid] = {}
        self._families: dict[tuple[type, str], Family] = {}
        self._round = 0.0
        self._now = 0

    def __len__(self) -> int:
        """How many series there are."""
        return sum(map(len, (*self._tables.values(), *self._measured.values())))

    def fill(
        self,
        system: SystemHealth,
        views: Iterable[ComponentHealth],
        components: Mapping[str, Component],
        durations: ProbeDurations,
        figures: Mapping[tuple[str, Labels], float],
        *,
        now: int,
    ) -> Iterator[None]:
        """Take over what is known now, others getting a turn at each step. `figures` are ``auscult_*`` samples by name
        and labels.
        """
        self._round, self._now = self._round + 1, now
        self._set("system_health_status", (), _VALUES.get(system.status, math.nan), system.last_check)
        self._set("system_health_percentage", (), system.health_percentage, system.last_check)
        for (name, labels), value in figures.items():
            self._set(name, labels, value)
        for count, view in enumerate(views, 1):
            if view.last_check is not None:
                self._take(view, components.get(view.component_name), durations)
            if count % _PER_TURN == 0:
                yield
        for table in (*self._tables.values(), *self._measured.values()):
            table.expire(self._round)
        yield

    def samples(self) -> Iterator[Samples]:
        """All of it, in the order of the registry of names, measurements by name at the end."""
        measured = (self._measured[name] for name in sorted(self._measured))
        return (table.samples() for table in (*self._tables.values(), *measured) if len(table))

    def _take(self, view: ComponentHealth, component: Component | None, durations: ProbeDurations) -> None:
        name = view.component_name
        for grid, value_of in self._looks:
            if (value := value_of(view)) is not None:
                grid.set(name, value, self._stamp(view.last_check), self._round)
        if (counted := durations.of(name)) is not None:
            cumulative, total = counted
            self._durations.set_all(name, array("d", [*cumulative, cumulative[-1], total]), self._round)
        if component is None:
            return
        seen: set[str] = set()
        for measured, value in view.measurements.items():
            family = self._family(component, measured)
            # Once each, also where a check says both `x_ms` and `x_seconds`.
            if family.name not in seen:
                seen.add(family.name)
                if family.name not in self._measured:
                    self._measured[family.name] = Grid(family)
                scaled = value * family.factor if family.factor != 1.0 else value
                self._measured[family.name].set(name, scaled, None, self._round)

    def _family(self, component: Component, measured: str) -> Family:
        """Declared measurements under their kind; undeclared ones (functions, pushes) are gauges."""
        check = component.check
        key = (type(check), measured)
        family = self._families.get(key)
        if family is None:
            declared = next((m for m in check.measurements if m.name == measured), Measurement(measured))
            family = self._families[key] = family_of(check, declared)
        return family

    def _set(self, name: str, labels: Labels, value: float, at: int | None = None) -> None:
        table = self._plain.get(name)
        if table is None:  # a histogram's samples have suffixes
            table = self._plain[name.rpartition("_")[0]]
        stamp = self._stamp(at) if table.family.timestamps else None
        row = table.rows.get((name, labels))
        if row is None:
            table.add((name, labels), value, stamp, self._round)
        else:
            table.set(row, value, stamp, self._round)

    def _stamp(self, at: int | None) -> int | None:
        if at is None:
            return None
        # Older results are told with a time that moves once a minute: the verdict still holds.
        return at if self._now - at < RENEW_MS else self._now // RENEW_MS * RENEW_MS
