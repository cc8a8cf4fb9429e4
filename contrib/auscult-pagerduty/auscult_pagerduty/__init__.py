"""The `pagerduty` channel: an incident per alert, triggered, acknowledged and resolved by the Events API v2."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertSeverity,
    ChangeKind,
    Channel,
    ChannelContext,
    Notice,
    Notification,
    SecretStr,
    deliver,
    deliver_each,
    hookimpl,
    wording,
)

__all__ = ["PagerDutyChannel", "auscult_channels"]

_SUMMARY, _KEY, _TEXT = 1024, 255, 1000
"""PagerDuty's limits of the summary and the deduplication key; ours of other texts, far below 512 kB in all."""
_SEVERITIES = {
    AlertSeverity.CRITICAL: "critical",
    AlertSeverity.HIGH: "error",
    AlertSeverity.MEDIUM: "warning",
    AlertSeverity.LOW: "info",
    AlertSeverity.INFO: "info",
}


class PagerDutyChannel(Channel, dict=True):
    """Opens, acknowledges and resolves PagerDuty incidents through the Events API v2."""

    kind = "pagerduty"
    tells = Channel.tells | {ChangeKind.ACKNOWLEDGED}

    routing_key: Annotated[SecretStr, Meta(pattern=r"^\S+$")]
    """Integration key of an Events API v2 integration, 32 characters."""
    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] = "https://events.pagerduty.com/v2/enqueue"
    """Where events go; ``https://events.eu.pagerduty.com/v2/enqueue`` for accounts in the EU region."""
    record_ended: bool = True
    """Put alerts that ended before PagerDuty could be told on record: triggered and resolved at once."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        await deliver_each(self, notification, partial(self._tell, notification, ctx))

    async def _tell(self, notification: Notification, ctx: ChannelContext, notice: Notice) -> None:
        for event in self.events(notification, notice):
            await deliver(self, ctx, self.url, json=event)

    def delivery_timeout(self) -> float | None:
        """See `Channel.delivery_timeout`; several alerts are several requests."""
        return 60.0

    def events(self, notification: Notification, notice: Notice) -> list[dict[str, Any]]:
        """What is posted for one notice, in this order."""
        trigger, end = self._trigger(notification, notice), self._short("resolve", notice)
        if notice.change.kind is ChangeKind.RESOLVED:
            return [trigger, end] if notice.ended_untold and self.record_ended else [end]
        if notice.change.kind is ChangeKind.ACKNOWLEDGED:
            taken = self._short("acknowledge", notice)
            return [trigger, taken] if notice.first else [taken]
        return [trigger, end] if notification.test else [trigger]

    def _short(self, action: str, notice: Notice) -> dict[str, Any]:
        return {
            "routing_key": self.routing_key,
            "event_action": action,
            "dedup_key": wording.truncate(notice.alert.id, _KEY),
        }

    def _trigger(self, notification: Notification, notice: Notice) -> dict[str, Any]:
        alert = notice.alert
        sender = wording.clean(notification.sender, 100) or "auscult"
        marked = "[TEST] " if notification.test else ""
        loud = alert.status.is_open and not notification.test
        said = wording.message(notice, _TEXT).replace("\n", " ")
        said = ": ".join(filter(None, [marked + wording.headline(notice), said]))
        payload = {
            "summary": wording.truncate(said, _SUMMARY),
            "source": wording.clean(alert.component, 100) or sender,
            "severity": _SEVERITIES[alert.severity] if loud else "info",
            "timestamp": datetime.fromtimestamp(alert.created_at / 1000, UTC).isoformat(),
            "component": wording.clean(alert.component, 100),
            "group": wording.clean(alert.rule, 100),
            "class": wording.clean(alert.component_type, 100),
            "custom_details": {"Message": wording.message(notice, _TEXT), **dict(wording.facts(notice))},
        }
        event = self._short("trigger", notice) | {"client": sender, "payload": _filled(payload)}
        if url := wording.web_link(notification.url):
            event["client_url"] = url
        if links := wording.links(notice, notification):
            event["links"] = [{"href": url, "text": name} for name, url in links]
        return event


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [PagerDutyChannel]
