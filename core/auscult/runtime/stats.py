"""What the monitor knows about itself: read by its own check, the metrics and the API."""

from __future__ import annotations

from msgspec import Struct

from auscult.runtime.alert_stats import AlertStats
from auscult.store import StoreStats

__all__ = ["MonitorStats", "figures"]


class MonitorStats(Struct, frozen=True, kw_only=True):
    """Counts since the start; times in seconds."""

    components: int = 0
    checks_started: int = 0
    checks_finished: int = 0
    checks_failed: int = 0
    """Results of probes that were unhealthy, by whatever origin."""
    missed: int = 0
    """Starts that could not be: the previous run was still going, or the loop was too far behind."""
    in_flight: int = 0
    hung: int = 0
    """Probes that ignored their cancellation and still run."""
    parked: int = 0
    """Components probed no more because their probe blocked the event loop."""
    lateness_p50: float = 0.0
    lateness_p99: float = 0.0
    lateness_max: float = 0.0
    late: int = 0
    """Moments within the last two minutes at which starts were late by more than a second."""
    inbox: int = 0
    reports_dropped: int = 0
    loop_blocked: int = 0
    problems: int = 0
    store: StoreStats | None = None
    alerts: AlertStats | None = None
    deadman: tuple[str, str] | None = None
    """Why the dead-man address is not asked, and why asking failed; empty texts. None where there is none."""


def figures(stats: MonitorStats) -> dict[str, float]:
    """The same as unlabelled samples, by the names of the registry."""
    found: dict[str, float] = {
        "auscult_components": stats.components,
        "auscult_checks_started_total": stats.checks_started,
        "auscult_checks_finished_total": stats.checks_finished,
        "auscult_checks_failed_total": stats.checks_failed,
        "auscult_checks_missed_total": stats.missed,
        "auscult_checks_in_flight": stats.in_flight,
        "auscult_checks_hung": stats.hung,
        "auscult_components_parked": stats.parked,
        "auscult_loop_blocked_total": stats.loop_blocked,
        "auscult_inbox_results": stats.inbox,
        "auscult_reports_dropped_total": stats.reports_dropped,
        "auscult_plugin_problems": stats.problems,
        "auscult_schedule_lateness_p50_seconds": stats.lateness_p50,
        "auscult_schedule_lateness_p99_seconds": stats.lateness_p99,
        "auscult_schedule_lateness_max_seconds": stats.lateness_max,
    }
    if stats.deadman is not None:
        found["auscult_deadman_silent"] = float(bool(stats.deadman[0]))
        found["auscult_deadman_failing"] = float(bool(stats.deadman[1]))
    if (store := stats.store) is not None:
        found |= {
            "auscult_store_queue_results": store.queue_length,
            "auscult_store_results_written_total": store.rows_written,
            "auscult_store_results_dropped_total": store.dropped,
            "auscult_store_low_on_disk": float(store.low_on_disk),
            "auscult_store_file_bytes": store.file_bytes,
        }
    return found
