"""The `datadog` exporter: all metrics to Datadog's series API."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from auscult import (
    DeliveryError,
    Duration,
    Exporter,
    ExporterContext,
    Growth,
    Increases,
    SecretStr,
    Snapshot,
    deliver,
    deliver_parts,
)
from auscult_datadog.series import OLDEST_MS, Form, payloads
from auscult_datadog.tags import tag

__all__ = ["DatadogExporter"]


class DatadogExporter(Exporter, dict=True):
    """Sends all metrics to Datadog.

    What Datadog missed is kept on disk and sent later; it takes nothing that is more than an hour old. What counters
    grew by meanwhile is in the first count that it takes.
    """

    kind = "datadog"
    buffers = True

    api_key: Annotated[SecretStr, Meta(pattern=r"^\S+$")]
    """API key of the organisation; an application key is not needed."""
    site: Annotated[str, Meta(pattern=r"^[a-z0-9.-]+$")] = "datadoghq.com"
    """The organisation's site: ``datadoghq.eu``, ``us3.datadoghq.com``."""
    url: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+.*)?$")] = ""
    """Where the API is instead of ``https://api.<site>``, for a proxy."""
    push_interval: Duration | None = None
    """Time between pushes. Default: `interval`, else `defaults.metrics_export_interval`."""
    prefix: Annotated[str, Meta(pattern=r"^([A-Za-z][A-Za-z0-9_.]*)?$")] = ""
    """What stands before every metric's name: ``auscult.``."""
    tags: tuple[str, ...] = ()
    """Tags of every series: ``env:production``."""
    host: str = ""
    """Host to which series belong; none when empty."""
    counters: Literal["count", "rate"] = "count"
    """What counters are told as: by how much they grew, or that per second."""
    histogram_buckets: bool = False
    """Send the buckets of histograms, too; each is a custom metric."""
    timeout: Duration = Duration(30)
    """How long sending everything may take."""

    def __post_init__(self) -> None:
        if self.counters not in ("count", "rate"):
            raise ValueError(f"`counters` = {self.counters!r}: expected count or rate")

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send in requests within Datadog's limits; one that is refused for good keeps no other back."""
        if ctx.clock.now_ms() - snapshot.at >= OLDEST_MS:
            raise DeliveryError("the snapshot is older than the hour that Datadog takes", retry=False)

        async def make() -> list[bytes]:
            return await ctx.in_thread(partial(self._requests, snapshot, ctx.clock.now_ms()))

        await deliver_parts(self, snapshot.at, make, partial(self._send, ctx))
        self._took()

    async def _send(self, ctx: ExporterContext, request: bytes) -> None:
        url = f"{(self.url or f'https://api.{self.site}').rstrip('/')}/api/v2/series"
        headers = {"DD-API-KEY": self.api_key, "Content-Type": "application/json", "Content-Encoding": "gzip"}
        reply = await deliver(self, ctx, url, content=request, headers=headers, answer=True)
        self._took()
        if errors := _errors(reply.content):
            raise DeliveryError(f"Datadog took it but for this: {errors}", retry=False)

    def _took(self) -> None:
        """From here on, what counters grew by is Datadog's; a part that was refused is lost with its counts."""
        growth: Growth | None = vars(self).pop("_growth", None)
        if growth is not None:
            self._increases.took(growth)

    @property
    def _increases(self) -> Increases:
        found: Increases = vars(self).setdefault("_counted", Increases())
        return found

    def _requests(self, snapshot: Snapshot, now: int) -> list[bytes]:
        growth = vars(self)["_growth"] = self._increases.growth(snapshot)
        form = Form(
            prefix=self.prefix,
            tags=tuple(map(tag, self.tags)),
            host=self.host,
            rates=self.counters == "rate",
            buckets=self.histogram_buckets,
        )
        return list(payloads(list(form.series(snapshot, growth, now))))


def _errors(body: bytes) -> str:
    """What a receipt complains of; empty when it does not."""
    try:
        errors = json.loads(body).get("errors", [])
        return "; ".join(map(str, errors))[:200]
    except (ValueError, AttributeError, TypeError):
        return ""
