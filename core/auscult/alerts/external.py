"""Alerts that others raise and post, in the shape in which Prometheus sends them to an Alertmanager (API v2)."""

from __future__ import annotations

from msgspec import Struct

from auscult.alerts.book import Firing
from auscult.model import AlertSeverity

__all__ = ["ExternalAlert", "firing_of"]

_SEVERITIES = {
    "critical": AlertSeverity.CRITICAL,
    "page": AlertSeverity.CRITICAL,
    "emergency": AlertSeverity.CRITICAL,
    "error": AlertSeverity.HIGH,
    "high": AlertSeverity.HIGH,
    "major": AlertSeverity.HIGH,
    "warning": AlertSeverity.MEDIUM,
    "medium": AlertSeverity.MEDIUM,
    "minor": AlertSeverity.LOW,
    "low": AlertSeverity.LOW,
    "info": AlertSeverity.INFO,
    "none": AlertSeverity.INFO,
}
"""What people write into the label ``severity``; anything else, and nothing, is medium."""
_OWN = frozenset({"alertname", "severity", "component"})


class ExternalAlert(Struct, frozen=True, kw_only=True):
    """One alert as it was posted; times are ms since the epoch."""

    labels: dict[str, str]
    """``alertname`` becomes the rule, ``component`` the component, ``severity`` the severity; the rest stays."""
    annotations: dict[str, str] = {}
    """``summary`` or ``description`` becomes the message, ``runbook_url`` the runbook."""
    starts_at: int | None = None
    ends_at: int | None = None
    """Over from then on; None: until it has not been posted again for the resolve timeout."""
    generator: str = ""


def firing_of(alert: ExternalAlert) -> Firing:
    """What the book is told when it fires."""
    labels, notes = alert.labels, alert.annotations
    name = labels.get("alertname", "external")
    return Firing(
        rule=name,
        component=labels.get("component", ""),
        labels={key: value for key, value in labels.items() if key not in _OWN},
        severity=_SEVERITIES.get(labels.get("severity", "").lower(), AlertSeverity.MEDIUM),
        message=notes.get("summary") or notes.get("description") or name,
        runbook=notes.get("runbook_url", ""),
        generator=alert.generator or "external",
        cooldown=0.0,
        per_hour=0,
    )
