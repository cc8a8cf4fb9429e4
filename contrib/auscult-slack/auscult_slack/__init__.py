"""The `slack` channel: one message per notification, by an incoming webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    AlertSeverity,
    AlertStatus,
    Channel,
    ChannelContext,
    Notice,
    Notification,
    SecretStr,
    deliver,
    hookimpl,
    wording,
)

__all__ = ["SlackChannel", "auscult_channels"]

_HEADER, _SECTION, _FIELD, _FIELDS = 150, 3000, 2000, 10
"""Slack's limits, in characters and in fields."""
_ATTACHMENTS = 10
"""Alerts that get an attachment each; Slack takes more, people do not."""
_WITH_FACTS = 3
_COLOURS = {
    AlertSeverity.CRITICAL: "#a30200",
    AlertSeverity.HIGH: "#e01e1e",
    AlertSeverity.MEDIUM: "#e8912d",
    AlertSeverity.LOW: "#ecd12e",
    AlertSeverity.INFO: "#8d8d8d",
}
_RESOLVED, _ACKNOWLEDGED = "#2eb67d", "#36a2eb"


class SlackChannel(Channel):
    """Posts to a Slack channel through an incoming webhook."""

    kind = "slack"

    webhook_url: Annotated[SecretStr, Meta(pattern=r"^https?://[^\s/]+")]
    """Address of the incoming webhook: ``https://hooks.slack.com/services/T…/B…/…``."""
    mention: str = ""
    """Put above messages in which something fires, as Slack writes mentions: ``<!here>``, ``<@U024BE7LH>``."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        await deliver(self, ctx, self.webhook_url, json=self.message(notification))

    def message(self, notification: Notification) -> dict[str, Any]:
        """What is posted."""
        title = wording.about(notification)
        blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title, _HEADER)}]
        if self.mention and notification.firing:
            blocks.insert(0, {"type": "section", "text": {"type": "mrkdwn", "text": self.mention[:_SECTION]}})
        return {
            "text": _escaped(title, _SECTION),  # for notifications on a phone, and for screen readers
            "blocks": blocks,
            "attachments": list(_attachments(notification)),
            "unfurl_links": False,
            "unfurl_media": False,
        }


def _attachments(notification: Notification) -> Iterator[dict[str, Any]]:
    notices = wording.ordered(notification)
    if len(notices) > _ATTACHMENTS:
        # Measured here, where the title is told: the text must fit as it will be escaped.
        markup = wording.Markup(measure=lambda text: len(_escape(text)))
        text = wording.compose(notification, _SECTION, markup, titled=False)
        yield {"color": _colour(notices[0]), "blocks": [_section(text)]}
        return
    for notice in notices:
        yield {"color": _colour(notice), "blocks": list(_blocks(notice, notification, len(notices)))}


def _blocks(notice: Notice, notification: Notification, count: int) -> Iterator[dict[str, Any]]:
    lines = [wording.headline(notice)] if count > 1 else []
    if said := wording.message(notice):
        lines.append(said)
    if lines:
        yield _section("\n".join(lines))
    if count <= _WITH_FACTS:
        fields = [_plain(f"{name}\n{value}", _FIELD) for name, value in wording.facts(notice)]
        for start in range(0, len(fields), _FIELDS):
            yield {"type": "section", "fields": fields[start : start + _FIELDS]}
    linked = [f"<{_escape(url)}|{_escape(name)}>" for name, url in wording.links(notice, notification)]
    if linked:
        yield {"type": "context", "elements": [{"type": "mrkdwn", "text": text} for text in linked]}


def _colour(notice: Notice) -> str:
    if not notice.alert.status.is_open:
        return _RESOLVED
    return _ACKNOWLEDGED if notice.alert.status is AlertStatus.ACKNOWLEDGED else _COLOURS[notice.alert.severity]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, _SECTION)}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, limit), "emoji": False}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(text: str, limit: int) -> str:
    """`text` escaped and at most `limit` characters long as it is sent, no entity cut in two."""
    return _escape(wording.truncate(text, limit, lambda beginning: len(_escape(beginning))))


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [SlackChannel]
