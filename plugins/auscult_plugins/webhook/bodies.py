"""The documents that a webhook carries: auscult's own, and Alertmanager's. Plain data, no I/O.

A document depends on the notification alone and never on the attempt, so that a repeat under the same key is the same
bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from auscult import Alert, ChangeKind, Notice, Notification

__all__ = ["VERSION", "alertmanager_document", "document", "encode"]

VERSION = "1"
"""Of auscult's own body. Fields may be added to it; none is taken away or changes its meaning."""
_GOES_ON = "0001-01-01T00:00:00Z"
"""How Alertmanager says in `endsAt` that there is no end yet."""
_LAST = 253_402_300_799_999
"""The last moment that RFC 3339 can write; whoever posts alerts to us may name a later one."""
_LONE = re.compile("[\ud800-\udfff]")
_REASONS = {
    ChangeKind.FIRED: "first notification",
    ChangeKind.REOPENED: "new alerts added",
    ChangeKind.REMINDED: "repeat interval elapsed",
}


def document(notification: Notification) -> dict[str, Any]:
    """Auscult's own body, described by ``docs/reference/webhook.schema.json``."""
    return {
        "version": VERSION,
        "key": notification.key,
        "channel": notification.channel,
        "status": "firing" if notification.firing else "resolved",
        "created_at": _iso(notification.created_at),
        "test": notification.test,
        "sender": notification.sender,
        "url": notification.url,
        "group": notification.group,
        "alerts": [_alert(notice) for notice in notification.notices],
    }


def _alert(notice: Notice) -> dict[str, Any]:
    """The seed document's fields first, under its names."""
    alert, taken = notice.alert, notice.alert.acknowledged
    return {
        "id": alert.id,
        "name": alert.rule,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "message": alert.message,
        "component": alert.component,
        "created_at": _iso(alert.created_at),
        "updated_at": _iso(alert.updated_at),
        "key": notice.key,
        "change": notice.change.kind.value,
        "number": alert.number,
        "covers": list(notice.covers),
        "first": notice.first,
        "by": notice.change.by,
        "note": notice.change.note,
        "component_type": alert.component_type,
        "labels": alert.labels,
        "values": alert.values,
        "resolved_at": None if alert.resolved_at is None else _iso(alert.resolved_at),
        "resolution": alert.resolution,
        "episodes": alert.episodes,
        "acknowledged": taken
        and {
            "author": taken.author,
            "at": _iso(taken.at),
            "note": taken.note,
            "until": None if taken.until is None else _iso(taken.until),
        },
        "suppressed_by": alert.suppressed_by,
        "cause": alert.cause,
        "affected": list(alert.affected),
        "runbook": alert.runbook,
        "generator": alert.generator,
    }


def alertmanager_document(notification: Notification) -> dict[str, Any]:
    """What Alertmanager's webhook sends, version 4, so that receivers made for it understand."""
    alerts = [_alertmanager_alert(notice, notification) for notice in notification.notices]
    group = notification.group or _labels(notification.notices[0].alert)
    return {
        "version": "4",
        "groupKey": f"{{}}:{_matchers(group)}",
        "truncatedAlerts": 0,
        "status": "firing" if notification.firing else "resolved",
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
        "fingerprint": alert.id.partition("-")[0],
    }


def _labels(alert: Alert) -> dict[str, str]:
    """Labels that make no two alerts the same; those of the user come first and lose against ours."""
    ours = {"alertname": alert.rule, "component": alert.component, "severity": alert.severity.value}
    return alert.labels | {name: value for name, value in ours.items() if value}


def _common(maps: list[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in maps[0].items() if all(other.get(name) == value for other in maps[1:])}


def _matchers(labels: dict[str, str]) -> str:
    inside = ", ".join(f"{name}={msgspec.json.encode(_fit(value)).decode()}" for name, value in sorted(labels.items()))
    return f"{{{inside}}}"


def _reason(notification: Notification) -> str:
    if not notification.firing:
        return "all alerts resolved"
    if notification.resolved:
        return "some alerts resolved"
    return _REASONS.get(notification.loudest.change.kind, "unknown")


def _iso(at: int) -> str:
    """RFC 3339 in whole seconds, UTC, as the seed document's endpoints show times."""
    return datetime.fromtimestamp(min(max(at, 0), _LAST) // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(value: Any) -> bytes:
    """As JSON in UTF-8. Numbers that JSON does not have become null; text that UTF-8 does not have, U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_fit(value))


def _fit(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_fit(name): _fit(item) for name, item in value.items()}
    return [_fit(item) for item in value] if isinstance(value, list) else value
