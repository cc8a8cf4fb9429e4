"""The `ntfy` channel: one push message per notification, by ntfy.sh or a server of one's own."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertSeverity,
    AlertStatus,
    Channel,
    ChannelContext,
    Notification,
    SecretStr,
    deliver,
    hookimpl,
    wording,
)

__all__ = ["NtfyChannel", "auscult_channels"]

_TITLE, _MESSAGE, _BUTTONS = 250, 4096, 3
"""Bytes and buttons; a longer message would arrive as an attachment, or not at all."""
_PRIORITIES = {
    AlertSeverity.CRITICAL: 5,
    AlertSeverity.HIGH: 4,
    AlertSeverity.MEDIUM: 3,
    AlertSeverity.LOW: 2,
    AlertSeverity.INFO: 2,
}
_MARKUP = wording.Markup(measure=wording.utf8_length)


class NtfyChannel(Channel):
    """Publishes to a topic of an ntfy server, which pushes to phones and desktops."""

    kind = "ntfy"

    topic: Annotated[SecretStr, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """Topic to publish to; on a server without logins it is the password."""
    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] = "https://ntfy.sh"
    """The server."""
    token: SecretStr = ""
    """Access token: ``tk_…``."""
    username: str = ""
    """For basic authentication."""
    password: SecretStr = ""
    """For basic authentication."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        await deliver(self, ctx, self.url, json=self.message(notification), headers=self._login())

    def message(self, notification: Notification) -> dict[str, Any]:
        """What is published."""
        tag, priority = _look(notification)
        message: dict[str, Any] = {
            "topic": self.topic,
            "title": wording.truncate(wording.about(notification), _TITLE, wording.utf8_length),
            "message": wording.compose(notification, _MESSAGE, _MARKUP, titled=False),
            "tags": [tag],
            "priority": priority,
        }
        links = wording.links(wording.ordered(notification)[0], notification)
        if links:
            message["click"] = links[-1][1]
            message["actions"] = [{"action": "view", "label": name, "url": url} for name, url in links[:_BUTTONS]]
        return message

    def _login(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username or self.password:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}


def _look(notification: Notification) -> tuple[str, int]:
    """The tag, which becomes an emoji, and the priority."""
    if not notification.firing:
        return "white_check_mark", 3
    loud = [notice for notice in notification.firing if notice.alert.status is not AlertStatus.ACKNOWLEDGED]
    if not loud:
        return "eyes", 2
    return "rotating_light", max(_PRIORITIES[notice.alert.severity] for notice in loud)


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [NtfyChannel]
