"""The `json` exporter: all metrics as JSON, into a file or to an HTTP address."""

from __future__ import annotations

import zlib
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from auscult import (
    DeliveryError,
    Duration,
    Export,
    Exporter,
    ExporterContext,
    SecretStr,
    Snapshot,
    deliver,
    deliver_parts,
    hookimpl,
)
from auscult_plugins._batches import batch_of, halve
from auscult_plugins.json_exporter.document import MetricsDocument, documents, encoded
from auscult_plugins.json_exporter.file import append, replace
from auscult_plugins.json_exporter.shaping import Body

__all__ = ["JSONExporter", "auscult_exporters"]

_TYPE = "application/json"
_FOR_PEOPLE = 1_000_000
"""Samples that a file holds at most in one document: all of them."""


class JSONExporter(Exporter, dict=True):
    """Writes all metrics as JSON: to a file, to an HTTP address, or to both.

    What an address missed is kept on disk and sent later, oldest first. Without either option the document is served at
    ``/metrics/NAME``.
    """

    kind = "json"
    buffers = True
    may_require = {"minijinja": "templates"}

    file_path: str = ""
    """File to write: ``./metrics/metrics.json``. Folders are made."""
    endpoint_url: SecretStr = ""
    """Address to post to; any 2xx answer is a receipt."""
    push_interval: Duration | None = None
    """Time between writes. Default: `interval`, else `defaults.metrics_export_interval`."""
    mode: Literal["replace", "append"] = "replace"
    """What becomes of the file: one document that is replaced as a whole, or one line more each time."""
    rotate_bytes: Annotated[int, Meta(ge=1024)] = 10 * 1024 * 1024
    """Size at which an appended file is set aside as ``NAME.1`` and begun anew."""
    keep_files: Annotated[int, Meta(ge=1, le=100)] = 5
    """How many of those are kept."""
    headers: dict[str, SecretStr] = {}
    """Headers of each request; values are treated as secrets."""
    template: str = ""
    """Body of a request in the syntax of Jinja, for an address that wants another form; it sees the document's
    `timestamp`, `timestamp_s`, `metrics`, `part` and `parts`. Where it makes `null`, nothing is sent. Needs the extra
    `templates`."""
    method: Literal["POST", "PUT"] = "POST"
    """Method to send with."""
    gzip: bool = True
    """Compress requests."""
    batch: Annotated[int, Meta(ge=1)] = 20_000
    """Samples in one request at most; more are sent as several documents."""
    timeout: Duration = Duration(30)
    """How long sending everything may take."""

    def __post_init__(self) -> None:
        if self.endpoint_url and not self.endpoint_url.startswith(("http://", "https://")):
            raise ValueError("`endpoint_url` is an address that begins with http:// or https://")
        if self.mode not in ("replace", "append"):
            raise ValueError(f"`mode` = {self.mode!r}: expected replace or append")
        if self.template and not self.endpoint_url:
            raise ValueError("`template` shapes what is sent to an `endpoint_url`")
        self._body  # noqa: B018 - raises where it is no template

    @cached_property
    def _body(self) -> Body | None:
        return Body(self.template) if self.template else None

    def pushes(self) -> bool:
        """See `Exporter.pushes`."""
        return bool(self.file_path or self.endpoint_url)

    def every(self) -> float | None:
        """See `Exporter.every`."""
        return float(self.push_interval) if self.push_interval else None

    def push_timeout(self) -> float:
        """See `Exporter.push_timeout`."""
        return float(self.timeout)

    def render(self, snapshot: Snapshot) -> Export:
        """Everything in one document."""
        return Export(_TYPE, encoded(next(documents(snapshot, _FOR_PEOPLE))))

    async def push(self, snapshot: Snapshot, ctx: ExporterContext) -> None:
        """Write the file, then send."""
        if self.file_path and vars(self).get("_filed") != snapshot.at:  # it may be the address that is tried again
            await ctx.in_thread(partial(self._write, snapshot))
            vars(self)["_filed"] = snapshot.at
        if self.endpoint_url:

            async def make() -> list[MetricsDocument]:
                return await ctx.in_thread(lambda: list(documents(snapshot, batch_of(self))))

            await deliver_parts(
                self, snapshot.at, make, partial(self._send, ctx), smaller=partial(halve, self, ctx, len(snapshot))
            )

    async def _send(self, ctx: ExporterContext, document: MetricsDocument) -> None:
        try:
            content = await ctx.in_thread(partial(self._packed, document))
        except ValueError as error:  # of a template: it will say the same next time
            raise DeliveryError(str(error), retry=False) from None
        if content is not None:
            await deliver(self, ctx, self.endpoint_url, content=content, headers=self._headers(), method=self.method)

    def _write(self, snapshot: Snapshot) -> None:
        path = Path(self.file_path)
        data = encoded(next(documents(snapshot, _FOR_PEOPLE))) + b"\n"
        if self.mode == "replace":
            replace(path, data)
        else:
            append(path, data, rotate_bytes=self.rotate_bytes, keep=self.keep_files)

    def _packed(self, document: MetricsDocument) -> bytes | None:
        data = self._body.render(document) if self._body is not None else encoded(document)
        if data is None:
            return None
        if not self.gzip:
            return data
        packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()

    def _headers(self) -> dict[str, str]:
        packed = {"Content-Encoding": "gzip"} if self.gzip else {}
        return {"Content-Type": _TYPE, **packed, **self.headers}


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [JSONExporter]
