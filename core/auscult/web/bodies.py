"""What ``/api/v1`` says and takes, as types; the OpenAPI document is made from them. Times are RFC 3339 with ms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.clock import iso_millis
from auscult.model import CheckResult, ComponentHealth, Problem, SystemHealth
from auscult.store import HistoryPoint, StoredResult

__all__ = [
    "ComponentBody",
    "ComponentList",
    "HistoryBody",
    "PingBody",
    "PluginsBody",
    "ReadingBody",
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


class ComponentBody(Struct, frozen=True, kw_only=True):
    """One component."""

    name: str
    type: str
    status: str
    message: str
    last_check: str | None
    since: str | None
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
    trend: str
    trends: dict[str, str]
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

    @classmethod
    def of(cls, view: ComponentHealth) -> ComponentBody:
        """The body for a view."""
        fields = {name: getattr(view, name) for name in cls.__struct_fields__ if hasattr(view, name)}
        return cls(
            **fields
            | {
                "name": view.component_name,
                "type": view.component_type,
                "last_check": _time(view.last_check),
                "since": _time(view.since),
                "reasons": list(view.reasons),
                "depends_on": list(view.depends_on),
                "blamed_on": list(view.blamed_on),
            }
        )


class ComponentList(Struct, frozen=True):
    """Components by name."""

    components: list[ComponentBody]


class SystemBody(Struct, frozen=True, kw_only=True):
    """The verdict over all components."""

    status: str
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
    status: str
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
