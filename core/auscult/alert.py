"""The words of alerting as data: the alert, what happened to it, and what a channel is given to deliver.

Everything here is a frozen msgspec Struct or an enum. Times are integers, milliseconds since the epoch in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from auscult.model import AlertSeverity

__all__ = [
    "Acknowledgement",
    "Alert",
    "AlertChange",
    "AlertStatus",
    "ChangeKind",
    "Notice",
    "Notification",
    "alert_id",
    "delivery_key",
    "fingerprint",
]


class AlertStatus(StrEnum):
    """Where an alert is in its life."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    """Somebody has taken it on: nothing is repeated and nothing escalates until the acknowledgement ends."""
    SUPPRESSED = "suppressed"
    """It goes on while nobody is told: a silence, a maintenance window, or a component it depends on."""
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self._value_ != "resolved"  # asked of everything: the member's name takes Python 3.11 far longer


class ChangeKind(StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    REOPENED = "reopened"
    """Fired again soon after it had been resolved; the same alert goes on."""
    UPDATED = "updated"
    """Severity, root cause or affected components changed while it went on."""
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    """What suppressed it is over, and it still goes on."""
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    """The acknowledgement was taken back, or has expired."""
    NOTED = "noted"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    RESOLVED = "resolved"


class Acknowledgement(Struct, frozen=True, kw_only=True, gc=False):
    """Who has taken an alert on."""

    author: str
    at: int
    note: str = ""
    until: int | None = None
    """When it expires; None: with the alert."""


class Alert(Struct, frozen=True, kw_only=True, gc=False):
    """One firing episode of one rule for one component and set of labels."""

    id: str
    """See `alert_id`."""
    rule: str
    """The rule's name; the seed document's ``name``."""
    severity: AlertSeverity
    status: AlertStatus
    message: str
    component: str = ""
    """Empty for a rule over the whole system."""
    component_type: str = ""
    labels: dict[str, str] = {}
    """Labels of component and rule."""
    created_at: int
    """When it first fired."""
    updated_at: int
    """When it last changed."""
    resolved_at: int | None = None
    resolution: str = ""
    """Why it was resolved: ``recovered``, ``by hand``, ``rule removed``, ``component removed``."""
    number: int = 1
    """Of its latest change; the first is 1."""
    episodes: int = 1
    """How often it fired, reopenings included."""
    values: dict[str, float | str] = {}
    """What the rule looked at when it last fired."""
    acknowledged: Acknowledgement | None = None
    suppressed_by: str = ""
    """``silence ID``, ``maintenance NAME`` or ``dependency COMPONENT``."""
    cause: str = ""
    """The component that this one depends on and that is at fault."""
    affected: tuple[str, ...] = ()
    """Components that depend on this one and fail as well."""
    runbook: str = ""
    generator: str = ""
    """Where it comes from when not from a rule of ours: the address that posted it."""

    @property
    def fingerprint(self) -> str:
        """What it has in common with later alerts of the same; see the function of that name."""
        return self.id.rpartition("-")[2]


class AlertChange(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that happened to an alert; committed before anybody sees it."""

    kind: ChangeKind
    alert: Alert
    """As it is after the change; `alert.number` is the number of the change."""
    at: int
    by: str = ""
    """The person or token; empty for auscult itself."""
    note: str = ""


class Notice(Struct, frozen=True, kw_only=True, gc=False):
    """One change of one alert, for one channel."""

    key: str
    """See `delivery_key`: the same over retries and restarts, so that a receiver can tell a repeat."""
    change: AlertChange
    covers: tuple[int, ...] = ()
    """Numbers of earlier changes that were never told on their own and are told by this notice."""
    first: bool = True
    """Whether the channel hears of this alert for the first time."""

    @property
    def alert(self) -> Alert:
        """The alert as it is after the change."""
        return self.change.alert

    @property
    def ended_untold(self) -> bool:
        """Whether the alert fired and was resolved before its firing could be told: one notice says both."""
        return self.first and self.change.kind is ChangeKind.RESOLVED


class Notification(Struct, frozen=True, kw_only=True, gc=False):
    """What a channel delivers at once: one notice, or several in one envelope."""

    key: str
    """The notice's key, or for several a hash of theirs."""
    channel: str
    """The name under which the user configured the channel."""
    notices: tuple[Notice, ...]
    """Oldest first, at least one; at most one per alert."""
    created_at: int
    group: dict[str, str] = {}
    """What the alerts have in common when they were grouped."""
    attempt: int = 1
    test: bool = False
    """Sent by ``auscult channels test``; nothing is wrong."""
    sender: str = "auscult"
    """The name of this installation."""
    url: str = ""
    """Where people find it, without a slash at the end; empty when nobody said."""

    @property
    def loudest(self) -> Notice:
        """The notice to judge the envelope by: open before resolved, then by severity, then the oldest."""
        order = list(AlertSeverity)
        return min(self.notices, key=lambda n: (not n.alert.status.is_open, order.index(n.alert.severity)))

    @property
    def goes_on(self) -> bool:
        """Whether any of its alerts does."""
        for notice in self.notices:  # noqa: SIM110 - a generator would cost more than the answer
            if notice.change.alert.status.is_open:
                return True
        return False

    @property
    def firing(self) -> tuple[Notice, ...]:
        """Notices of alerts that go on."""
        return tuple(notice for notice in self.notices if notice.alert.status.is_open)

    @property
    def resolved(self) -> tuple[Notice, ...]:
        """Notices of alerts that are over."""
        return tuple(notice for notice in self.notices if not notice.alert.status.is_open)


def fingerprint(rule: str, component: str, labels: Mapping[str, str]) -> str:
    """What makes two firings the same alert: 16 hexadecimal digits of BLAKE2 over rule, component and labels."""
    text = f"{rule}\0{component}"
    for name in sorted(labels):
        text += f"\0{name}\0{labels[name]}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def alert_id(print_: str, start: int) -> str:
    """The id of the alert with that fingerprint that started then (ms): a replay gives the same one.

    The time comes first, 11 hexadecimal digits: ids that are used together lie together on disk.
    """
    return f"{start:011x}-{print_}"


def delivery_key(alert: str, number: int, channel: str) -> str:
    """The key of the notice that tells `channel` of a change: ``ALERT/NUMBER/CHANNEL``."""
    return f"{alert}/{number}/{channel}"
