"""Notifications made by hand, and one delivery of them as the monitor would do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from auscult.alert import (
    Alert,
    AlertChange,
    AlertStatus,
    ChangeKind,
    Notice,
    Notification,
    alert_id,
    delivery_key,
    fingerprint,
)
from auscult.clock import Clock, SystemClock
from auscult.errors import DeliveryError
from auscult.kinds import Channel
from auscult.model import AlertSeverity
from auscult.runtime.channel_context import DeliveryContext
from auscult.testing.probing import AnsweringServices

if TYPE_CHECKING:
    from auscult.runtime.egress import EgressPolicy
    from auscult.testing.probing import Answer

__all__ = ["FakeChannelContext", "deliver_once", "make_notification"]

_START = 1_705_314_300_000
"""2024-01-15T10:25:00Z."""


def make_notification(
    *kinds: ChangeKind, channel: str = "test", attempt: int = 1, test: bool = False, **alert: Any
) -> Notification:
    """A notification of such changes, each of another alert; without `kinds` of one that fired.

    `alert` sets fields of the alerts: ``make_notification(ChangeKind.RESOLVED, message="all is well")``. The same
    arguments give the same delivery keys.
    """
    notices = tuple(_notice(kind, at, channel, alert) for at, kind in enumerate(kinds or (ChangeKind.FIRED,)))
    key = notices[0].key if len(notices) == 1 else fingerprint("", "", {notice.key: "" for notice in notices})
    return Notification(
        key=key,
        channel=channel,
        notices=notices,
        created_at=max(notice.change.at for notice in notices),
        attempt=attempt,
        test=test,
        url="https://auscult.example.com",
    )


def _notice(kind: ChangeKind, at: int, channel: str, changes: dict[str, Any]) -> Notice:
    over = kind is ChangeKind.RESOLVED
    fields: dict[str, Any] = {
        "rule": "component_unhealthy",
        "severity": AlertSeverity.HIGH,
        "status": AlertStatus.RESOLVED if over else AlertStatus.ACTIVE,
        "message": "Component stt_client is unhealthy: Connection timeout",
        "component": "stt_client" if not at else f"stt_client_{at}",
        "component_type": "stt_client",
        "labels": {"team": "voice"},
        "created_at": _START,
        "updated_at": _START + (90_000 if over else 0),
        "resolved_at": _START + 90_000 if over else None,
        "resolution": "recovered" if over else "",
        "number": 2 if over else 1,
        "values": {"response_time_ms": 5012.5, "status": "unhealthy"},
        "runbook": "https://wiki.example.com/stt",
    } | changes
    ident = alert_id(fingerprint(f"{at} {fields['rule']}", fields["component"], fields["labels"]), fields["created_at"])
    made = Alert(**({"id": ident} | fields))
    change = AlertChange(kind=kind, alert=made, at=made.updated_at)
    return Notice(key=delivery_key(made.id, made.number, channel), change=change, first=kind is ChangeKind.FIRED)


class FakeChannelContext(DeliveryContext):
    """What a channel is given, outside a monitor: everything in it is real, unless `answer` stands in for the network.

    For a test that calls `send` itself; `deliver_once` makes its own. Use it with ``async with``::

        async with FakeChannelContext(channel) as ctx:
            await channel.send(make_notification(), ctx)
    """

    __slots__ = ()

    def __init__(
        self,
        channel: Channel,
        *,
        name: str = "test",
        timeout: float | None = None,
        clock: Clock | None = None,
        state_dir: Path | None = None,
        answer: Answer | None = None,
        policy: EgressPolicy | None = None,
    ) -> None:
        """`answer` is called with each `httpx.Request` of ``ctx.http`` and returns the `httpx.Response`.

        `timeout` is by default what the channel asks for; `clock` the machine's; `state_dir` a temporary directory;
        `policy` the monitor's own, which lets a channel connect to loopback.
        """
        super().__init__(name, channel, AnsweringServices(clock or SystemClock(), policy, state_dir, answer))
        self.timeout = timeout or self.timeout

    async def __aenter__(self) -> FakeChannelContext:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP client, remove a temporary state directory."""
        with anyio.CancelScope(shield=True):
            await self._services.close()
            await anyio.lowlevel.checkpoint()  # asyncio closes connections at its next turn


async def deliver_once(
    channel: Channel,
    notification: Notification | None = None,
    *,
    name: str = "test",
    timeout: float | None = None,
    clock: Clock | None = None,
    state_dir: Path | None = None,
    answer: Answer | None = None,
    policy: EgressPolicy | None = None,
) -> None:
    """Deliver once as the monitor does, cut at the channel's time limit, and let it close; on asyncio and on trio.

    Raises what the channel raises, `DeliveryError` when it was cut. Without `notification` that of an alert that fired.
    Arguments as for `FakeChannelContext`.
    """
    async with FakeChannelContext(
        channel, name=name, timeout=timeout, clock=clock, state_dir=state_dir, answer=answer, policy=policy
    ) as ctx:
        try:
            with anyio.move_on_after(ctx.timeout) as scope:
                await channel.send(notification or make_notification(channel=name), ctx)
        finally:
            channel.close()
    if scope.cancelled_caught:
        raise DeliveryError(f"no answer within {ctx.timeout:g} s")
