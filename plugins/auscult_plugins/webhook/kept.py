"""Requests over connections that are kept, for one origin, on asyncio: a tenth of what a general client costs.

Resolving and connecting go through the context, so the egress policy holds. A connection that the other side closed
while nobody used it is not an error: the request goes out again over a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from auscult import ChannelContext
from auscult_plugins._network import place, reason

__all__ = ["Answer", "KeptConnections", "is_possible"]

IDLE = 15.0
"""Seconds that an unused connection is kept."""
MAX_IDLE = 16
MAX_OPEN = 64
"""Connections at once; of more, those go whose answer was told long ago and never ends."""
MAX_BODY = 16_384
"""Bytes of a refusal's body that are remembered."""
MAX_ANSWER = 1 << 20
"""Bytes of one answer, after which its connection is not worth keeping."""


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Found = Answer | OSError
"""What becomes of a request."""


class Gone(OSError):
    """A kept connection turned out to be closed before anything of an answer came."""


def is_possible() -> bool:
    """Whether this works here: on asyncio, and where the parser is installed."""
    try:
        asyncio.get_running_loop()
        import httptools  # noqa: F401
    except (RuntimeError, ImportError):
        return False
    return True


class KeptConnections:
    """Connections to one origin, of one event loop."""

    def __init__(self, host: str, port: int, *, secure: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self._host, self._port, self._secure = host, port, secure
        self._context: ssl.SSLContext | None = None
        self.idle: list[_Connection] = []
        self.open: set[_Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes, ctx: ChannelContext) -> Answer:
        """Send, and return with the answer; of a 2xx without waiting for its body. Raises OSError, EgressRefused."""
        while self.idle:
            try:
                return await self.idle.pop().exchange(request)
            except Gone:
                continue
        return await (await self._connect(ctx)).exchange(request)

    def begin(self, request: bytes, tell: Callable[[Found], None]) -> Callable[[], None] | None:
        """Send over a connection that nobody uses, if there is one, and `tell` what comes of it; gives what cuts it."""
        if not self.idle:
            return None
        connection = self.idle.pop()
        return connection.abort if connection.begin(request, tell) else None

    def close(self) -> None:
        """Close what nobody uses; more may be opened later."""
        for connection in [*self.open]:
            if not connection.busy:
                connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def release(self, connection: _Connection) -> None:
        """Keep a connection for the next request."""
        if len(self.idle) < MAX_IDLE:
            self.idle.append(connection)
        else:
            connection.abort()

    def add(self, connection: _Connection) -> None:
        """Take in a new connection."""
        self.open.add(connection)
        if len(self.open) > MAX_OPEN:
            told = [each for each in self.open if not each.busy and each is not connection]
            if told:
                min(told, key=lambda each: each.since).abort()
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(IDLE, self._sweep)

    def forget(self, connection: _Connection) -> None:
        """A connection has ended."""
        self.open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)

    def _sweep(self) -> None:
        """Close what has been unused for long, also what never finished its answer."""
        now, self._sweeper = self.loop.time(), None
        for connection in [*self.open]:
            if not connection.busy and now - connection.since >= IDLE:
                connection.abort()
        if self.open:
            self._sweeper = self.loop.call_later(IDLE, self._sweep)

    async def _connect(self, ctx: ChannelContext) -> _Connection:
        try:
            addresses = await ctx.resolve(self._host, self._port)
        except OSError as error:
            raise OSError(f"cannot resolve {self._host}: {reason(error)}") from error
        if self._secure and self._context is None:
            self._context = await ctx.in_thread(ssl.create_default_context)
        for at, (address, port) in enumerate(addresses):
            try:
                return await self._connect_to(address, port)
            except ssl.SSLCertVerificationError as error:
                raise OSError(f"the certificate of {self._host} does not verify: {error.verify_message}") from error
            except ssl.SSLError as error:
                raise OSError(f"TLS with {place(self._host, self._port)} failed: {error.reason or error}") from error
            except OSError as error:
                if at + 1 == len(addresses):
                    where = place(self._host, self._port)
                    raise OSError(f"cannot connect to {where}: {reason(error)}") from error
        raise OSError(f"{self._host} has no address")

    async def _connect_to(self, address: str, port: int) -> _Connection:
        name = self._host if self._secure else None
        _, connection = await self.loop.create_connection(
            lambda: _Connection(self), address, port, ssl=self._context, server_hostname=name
        )
        return connection


