"""The monitor as one of its own components: named ``auscult``, judged like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from auscult.kinds import Check, CheckContext, Preferences
from auscult.model import Measurement, Reading
from auscult.runtime.alert_stats import AlertStats, alert_complaints
from auscult.runtime.scheduler import LATE
from auscult.runtime.stats import MonitorStats

__all__ = ["SelfCheck"]

LATE_MOMENTS = 3
"""Late moments within two minutes from which on the schedule is not kept: one hiccup is none of the user's business."""


class SelfCheck(Check):
    """Whether the monitor keeps its schedule, its store and its plugins in order."""

    kind = "self"
    component_type: ClassVar[str] = "auscult"
    measurements = (
        Measurement("checks_in_flight", "probes", "Probes running now."),
        Measurement("checks_missed", "starts", "Starts that could not be, since the monitor started.", kind="counter"),
        Measurement(
            "lateness_p99_seconds", "seconds", "How late probes start, 99th percentile of the last few thousand."
        ),
        Measurement("hung_probes", "probes", "Probes that ignored their cancellation and still run."),
        Measurement(
            "parked_components", "components", "Components no longer probed because their probe blocked the loop."
        ),
        Measurement("inbox_results", "results", "Results waiting to be taken in."),
        Measurement("store_queue_results", "results", "Results waiting to be written."),
        Measurement("notices_waiting", "notices", "Notices that channels are still to be told."),
        Measurement(
            "oldest_notice_seconds", "seconds", "Since the change that some channel has waited for the longest."
        ),
        Measurement("dead_notices", "notices", "Notices given up since the monitor started.", kind="counter"),
        Measurement("deliveries_failed", "deliveries", "Deliveries that failed since then.", kind="counter"),
    )

    stats: Callable[[], MonitorStats]
    """Where the figures come from."""

    def prefers(self) -> Preferences:
        """One failing look is enough, as for the host (decision 6)."""
        return Preferences(interval=10.0, failures=1, successes=1)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Look at the figures; name everything that is wrong at once."""
        stats = self.stats()
        complaints = [text for text in _complaints(stats) if text]
        complaints += alert_complaints(stats.alerts) if stats.alerts else []
        measurements = {
            "checks_in_flight": stats.in_flight,
            "checks_missed": stats.missed,
            "lateness_p99_seconds": stats.lateness_p99,
            "hung_probes": stats.hung,
            "parked_components": stats.parked,
            "inbox_results": stats.inbox,
            "store_queue_results": stats.store.queue_length if stats.store else 0,
        } | _alerting(stats.alerts)
        if complaints:
            return Reading.degraded("; ".join(complaints), **measurements)
        return Reading.healthy(
            f"{stats.components} component{'' if stats.components == 1 else 's'} on schedule", **measurements
        )


def _alerting(stats: AlertStats | None) -> dict[str, float]:
    channels = list(stats.channels.values()) if stats is not None else []
    return {
        "notices_waiting": sum(channel.balance.waiting for channel in channels),
        "oldest_notice_seconds": max((channel.oldest for channel in channels), default=0.0),
        "dead_notices": sum(channel.balance.dead for channel in channels),
        "deliveries_failed": sum(channel.stats.failed for channel in channels),
    }


def _is_late(stats: MonitorStats) -> bool:
    """Whether the schedule is not kept: more than now and then, and not only long ago."""
    return stats.lateness_p99 > LATE and stats.late >= LATE_MOMENTS


def _complaints(stats: MonitorStats) -> list[str]:
    store, (silent, unheard) = stats.store, stats.deadman or ("", "")
    return [
        f"the alert path is broken, the dead-man address is not asked: {silent}" if silent else "",
        f"the dead-man address cannot be asked: {unheard}" if unheard else "",
        f"probes start up to {stats.lateness_p99:.1f} s late (p99)" if _is_late(stats) else "",
        f"{stats.hung} hanging probes ignored their cancellation" if stats.hung else "",
        f"{stats.parked} components are parked because their probe blocked the event loop" if stats.parked else "",
        f"{stats.reports_dropped} pushed results were dropped" if stats.reports_dropped else "",
        f"the store fails: {store.last_error}" if store and store.last_error else "",
        "the disk is almost full: results are not being stored" if store and store.low_on_disk else "",
    ]
