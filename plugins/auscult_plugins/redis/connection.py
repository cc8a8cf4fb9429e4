"""A connection to a Redis server over anyio, so that it works on every event loop."""

from __future__ import annotations

import ssl
import time
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
from anyio.abc import ByteStream
from msgspec import Struct

from auscult import CheckContext
from auscult_plugins._network import authorities, connect_tcp, place, reason, secured
from auscult_plugins.redis.resp import ErrorReply, NotRedis, Reader, command

__all__ = ["Address", "Connection", "ConnectionLost", "connect", "parse_address"]

_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")
PATIENCE = 0.8
"""Share of the probe's time that a handshake may take: what is wrong is then said before the cut."""


class ConnectionLost(ConnectionError):
    """The connection broke or turned out to be dead."""


class Address(Struct, frozen=True):
    """A URL taken apart."""

    host: str = ""
    port: int = 6379
    path: str = ""
    """Of a socket, instead of host and port."""
    tls: bool = False
    username: str = ""
    password: str = ""
    database: int = 0
    query: dict[str, str] = {}

    @property
    def place(self) -> str:
        """For people."""
        return self.path or place(self.host, self.port)


def parse_address(url: str) -> Address:
    """Take a URL apart. Raises ValueError, without repeating the URL."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        begins = f"{parts.scheme}://" if "://" in url else "no scheme"
        raise ValueError(f"`url` begins with {begins}; expected redis://, rediss://, valkey:// or unix://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    local = parts.scheme == "unix"
    number = query.get("db") or ("" if local else parts.path.strip("/")) or "0"
    try:
        port = parts.port or 6379
    except ValueError:
        raise ValueError("`url` is not understood: are all special characters in it quoted?") from None
    if not number.isdecimal():
        raise ValueError(f"`url` ends with the database {number!r}; expected a number")
    return Address(
        host="" if local else parts.hostname or "127.0.0.1",
        port=port,
        path=unquote(parts.path) if local else "",
        tls=parts.scheme in ("rediss", "valkeys"),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(number),
        query=query,
    )


class Connection:
    """One command at a time."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._reader = Reader()

    async def ask(self, *words: str) -> str | int | None:
        """The answer to a command. Raises ErrorReply, NotRedis, ConnectionLost."""
        try:
            await self._stream.send(command(*words))
            while (taken := self._reader.take()) is None:
                self._reader.feed(await self._stream.receive())
        except anyio.EndOfStream:
            raise ConnectionLost("the server closed the connection") from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise ConnectionLost("the connection broke") from error
        if isinstance(taken[0], ErrorReply):
            raise taken[0]
        return taken[0]

    async def close(self) -> None:
        """Disconnect."""
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)


async def connect(address: Address, ctx: CheckContext, stages: dict[str, float]) -> Connection:
    """Connect, log in, choose the database. Raises ConnectionError with one sentence."""
    begin = time.perf_counter()
    stream = await _stream(address, ctx)
    stages["connect"] = time.perf_counter() - begin
    try:
        if address.tls:
            begin = time.perf_counter()
            stream = await _secured(stream, address, ctx.timeout * PATIENCE)
            stages["tls"] = time.perf_counter() - begin
        connection = Connection(stream)
        begin = time.perf_counter()
        if await _introduced(connection, address):
            stages["login"] = time.perf_counter() - begin
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        raise
    return connection


async def _stream(address: Address, ctx: CheckContext) -> ByteStream:
    if address.path:
        try:
            return await anyio.connect_unix(address.path)
        except OSError as error:
            raise ConnectionError(f"cannot connect to {address.path}: {reason(error)}") from error
    return await connect_tcp(await ctx.resolve(address.host, address.port))


async def _secured(stream: ByteStream, address: Address, patience: float) -> ByteStream:
    context = _tls_context(address.query)
    try:
        # Redis waits for the end of a line, and a handshake has none.
        with anyio.fail_after(patience):
            return await secured(stream, address.host, address.port, context)
    except TimeoutError:
        why = f"no answer within {patience:g} s; is TLS spoken there?"
        raise ConnectionError(f"TLS with {address.place} failed: {why}") from None
    except ssl.SSLCertVerificationError as error:
        raise ConnectionError(f"the certificate of {address.host} does not verify: {error.verify_message}") from error


def _tls_context(query: dict[str, str]) -> ssl.SSLContext:
    """As the URL's parameters ask, by the names that other clients read."""
    verify = query.get("ssl_cert_reqs", "required").lower().removeprefix("cert_") != "none"
    try:
        context = authorities(query.get("ssl_ca_certs", ""), verify=verify)
        if "ssl_certfile" in query:
            context.load_cert_chain(query["ssl_certfile"], query.get("ssl_keyfile"))
    except FileNotFoundError:
        raise ConnectionError("a file that the `url` names for TLS does not exist") from None
    return context


async def _introduced(connection: Connection, address: Address) -> bool:
    try:
        if address.password:
            user = [address.username] if address.username else []
            await connection.ask("AUTH", *user, address.password)
    except ErrorReply as error:
        raise ConnectionError(f"the login is refused: {error.text}") from error
    except NotRedis as error:
        raise ConnectionError(f"{error} (at {address.place})") from error
    try:
        if address.database:
            await connection.ask("SELECT", str(address.database))
    except ErrorReply as error:
        raise ConnectionError(f"database {address.database} cannot be used: {error.text}") from error
    return bool(address.password or address.database)
