"""The `telegram` channel: one message per notification, by a bot."""

from __future__ import annotations

import html
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertStatus,
    Channel,
    ChannelContext,
    Notification,
    SecretStr,
    deliver,
    hookimpl,
    wording,
)

__all__ = ["TelegramChannel", "auscult_channels"]

_LIMIT = 4096
"""UTF-16 units of a message. Telegram counts them without the tags, which leaves us on the safe side."""
_FIRING, _ACKNOWLEDGED, _RESOLVED = "\N{LARGE RED CIRCLE}", "\N{EYES}", "\N{WHITE HEAVY CHECK MARK}"


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _link(text: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{text}</a>'


_HTML = wording.Markup(escape=_escape, bold="<b>{}</b>".format, link=_link, measure=wording.utf16_length)


class TelegramChannel(Channel):
    """Posts to a Telegram chat as a bot."""

    kind = "telegram"

    bot_token: Annotated[SecretStr, Meta(pattern=r"^[\w:-]+$")]
    """Token of the bot, as @BotFather gave it: ``123456:ABC…``."""
    chat_id: int | str
    """Number of the chat, or ``@name`` of a public channel."""
    thread_id: int | None = None
    """Number of a topic, in a group with topics."""
    quiet_ends: bool = False
    """Deliver messages in which nothing fires without a sound."""
    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")] = "https://api.telegram.org"
    """Where the Bot API is, for those who run a server of their own."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        url = f"{self.url.rstrip('/')}/bot{self.bot_token}/sendMessage"
        await deliver(self, ctx, url, json=self.message(notification))

    def message(self, notification: Notification) -> dict[str, Any]:
        """What is posted."""
        sign = _sign(notification)
        text = wording.compose(notification, _LIMIT - wording.utf16_length(sign) - 1, _HTML)
        message: dict[str, Any] = {
            "chat_id": self.chat_id,
            "text": f"{sign} {text}",
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if self.thread_id is not None:
            message["message_thread_id"] = self.thread_id
        if self.quiet_ends and not notification.firing:
            message["disable_notification"] = True
        return message


def _sign(notification: Notification) -> str:
    states = {notice.alert.status for notice in notification.firing}
    if not states:
        return _RESOLVED
    return _ACKNOWLEDGED if states == {AlertStatus.ACKNOWLEDGED} else _FIRING


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [TelegramChannel]
