"""``/metrics``: the monitor's state in Prometheus' text format or OpenMetrics."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
from anyio import to_thread
from litestar import Request, Response, get
from litestar.handlers import BaseRouteHandler

from auscult.metrics.exposition import render
from auscult.metrics.text import OPENMETRICS, TEXT
from auscult.monitor import Monitor
from auscult.runtime.stats import MonitorStats
from auscult.web.problems import ERRORS

__all__ = ["exposition", "metrics_routes"]

_VIEWS_AT_ONCE = 200
"""Components looked at before others get a turn."""


def metrics_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """The one route."""

    @get(
        "/metrics",
        metrics=True,
        media_type="text/plain",
        summary="Everything as Prometheus metrics",
        operation_id="getMetrics",
        responses=ERRORS,
    )
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        openmetrics = "application/openmetrics-text" in ",".join(request.headers.getall("accept", [])).lower()
        body = await exposition(monitor, timestamps=_timestamps(monitor), openmetrics=openmetrics)
        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = await to_thread.run_sync(_gzip, body)
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers)

    return [metrics]


async def exposition(monitor: Monitor, *, timestamps: bool = True, openmetrics: bool = False) -> bytes:
    """The metrics document; others get a turn every few milliseconds."""
    views = []
    for count, view in enumerate(monitor.health.views(), 1):
        if view.last_check is not None:
            views.append(view)
        if count % _VIEWS_AT_ONCE == 0:
            await anyio.lowlevel.checkpoint()
    pieces = []
    for piece in render(
        monitor.summary(),
        views,
        monitor.components(),
        monitor.durations,
        _own_figures(monitor.stats()) | _store_figures(monitor),
        now=monitor.clock.now_ms(),
        timestamps=timestamps,
        openmetrics=openmetrics,
    ):
        pieces.append(piece)
        await anyio.lowlevel.checkpoint()
    return "".join(pieces).encode()


def _timestamps(monitor: Monitor) -> bool:
    return monitor.settings is None or monitor.settings.server.metric_timestamps


def _gzip(body: bytes) -> bytes:
    import gzip

    return gzip.compress(body, compresslevel=1, mtime=0)


def _own_figures(figures: MonitorStats) -> dict[str, float]:
    return {
        "auscult_components": figures.components,
        "auscult_checks_started_total": figures.checks_started,
        "auscult_checks_finished_total": figures.checks_finished,
        "auscult_checks_failed_total": figures.checks_failed,
        "auscult_checks_missed_total": figures.missed,
        "auscult_checks_in_flight": figures.in_flight,
        "auscult_checks_hung": figures.hung,
        "auscult_components_parked": figures.parked,
        "auscult_loop_blocked_total": figures.loop_blocked,
        "auscult_inbox_results": figures.inbox,
        "auscult_reports_dropped_total": figures.reports_dropped,
        "auscult_plugin_problems": figures.problems,
        "auscult_schedule_lateness_p50_seconds": figures.lateness_p50,
        "auscult_schedule_lateness_p99_seconds": figures.lateness_p99,
        "auscult_schedule_lateness_max_seconds": figures.lateness_max,
    }


def _store_figures(monitor: Monitor) -> dict[str, float]:
    if monitor.store is None:
        return {}
    stats = monitor.store.stats()
    return {
        "auscult_store_queue_results": stats.queue_length,
        "auscult_store_results_written_total": stats.rows_written,
        "auscult_store_results_dropped_total": stats.dropped,
        "auscult_store_low_on_disk": float(stats.low_on_disk),
        "auscult_store_file_bytes": stats.file_bytes,
    }
