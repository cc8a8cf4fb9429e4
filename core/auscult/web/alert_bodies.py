"""What the alert endpoints say and take, as types. Times are RFC 3339: whole seconds at ``/alerts``, else with ms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from auscult.alert import Alert, AlertChange, AlertStatus, ChangeKind
from auscult.alerts.matching import Matcher
from auscult.alerts.quiet import MaintenanceWindow, Silence
from auscult.alerts.rows import Row, RowState
from auscult.clock import iso_millis, iso_seconds
from auscult.kinds import Channel
from auscult.model import AlertSeverity
from auscult.rules.rule import AlertRule
from auscult.runtime.delivery import ChannelStats

__all__ = [
    "TAKEN",
    "AcknowledgeBody",
    "AlertBody",
    "AlertDetailBody",
    "AlertList",
    "AlertsBody",
    "AuditBody",
    "AuditList",
    "ChannelBody",
    "ChannelList",
    "DeliveryBody",
    "DeliveryList",
    "MaintenanceBody",
    "MaintenanceList",
    "NoteBody",
    "PreviewBody",
    "ResendBody",
    "RuleBody",
    "RuleList",
    "SeedAlertBody",
    "SilenceBody",
    "SilenceList",
    "SilenceRequest",
    "SummaryBody",
    "TestedBody",
    "ToldBody",
    "change_body",
    "milliseconds",
]

_PRINTABLE = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]*$"
MAX_TIME = 253_402_300_799_000
"""The last second of the year 9999, in ms."""
_Text = Annotated[str, Meta(max_length=2000, pattern=_PRINTABLE)]
_Ident = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00-\\x1f]*$")]


def _time(at: int | None) -> str | None:
    return None if at is None else iso_millis(at)


class AcknowledgementBody(Struct, frozen=True, kw_only=True):
    """Who has taken an alert on."""

    author: str
    at: str
    note: str
    until: str | None


class _Alert(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    """The rule."""
    severity: AlertSeverity
    status: AlertStatus
    message: str
    component: str
    created_at: str
    updated_at: str
    component_type: str
    labels: dict[str, str]
    resolved_at: str | None
    resolution: str
    """Why it was resolved."""
    number: int
    """Of its latest change."""
    episodes: int
    """How often it fired, reopenings included."""
    values: dict[str, float | str]
    acknowledged: AcknowledgementBody | None
    suppressed_by: str
    cause: str
    affected: list[str]
    runbook: str
    generator: str


class SeedAlertBody(_Alert, frozen=True, kw_only=True):
    """One alert as the seed document shows it, with all that auscult adds."""

    @classmethod
    def of(cls, alert: Alert) -> SeedAlertBody:
        """The body for an alert; times have whole seconds."""
        return cls(**_fields(alert, iso_seconds))


class AlertBody(_Alert, frozen=True, kw_only=True):
    """One alert."""

    @classmethod
    def of(cls, alert: Alert) -> AlertBody:
        """The body for an alert; times have milliseconds."""
        return cls(**_fields(alert, iso_millis))


def _fields(alert: Alert, write: Callable[[int], str]) -> dict[str, Any]:
    ack = alert.acknowledged
    shown = {name: getattr(alert, name) for name in _Alert.__struct_fields__ if name not in ("name", "acknowledged")}
    return shown | {
        "name": alert.rule,
        "created_at": write(alert.created_at),
        "updated_at": write(alert.updated_at),
        "resolved_at": None if alert.resolved_at is None else write(alert.resolved_at),
        "affected": list(alert.affected),
        "acknowledged": ack
        and AcknowledgementBody(author=ack.author, at=write(ack.at), note=ack.note, until=_time(ack.until)),
    }


class SummaryBody(Struct, frozen=True, kw_only=True):
    """The totals."""

    total_active: int
    """Active and acknowledged."""
    total_resolved: int
    """Within the last 24 hours."""
    active_by_severity: dict[str, int]


class AlertsBody(Struct, frozen=True, kw_only=True):
    """The seed document's ``GET /alerts``."""

    alerts: list[SeedAlertBody]
    summary: SummaryBody


class AlertList(Struct, frozen=True, kw_only=True):
    """Alerts, newest first."""

    alerts: list[AlertBody]
    next_before: str | None
    """Ask with this time, in ms, as `before` for older ones; null when there are none."""
    next_before_id: str | None
    """And with this as `before_id`, so that none of the same millisecond is left out."""


