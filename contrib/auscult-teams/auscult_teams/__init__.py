"""The `teams` channel: one adaptive card per notification, by a workflow of Microsoft Teams."""

from __future__ import annotations

import json
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

__all__ = ["TeamsChannel", "auscult_channels"]

_LIMIT = 27_000
"""Bytes of a message. Teams takes 28 kB, and says so neither exactly nor at once."""
_BUTTONS = 6
_DETAILS = ((1000, True), (300, True), (300, False), (100, False), (0, False))
"""From the fullest to the barest: characters of each message, and whether there are facts."""
_SMALLEST = 100
"""Bytes that an alert takes at least."""
_STYLES = {
    AlertSeverity.CRITICAL: "attention",
    AlertSeverity.HIGH: "attention",
    AlertSeverity.MEDIUM: "warning",
    AlertSeverity.LOW: "warning",
    AlertSeverity.INFO: "accent",
}


class TeamsChannel(Channel):
    """Posts adaptive cards to Microsoft Teams through a workflow."""

    kind = "teams"
    best_effort = True
    """A workflow answers that it has begun, not that it has posted."""

    webhook_url: Annotated[SecretStr, Meta(pattern=r"^https?://[^\s/]+")]
    """Address of the workflow that begins when a Teams webhook request is received."""

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """See `Channel.send`."""
        await deliver(self, ctx, self.webhook_url, json=self.message(notification))

    def message(self, notification: Notification) -> dict[str, Any]:
        """What is posted: in as much detail as fits."""
        notices = wording.ordered(notification)
        for length, detailed in _DETAILS if len(notices) <= _LIMIT // _SMALLEST else ():
            message = _message(notification, [_container(notice, length, facts=detailed) for notice in notices])
            if _size(message) <= _LIMIT:
                return message
        markup = wording.Markup(measure=lambda text: len(json.dumps(text)))
        text = wording.compose(notification, _LIMIT // 2, markup, titled=False)
        return _message(notification, [{"type": "Container", "style": _style(notices[0]), "items": [_text(text)]}])


def _message(notification: Notification, containers: list[dict[str, Any]]) -> dict[str, Any]:
    title = [] if len(notification.notices) == 1 and not notification.test else [wording.about(notification)]
    actions = [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in _links(notification)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": wording.about(notification),
        "msteams": {"width": "Full"},
        "body": [*(_text(text, weight="Bolder", size="Medium") for text in title), *containers],
        **({"actions": actions} if actions else {}),
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _links(notification: Notification) -> Iterator[tuple[str, str]]:
    """Every address once, as many as there are buttons."""
    seen: dict[str, str] = {}
    for notice in wording.ordered(notification)[: 5 * _BUTTONS]:
        for name, url in wording.links(notice, notification):
            seen.setdefault(url, name if name != "Runbook" else _runbook(notice, notification))
    yield from [(name, url) for url, name in seen.items() if len(url) <= 500][:_BUTTONS]


def _runbook(notice: Notice, notification: Notification) -> str:
    return "Runbook" if len(notification.notices) == 1 else f"Runbook: {wording.clean(notice.alert.rule, 30)}"


def _container(notice: Notice, length: int, *, facts: bool) -> dict[str, Any]:
    items = [_text(wording.headline(notice), weight="Bolder")]
    if said := wording.message(notice, length) if length else "":
        items.append(_text(said))
    if facts:
        items += [_fact(name, value) for name, value in wording.facts(notice)]
    return {"type": "Container", "style": _style(notice), "items": items}


def _style(notice: Notice) -> str:
    if not notice.alert.status.is_open:
        return "good"
    return "default" if notice.alert.status is AlertStatus.ACKNOWLEDGED else _STYLES[notice.alert.severity]


def _text(text: str, **look: str) -> dict[str, Any]:
    # A TextBlock or a FactSet would read the text as Markdown.
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def _fact(name: str, value: str) -> dict[str, Any]:
    runs = [{"type": "TextRun", "text": f"{name}: ", "weight": "Bolder"}, {"type": "TextRun", "text": value}]
    return {"type": "RichTextBlock", "spacing": "None", "inlines": runs}


def _size(message: dict[str, Any]) -> int:
    """Bytes as ASCII, the longest way to write it."""
    return len(json.dumps(message))


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [TeamsChannel]
