"""Notifications made by hand, and the context that a channel is given, with everything real in it."""

from __future__ import annotations

import logging
from pathlib import Path

from auscult import (
    Alert,
    AlertChange,
    AlertSeverity,
    AlertStatus,
    ChangeKind,
    Channel,
    ChannelContext,
    Clock,
    Notice,
    Notification,
    SystemClock,
)
from auscult.alert import alert_id, delivery_key, fingerprint
from auscult.runtime.client import make_client
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

START = 1_705_314_300_000
"""2024-01-15T10:25:00Z, as in the seed document."""


def make_alert(kind: ChangeKind = ChangeKind.FIRED, **changes) -> Alert:
    """The seed document's alert, as it is after a change of that kind."""
    rule, component = changes.get("rule", "component_unhealthy"), changes.get("component", "stt_client")
    labels = changes.get("labels", {"team": "voice"})
    over = kind is ChangeKind.RESOLVED
    fields = {
        "id": alert_id(fingerprint(rule, component, labels), START),
        "rule": rule,
        "severity": AlertSeverity.HIGH,
        "status": AlertStatus.RESOLVED if over else AlertStatus.ACTIVE,
        "message": "Component stt_client is unhealthy: Connection timeout",
        "component": component,
        "component_type": component,
        "labels": labels,
        "created_at": START,
        "updated_at": START + (90_000 if over else 0),
        "resolved_at": START + 90_000 if over else None,
        "resolution": "recovered" if over else "",
        "number": 2 if over else 1,
        "values": {"response_time_ms": 5012.5, "status": "unhealthy"},
    }
    return Alert(**(fields | changes))


def make_notice(kind: ChangeKind = ChangeKind.FIRED, channel: str = "ops", **changes) -> Notice:
    """A notice of such a change; `covers`, `first`, `by` and `note` go where they belong, the rest to the alert."""
    own = {name: changes.pop(name) for name in ("covers", "first", "key") if name in changes}
    said = {name: changes.pop(name) for name in ("by", "note") if name in changes}
    alert = make_alert(kind, **changes)
    own = {"first": kind is ChangeKind.FIRED, "key": delivery_key(alert.id, alert.number, channel)} | own
    return Notice(change=AlertChange(kind=kind, alert=alert, at=alert.updated_at, **said), **own)


def make_notification(*notices: Notice, channel: str = "ops", **fields) -> Notification:
    """An envelope of these, or of the seed document's firing alert."""
    notices = notices or (make_notice(),)
    defaults = {"key": notices[0].key, "created_at": notices[0].change.at, "url": "https://auscult.example.com"}
    return Notification(channel=channel, notices=notices, **(defaults | fields))


class FakeChannelContext(ChannelContext):
    """What a channel is given: real client, real resolver, real threads; close it with ``async with``."""

    __slots__ = ("_client", "_directory", "_resolver", "channel", "clock", "log", "timeout")

    def __init__(
        self,
        channel: Channel,
        directory: Path,
        *,
        name: str = "ops",
        timeout: float | None = None,
        clock: Clock | None = None,
        policy: EgressPolicy | None = None,
    ) -> None:
        policy = policy or EgressPolicy()
        self.channel = name
        self.timeout = timeout or channel.delivery_timeout() or 30.0
        self.clock = clock or SystemClock()
        self.log = logging.getLogger(f"auscult.plugins.{channel.kind}")
        self._resolver = Resolver(policy)
        self._client = make_client(policy, self._resolver)
        self._directory = directory

    @property
    def http(self):
        return self._client

    @property
    def state_dir(self) -> Path:
        path = self._directory / "channels" / self.channel
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        return await self._resolver.resolve(host, port)
