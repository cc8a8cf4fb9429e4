"""The `discord` channel: one message per notification, an embed per alert, by a webhook."""

from __future__ import annotations

import re
from datetime import UTC, datetime
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

__all__ = ["DiscordChannel", "auscult_channels"]

_TITLE, _DESCRIPTION, _NAME, _VALUE, _EMBEDS, _TOTAL = 256, 4096, 256, 1024, 10, 6000
"""Discord's limits, in characters and embeds; the last is for all texts of all embeds together."""
_WITH_FACTS = 3
_COLOURS = {
    AlertSeverity.CRITICAL: 0xA30200,
    AlertSeverity.HIGH: 0xE01E1E,
    AlertSeverity.MEDIUM: 0xE8912D,
    AlertSeverity.LOW: 0xECD12E,
    AlertSeverity.INFO: 0x8D8D8D,
}
_RESOLVED, _ACKNOWLEDGED = 0x2EB67D, 0x36A2EB
_MARKUP = re.compile(r"[\\*_~`|<>\[\]()]|^[^\S\n]*[#+-]|^[^\S\n]*\d+(?=[.)])", re.MULTILINE)
"""What formats, links, mentions or quotes anywhere, and what makes headings and lists at the start of a line."""
_Id = Annotated[str, Meta(pattern=r"^\d{1,20}$")]


class DiscordChannel(Channel):
    """Posts to a Discord channel through a webhook."""

    kind = "discord"

    webhook_url: Annotated[SecretStr, Meta(pattern=r"^https?://[^\s/]+")]
    """Address of the webhook: ``https://discord.com/api/webhooks/ID/TOKEN``."""
    mention_roles: Annotated[tuple[_Id, ...], Meta(max_length=20)] = ()
    """Ids of roles that are mentioned when something fires."""
    thread_id: Annotated[str, Meta(pattern=r"^\d{0,20}$")] = ""
    """Id of a thread of the channel to post to."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        url = self.webhook_url
        if self.thread_id:
            url += f"{'&' if '?' in url else '?'}thread_id={self.thread_id}"
        await deliver(self, ctx, url, json=self.message(notification))

    def message(self, notification: Notification) -> dict[str, Any]:
        """What is posted."""
        roles = self.mention_roles if notification.firing else ()
        embeds = _embeds(notification)
        content = " ".join(f"<@&{role}>" for role in roles)
        if len(notification.notices) > 1 or notification.test:
            title = _escaped(wording.about(notification), 600)
            content = f"{content} {title}".strip()
        return {
            **({"content": content} if content else {}),
            "embeds": embeds,
            "allowed_mentions": {"parse": [], "roles": list(roles)},
        }


def _embeds(notification: Notification) -> list[dict[str, Any]]:
    notices = wording.ordered(notification)
    if len(notices) > _EMBEDS:
        markup = wording.Markup(escape=_escape, link="{}: <{}>".format, measure=wording.utf16_length)
        text = wording.compose(notification, _DESCRIPTION, markup, titled=False)
        return [{"description": text, "color": _colour(notices[0])}]
    room = _TOTAL // len(notices)
    return [_embed(notice, notification, room, facts=len(notices) <= _WITH_FACTS) for notice in notices]


def _embed(notice: Notice, notification: Notification, room: int, *, facts: bool) -> dict[str, Any]:
    """At most `room` characters: the title first, then what the rule says, then links, then as many facts as fit."""
    embed: dict[str, Any] = {"title": _escaped(wording.headline(notice), _TITLE), "color": _colour(notice)}
    room -= wording.utf16_length(embed["title"])
    # Written out: with text of its own such a link could show one address and lead to another.
    told = [f"{name}: <{url}>" for name, url in wording.links(notice, notification)]
    linked = "\n".join(told) if len("\n".join(told)) < room // 2 else ""
    said = _escaped(wording.message(notice), room // 2 - len(linked))
    if text := "\n".join(filter(None, [said, linked])):
        embed["description"] = text
    room -= wording.utf16_length(text)
    fields: list[dict[str, Any]] = []
    for name, value in wording.facts(notice) if facts else ():
        label, text = _escaped(name, _NAME), _escaped(value, _VALUE)
        room -= wording.utf16_length(label) + wording.utf16_length(text)
        if room >= 0:
            fields.append({"name": label, "value": text, "inline": len(value) < 40})
    if fields:
        embed["fields"] = fields
    at = _timestamp(notice.change.at)
    return embed | ({"timestamp": at} if at else {})


def _timestamp(at: int) -> str:
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def _colour(notice: Notice) -> int:
    if not notice.alert.status.is_open:
        return _RESOLVED
    return _ACKNOWLEDGED if notice.alert.status is AlertStatus.ACKNOWLEDGED else _COLOURS[notice.alert.severity]


def _escape(text: str) -> str:
    return _MARKUP.sub(_with_backslash, text)


def _with_backslash(found: re.Match[str]) -> str:
    # A number at the start of a line makes no list when what follows it is escaped.
    text = found[0]
    return f"{text}\\" if text[-1].isdigit() else f"{text[:-1]}\\{text[-1]}"


def _escaped(text: str, limit: int) -> str:
    """`text` escaped and at most `limit` long as it is sent, no escape cut in two."""
    return _escape(wording.truncate(text, limit, lambda beginning: wording.utf16_length(_escape(beginning))))


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [DiscordChannel]
