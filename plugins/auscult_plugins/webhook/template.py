"""Bodies that a user writes as a template."""

from __future__ import annotations

from typing import Any

import msgspec

from auscult import Alert, AlertChange, AlertSeverity, AlertStatus, ChangeKind, Notice, Notification
from auscult_plugins._template import FUEL, MAX_BODY, MAX_SOURCE, Engine, TemplateProblem
from auscult_plugins.webhook.bodies import document, encode

__all__ = ["MAX_BODY", "MAX_SOURCE", "Template", "TemplateProblem"]

FUEL_PER_ALERT = 200
"""Steps for each alert of an envelope after the first, so that a storm does not run out of them."""


def _with_numbers(body: dict[str, Any], notification: Notification) -> dict[str, Any]:
    """`body` with its times in ms beside those for people: templates cannot read a date."""
    body["created_at_ms"] = notification.created_at
    for told, notice in zip(body["alerts"], notification.notices, strict=True):
        for name in ("created_at", "updated_at", "resolved_at"):
            told[f"{name}_ms"] = getattr(notice.alert, name)
    return body


class Template:
    """A template that has been read and tried. Raises TemplateProblem, MissingDependency."""

    def __init__(self, source: str, *, json: bool) -> None:
        """`json`: what it makes has to be a JSON document."""
        self._engine = Engine(source, json=json)
        for sample in _samples():
            self.render(sample)

    def render(self, notification: Notification) -> bytes:
        """The body. The template sees auscult's own body, its times as numbers too (`created_at_ms`), and as `alert`
        the alert to judge the envelope by.
        """
        data = _with_numbers(msgspec.json.decode(encode(document(notification))), notification)
        data["alert"] = data["alerts"][notification.notices.index(notification.loudest)]
        return self._engine.render(data, fuel=FUEL + FUEL_PER_ALERT * (len(notification.notices) - 1))


def _samples() -> list[Notification]:
    """What a template has to bear before it is believed: texts that break JSON, and everything empty."""
    nasty = 'a "quoted" \\ text\nof two lines\t{{ x }}'
    full = Alert(
        id="18d0c1f5a60-00000000000000ff",
        rule=nasty,
        severity=AlertSeverity.HIGH,
        status=AlertStatus.ACTIVE,
        message=nasty,
        component=nasty,
        component_type=nasty,
        labels={nasty: nasty},
        created_at=1_705_314_300_000,
        updated_at=1_705_314_300_000,
        values={"response_time_ms": 5012.5, nasty: nasty},
        cause=nasty,
        affected=(nasty,),
        runbook=nasty,
    )
    bare = Alert(
        id="00000000000-0000000000000000",
        rule="r",
        severity=AlertSeverity.INFO,
        status=AlertStatus.RESOLVED,
        message="",
        created_at=0,
        updated_at=0,
        resolved_at=0,
    )
    return [
        _sample(ChangeKind.FIRED, full, sender=nasty, url="https://auscult.example.com", group={nasty: nasty}),
        _sample(ChangeKind.RESOLVED, bare, sender="", url="", group={}),
    ]


def _sample(kind: ChangeKind, alert: Alert, **fields: Any) -> Notification:
    notice = Notice(key="k", change=AlertChange(kind=kind, alert=alert, at=0))
    return Notification(key="k", channel="c", notices=(notice,), created_at=0, **fields)
