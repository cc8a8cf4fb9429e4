"""The `statsd` source: listens for StatsD's lines, over UDP and TCP."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cached_property, partial
from itertools import pairwise
from math import isfinite
from typing import Annotated, Literal

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, SocketStream, UDPSocket
from anyio.lowlevel import checkpoint
from msgspec import Meta, Struct

from auscult import Duration, Family, Source, SourceContext, hookimpl
from auscult_plugins.statsd.lines import Refused
from auscult_plugins.statsd.series import Book

__all__ = ["StatsdSource", "auscult_sources"]

LONGEST_LINE = 8192
"""Bytes; what is longer is refused."""
MOST_CONNECTIONS = 64
IDLE = 600.0
"""Seconds after which a silent connection is closed."""
_TURN = 200
"""Lines, or series, after which others get a turn."""
_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_LINES = Family("statsd_lines_total", "counter", "Lines of StatsD that were taken.", "lines", ("source",))
_REFUSED = Family(
    "statsd_lines_refused_total", "counter", "Lines of StatsD that were not.", "lines", ("source", "reason")
)


class _State(Struct):
    error: str = ""
    connections: int = 0


class StatsdSource(Source, dict=True):
    """Listens for StatsD's lines over UDP and TCP, with DogStatsD's tags as labels.

    StatsD knows no passwords: whoever reaches the address can write. It is this machine alone unless `host` says more.
    """

    kind = "statsd"

    host: str = "127.0.0.1"
    """Address to listen at; `0.0.0.0` for all of them."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8125
    """Port, of UDP and TCP alike."""
    transport: Literal["both", "udp", "tcp"] = "both"
    """What to listen for."""
    prefix: str = ""
    """Put before every name: `agent.` makes `agent_calls_total` of `calls`."""
    labels: dict[str, str] = {}
    """Labels that every series gets; a tag of that name wins."""
    buckets: list[float] = msgspec.field(default_factory=lambda: list(_BUCKETS))
    """Bounds of histograms, in seconds for timers. Default: 14 from 0.01, each twice the one before."""
    flush_interval: Duration = Duration(10)
    """How often what came in is told; a set counts the values that were different within it."""
    forget_after: Duration = Duration(3600)
    """Series of which nothing is heard for so long are left out, and begin anew."""

    def __post_init__(self) -> None:
        if not self.buckets or len(self.buckets) > 100 or not all(map(isfinite, self.buckets)):
            raise ValueError("`buckets` are 1 to 100 numbers")
        if any(a >= b for a, b in pairwise(self.buckets)):
            raise ValueError("`buckets` rise from the first to the last")
        if self.transport not in ("both", "udp", "tcp"):
            raise ValueError(f"`transport` = {self.transport!r}: expected both, udp or tcp")
        if self.flush_interval < 0.1:
            raise ValueError("`flush_interval` is at least 100ms")

    @cached_property
    def _book(self) -> Book:
        return Book(self.buckets, self.labels, self.prefix)

    @cached_property
    def _state(self) -> _State:
        return _State()

    def every(self) -> float | None:
        """See `Source.every`."""
        return float(self.flush_interval)

    def stale_after(self) -> float:
        """See `Source.stale_after`."""
        return float(self.forget_after)

    async def run(self, ctx: SourceContext) -> None:
        """Listen."""
        async with AsyncExitStack() as stack:
            try:
                udp = tcp = None
                if self.transport != "tcp":
                    udp = await anyio.create_udp_socket(local_host=self.host, local_port=self.port)
                    await stack.enter_async_context(udp)
                if self.transport != "udp":
                    tcp = await anyio.create_tcp_listener(local_host=self.host, local_port=self.port)
                    await stack.enter_async_context(tcp)
                self._state.error = ""
            except OSError as error:
                self._state.error = f"it cannot listen at {self.host}:{self.port}: {error.strerror or error}"
                raise OSError(self._state.error) from error
            async with anyio.create_task_group() as group:
                if udp is not None:
                    group.start_soon(self._datagrams, udp, ctx)
                if tcp is not None:
                    group.start_soon(tcp.serve, partial(self._connection, ctx))

    async def collect(self, ctx: SourceContext) -> None:
        """Tell what came in."""
        if self._state.error:
            raise OSError(self._state.error)
        book = self._book
        for count, _ in enumerate(book.told(ctx), 1):
            if count % _TURN == 0:
                await checkpoint()
        book.forget(ctx.clock.monotonic() - float(self.forget_after))
        if book.taken:
            ctx.set(_LINES, {"source": ctx.source}, float(book.taken))
        for reason, refused in book.refused.items():
            ctx.set(_REFUSED, {"source": ctx.source, "reason": reason}, float(refused))

    async def _datagrams(self, udp: UDPSocket, ctx: SourceContext) -> None:
        async for packet, _ in udp:
            await self._lines(packet, ctx)

    async def _connection(self, ctx: SourceContext, stream: SocketStream) -> None:
        """One sender over TCP; what goes wrong with it harms no other."""
        state = self._state
        async with stream:
            if state.connections >= MOST_CONNECTIONS:
                self._book.refuse("connections")
                return
            state.connections += 1
            try:
                await self._stream(stream, ctx)
            except (TimeoutError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
            finally:
                state.connections -= 1

    async def _stream(self, stream: ByteReceiveStream, ctx: SourceContext) -> None:
        rest = b""
        while True:
            try:
                with anyio.fail_after(IDLE):
                    more = await stream.receive(65_536)
            except anyio.EndOfStream:
                break
            whole, newline, rest = (rest + more).rpartition(b"\n")
            if newline:
                await self._lines(whole, ctx)
            if len(rest) > LONGEST_LINE:
                self._take(rest, ctx)  # refused; where the next line begins nobody can tell
                return
        if rest:
            self._take(rest, ctx)

    async def _lines(self, packet: bytes, ctx: SourceContext) -> None:
        for count, line in enumerate(packet.split(b"\n"), 1):
            if line:
                self._take(line, ctx)
            if count % _TURN == 0:
                await checkpoint()

    def _take(self, line: bytes, ctx: SourceContext) -> None:
        try:
            if len(line) > LONGEST_LINE:
                raise Refused("length")
            self._book.take(line, ctx.clock.monotonic())
        except Refused as refused:
            if self._book.refuse(str(refused)):
                ctx.log.warning("source %s: a line is refused (%s); others like it are counted", ctx.source, refused)


@hookimpl
def auscult_sources() -> list[type[Source]]:
    """Offer the source."""
    return [StatsdSource]
