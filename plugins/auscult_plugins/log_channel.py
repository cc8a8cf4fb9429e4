"""The `log` channel: one line per notice in the log of the process."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, to_builtins

from auscult import (
    AlertSeverity,
    AlertStatus,
    ChangeKind,
    Channel,
    ChannelContext,
    Notice,
    Notification,
    hookimpl,
    wording,
)

__all__ = ["LOGGER", "Fields", "LogChannel", "auscult_channels", "log_fields", "log_line"]

LOGGER = "auscult.alerts"
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_SAID_ALREADY = ("Severity", "Component")
"""Facts that the headline has."""


class LogChannel(Channel):
    """Writes each notice as one line to the logger `auscult.alerts`, with its parts as fields of the record."""

    kind = "log"

    log_level: Level = "ERROR"
    """Level of the lines."""
    resolved_log_level: Level | None = None
    """Level of the lines that tell an end; without it `log_level`, so that whoever reads of a beginning reads of its
    end, whatever their filter. ``INFO`` keeps ends out of an error tracker."""

    def __post_init__(self) -> None:
        for name in ("log_level", "resolved_log_level"):
            level = getattr(self, name)
            if level is not None and level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
                raise ValueError(f"`{name}` = {level!r} is no level; expected DEBUG, INFO, WARNING, ERROR or CRITICAL")

    async def send(self, notification: Notification, ctx: ChannelContext) -> None:
        """Write the lines. The handlers are the host's; one that fails reports it as logging does."""
        logger = logging.getLogger(LOGGER)
        for notice in notification.notices:
            resolved = notice.change.kind is ChangeKind.RESOLVED
            level = (self.resolved_log_level if resolved else None) or self.log_level
            fields = log_fields(notice, notification)
            logger.log(logging.getLevelNamesMapping()[level], "%s", log_line(notice, notification), extra=fields)


def log_line(notice: Notice, notification: Notification) -> str:
    """``[FIRING high] component_unhealthy: stt_client: Connection timeout (Since: …; Labels: …)``."""
    marked = "[TEST] " if notification.test else ""
    facts = "; ".join(f"{name}: {value}" for name, value in wording.facts(notice) if name not in _SAID_ALREADY)
    return f"{marked}{wording.headline(notice)}: {wording.clean(notice.alert.message)} ({facts})"


class Fields(Struct, frozen=True, kw_only=True):
    """The fields of a record. None is called like an attribute that records have anyway (`name`, `message`)."""

    key: str
    """The delivery key: the same over retries and restarts."""
    channel: str
    """Name of the channel in the configuration."""
    alert_id: str
    """Id of the alert, the same from its beginning to its end."""
    rule: str
    """Name of the rule."""
    severity: AlertSeverity
    """How bad it is."""
    status: AlertStatus
    """Where the alert is in its life."""
    component: str
    """The component; empty for a rule over the whole system."""
    change: ChangeKind
    """What happened."""
    number: Annotated[int, Meta(ge=1)]
    """Of this change; grows by one with each change of the alert."""
    covers: list[int]
    """Numbers of earlier changes that were never told on their own and are told by this."""
    labels: dict[str, str]
    """Labels of the component and the rule."""
    test: bool
    """Written on request to try the channel; nothing is wrong."""


def log_fields(notice: Notice, notification: Notification) -> dict[str, Any]:
    """The fields of the record that tells of `notice`."""
    alert = notice.alert
    fields = Fields(
        key=notice.key,
        channel=notification.channel,
        alert_id=alert.id,
        rule=wording.clean(alert.rule),
        severity=alert.severity,
        status=alert.status,
        component=wording.clean(alert.component),
        change=notice.change.kind,
        number=alert.number,
        covers=list(notice.covers),
        labels={wording.clean(name): wording.clean(value) for name, value in alert.labels.items()},
        test=notification.test,
    )
    plain: dict[str, Any] = to_builtins(fields)
    return plain


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [LogChannel]