class ChangeBody(Struct, frozen=True, kw_only=True):
    """One thing that happened to an alert."""

    kind: ChangeKind
    number: int
    at: str
    by: str
    note: str
    status: AlertStatus
    severity: AlertSeverity
    message: str


def change_body(change: AlertChange) -> ChangeBody:
    """The body for a change."""
    alert = change.alert
    return ChangeBody(
        kind=change.kind,
        number=alert.number,
        at=iso_millis(change.at),
        by=change.by,
        note=change.note,
        status=alert.status,
        severity=alert.severity,
        message=alert.message,
    )


class AlertDetailBody(Struct, frozen=True, kw_only=True):
    """One alert with its life."""

    alert: AlertBody
    changes: list[ChangeBody]


class MatcherBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition on a label, or on `rule`, `component`, `type` or `severity`."""

    name: Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_.-]{0,99}$")]
    value: Annotated[str, Meta(max_length=200, pattern=_PRINTABLE)]
    """The text itself, or a pattern with at most four `*`."""
    negative: bool = False

    def matcher(self) -> Matcher:
        """As the alert book has it. Raises ValueError."""
        return Matcher(self.name, self.value, "!=" if self.negative else "=")


_Matchers = Annotated[list[MatcherBody], Meta(min_length=1, max_length=50)]


class SilenceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A silence that is to be."""

    matchers: _Matchers
    ends_at: Annotated[datetime, Meta(tz=True)]
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    """Default: now."""
    comment: Annotated[_Text, Meta(min_length=1)]
    """Why."""


class PreviewBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts would a silence keep quiet?"""

    matchers: _Matchers


class SilenceBody(Struct, frozen=True, kw_only=True):
    """A silence."""

    id: str
    matchers: list[MatcherBody]
    starts_at: str
    ends_at: str
    created_at: str
    author: str
    comment: str
    ended_by: str

    @classmethod
    def of(cls, silence: Silence) -> SilenceBody:
        """The body for a silence."""
        return cls(
            id=silence.id,
            matchers=[MatcherBody(name=m.name, value=m.value, negative=m.op == "!=") for m in silence.matchers],
            starts_at=iso_millis(silence.starts_at),
            ends_at=iso_millis(silence.ends_at),
            created_at=iso_millis(silence.created_at),
            author=silence.author,
            comment=silence.comment,
            ended_by=silence.ended_by,
        )


class SilenceList(Struct, frozen=True, kw_only=True):
    """Silences that are not over, those that end first in front."""

    silences: list[SilenceBody]


class MaintenanceBody(Struct, frozen=True, kw_only=True):
    """Planned work, during which nobody is told of the alerts that match."""

    name: str
    matchers: list[MatcherBody]
    """Empty: every alert."""
    in_force: bool
    next_change: str | None
    """When it ends, or next begins; null when it never does again."""
    cron: str
    timezone: str
    duration: float
    """Seconds from each start that `cron` names."""
    comment: str

    @classmethod
    def of(cls, window: MaintenanceWindow, now: int) -> MaintenanceBody:
        """The body for a window."""
        edge = window.next_edge(now)
        return cls(
            name=window.name,
            matchers=[MatcherBody(name=m.name, value=m.value, negative=m.op == "!=") for m in window.matchers],
            in_force=window.covers(now),
            next_change=None if edge is None or edge > MAX_TIME else iso_millis(edge),
            cron=window.cron,
            timezone=window.timezone,
            duration=window.duration,
            comment=window.comment,
        )


class MaintenanceList(Struct, frozen=True, kw_only=True):
    """Maintenance windows."""

    windows: list[MaintenanceBody]


class AcknowledgeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An acknowledgement; an empty object is one without a note and without an end."""

    note: _Text = ""
    until: Annotated[datetime, Meta(tz=True)] | None = None


class NoteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to write down."""

    note: _Text = ""


class DeliveryBody(Struct, frozen=True, kw_only=True):
    """One change of one alert, and how far it is on its way to one channel."""

    key: str
    alert: str
    number: int
    channel: str
    state: RowState
    attempts: int
    due: str
    done_at: str | None
    error: str
    into: str
    """Key of the notice that tells it instead."""

    @classmethod
    def of(cls, row: Row) -> DeliveryBody:
        """The body for a row of the outbox."""
        return cls(**_delivery(row))


def _delivery(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "alert": row.alert,
        "number": row.number,
        "channel": row.channel,
        "state": row.state,
        "attempts": row.attempts,
        "due": iso_millis(row.due),
        "done_at": _time(row.done_at),
        "error": row.error,
        "into": row.into,
    }


class ToldBody(DeliveryBody, frozen=True, kw_only=True):
    """A delivery, and what it tells, for people: the alert as it was at that change."""

    change: ChangeKind
    at: str
    """When that happened."""
    rule: str
    component: str
    labels: dict[str, str]
    severity: AlertSeverity
    message: str

    @classmethod
    def telling(cls, row: Row, change: AlertChange) -> ToldBody:
        """The body for a row of the outbox and the change that it tells."""
        alert = change.alert
        return cls(
            **_delivery(row),
            change=change.kind,
            at=iso_millis(change.at),
            rule=alert.rule,
            component=alert.component,
            labels=alert.labels,
            severity=alert.severity,
            message=alert.message,
        )


class DeliveryList(Struct, frozen=True, kw_only=True):
    """Deliveries, newest first."""

    deliveries: list[ToldBody]
    next_before: str | None
    """Ask with this as `before` for older ones; null when there are none."""


class AuditBody(Struct, frozen=True, kw_only=True):
    """One thing that somebody did."""

    id: int
    """Grows."""
    at: str
    who: str
    """The token's name; `local` for somebody on this machine where there are no tokens."""
    action: str
    target: str
    details: str

    @classmethod
    def of(cls, number: int, at: int, who: str, action: str, target: str, details: str) -> AuditBody:
        """The body for a row."""
        return cls(id=number, at=iso_millis(at), who=who, action=action, target=target, details=details)


class AuditList(Struct, frozen=True, kw_only=True):
    """What people did, newest first."""

    rows: list[AuditBody]
    next_before: int | None
    """Ask with this as `before` for older ones; null when there are none."""


class ResendBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dead letter to try again."""

    key: _Ident


class ChannelBody(Struct, frozen=True, kw_only=True):
    """One channel, and how it is doing."""

    name: str
    kind: str
    best_effort: bool
    """Success cannot be known for certain."""
    delivered: int
    failed: int
    given_up: int
    in_flight: int
    waiting: int
    last_error: str
    failing_since: str | None
    paused: bool
    """It failed so often that only single attempts are made."""

    @classmethod
    def of(cls, name: str, channel: Channel, stats: ChannelStats) -> ChannelBody:
        """The body for a channel."""
        return cls(
            name=name,
            kind=channel.kind,
            best_effort=channel.best_effort,
            delivered=stats.delivered,
            failed=stats.failed,
            given_up=stats.given_up,
            in_flight=stats.in_flight,
            waiting=stats.waiting,
            last_error=stats.last_error,
            failing_since=_time(stats.failing_since),
            paused=stats.open,
        )


class ChannelList(Struct, frozen=True, kw_only=True):
    """Channels by name."""

    channels: list[ChannelBody]


class TestedBody(Struct, frozen=True, kw_only=True):
    """What came of a test."""

    delivered: bool
    seconds: float | None
    error: str


class RuleBody(Struct, frozen=True, kw_only=True):
    """One rule."""

    name: str
    condition: str
    """The expression, or the function's name."""
    severity: AlertSeverity
    scope: str
    message_template: str
    cooldown_minutes: float
    max_alerts_per_hour: int

    @classmethod
    def of(cls, rule: AlertRule) -> RuleBody:
        """The body for a rule."""
        condition = rule.condition
        return cls(
            name=rule.name,
            condition=condition if isinstance(condition, str) else getattr(condition, "__name__", "a function"),
            severity=rule.severity,
            scope=rule.scope,
            message_template=rule.message_template,
            cooldown_minutes=float(rule.cooldown_minutes),
            max_alerts_per_hour=rule.max_alerts_per_hour,
        )


class RuleList(Struct, frozen=True, kw_only=True):
    """The rules in force."""

    rules: list[RuleBody]


TAKEN = (AcknowledgeBody, NoteBody, PreviewBody, ResendBody, SilenceRequest)
"""Bodies of requests: they refuse what is unknown."""


def milliseconds(moment: datetime | None) -> int | None:
    """Since the epoch. Raises ValueError for what the year 9999 and the epoch do not hold between them."""
    if moment is None:
        return None
    found = int(moment.timestamp() * 1000)
    if not 0 <= found <= MAX_TIME:
        raise ValueError("the time lies outside of 1970 to 9999")
    return found
