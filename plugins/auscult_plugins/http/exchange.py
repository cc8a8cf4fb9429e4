"""One request and its answer over a fresh connection, with the time of each phase.

On asyncio straight on a transport, which costs a tenth of a general client; elsewhere over anyio's streams. The same
parser reads both.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Any

from msgspec import Struct

from auscult import CheckContext
from auscult_plugins._network import connect_tcp, place, reason
from auscult_plugins.http.parse import MalformedAnswer, Parser

__all__ = ["Answer", "Request", "exchange"]


class Request(Struct, frozen=True):
    """Where to connect, and the bytes to send."""

    host: str
    port: int
    method: str
    content: bytes
    tls: ssl.SSLContext | None
    server_name: str
    max_body: int


class Answer(Struct):
    """What came back."""

    parser: Parser
    stages: dict[str, float]
    """Seconds: ``dns``, ``connect``, ``tls``, ``first_byte``, ``transfer``."""
    certificate: bytes | None = None
    """The server's, DER."""


async def exchange(request: Request, ctx: CheckContext) -> Answer:
    """Resolve, connect, ask, read. Raises OSError (with the phase in words), ssl.SSLError, MalformedAnswer."""
    begin = time.perf_counter()
    addresses = await ctx.resolve(request.host, request.port)
    stages = {"dns": time.perf_counter() - begin}
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return await _over_anyio(request, addresses, stages)
    return await _over_transport(loop, request, addresses, stages)


class _Exchange(asyncio.Protocol):
    """Sends at once, feeds the parser, ends with the answer, the connection, or an error."""

    __slots__ = ("connected", "done", "first", "parser", "request", "transport")

    def __init__(self, request: Request, done: asyncio.Future[None]) -> None:
        self.request, self.done = request, done
        self.parser = Parser(request.method, request.max_body)
        self.connected = self.first = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connected = time.perf_counter()
        self.transport = transport  # type: ignore[assignment]
        transport.write(self.request.content)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.first:
            self.first = time.perf_counter()
        try:
            self.parser.feed(data)
        except MalformedAnswer as error:
            self._end(error)
        else:
            if self.parser.done:
                self._end(None)

    def eof_received(self) -> bool:
        self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._end(exc)
        else:
            self._finish()

    def _finish(self) -> None:
        try:
            self.parser.eof()
        except MalformedAnswer as error:
            self._end(error)
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


async def _over_transport(
    loop: asyncio.AbstractEventLoop, request: Request, addresses: list[tuple[str, int]], stages: dict[str, float]
) -> Answer:
    begin = time.perf_counter()
    done: asyncio.Future[None] = loop.create_future()
    protocol = _Exchange(request, done)
    if request.tls is None:
        transport: Any = await _connected(loop, protocol, addresses)
        stages["connect"] = protocol.connected - begin
    else:
        raw = await _connected_socket(loop, addresses)
        stages["connect"] = time.perf_counter() - begin
        shaking = time.perf_counter()
        transport, _ = await loop.create_connection(
            lambda: protocol, sock=raw, ssl=request.tls, server_hostname=request.server_name
        )
        stages["tls"] = protocol.connected - shaking
    try:
        await done
        end = time.perf_counter()
        stages["first_byte"] = (protocol.first or end) - protocol.connected
        stages["transfer"] = end - (protocol.first or end)
        return Answer(protocol.parser, stages, _certificate(transport.get_extra_info("ssl_object")))
    finally:
        transport.abort()


async def _connected(
    loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, addresses: list[tuple[str, int]]
) -> asyncio.Transport:
    """To the first address that answers."""
    for address, port in addresses[:-1]:
        try:
            return (await loop.create_connection(lambda: protocol, address, port))[0]
        except OSError:
            continue
    address, port = addresses[-1]
    try:
        return (await loop.create_connection(lambda: protocol, address, port))[0]
    except OSError as error:
        raise _refused(error, address, port) from error


async def _connected_socket(loop: asyncio.AbstractEventLoop, addresses: list[tuple[str, int]]) -> socket.socket:
    last: OSError | None = None
    for address, port in addresses:
        connecting = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(connecting, (address, port))
        except OSError as error:
            connecting.close()
            last = _refused(error, address, port)
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    assert last is not None
    raise last


def _refused(error: OSError, address: str, port: int) -> OSError:
    return ConnectionError(f"cannot connect to {place(address, port)}: {reason(error)}")


def _certificate(ssl_object: Any) -> bytes | None:
    if ssl_object is None:
        return None
    certificate: bytes | None = ssl_object.getpeercert(binary_form=True)
    return certificate


async def _over_anyio(request: Request, addresses: list[tuple[str, int]], stages: dict[str, float]) -> Answer:
    import anyio
    from anyio.streams.tls import TLSAttribute, TLSStream

    begin = time.perf_counter()
    stream: Any = await connect_tcp(addresses)
    connected = time.perf_counter()
    stages["connect"] = connected - begin
    certificate = None
    try:
        if request.tls is not None:
            stream = await TLSStream.wrap(
                stream, hostname=request.server_name, ssl_context=request.tls, standard_compatible=False
            )
            certificate = stream.extra(TLSAttribute.peer_certificate_binary)  # noqa: S610
            stages["tls"] = time.perf_counter() - connected
            connected = time.perf_counter()
        await stream.send(request.content)
        parser, first = Parser(request.method, request.max_body), 0.0
        while not parser.done:
            try:
                data = await stream.receive()
            except anyio.EndOfStream:
                parser.eof()
                break
            first = first or time.perf_counter()
            parser.feed(data)
        end = time.perf_counter()
        stages["first_byte"] = (first or end) - connected
        stages["transfer"] = end - (first or end)
        return Answer(parser, stages, certificate)
    except anyio.BrokenResourceError as error:
        raise error.__cause__ if isinstance(error.__cause__, OSError) else ConnectionResetError() from error
    finally:
        await anyio.aclose_forcefully(stream)
