"""``/metrics``: everything in Prometheus' text format or OpenMetrics, streamed."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import anyio.lowlevel
from anyio import to_thread
from litestar import Request, get
from litestar.handlers import BaseRouteHandler
from litestar.response import Stream

from auscult.metrics.rendering import OPENMETRICS, TEXT, render
from auscult.monitor import Monitor
from auscult.web.problems import ERRORS

__all__ = ["exposition", "metrics_routes"]


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
    async def metrics(request: Request[Any, Any, Any]) -> Stream:
        openmetrics = "application/openmetrics-text" in ",".join(request.headers.getall("accept", [])).lower()
        pieces = await exposition(monitor, timestamps=_timestamps(monitor), openmetrics=openmetrics)
        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Stream(_gzipped(pieces), headers=headers)
        return Stream(_in_turns(pieces), headers=headers)

    return [metrics]


async def exposition(monitor: Monitor, *, timestamps: bool = True, openmetrics: bool = False) -> Iterator[bytes]:
    """The metrics document in pieces, each made when it is asked for, in a fraction of a millisecond."""
    snapshot = await monitor.metrics.snapshot()
    return render(snapshot if timestamps else snapshot.without_stamps(), openmetrics=openmetrics)


async def _in_turns(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await anyio.lowlevel.checkpoint()


async def _gzipped(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for piece in pieces:
        if packed := await to_thread.run_sync(partial(packer.compress, piece)):
            yield packed
    yield packer.flush()


def _timestamps(monitor: Monitor) -> bool:
    return monitor.settings is None or monitor.settings.server.metric_timestamps
