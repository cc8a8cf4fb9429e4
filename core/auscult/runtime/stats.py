"""What the monitor knows about itself: read by its own check, the metrics and the API."""

from __future__ import annotations

from msgspec import Struct

from auscult.store import StoreStats

__all__ = ["MonitorStats"]


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
    inbox: int = 0
    reports_dropped: int = 0
    loop_blocked: int = 0
    problems: int = 0
    store: StoreStats | None = None