class _Connection(asyncio.Protocol):
    """One connection: idle, busy with a request, or still reading the body of an answer that was told already."""

    def __init__(self, home: KeptConnections) -> None:
        self._home = home
        self._transport: asyncio.Transport | None = None
        self._tells: Callable[[Found], None] | None = None
        """Who waits for the answer."""
        self._parser: Any = None
        self._usual, self._receipt = b"", Answer(200, [], b"")
        """The latest receipt of the plainest kind, as it came, and what it says: most are the same."""
        self._awaits = False
        """A request is out, and nothing of its answer has come yet."""
        self._status = self._read = self._requests = 0
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self.since = home.loop.time()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for its answer."""
        return self._tells is not None

    def begin(self, request: bytes, tell: Callable[[Found], None]) -> bool:
        """One request, unless the other side has closed the connection."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._parser, self._awaits, self._tells = None, True, tell
        self._status = self._read = 0
        self._headers, self._body = [], bytearray()
        self._requests += 1
        self._transport.write(request)
        return True

    async def exchange(self, request: bytes) -> Answer:
        """One request. Raises OSError."""
        waiter: asyncio.Future[Answer] = self._home.loop.create_future()
        tell = partial(_set, waiter)
        if not self.begin(request, tell):
            raise Gone("the connection was closed without an answer")
        try:
            return await waiter
        except BaseException:
            if self._tells in (tell, None):  # else it serves somebody else by now
                self.abort()
            raise

    def abort(self) -> None:
        """Close at once."""
        self._home.forget(self)
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):  # its loop is gone, and the connection with it
                self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._home.add(self)

    def data_received(self, data: bytes) -> None:
        self._read += len(data)
        is_first, self._awaits = self._awaits, False
        if is_first and self._is_plain(data):
            return
        import httptools

        if is_first:
            self._parser = httptools.HttpResponseParser(self)
        if self._parser is None or self._read > MAX_ANSWER:
            self._end(OSError("the answer is longer than anybody wants"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(OSError(f"the answer is not HTTP: {error}"))

    def _is_plain(self, data: bytes) -> bool:
        """Take the usual receipt, complete in one piece and without frills; anything else is for the parser."""
        if data != self._usual:
            end = data.find(b"\r\n\r\n")
            if end < 0 or not data.startswith(b"HTTP/1.1 2") or not data[9:12].isdigit():
                return False
            head = data[:end].lower()
            if b"\nconnection:" in head or b"\ntransfer-encoding:" in head:
                return False
            length = head.partition(b"\ncontent-length:")[2].partition(b"\r")[0].strip() or b"-"
            if not (length.isdigit() and len(data) == end + 4 + int(length)):
                return False
            self._usual, self._receipt = data, Answer(int(data[9:12]), [], b"")
        tell, self._tells = self._tells, None
        self._be_idle()  # first: whoever is told may have a request for it at once
        if tell is not None:
            tell(self._receipt)
        return True

    def _be_idle(self) -> None:
        self.since = self._home.loop.time()
        self._home.release(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.forget(self)
        said = reason(exc) if exc is not None else "the connection was closed without an answer"
        stale = self._requests > 1 and not self._read
        self._end(Gone(said) if stale else OSError(said))

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if 200 <= self._status < 300:
            self._tell(self._answer)

    def on_body(self, data: bytes) -> None:
        if len(self._body) < MAX_BODY:
            self._body += data[: MAX_BODY - len(self._body)]

    def on_message_complete(self) -> None:
        if self._status < 200:  # an interim answer: the real one follows
            self._status = 0
            self._headers.clear()
            return
        keep, self._parser = self._parser.should_keep_alive(), None
        self._tell(self._answer)
        if keep:
            self._be_idle()
        else:
            self.abort()

    def _end(self, error: OSError) -> None:
        """Nothing more comes: with a status there is an answer, whatever became of its body."""
        self._tell(self._answer if self._status >= 200 else error)
        self.abort()

    @property
    def _answer(self) -> Answer:
        return Answer(self._status, self._headers, bytes(self._body))

    def _tell(self, found: Found) -> None:
        """Say it to whoever waits; from now on nobody does."""
        tell, self._tells = self._tells, None
        if tell is not None:
            self.since = self._home.loop.time()
            tell(found)


def _set(waiter: asyncio.Future[Answer], found: Found) -> None:
    if waiter.done():
        return
    if isinstance(found, OSError):
        waiter.set_exception(found)
    else:
        waiter.set_result(found)
