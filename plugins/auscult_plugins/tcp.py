"""The `tcp` check: a port takes connections, and answers as it should where that is asked for."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from typing import Annotated

import anyio
from anyio.abc import ByteStream
from msgspec import Meta

from auscult import Check, CheckContext, Measurement, Reading, Status, hookimpl
from auscult_plugins._network import authorities, connect_tcp, place, secured

__all__ = ["TcpCheck", "auscult_checks"]

MAX_ANSWER = 64 * 1024
"""Bytes to read in search of the expected text."""


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
    ca_file: str = ""
    """PEM file of authorities to believe instead of the system's."""

    async def probe(self, ctx: CheckContext) -> Reading:
        """Connect, talk where that is asked for, close."""
        stages: dict[str, float] = {}
        begin = time.perf_counter()
        addresses = await ctx.resolve(self.host, self.port)
        stages["dns"] = time.perf_counter() - begin
        begin = time.perf_counter()
        stream = await connect_tcp(addresses)
        stages["connect"] = time.perf_counter() - begin
        try:
            if self.tls:
                stream = await self._wrap(stream, stages)
            return await self._talk(stream, stages)
        except anyio.BrokenResourceError as error:
            raise ConnectionResetError(f"{place(self.host, self.port)} reset the connection") from error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _wrap(self, stream: ByteStream, stages: dict[str, float]) -> ByteStream:
        context = authorities(self.ca_file, verify=self.verify)
        begin = time.perf_counter()
        try:
            return await secured(stream, self.host, self.port, context)
        except ssl.SSLCertVerificationError as error:
            raise ConnectionError(f"the certificate of {self.host} does not verify: {error.verify_message}") from error
        finally:
            stages["tls"] = time.perf_counter() - begin

    async def _talk(self, stream: ByteStream, stages: dict[str, float]) -> Reading:
        if self.send:
            await stream.send(self.send.encode())
        if not self.expect:
            return Reading(Status.HEALTHY, f"port {self.port} takes connections", {}, stages)
        begin, received, wanted = time.perf_counter(), b"", self.expect.encode()
        with suppress(anyio.EndOfStream):
            while wanted not in received and len(received) < MAX_ANSWER:
                received += await stream.receive()
        stages["answer"] = time.perf_counter() - begin
        counted = {"answer_bytes": float(len(received))}
        if wanted in received:
            return Reading(Status.HEALTHY, f"port {self.port} answers", counted, stages)
        said = received[:80].decode(errors="replace")
        return Reading(Status.UNHEALTHY, f"expected {self.expect!r}, got {said!r}", counted, stages)


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [TcpCheck]
