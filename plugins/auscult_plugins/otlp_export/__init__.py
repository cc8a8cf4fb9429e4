"""The `otlp` exporter: all metrics to whatever takes OpenTelemetry's protocol over HTTP."""

from __future__ import annotations

import zlib
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from auscult import (
    DeliveryError,
    Duration,
    Exporter,
    ExporterContext,
    SecretStr,
    Snapshot,
    deliver,
    deliver_parts,
    hookimpl,
)
from auscult_plugins._batches import batch_of, halve
from auscult_plugins.otlp_export.encoding import as_json, as_protobuf, chunks, refused
from auscult_plugins.otlp_export.points import Starts, metrics_of

__all__ = ["OTLPExporter", "auscult_exporters"]

_TYPES = {"http/protobuf": "application/x-protobuf", "http/json": "application/json"}


class OTLPExporter(Exporter, dict=True):
    """Sends all metrics to an OpenTelemetry collector, or to a vendor that takes OTLP over HTTP.

    Counters are cumulative sums, histograms cumulative histograms. What the destination missed is kept on disk and sent
    later with its own times, oldest first.
    """

    kind = "otlp"
    buffers = True

    url: SecretStr
    """Address of the collector: ``http://127.0.0.1:4318``; ``/v1/metrics`` is added where there is no path."""
    protocol: Literal["http/protobuf", "http/json"] = "http/protobuf"
    """How requests are written."""
    push_interval: Duration | None = None
    """Time between pushes. Default: `interval`, else `defaults.metrics_export_interval`."""
    service_name: str = "auscult"
    """The resource's ``service.name``."""
    resource: dict[str, str] = {}
    """Further attributes of the resource: ``{ "deployment.environment.name" = "production" }``."""
    headers: dict[str, SecretStr] = {}
    """Headers of each request, ``Authorization`` say; values are treated as secrets."""
    gzip: bool = True
    """Compress requests."""
    batch: Annotated[int, Meta(ge=1, le=100_000)] = 5_000
    """Data points in one request at most."""
    timeout: Duration = Duration(30)
    """How long sending everything may take."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("`url` is an address that begins with http:// or https://")
        if self.protocol not in _TYPES:
            raise ValueError(f"`protocol` = {self.protocol!r}: expected {' or '.join(_TYPES)}")

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send in requests of at most `batch` points; one that is refused for good keeps no other back."""

        async def make() -> list[bytes]:
            return await ctx.in_thread(partial(self._requests, snapshot))

        await deliver_parts(
            self, snapshot.at, make, partial(self._send, ctx), smaller=partial(halve, self, ctx, len(snapshot))
        )

    async def _send(self, ctx: ExporterContext, request: bytes) -> None:
        packed = {"Content-Encoding": "gzip"} if self.gzip else {}
        headers = {"Content-Type": _TYPES[self.protocol], "User-Agent": "auscult", **packed, **self.headers}
        reply = await deliver(self, ctx, self._address, content=request, headers=headers, answer=True)
        count, why = refused(reply.content, reply.headers.get("content-type", _TYPES[self.protocol]))
        if count:  # a receipt, but for some: sending them again is forbidden
            raise DeliveryError(f"{count} data points were refused: {why[:200] or 'no reason given'}", retry=False)
        if why:
            ctx.log.warning("%s: the receiver warns: %s", ctx.exporter, why[:200])

    def _requests(self, snapshot: Snapshot) -> list[bytes]:
        starts = vars(self).setdefault("_starts", Starts())
        resource = {"service.name": self.service_name, **self.resource}
        encode = as_json if self.protocol == "http/json" else as_protobuf
        made = [encode(chunk, resource) for chunk in chunks(metrics_of(snapshot, starts), batch_of(self))]
        return [_gzipped(request) for request in made] if self.gzip else made

    @property
    def _address(self) -> str:
        return self.url if urlsplit(self.url).path.strip("/") else f"{self.url.rstrip('/')}/v1/metrics"


def _gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(5, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [OTLPExporter]
