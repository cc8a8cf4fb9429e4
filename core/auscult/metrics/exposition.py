"""What ``/metrics`` says: the monitor's state as families, family by family, so that a scrape never holds the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from auscult.component import Component
from auscult.metrics.durations import BOUNDS, ProbeDurations
from auscult.metrics.names import FAMILIES, Family, family_of
from auscult.metrics.text import head, line, number, prefix
from auscult.model import ComponentHealth, Measurement, Status, SystemHealth

__all__ = ["RENEW_MS", "render"]

RENEW_MS = 60_000
"""A timestamp older than this is renewed: Prometheus forgets a series whose samples are five minutes old."""
_VALUES = {Status.HEALTHY: 1.0, Status.DEGRADED: 0.5, Status.UNHEALTHY: 0.0}
_PER_SLICE = 200
"""Components rendered before the caller may give others a turn."""


def render(
    system: SystemHealth,
    views: Sequence[ComponentHealth],
    components: Mapping[str, Component],
    durations: ProbeDurations,
    own: Mapping[str, float],
    *,
    now: int,
    timestamps: bool = True,
    openmetrics: bool = False,
) -> Iterator[str]:
    """The document in pieces of a few milliseconds' work each. `own` holds unlabelled ``auscult_*`` samples by name."""
    writer = _Writer(now, timestamps=timestamps, openmetrics=openmetrics)
    yield writer.single("system_health_status", _VALUES.get(system.status, math.nan), system.last_check)
    yield writer.single("system_health_percentage", system.health_percentage, system.last_check)
    for name, value_of in _PER_COMPONENT.items():
        yield from writer.each(FAMILIES[name], views, value_of)
    yield from writer.histogram(views, durations)
    yield from writer.measurements(views, components)
    for name, value in own.items():
        yield writer.single(name, value, None)
    if openmetrics:
        yield "# EOF\n"


_PER_COMPONENT: dict[str, Callable[[ComponentHealth], float | None]] = {
    "component_health_status": lambda view: _VALUES.get(view.status, math.nan),
    "component_health_response_time_ms": lambda view: view.response_time_ms,
    "component_health_success_rate": lambda view: view.success_rate,
    "component_health_error_rate": lambda view: view.error_rate,
    "auscult_component_last_check_timestamp_seconds": lambda view: (
        None if view.last_check is None else view.last_check / 1000
    ),
    "auscult_component_flapping": lambda view: float(view.flapping),
}


class _Writer:
    def __init__(self, now: int, *, timestamps: bool, openmetrics: bool) -> None:
        self._now, self._timestamps, self._openmetrics = now, timestamps, openmetrics

    def single(self, name: str, value: float, at: int | None) -> str:
        family = FAMILIES[name]
        stamp = self._stamp(at) if family.timestamps else None
        return head(family, openmetrics=self._openmetrics) + line(name, (), value, stamp, openmetrics=self._openmetrics)

    def each(
        self, family: Family, views: Sequence[ComponentHealth], value_of: Callable[[ComponentHealth], float | None]
    ) -> Iterator[str]:
        yield head(family, openmetrics=self._openmetrics)
        for start in range(0, len(views), _PER_SLICE):
            lines = []
            for view in views[start : start + _PER_SLICE]:
                if (value := value_of(view)) is not None:
                    stamp = self._stamp_text(view.last_check) if family.timestamps else ""
                    lines.append(f"{prefix(family.name, ('component', view.component_name))}{number(value)}{stamp}\n")
            yield "".join(lines)

    def histogram(self, views: Sequence[ComponentHealth], durations: ProbeDurations) -> Iterator[str]:
        name = "auscult_probe_duration_seconds"
        yield head(FAMILIES[name], openmetrics=self._openmetrics)
        for start in range(0, len(views), _PER_SLICE):
            yield "".join(
                _buckets(name, view.component_name, *counted)
                for view in views[start : start + _PER_SLICE]
                if (counted := durations.of(view.component_name)) is not None
            )

    def measurements(self, views: Sequence[ComponentHealth], components: Mapping[str, Component]) -> Iterator[str]:
        """Declared measurements under their kind; undeclared ones (functions, pushes) as gauges."""
        samples: dict[str, tuple[Family, dict[str, str]]] = {}
        families: dict[tuple[type, str], Family] = {}
        for index, view in enumerate(views):
            component = components.get(view.component_name)
            if component is None or not view.measurements:
                continue
            check = component.check
            for measured, value in view.measurements.items():
                key = (type(check), measured)
                if (family := families.get(key)) is None:
                    declared = next((m for m in check.measurements if m.name == measured), Measurement(measured))
                    family = families[key] = family_of(check, declared)
                # One line each, also where a check says both `x_ms` and `x_seconds`.
                lines = samples.setdefault(family.name, (family, {}))[1]
                shown = number(value * family.factor if family.factor != 1.0 else value)
                name = view.component_name
                lines.setdefault(name, f"{prefix(family.name, ('component', name))}{shown}\n")
            if index % _PER_SLICE == _PER_SLICE - 1:
                yield ""
        for name in sorted(samples):
            family, lines = samples[name]
            yield head(family, openmetrics=self._openmetrics) + "".join(lines.values())

    def _stamp(self, at: int | None) -> int | None:
        if not self._timestamps or at is None:
            return None
        # Older results are told with a time that moves once a minute: the verdict still holds.
        return at if self._now - at < RENEW_MS else self._now // RENEW_MS * RENEW_MS

    def _stamp_text(self, at: int | None) -> str:
        stamp = self._stamp(at)
        if stamp is None:
            return ""
        return f" {stamp / 1000}" if self._openmetrics else f" {stamp}"


def _buckets(name: str, component: str, cumulative: list[int], total: float) -> str:
    label = ("component", component)
    bounds = [*(number(bound) for bound in BOUNDS), "+Inf"]
    lines = [
        f"{prefix(f'{name}_bucket', label, ('le', bound))}{float(count)}\n"
        for bound, count in zip(bounds, cumulative, strict=True)
    ]
    lines.append(f"{prefix(f'{name}_count', label)}{float(cumulative[-1])}\n")
    lines.append(f"{prefix(f'{name}_sum', label)}{number(total)}\n")
    return "".join(lines)
