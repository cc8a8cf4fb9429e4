"""The `otlp` source: metrics and traces that OpenTelemetry's SDKs and collectors send over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
from anyio.lowlevel import checkpoint
from msgspec import Meta

from auscult import Answer, Prices, Received, Receiver, Source, SourceContext, hookimpl
from auscult_plugins.otlp import answers, binary, text_form
from auscult_plugins.otlp.body import LARGEST, Refused, unpacked
from auscult_plugins.otlp.calls import Calls
from auscult_plugins.otlp.model import Metric, Resource, Span
from auscult_plugins.otlp.names import matcher
from auscult_plugins.otlp.taking import Taking
from auscult_plugins.otlp.wire import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OtlpSource", "auscult_sources"]

_EACH_CALL = ("*job_id", "*room_id", "*room_sid", "*session?id", "*conversation?id", "*request_id*", "*user?id")
_METRICS, _TRACES = "/v1/metrics", "/v1/traces"
_TURN = 100
"""Points after which others get a turn: a few milliseconds."""
_AT_ONCE = 2
_WAITING = 64
"""Requests that are unpacked at a time, and that may wait for it; further ones are to come again."""
_LARGE = 64 << 10
"""Bytes from which on a body is unpacked in a thread."""


class OtlpSource(Source, dict=True):
    """Takes in metrics and traces by OTLP over HTTP, in protobuf or JSON: from SDKs, agents' frameworks, collectors.

    Spans of LiveKit Agents and Pipecat become `ai_calls` and `turns`, with what they cost. What was said is left out.
    """

    kind = "otlp"

    resource_labels: list[str] = msgspec.field(default_factory=lambda: ["service.name"])
    """Attributes of the sender that become labels of its series. Default: `service.name`."""
    instance_labels: list[str] = msgspec.field(default_factory=lambda: ["service.instance.id"])
    """Attributes of the sender that become labels of gauges, too: each process has a number of its own. Its counters
    and histograms are added up with those of others, so that a process that lives for one call is not lost between two
    looks. Put them under `resource_labels` to tell everything apart. Default: `service.instance.id`."""
    drop_labels: list[str] = msgspec.field(default_factory=lambda: list(_EACH_CALL))
    """Attributes that do not become labels, patterns with ``*``: each call would make series of its own. What
    differs in them alone is added up. Default: ids of jobs, rooms, sessions, conversations, requests and users."""
    keep: list[str] = []
    """Names of metrics to take in, as the sender has them, patterns with ``*``. Empty: all."""
    drop: list[str] = []
    """Names of metrics to leave out, patterns with ``*``."""
    coarse_buckets: bool = False
    """Keep the buckets of histograms of seconds on the SDKs' own bounds (0, 5, 10, …), which are made for milliseconds
    and would make every percentile a false number."""
    prices_file: str = ""
    """A file of prices that goes on top of those that come along."""
    max_body: Annotated[int, Meta(ge=1024)] = 16 << 20
    """Bytes that a request may have as it is sent; more is answered with 413."""

    def __post_init__(self) -> None:
        if self.prices_file:
            _ = self._prices

    @property
    def _prices(self) -> Prices:
        return Prices.load(Path(self.prices_file).expanduser()) if self.prices_file else Prices.default()

    @cached_property
    def _taking(self) -> Taking:
        return Taking(
            self.resource_labels,
            self.instance_labels,
            matcher(self.drop_labels),
            coarse_buckets=self.coarse_buckets,
            stale_after=self.stale_after(),
        )

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._prices)

    @cached_property
    def _turns(self) -> anyio.Semaphore:
        return anyio.Semaphore(_AT_ONCE)

    @cached_property
    def _wants(self) -> Callable[[str], bool]:
        keep, drop = matcher(self.keep), matcher(self.drop)
        return lambda name: not drop(name) and (not self.keep or keep(name))

    def receivers(self) -> list[Receiver]:
        """Where the SDKs look below an endpoint."""
        return [Receiver(path=path, max_body=self.max_body, well_known=True) for path in (_METRICS, _TRACES)]

    async def receive(self, request: Received, ctx: SourceContext) -> Answer:
        """Take in one export."""
        form = answers.form_of(request.headers.get("content-type", ""))
        try:
            if form is None:
                raise Refused(415, "Content-Type is neither application/x-protobuf nor application/json", 3)
            if self._turns.statistics().tasks_waiting >= _WAITING:
                raise Refused(503, "Too much comes in at a time; try again", 14)
            async with self._turns:
                body = await self._body(request, ctx)
                if request.path == _TRACES:
                    return await self._traces(body, form, ctx)
                return await self._metrics(body, form, ctx)
        except Refused as refused:
            return answers.refused(form or "json", refused)
        except Malformed as error:
            return answers.refused(form or "json", Refused(400, f"The body cannot be read: {error}", 3))

    async def _body(self, request: Received, ctx: SourceContext) -> bytes:
        work = partial(unpacked, request.body, request.headers.get("content-encoding", ""), LARGEST)
        return work() if len(request.body) <= _LARGE else await ctx.in_thread(work)

    async def _metrics(self, body: bytes, form: str, ctx: SourceContext) -> Answer:
        taking, rejected, reason, count = self._taking, 0, "", 0
        now = ctx.clock.monotonic()
        taking.totals.forget(now)
        for resource, metric in await self._read_metrics(body, form, ctx):
            try:
                filling = taking.families(resource, metric, self._wants)
            except ValueError as error:
                if isinstance(error, Malformed):
                    raise
                reason, filling = str(error), None
                rejected += sum(1 for _ in metric.points)
            if filling is None:
                continue
            for point in filling.points():
                try:
                    filling.take(point, ctx, now)
                except ValueError as error:
                    rejected, reason = rejected + 1, f"`{metric.name[:100]}`: {error}"
                count += 1
                if count % _TURN == 0:
                    await checkpoint()
        return answers.accepted(form, rejected, reason)

    async def _read_metrics(self, body: bytes, form: str, ctx: SourceContext) -> Iterator[tuple[Resource, Metric]]:
        if form == "protobuf":
            return binary.metrics(body)
        work = partial(text_form.decoded, body, text_form.MetricsRequest)
        return text_form.metrics(work() if len(body) <= _LARGE else await ctx.in_thread(work))

    async def _traces(self, body: bytes, form: str, ctx: SourceContext) -> Answer:
        now, calls = ctx.clock.now_ms(), 0
        for count, (resource, span) in enumerate(await self._read_traces(body, form, ctx), 1):
            event = self._calls.event(resource, span, now)
            if event is not None:
                ctx.record(event)
                calls += event.kind == "ai_calls"
            if count % _TURN == 0:
                await checkpoint()
        if calls:
            for family, labels, value, name in self._calls.series():
                ctx.set(family, labels, value, name=name)
        return answers.accepted(form, 0, "")

    async def _read_traces(self, body: bytes, form: str, ctx: SourceContext) -> Iterator[tuple[Resource, Span]]:
        if form == "protobuf":
            return binary.spans(body)
        work = partial(text_form.decoded, body, text_form.TraceRequest)
        return text_form.spans(work() if len(body) <= _LARGE else await ctx.in_thread(work))


@hookimpl
def auscult_sources() -> list[type[Source]]:
    """Offer the source."""
    return [OtlpSource]
