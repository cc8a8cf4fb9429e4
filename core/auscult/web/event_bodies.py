"""What the event stream says, as types; see ``docs/reference/events.md``. Times are RFC 3339 with milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from auscult.alert import AlertChange, ChangeKind
from auscult.clock import iso_millis
from auscult.model import CheckResult, ComponentHealth, Status, SystemHealth
from auscult.web.alert_bodies import AlertBody

__all__ = [
    "AlertEvent",
    "ByeEvent",
    "ComponentEvent",
    "HelloEvent",
    "IdsEvent",
    "Mode",
    "NameEvent",
    "NamesEvent",
    "ReadyEvent",
    "SystemEvent",
    "TimeEvent",
]

Mode = Literal["snapshot", "replay", "live"]
"""Whether what follows replaces what the reader knows, completes it, or nothing follows."""


class HelloEvent(Struct, frozen=True, kw_only=True):
    """The beginning, or the first after a gap."""

    mode: Mode
    time: str
    started_at: str | None
    version: str


class TimeEvent(Struct, frozen=True, kw_only=True):
    """That the server is there."""

    time: str


class ReadyEvent(Struct, frozen=True, kw_only=True):
    """The beginning is told."""

    time: str
    alerts_left_out: int = 0
    """Open alerts beyond the thousand newest, which a snapshot leaves to a request."""


class ByeEvent(Struct, frozen=True, kw_only=True):
    """The end."""

    reason: str


class NameEvent(Struct, frozen=True, kw_only=True):
    """A component that is monitored no more."""

    name: str


class NamesEvent(Struct, frozen=True, kw_only=True):
    """All components that there are."""

    names: list[str]


class IdsEvent(Struct, frozen=True, kw_only=True):
    """All silences that are not over."""

    ids: list[str]


class SystemEvent(Struct, frozen=True, kw_only=True):
    """The verdict."""

    status: Status
    message: str
    last_check: str | None
    healthy_components: int
    total_components: int
    health_percentage: float
    health_score: float

    @classmethod
    def of(cls, system: SystemHealth) -> SystemEvent:
        """The event for a verdict."""
        return cls(
            status=system.status,
            message=system.message,
            last_check=None if system.last_check is None else iso_millis(system.last_check),
            healthy_components=system.healthy_components,
            total_components=system.total_components,
            health_percentage=system.health_percentage,
            health_score=system.health_score,
        )


class ResultEvent(Struct, frozen=True, kw_only=True):
    """One result, within its component's summary."""

    time: str
    status: Status
    response_time_ms: float | None
    message: str
    origin: str

    @classmethod
    def of(cls, result: CheckResult) -> ResultEvent:
        """The event for a result."""
        return cls(
            time=iso_millis(result.at),
            status=result.status,
            response_time_ms=result.response_time_ms,
            message=result.message,
            origin=result.origin,
        )


class ComponentEvent(Struct, frozen=True, kw_only=True):
    """One component's summary."""

    name: str
    type: str
    group: str
    status: Status
    message: str
    last_check: str | None
    since: str | None
    response_time_ms: float | None
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    consecutive_failures: int
    reasons: tuple[str, ...]
    flapping: bool
    stale: bool
    counted: bool
    critical: bool
    result: ResultEvent | None
    """The latest, where it is told for one."""
    earlier: tuple[ResultEvent, ...] = ()
    """Those that came just before that one, oldest first."""

    @classmethod
    def of(cls, view: ComponentHealth, results: Sequence[CheckResult] = ()) -> ComponentEvent:
        """The event for a view and the results it is told for, oldest first."""
        told = tuple(ResultEvent.of(result) for result in results)
        return cls(
            name=view.component_name,
            type=view.component_type,
            group=view.group,
            status=view.status,
            message=view.message,
            last_check=None if view.last_check is None else iso_millis(view.last_check),
            since=None if view.since is None else iso_millis(view.since),
            response_time_ms=view.response_time_ms,
            success_rate=view.success_rate,
            p50_ms=view.p50_ms,
            p95_ms=view.p95_ms,
            p99_ms=view.p99_ms,
            consecutive_failures=view.consecutive_failures,
            reasons=view.reasons,
            flapping=view.flapping,
            stale=view.stale,
            counted=view.counted,
            critical=view.critical,
            result=told[-1] if told else None,
            earlier=told[:-1],
        )


class WhatEvent(Struct, frozen=True, kw_only=True):
    """What happened to an alert."""

    kind: ChangeKind
    number: int
    at: str
    by: str
    note: str


class AlertEvent(Struct, frozen=True, kw_only=True):
    """One change of an alert, or how it is."""

    sequence: int
    change: WhatEvent | None
    alert: AlertBody

    @classmethod
    def of(cls, sequence: int, change: AlertChange) -> AlertEvent:
        """The event for a change."""
        alert = change.alert
        what = WhatEvent(
            kind=change.kind, number=alert.number, at=iso_millis(change.at), by=change.by, note=change.note
        )
        return cls(sequence=sequence, change=what, alert=AlertBody.of(alert))
