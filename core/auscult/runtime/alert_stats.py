"""How alerting is doing, as figures: for the monitor's own check, the metrics and the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from auscult.alert import Alert, AlertStatus, ChangeKind
from auscult.alerts.outbox import Balance
from auscult.families import Labels
from auscult.model import AlertSeverity
from auscult.runtime.delivery import ChannelStats

__all__ = ["FAILING_AFTER", "AlertStats", "ChannelFigures", "alert_complaints", "alert_figures", "count_open"]

FAILING_AFTER = 60.0
"""Seconds of failing from which on the monitor complains of a channel; a hiccup is no news."""
_OPEN = (AlertStatus.ACTIVE, AlertStatus.ACKNOWLEDGED, AlertStatus.SUPPRESSED)


class ChannelFigures(Struct, frozen=True, kw_only=True):
    """One channel."""

    stats: ChannelStats
    balance: Balance
    oldest: float = 0.0
    """Seconds since the change that it has waited for the longest."""
    failing: float = 0.0
    """Seconds since it began to fail; 0 while it does not."""


class AlertStats(Struct, frozen=True, kw_only=True):
    """All of alerting; counts are since the start."""

    open: dict[tuple[AlertStatus, AlertSeverity], int]
    changes: dict[ChangeKind, int]
    external: int = 0
    """Alerts of others that go on there."""
    repeats: int = 0
    """Alerts of others that were posted again."""
    silences: int = 0
    uncommitted: int = 0
    """Decisions that are not on disk yet."""
    waiting: int = 0
    """Alerts of others that are on disk and still to be judged."""
    commit_error: str = ""
    channels: dict[str, ChannelFigures] = {}


def count_open(alerts: Iterable[Alert]) -> dict[tuple[AlertStatus, AlertSeverity], int]:
    """How many there are of each state and severity, zeros included."""
    found = {(status, severity): 0 for status in _OPEN for severity in AlertSeverity}
    for alert in alerts:
        found[alert.status, alert.severity] += 1
    return found


def alert_figures(stats: AlertStats) -> dict[tuple[str, Labels], float]:
    """The same as samples, by the names of the registry and labels."""
    found: dict[tuple[str, Labels], float] = {
        ("auscult_external_alerts", ()): stats.external,
        ("auscult_external_repeats_total", ()): stats.repeats,
        ("auscult_external_waiting", ()): stats.waiting,
        ("auscult_silences", ()): stats.silences,
        ("auscult_alerts_uncommitted", ()): stats.uncommitted,
        ("auscult_alerts_commit_failing", ()): float(bool(stats.commit_error)),
    }
    for (status, severity), count in stats.open.items():
        found["auscult_alerts", (("severity", severity.value), ("status", status.value))] = count
    for kind in ChangeKind:
        found["auscult_alert_changes_total", (("kind", kind.value),)] = stats.changes.get(kind, 0)
    for name, channel in stats.channels.items():
        found |= _channel_figures(name, channel)
    return found


def _channel_figures(name: str, channel: ChannelFigures) -> Mapping[tuple[str, Labels], float]:
    label, balance = ("channel", name), channel.balance
    ended = {"told": balance.told, "merged": balance.merged, "silenced": balance.silenced, "dead": balance.dead}
    return {
        **{("auscult_notices_total", (label, ("outcome", outcome))): float(count) for outcome, count in ended.items()},
        ("auscult_notices_waiting", (label,)): balance.waiting,
        ("auscult_notices_oldest_waiting_seconds", (label,)): channel.oldest,
        ("auscult_deliveries_in_flight", (label,)): channel.stats.in_flight,
        ("auscult_deliveries_hung", (label,)): channel.stats.hung,
        ("auscult_deliveries_failed_total", (label,)): channel.stats.failed,
        ("auscult_channel_failing_seconds", (label,)): channel.failing,
        ("auscult_channel_breaker_open", (label,)): float(channel.stats.open),
    }


def alert_complaints(stats: AlertStats) -> list[str]:
    """What is wrong with alerting, in words; nothing while all is well."""
    found = []
    if stats.commit_error:
        found.append(f"alerts cannot be committed, so nobody is told of them: {stats.commit_error}")
    for name, channel in stats.channels.items():
        if channel.failing >= FAILING_AFTER:
            count = channel.balance.waiting
            waiting = f", {count} notice{'s wait' if count > 1 else ' waits'}" if count else ""
            found.append(
                f"the channel {name} has failed for {channel.failing:.0f} s{waiting}: {channel.stats.last_error}"
            )
        if channel.stats.hung:
            found.append(f"the channel {name} has {channel.stats.hung} deliveries that ignored their cancellation")
    return found
