"""The `prometheus` exporter: pushes to a Pushgateway, or renders the text format on request."""

from __future__ import annotations

import base64
import zlib
from functools import partial
from typing import Literal

from auscult import (
    DeliveryError,
    Duration,
    Export,
    Exporter,
    ExporterContext,
    SecretStr,
    Snapshot,
    deliver,
    hookimpl,
    render,
)
from auscult_plugins.prometheus.grouping import group_path

__all__ = ["PrometheusExporter", "auscult_exporters"]

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class PrometheusExporter(Exporter):
    """Pushes all metrics to a Prometheus Pushgateway; without a `pushgateway_url` they are there to be scraped.

    The Pushgateway keeps what it got until somebody deletes it, so the group is deleted when the monitor stops cleanly.
    """

    kind = "prometheus"

    pushgateway_url: SecretStr = ""
    """Address of the Pushgateway: ``http://127.0.0.1:9091``. Empty: nothing is pushed."""
    job_name: str = "auscult"
    """Label `job` of everything that is pushed."""
    push_interval: Duration | None = None
    """Time between pushes. Default: `interval`, else `defaults.metrics_export_interval`."""
    grouping: dict[str, str] = {}
    """Further labels of the group, beside `job`: ``{ instance = "agent-1" }``."""
    method: Literal["PUT", "POST"] = "PUT"
    """PUT replaces the whole group; POST only the metrics of the same names."""
    username: str = ""
    """For basic authentication."""
    password: SecretStr = ""
    """For basic authentication."""
    timeout: Duration = Duration(10)
    """How long a push may take."""
    delete_on_stop: bool = True
    """Delete the group when the monitor stops cleanly, so that no last value stays for ever."""

    def __post_init__(self) -> None:
        if self.pushgateway_url and not self.pushgateway_url.startswith(("http://", "https://")):
            raise ValueError("`pushgateway_url` is an address that begins with http:// or https://")
        if self.method not in ("PUT", "POST"):
            raise ValueError(f"`method` = {self.method!r}: expected PUT or POST")
        group_path(self.job_name, self.grouping)

    def pushes(self) -> bool:
        """See `Exporter.pushes`."""
        return bool(self.pushgateway_url)

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    def render(self, snapshot: Snapshot) -> Export:
        """Everything in the text format."""
        return Export(_TEXT, render(snapshot))

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send one group. Samples have no times of their own: a Pushgateway refuses them."""
        body = await ctx.in_thread(partial(_packed, snapshot.without_stamps()))
        headers = {"Content-Type": _TEXT, "Content-Encoding": "gzip", **self._login()}
        await deliver(self, ctx, self._address, content=body, headers=headers, method=self.method)

    async def ended(self, ctx: ExporterContext) -> None:
        """Delete the group."""
        if not self.delete_on_stop:
            return
        try:
            await deliver(self, ctx, self._address, content=b"", headers=self._login(), method="DELETE")
        except DeliveryError as error:
            ctx.log.warning("the group `%s` stays on the Pushgateway: %s", self.job_name, error)

    @property
    def _address(self) -> str:
        return self.pushgateway_url.rstrip("/") + group_path(self.job_name, self.grouping)

    def _login(self) -> dict[str, str]:
        if not self.username:
            return {}
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


def _packed(snapshot: Snapshot) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*map(packer.compress, render(snapshot)), packer.flush()])


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [PrometheusExporter]
