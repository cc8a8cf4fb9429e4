"""The `remote-write` exporter: all metrics to whatever takes Prometheus' remote write protocol."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated

from msgspec import Meta

from auscult import (
    DeliveryError,
    Duration,
    Exporter,
    ExporterContext,
    MissingDependency,
    SecretStr,
    Snapshot,
    deliver,
    deliver_parts,
    hookimpl,
)
from auscult_plugins._batches import batch_of, halve
from auscult_plugins.remote_write.encoding import Writer

__all__ = ["RemoteWriteExporter", "auscult_exporters"]

_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "auscult",
}
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ABOUT_MS = 60_000
"""How often types and help texts go along, which change with a new version at most."""


class RemoteWriteExporter(Exporter, dict=True):
    """Sends all metrics to Prometheus, VictoriaMetrics, Mimir, Thanos or a vendor that takes remote write 1.0.

    What the destination missed is kept on disk and sent later with its own times, oldest first.
    """

    kind = "remote-write"
    buffers = True
    requires = {"cramjam": "remote-write"}

    url: SecretStr
    """Address that takes writes: ``http://127.0.0.1:9090/api/v1/write``."""
    push_interval: Duration | None = None
    """Time between writes. Default: `interval`, else `defaults.metrics_export_interval`."""
    labels: dict[str, str] = {}
    """Labels of every series that has none of that name: ``{ instance = "agent-1" }``."""
    username: str = ""
    """For basic authentication."""
    password: SecretStr = ""
    """For basic authentication."""
    bearer_token: SecretStr = ""
    """Token that goes along as ``Authorization: Bearer …``."""
    headers: dict[str, SecretStr] = {}
    """Further headers of each request, ``X-Scope-OrgID`` say; values are treated as secrets."""
    batch: Annotated[int, Meta(ge=1, le=100_000)] = 2_000
    """Samples in one request at most; nor is one larger than 1 MB before it is compressed."""
    metadata: bool = True
    """Send types and help texts as well, once a minute."""
    timeout: Duration = Duration(30)
    """How long sending everything may take."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("`url` is an address that begins with http:// or https://")
        if self.bearer_token and self.username:
            raise ValueError("`bearer_token` and `username` are two ways to log in; give one of them")
        for label in self.labels:
            if not _LABEL.fullmatch(label) or label.startswith("__"):
                raise ValueError(f"`labels`: {label!r} is no label name; expected letters, digits and `_`")

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Send in requests of at most `batch` samples; one that is refused for good keeps no other back."""
        writer = vars(self).setdefault("_writer", Writer(self.labels))

        async def make() -> list[bytes]:
            return await ctx.in_thread(partial(self._requests, writer, snapshot))

        async def send(request: bytes) -> None:
            await deliver(self, ctx, self.url, content=request, headers=self._headers())

        try:
            await deliver_parts(self, snapshot.at, make, send, smaller=partial(halve, self, ctx, len(snapshot)))
        except DeliveryError as error:
            if not error.retry:
                writer.took()
            raise
        writer.took()

    def _requests(self, writer: Writer, snapshot: Snapshot) -> list[bytes]:
        compress = _snappy()
        about = self.metadata and not 0 <= snapshot.at - vars(self).get("_about", -_ABOUT_MS) < _ABOUT_MS
        if about:
            vars(self)["_about"] = snapshot.at
        return [compress(request) for request in writer.requests(snapshot, batch_of(self), metadata=about)]

    def _headers(self) -> dict[str, str]:
        login = {}
        if self.bearer_token:
            login["Authorization"] = f"Bearer {self.bearer_token}"
        elif self.username:
            login["Authorization"] = f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"
        return {**_HEADERS, **login, **self.headers}


def _snappy() -> Callable[[bytes], bytes]:
    """Snappy's block format, which the protocol asks for."""
    try:
        from cramjam import snappy
    except ImportError as error:
        raise MissingDependency("cramjam", "remote-write") from error
    return lambda data: bytes(snappy.compress_raw(data))


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [RemoteWriteExporter]
