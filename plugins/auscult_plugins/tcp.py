"""The `tcp` check: a port takes connections, and answers as it should where that is asked for."""

from __future__ import annotations

import ssl
import time
from typing import Annotated

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, Status, hookimpl

__all__ = ["TcpCheck", "auscult_checks"]


class TcpCheck(Check):
    """A TCP port takes connections."""

    kind = "tcp"
    measurements = (Measurement("answer_bytes", "bytes", "Bytes that were read."),)

    host: Annotated[str, Meta(min_length=1)]
    """Name or address."""
    port: Annotated[int, Meta(ge=1, le=65535)]
    """Port."""
    send: str = ""
    """Text to send after connecting; ``\\r\\n`` and the like as TOML writes them."""
    expect: str = ""
    """Text that has to come; reading stops when it has, at the latest after 64 KiB."""
    tls: bool = False
    """Speak TLS."""
    verify: bool = True
    """Verify the server's certificate."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Connect, talk where that is asked for, close."""
        stages: dict[str, float] = {}
        begin = time.perf_counter()
        addresses = await ctx.resolve(self.host, self.port)
        stages["dns"] = time.perf_counter() - begin
        stream: ByteStream = await _connect(addresses, stages)
        try:
            if self.tls:
                stream = await self._wrap(stream, stages)
            return await self._talk(stream, stages)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _wrap(self, stream: ByteStream, stages: dict[str, float]) -> ByteStream:
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        begin = time.perf_counter()
        try:
            return await TLSStream.wrap(stream, hostname=self.host, ssl_context=context, standard_compatible=False)
        finally:
            stages["tls"] = time.perf_counter() - begin

    async def _talk(self, stream: ByteStream, stages: dict[str, float]) -> Reading:
        if self.send:
            await stream.send(self.send.encode())
        if not self.expect:
            return Reading(Status.HEALTHY, f"port {self.port} takes connections", {}, stages)
        begin, received, wanted = time.perf_counter(), b"", self.expect.encode()
        try:
            while wanted not in received and len(received) < 65536:
                received += await stream.receive()
        except anyio.EndOfStream:
            pass
        stages["answer"] = time.perf_counter() - begin
        counted = {"answer_bytes": float(len(received))}
        if wanted in received:
            return Reading(Status.HEALTHY, f"port {self.port} answers", counted, stages)
        said = received[:80].decode(errors="replace")
        return Reading(Status.UNHEALTHY, f"expected {self.expect!r}, got {said!r}", counted, stages)


async def _connect(addresses: list[tuple[str, int]], stages: dict[str, float]) -> ByteStream:
    begin = time.perf_counter()
    for index, (address, port) in enumerate(addresses):
        try:
            stream = await anyio.connect_tcp(address, port)
        except OSError as error:
            if index + 1 < len(addresses):
                continue
            reason = error.__cause__ or error
            raise OSError(
                f"cannot connect to {address}:{port}: {getattr(reason, 'strerror', None) or reason}"
            ) from error
        stages["connect"] = time.perf_counter() - begin
        return stream
    raise OSError("the name has no address")


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [TcpCheck]
