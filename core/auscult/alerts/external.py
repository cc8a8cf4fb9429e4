"""Alerts that others raise and post, in the shape in which Prometheus sends them to an Alertmanager (API v2)."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from msgspec import Struct

from auscult.alerts.book import AlertBook, Firing
from auscult.model import AlertSeverity

__all__ = ["ExternalAlert", "Externals", "firing_of"]

RESOLVE_AFTER = 300_000
"""Milliseconds after which an alert without an end is over unless it is posted again; as Alertmanager has it."""

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


class Externals:
    """Drives the book with what others post, and ends what they post no more."""

    def __init__(self, book: AlertBook) -> None:
        self._book = book
        self._open: dict[str, tuple[int, Firing]] = {}
        """By fingerprint: when it ends, and what it is."""
        self._ends: list[tuple[int, str]] = []

    def post(self, alerts: Iterable[ExternalAlert], now: int) -> None:
        """Take in what was posted."""
        for alert in alerts:
            firing = firing_of(alert)
            if alert.ends_at is not None and alert.ends_at <= now:
                self._end(firing.fingerprint, firing, now)
            else:
                self._go_on(firing, alert.ends_at or now + RESOLVE_AFTER)
                self._book.fire(firing, now)

    def adopt(self, firing: Firing, now: int) -> None:
        """One that was open before a restart."""
        self._go_on(firing, now + RESOLVE_AFTER)

    def sweep(self, now: int) -> None:
        """End what nobody posts any more."""
        while self._ends and self._ends[0][0] <= now:
            _, print_ = heappop(self._ends)
            known = self._open.get(print_)
            if known is None:
                continue
            end, firing = known
            if end <= now:
                self._end(print_, firing, now)
            else:
                heappush(self._ends, (end, print_))

    def next_due(self) -> int | None:
        """When `sweep` may have something to do."""
        return self._ends[0][0] if self._ends else None

    def _go_on(self, firing: Firing, end: int) -> None:
        print_ = firing.fingerprint
        if print_ not in self._open:
            heappush(self._ends, (end, print_))
        self._open[print_] = (end, firing)

    def _end(self, print_: str, firing: Firing, now: int) -> None:
        self._open.pop(print_, None)
        self._book.clear(firing.rule, firing.component, firing.labels, now)
