"""The `datadog` channel: an event per alert and change."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, structs

from auscult import (
    AlertSeverity,
    AlertStatus,
    Channel,
    ChannelContext,
    Notice,
    Notification,
    SecretStr,
    deliver,
    deliver_each,
    wording,
)
from auscult_datadog.tags import tag

__all__ = ["DatadogChannel"]

_TITLE, _TEXT, _KEY, _TAGS = 100, 4000, 100, 100
"""Datadog's limits, in characters and tags."""
_OLDEST = 17 * 3_600_000
"""Milliseconds; Datadog takes no event older than 18 h, by its own clock."""
_TYPES = {
    AlertSeverity.CRITICAL: "error",
    AlertSeverity.HIGH: "error",
    AlertSeverity.MEDIUM: "warning",
    AlertSeverity.LOW: "warning",
    AlertSeverity.INFO: "info",
}


def _escape(text: str) -> str:
    """`text` that mentions nobody and switches no Markdown on."""
    return text.replace("@", "@\u200b").replace("%%%", "%\u200b%\u200b%")


_MARKUP = wording.Markup(escape=_escape)


class DatadogChannel(Channel, dict=True):
    """Posts events to Datadog."""

    kind = "datadog"

    api_key: Annotated[SecretStr, Meta(pattern=r"^\S+$")]
    """API key of the organisation; an application key is not needed."""
    site: Annotated[str, Meta(pattern=r"^[a-z0-9.-]+$")] = "datadoghq.com"
    """The organisation's site: ``datadoghq.eu``, ``us3.datadoghq.com``."""
    tags: tuple[str, ...] = ()
    """Tags of every event: ``env:production``."""
    url: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+.*)?$")] = ""
    """Where the API is instead of ``https://api.<site>``, for a proxy."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        url = f"{(self.url or f'https://api.{self.site}').rstrip('/')}/api/v1/events"

        async def tell(notice: Notice) -> None:
            event = self.event(notification, notice, ctx.clock.now_ms())
            await deliver(self, ctx, url, json=event, headers={"DD-API-KEY": self.api_key})

        await deliver_each(self, notification, tell)

    def delivery_timeout(self) -> float | None:
        """See `Channel.delivery_timeout`; several alerts are several requests."""
        return 60.0

    def event(self, notification: Notification, notice: Notice, now: int) -> dict[str, Any]:
        """What is posted for one notice at `now` (ms)."""
        alone = structs.replace(notification, notices=(notice,))
        event: dict[str, Any] = {
            "title": wording.truncate(wording.about(alone), _TITLE),
            "text": wording.compose(alone, _TEXT, _MARKUP),
            "alert_type": "info" if notification.test else _type(notice),
            "priority": "normal",
            "aggregation_key": wording.truncate(notice.alert.id, _KEY),
            "tags": self._tags(notice),
        }
        if now - _OLDEST < notice.change.at <= now:
            event["date_happened"] = notice.change.at // 1000
        return event

    def _tags(self, notice: Notice) -> list[str]:
        alert = notice.alert
        pairs = {
            "rule": alert.rule,
            "component": alert.component,
            "severity": alert.severity.value,
            "status": alert.status.value,
            **{f"{name}_": value for name, value in alert.labels.items() if name in _OWN},
            **{name: value for name, value in alert.labels.items() if name not in _OWN},
        }
        found = [*self.tags, *(f"{name}:{value}" for name, value in pairs.items() if value)]
        return list(dict.fromkeys(map(tag, found)))[:_TAGS]


_OWN = frozenset({"rule", "component", "severity", "status"})


def _type(notice: Notice) -> str:
    if not notice.alert.status.is_open:
        return "success"
    return "info" if notice.alert.status is AlertStatus.ACKNOWLEDGED else _TYPES[notice.alert.severity]
