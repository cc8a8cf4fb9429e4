"""The `alertmanager` channel: alerts in a Prometheus Alertmanager, by its API v2."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertSeverity,
    ChangeKind,
    Channel,
    ChannelContext,
    Duration,
    Notice,
    Notification,
    SecretStr,
    deliver,
    hookimpl,
    wording,
)

__all__ = ["AlertmanagerChannel", "auscult_channels"]

_VALUE = 1024
_TEST = 300_000
"""Milliseconds after which a test is over by itself: long enough to be grouped and told."""
_UNFIT = re.compile(r"[^A-Za-z0-9_]")


class AlertmanagerChannel(Channel):
    """Posts alerts to a Prometheus Alertmanager."""

    kind = "alertmanager"
    tells = Channel.tells | {ChangeKind.UPDATED}

    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
    """Address of Alertmanager, with its path prefix where it has one: ``http://127.0.0.1:9093``."""
    resend: Duration = Duration("5m")
    """How often everything that goes on is sent again."""
    firing_for: Duration = Duration("1h")
    """How long Alertmanager takes an alert for firing without hearing of it again; at least twice `resend`."""
    username: str = ""
    """For basic authentication."""
    password: SecretStr = ""
    """For basic authentication."""
    token: SecretStr = ""
    """Sent as a bearer token."""

    def __post_init__(self) -> None:
        if not 2 * self.resend <= self.firing_for:
            raise ValueError(f"`firing_for` = {self.firing_for}: expected at least twice `resend`, {self.resend}")
        if not self.resend >= 1:
            raise ValueError(f"`resend` = {self.resend}: expected at least 1s")

    def renewal(self) -> float | None:
        """See `Channel.renewal`; Alertmanager forgets what nobody repeats."""
        return float(self.resend)

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        alerts = self.alerts(notification, ctx.clock.now_ms())
        await deliver(self, ctx, f"{self.url.rstrip('/')}/api/v2/alerts", json=alerts, headers=self._login())

    def alerts(self, notification: Notification, now: int) -> list[dict[str, Any]]:
        """What is posted at `now` (ms)."""
        return [alert for notice in notification.notices for alert in self._alerts(notification, notice, now)]

    def _alerts(self, notification: Notification, notice: Notice, now: int) -> Iterator[dict[str, Any]]:
        alert = notice.alert
        over = alert.resolved_at if not alert.status.is_open and alert.resolved_at is not None else None
        if over is None:
            over = now + (_TEST if notification.test else int(self.firing_for * 1000))
        posted: dict[str, Any] = {
            "labels": _labels(notice, alert.severity),
            "annotations": _annotations(notice, test=notification.test),
            "startsAt": _moment(alert.created_at),
            "endsAt": _moment(max(over, alert.created_at + 1)),
        }
        if origin := wording.web_link(alert.generator) or wording.web_link(notification.url):
            posted["generatorURL"] = origin
        yield posted
        if not notice.first and (notice.change.kind is ChangeKind.UPDATED or notice.covers):
            # The severity is a label: under another one it may fire there, as another alert. Which one is not known.
            ended = _moment(max(min(over, now), alert.created_at + 1))
            for severity in AlertSeverity:
                if severity is not alert.severity:
                    yield posted | {"labels": _labels(notice, severity), "endsAt": ended}

    def _login(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username or self.password:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}


def _labels(notice: Notice, severity: AlertSeverity) -> dict[str, str]:
    """Labels as Alertmanager takes them: fit names, no empty values; the same for the same alert, always."""
    alert = notice.alert
    labels = {
        "alertname": wording.clean(alert.rule, _VALUE) or "unnamed",
        "severity": severity.value,
        "component": wording.clean(alert.component, _VALUE),
        "component_type": wording.clean(alert.component_type, _VALUE),
    }
    for name, value in sorted(alert.labels.items()):
        fit = _UNFIT.sub("_", name[:_VALUE]) or "_"
        fit = f"_{fit}" if fit[0].isdigit() else fit
        while fit in labels:
            fit = f"exported_{fit}"
        labels[fit] = wording.clean(value, _VALUE)
    return {name: value for name, value in labels.items() if value}


def _annotations(notice: Notice, *, test: bool) -> dict[str, str]:
    alert = notice.alert
    said = {
        "summary": ("[TEST] " if test else "") + wording.headline(notice),
        "description": wording.message(notice),
        "runbook_url": wording.clean(alert.runbook, _VALUE),
        "cause": wording.clean(alert.cause, _VALUE),
        "affected": wording.clean(", ".join(alert.affected[:100]), _VALUE),
    }
    return {name: value for name, value in said.items() if value}


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [AlertmanagerChannel]
