"""The documents that a webhook carries: auscult's own, and Alertmanager's. Plain data, no I/O.

A document depends on the notification alone and never on the attempt, so that a repeat under the same key is the same
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from auscult import Alert, AlertSeverity, AlertStatus, ChangeKind, Notice, Notification

__all__ = ["VERSION", "AlertBody", "Body", "Taken", "alertmanager_document", "document", "encode"]

VERSION: Literal["1"] = "1"
_GOES_ON = "0001-01-01T00:00:00Z"
"""How Alertmanager says in `endsAt` that there is no end yet."""
_LAST = 253_402_300_799
"""The last second that RFC 3339 can write; whoever posts alerts to us may name a later one."""
_LONE = re.compile("[\ud800-\udfff]")
_REASONS = {
    ChangeKind.FIRED: "first notification",
    ChangeKind.REOPENED: "new alerts added",
    ChangeKind.REMINDED: "repeat interval elapsed",
}


_Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Taken(Struct, frozen=True, kw_only=True):
    """Who has taken an alert on."""

    author: str
    """Who it was."""
    at: _Moment
    """Since when."""
    note: str
    """What they said; may be empty."""
    until: _Moment | None
    """When it expires; null: with the alert."""


class AlertBody(Struct, frozen=True):
    """One alert as it is after a change; the seed document's fields first, under its names."""

    id: str
    """Id of the alert, the same from its beginning to its end."""
    name: str
    """Name of the rule."""
    severity: AlertSeverity
    """How bad it is."""
    status: AlertStatus
    """Where it is in its life."""
    message: str
    """What the rule says; may hold any text."""
    component: str
    """The component; empty for a rule over the whole system."""
    created_at: _Moment
    """When it fired first."""
    updated_at: _Moment
    """When it changed last."""
    key: str
    """The delivery key of this change for this channel: the same over retries and restarts. Remember it, and take a
    repeat for what it is."""
    change: ChangeKind
    """What happened."""
    number: Annotated[int, Meta(ge=1)]
    """Of this change; grows by one with each change of the alert."""
    covers: tuple[int, ...]
    """Numbers of earlier changes that were never told on their own and are told by this."""
    first: bool
    """Whether this channel hears of the alert for the first time."""
    by: str
    """Who made the change, where somebody did."""
    note: str
    """What they said."""
    component_type: str
    """Type of the component: `stt_client`, `database`."""
    labels: dict[str, str]
    """Labels of the component and the rule."""
    values: Mapping[str, float | str | None]
    """What the rule looked at; null for a number that JSON does not have."""
    resolved_at: _Moment | None
    """When it ended; null while it goes on."""
    resolution: str
    """Why it ended: `recovered`, `by hand`, `rule removed`, …"""
    episodes: Annotated[int, Meta(ge=1)]
    """How often it fired, reopenings included."""
    acknowledged: Taken | None
    """Who has taken it on; null for nobody."""
    suppressed_by: str
    """What keeps it quiet: `silence ID`, `maintenance NAME`, `dependency COMPONENT`."""
    cause: str
    """The component at fault, when it is another one."""
    affected: tuple[str, ...]
    """Components that fail with it."""
    runbook: str
    """Address of the runbook."""
    generator: str
    """Address of where the alert comes from, when not from a rule of ours."""


class Body(Struct, frozen=True):
    """What the channel `webhook` sends with `format = "auscult"`."""

    version: Literal["1"]
    """Of this format. Fields may be added; none is taken away or changes its meaning."""
    key: str
    """Key of the whole body, the same over retries and restarts; also the header `webhook-id`."""
    channel: str
    """Name of the channel in the sender's configuration."""
    status: Literal["firing", "resolved"]
    """`firing` as long as one of the alerts goes on."""
    created_at: _Moment
    """When the latest of the changes happened."""
    test: bool
    """Sent on request to try the channel; nothing is wrong."""
    sender: str
    """Name of the installation."""
    url: str
    """Where people find it; may be empty."""
    group: dict[str, str]
    """What the alerts have in common, where they were grouped."""
    alerts: Annotated[list[AlertBody], Meta(min_length=1)]
    """The alerts, oldest change first; each at most once."""


