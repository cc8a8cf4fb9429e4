"""What ``/api/v1`` says and takes, as types; the OpenAPI document is made from them. Times are RFC 3339 with ms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.clock import iso_millis, iso_seconds
from auscult.model import CheckResult, ComponentHealth, Problem, Status, SystemHealth, Trend
from auscult.store import HistoryPoint, StoredResult

__all__ = [
    "AliveBody",
    "ComponentBody",
    "ComponentHealthBody",
    "ComponentList",
    "DetailedHealthBody",
    "HealthBody",
    "HistoryBody",
    "PingBody",
    "PluginsBody",
    "ReadingBody",
    "ReadyBody",
    "ReloadBody",
    "ResultBody",
    "ResultList",
    "SystemBody",
]

_Text = Annotated[str, Meta(max_length=4096, pattern="^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]*$")]
_Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
_Name = Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")]
_Numbers = Annotated[dict[_Name, _Number], Meta(max_length=64)]


def _time(at: int | None) -> str | None:
    return None if at is None else iso_millis(at)


class _Component(Struct, frozen=True, kw_only=True):
    """What both ways of telling about a component have in common."""

    status: Status
    message: str
    last_check: str | None
    """When the latest result came; null before the first."""
    since: str | None
    """Since when the status is what it is."""
    response_time_ms: float | None
    success_rate: float | None
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    window_results: int
    consecutive_failures: int
    consecutive_successes: int
    reasons: list[str]
    trend: Trend
    trends: dict[str, Trend]
    flap_score: float
    flapping: bool
    stale: bool
    uptime: dict[str, float | None]
    measurements: dict[str, float]
    stages: dict[str, float]
    origin: str | None
    group: str
    labels: dict[str, str]
    runbook: str
    critical: bool
    weight: float
    depends_on: list[str]
    blamed_on: list[str]
    counted: bool


class ComponentBody(_Component, frozen=True, kw_only=True):
    """One component."""

    name: str
    type: str

    @classmethod
    def of(cls, view: ComponentHealth) -> ComponentBody:
        """The body for a view; times have milliseconds."""
        return cls(name=view.component_name, type=view.component_type, **_common(view, iso_millis))


class ComponentHealthBody(_Component, frozen=True, kw_only=True):
    """One component as the seed document shows it, with all that auscult adds."""

    component_type: str
    component_name: str

    @classmethod
    def of(cls, view: ComponentHealth) -> ComponentHealthBody:
        """The body for a view; times have whole seconds."""
        return cls(component_type=view.component_type, component_name=view.component_name, **_common(view, iso_seconds))


def _common(view: ComponentHealth, write: Callable[[int], str]) -> dict[str, Any]:
    fields = {name: getattr(view, name) for name in _Component.__struct_fields__}
    return fields | {
        "last_check": None if view.last_check is None else write(view.last_check),
        "since": None if view.since is None else write(view.since),
        "reasons": list(view.reasons),
        "depends_on": list(view.depends_on),
        "blamed_on": list(view.blamed_on),
    }


class _Totals(Struct, frozen=True, kw_only=True):
    """What both health answers have in common."""

    status: Status
    last_check: str | None
    """When the latest result came; null before the first."""
    healthy_components: int
    total_components: int
    health_percentage: float
    """healthy / total; 0 without components."""
    health_score: float
    """Weighted, 0 to 100."""
    message: str
    trend: Trend


class HealthBody(_Totals, frozen=True, kw_only=True):
    """The verdict in short."""

    timestamp: str
    """The time of this answer."""

    @classmethod
    def of(cls, system: SystemHealth, now: int) -> HealthBody:
        """The body for a verdict."""
        return cls(timestamp=iso_seconds(now), **_totals(system))


class DetailedHealthBody(_Totals, frozen=True, kw_only=True):
    """The verdict with every component."""

    components: dict[str, ComponentHealthBody]

    @classmethod
    def of(cls, system: SystemHealth) -> DetailedHealthBody:
        """The body for a verdict."""
        components = {name: ComponentHealthBody.of(view) for name, view in system.components.items()}
        return cls(components=components, **_totals(system))


def _totals(system: SystemHealth) -> dict[str, Any]:
    fields = {name: getattr(system, name) for name in _Totals.__struct_fields__}
    return fields | {"last_check": None if system.last_check is None else iso_seconds(system.last_check)}


class AliveBody(Struct, frozen=True):
    """That the process answers."""

    status: Literal["alive"] = "alive"


class ReadyBody(Struct, frozen=True):
    """Whether the first verdicts are there."""

    status: Literal["ready", "starting"]


class ComponentList(Struct, frozen=True):
    """Components by name."""

    components: list[ComponentBody]


class SystemBody(Struct, frozen=True, kw_only=True):
    """The verdict over all components."""

    status: Status
    message: str
    time: str
    last_check: str | None
    healthy_components: int
    total_components: int
    health_percentage: float
    health_score: float
    started_at: str | None
    ready: bool
    version: str

    @classmethod
    def of(cls, system: SystemHealth, **more: Any) -> SystemBody:
        """The body for a verdict."""
        fields = {name: getattr(system, name) for name in cls.__struct_fields__ if hasattr(system, name)}
        return cls(**fields | {"last_check": _time(system.last_check)} | more)


class ResultBody(Struct, frozen=True, kw_only=True):
    """One result."""

    component: str
    status: Status
    time: str
    duration: float
    """Seconds."""
    response_time_ms: float | None
    message: str
    measurements: dict[str, float]
    stages: dict[str, float]
    """Seconds."""
    origin: str
    id: int | None = None
    """Grows; null for a result that is not stored."""

    @classmethod
    def of(cls, result: CheckResult, number: int | None = None) -> ResultBody:
        """The body for a result."""
        fields = {name: getattr(result, name) for name in cls.__struct_fields__ if hasattr(result, name)}
        return cls(**fields | {"time": iso_millis(result.at), "id": number})


class ResultList(Struct, frozen=True):
    """Results, newest first."""

    results: list[ResultBody]
    next: int | None
    """Give this as `before` for older ones; null at the end."""

    @classmethod
    def of(cls, stored: list[StoredResult], limit: int) -> ResultList:
        """The body for one page."""
        more = stored[-1].id if len(stored) == limit and stored[-1].id else None
        return cls([ResultBody.of(item.result, item.id or None) for item in stored], more)


class PointBody(Struct, frozen=True, kw_only=True):
    """What happened in one stretch of time."""

    time: str
    count: int
    healthy: int
    degraded: int
    unhealthy: int
    unknown: int
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None


class HistoryBody(Struct, frozen=True, kw_only=True):
    """A component's past."""

    component: str
    start: str
    end: str
    points: list[PointBody]

    @classmethod
    def of(cls, component: str, start: int, end: int, points: list[HistoryPoint]) -> HistoryBody:
        """The body for some points."""
        bodies = [
            PointBody(
                time=iso_millis(point.at),
                **{name: getattr(point, name) for name in PointBody.__struct_fields__ if name != "time"},
            )
            for point in points
        ]
        return cls(component=component, start=iso_millis(start), end=iso_millis(end), points=bodies)


class ReadingBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reading that somebody pushes."""

    status: Literal["healthy", "degraded", "unhealthy", "unknown"] = "healthy"
    message: _Text = ""
    measurements: _Numbers = {}
    stages: _Numbers = {}
    """Seconds."""
    response_time_ms: Annotated[float, Meta(ge=0, le=1e12)] | None = None


class PingBody(Struct, frozen=True):
    """That a sign of life was taken."""

    component: str
    time: str


class PluginBody(Struct, frozen=True, kw_only=True):
    """An installed plugin."""

    name: str
    distribution: str
    version: str
    ok: bool
    kinds: dict[str, list[str]]
    missing: list[str]


class PluginsBody(Struct, frozen=True):
    """What is installed, and what is wrong with it."""

    plugins: list[PluginBody]
    problems: list[Problem]


class ReloadBody(Struct, frozen=True):
    """What a reload changed: components by name, and other settings."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    other: list[str]
