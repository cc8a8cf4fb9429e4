"""``/api/v1/exporters`` and ``/api/v1/sources``: where metrics go and come from, and how each is doing."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import get
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from auscult.clock import iso_millis
from auscult.monitor import Monitor
from auscult.runtime.asking import SourceStats
from auscult.runtime.pushing import ExporterStats
from auscult.web.problems import ERRORS

__all__ = ["flow_routes"]


class ExporterBody(Struct, frozen=True, kw_only=True):
    """One exporter, and how it is doing."""

    name: str
    kind: str
    renders: bool
    """Serves a document at ``/metrics/NAME``."""
    pushes: bool
    interval: float | None
    """Seconds between pushes; null where none are made."""
    pushed: int
    """Snapshots that arrived."""
    failed: int
    """Pushes that failed."""
    dropped: int
    """Snapshots that will never arrive."""
    waiting: int
    """Snapshots on disk."""
    waiting_bytes: int
    last_success: str | None
    last_error: str
    """Empty when the latest push arrived."""


class ExporterList(Struct, frozen=True):
    """All exporters."""

    exporters: list[ExporterBody]


class SourceBody(Struct, frozen=True, kw_only=True):
    """One source, and how it is doing."""

    name: str
    kind: str
    interval: float | None
    """Seconds between looks; null where it is not asked but listens or takes in requests."""
    looks: int
    """Looks that succeeded."""
    received: int
    """Requests taken in."""
    failed: int
    """Looks, runs and requests that failed."""
    last_success: str | None
    last_error: str
    """Empty when all is well."""


class SourceList(Struct, frozen=True):
    """All sources."""

    sources: list[SourceBody]


def flow_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """The two lists."""

    @get("/exporters", operation_id="listExporters", summary="Exporters, and how they are doing", responses=ERRORS)
    async def exporters() -> ExporterList:
        """Each destination is a component as well, `exporter.NAME`, with a history."""
        stats = monitor.metrics.exporter_stats()
        return ExporterList([_exporter(monitor, name, stats.get(name)) for name in monitor.metrics.exporters])

    @get("/sources", operation_id="listSources", summary="Sources of metrics, and how they are doing", responses=ERRORS)
    async def sources() -> SourceList:
        """Each is a component as well, `source.NAME`, with a history."""
        stats = monitor.metrics.source_stats()
        return SourceList([_source(monitor, name, stats.get(name)) for name in monitor.metrics.sources])

    return (exporters, sources)


def _exporter(monitor: Monitor, name: str, stats: ExporterStats | None) -> ExporterBody:
    exporter, told = monitor.metrics.exporters[name], stats or ExporterStats()
    return ExporterBody(
        name=name,
        kind=exporter.kind,
        renders=exporter.renders(),
        pushes=exporter.pushes(),
        interval=monitor.metrics.export_interval_of(name) if exporter.pushes() else None,
        pushed=told.pushed,
        failed=told.failed,
        dropped=told.dropped,
        waiting=told.waiting,
        waiting_bytes=told.waiting_bytes,
        last_success=_time(told.last_success),
        last_error=told.last_error,
    )


def _source(monitor: Monitor, name: str, stats: SourceStats | None) -> SourceBody:
    source, told = monitor.metrics.sources[name], stats or SourceStats()
    return SourceBody(
        name=name,
        kind=source.kind,
        interval=monitor.metrics.source_interval_of(name) if source.collects() else None,
        looks=told.looks,
        received=told.received,
        failed=told.failed,
        last_success=_time(told.last_success),
        last_error=told.last_error,
    )


def _time(at: int | None) -> str | None:
    return None if at is None else iso_millis(at)
