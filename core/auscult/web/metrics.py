"""``/metrics``: everything in the text format or OpenMetrics, streamed; ``/metrics/NAME``: as an exporter has it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from typing import Annotated, Any

import anyio
import anyio.lowlevel
from anyio import to_thread
from litestar import Request, get
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter
from litestar.response import Stream

from auscult.errors import did_you_mean
from auscult.metrics.rendering import OPENMETRICS, TEXT, render
from auscult.monitor import Monitor
from auscult.web.problems import ERRORS

__all__ = ["exposition", "metrics_routes"]

RENDER_TIMEOUT = 30.0
"""Seconds that an exporter may take to render."""

_Name = Annotated[str, PathParameter(description="The exporter's name in the configuration.", max_length=64)]


def metrics_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """``/metrics``, and one for each exporter that renders."""

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

    @get(
        "/metrics/{name:str}",
        metrics=True,
        media_type="text/plain",
        summary="Everything as an exporter renders it",
        operation_id="getRenderedMetrics",
        responses=ERRORS,
    )
    async def rendered(name: _Name) -> Stream:
        """Exporters that only push have no document."""
        exporter = monitor.metrics.exporters.get(name)
        if exporter is None or not exporter.renders():
            known = [other for other, each in monitor.metrics.exporters.items() if each.renders()]
            raise NotFoundException(f"There is no exporter `{name}` that renders{did_you_mean(name, known)}")
        snapshot = await monitor.metrics.snapshot()
        with anyio.fail_after(RENDER_TIMEOUT):
            export = await to_thread.run_sync(exporter.render, snapshot, abandon_on_cancel=True)
        headers = {"Content-Type": export.content_type, **export.headers}
        return Stream(_in_a_thread(export.body), headers=headers)

    return [metrics, rendered]


async def exposition(monitor: Monitor, *, timestamps: bool = True, openmetrics: bool = False) -> Iterator[bytes]:
    """The metrics document in pieces, each made when it is asked for, in a fraction of a millisecond."""
    snapshot = await monitor.metrics.snapshot()
    return render(snapshot if timestamps else snapshot.without_stamps(), openmetrics=openmetrics)


async def _in_a_thread(body: bytes | Iterable[bytes]) -> AsyncIterator[bytes]:
    """The chunks, each made in a thread: how long a plugin takes for one is its own affair."""
    chunks = iter([body] if isinstance(body, bytes) else body)
    while (chunk := await to_thread.run_sync(next, chunks, b"")) != b"":
        yield chunk


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