def document(notification: Notification) -> Body:
    """Auscult's own body, described by ``docs/reference/webhook.schema.json``."""
    return Body(
        VERSION,
        notification.key,
        notification.channel,
        "firing" if notification.goes_on else "resolved",
        _iso(notification.created_at),
        notification.test,
        notification.sender,
        notification.url,
        notification.group,
        [_alert(notice) for notice in notification.notices],
    )


def _alert(notice: Notice) -> AlertBody:
    # In the order of the fields: naming 27 of them takes ten times as long, more than all else that is done here.
    change = notice.change
    alert, taken = change.alert, change.alert.acknowledged
    return AlertBody(
        alert.id,
        alert.rule,
        alert.severity,
        alert.status,
        alert.message,
        alert.component,
        _iso(alert.created_at),
        _iso(alert.updated_at),
        notice.key,
        change.kind,
        alert.number,
        notice.covers,
        notice.first,
        change.by,
        change.note,
        alert.component_type,
        alert.labels,
        alert.values,
        _iso_or_none(alert.resolved_at),
        alert.resolution,
        alert.episodes,
        None
        if taken is None
        else Taken(author=taken.author, at=_iso(taken.at), note=taken.note, until=_iso_or_none(taken.until)),
        alert.suppressed_by,
        alert.cause,
        alert.affected,
        alert.runbook,
        alert.generator,
    )


def alertmanager_document(notification: Notification) -> dict[str, Any]:
    """What Alertmanager's webhook sends, version 4, so that receivers made for it understand."""
    alerts = [_alertmanager_alert(notice, notification) for notice in notification.notices]
    group = notification.group or _labels(notification.notices[0].alert)
    return {
        "version": "4",
        "groupKey": f"{{}}:{_matchers(group)}",
        "truncatedAlerts": 0,
        "status": "firing" if notification.goes_on else "resolved",
        "receiver": notification.channel,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": notification.url,
        "notification_reason": _reason(notification),
        "alerts": alerts,
    }


def _alertmanager_alert(notice: Notice, notification: Notification) -> dict[str, Any]:
    alert = notice.alert
    told = {
        "summary": alert.message,
        "runbook_url": alert.runbook,
        "cause": alert.cause,
        "affected": ", ".join(alert.affected),
        "note": notice.change.note,
    }
    return {
        "status": "firing" if alert.status.is_open else "resolved",
        "labels": _labels(alert),
        "annotations": {name: text for name, text in told.items() if text},
        "startsAt": _iso(alert.created_at),
        "endsAt": _GOES_ON if alert.resolved_at is None else _iso(alert.resolved_at),
        "generatorURL": alert.generator or notification.url,
        "fingerprint": alert.fingerprint,
    }


def _labels(alert: Alert) -> dict[str, str]:
    """Labels that make no two alerts the same; those of the user come first and lose against ours."""
    ours = {"alertname": alert.rule or "unnamed", "component": alert.component, "severity": alert.severity.value}
    return alert.labels | {name: value for name, value in ours.items() if value}


def _common(maps: list[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in maps[0].items() if all(other.get(name) == value for other in maps[1:])}


def _matchers(labels: dict[str, str]) -> str:
    inside = ", ".join(f"{name}={msgspec.json.encode(_fit(value)).decode()}" for name, value in sorted(labels.items()))
    return f"{{{inside}}}"


def _reason(notification: Notification) -> str:
    if not notification.goes_on:
        return "all alerts resolved"
    if notification.resolved:
        return "some alerts resolved"
    return _REASONS.get(notification.loudest.change.kind, "unknown")


def _iso(at: int) -> str:
    """RFC 3339 in whole seconds, UTC, as the seed document's endpoints show times."""
    return _iso_of_second(at // 1000)


@lru_cache(maxsize=256)
def _iso_of_second(second: int) -> str:
    """In a storm many alerts have the same times."""
    return datetime.fromtimestamp(min(max(second, 0), _LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso_or_none(at: int | None) -> str | None:
    return None if at is None else _iso(at)


def encode(value: Any) -> bytes:
    """As JSON in UTF-8. Numbers that JSON does not have become null; text that UTF-8 does not have, U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_fit(msgspec.to_builtins(value)))


def _fit(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_fit(name): _fit(item) for name, item in value.items()}
    return [_fit(item) for item in value] if isinstance(value, list | tuple) else value
