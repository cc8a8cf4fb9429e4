"""The HTTP client that plugins are given: httpx over a pool of ours that resolves and connects under the egress policy.

Connections are not kept: httpcore walks its whole pool at every request, which costs more than a new connection.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpcore
import httpx

from auscult import __version__
from auscult.errors import EgressRefused
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

__all__ = ["make_client"]

MAX_CONNECTIONS = 200
TIMEOUT = 30.0
"""Seconds for each step of a request; the probe's own limit usually comes first."""


def make_client(policy: EgressPolicy, resolver: Resolver | None = None) -> httpx.AsyncClient:
    """A client for one event loop, asyncio or trio: no redirects, no proxies or netrc from the environment.

    An address that the policy forbids raises EgressRefused; everything else raises httpx's own exceptions.
    """
    backend = _Backend(resolver or Resolver(policy), httpcore.AnyIOBackend())
    return httpx.AsyncClient(
        transport=_Transport(backend),
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": f"auscult/{__version__}"},
    )


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects to literal addresses that the policy allows. TLS and Host keep the URL's name."""

    def __init__(self, resolver: Resolver, inner: httpcore.AsyncNetworkBackend) -> None:
        self._resolver, self._inner = resolver, inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, then try the allowed addresses in order, all within `timeout`."""
        deadline = anyio.current_time() + timeout if timeout is not None else None
        addresses = await self._resolve(host, port, timeout)
        for index, (address, _) in enumerate(addresses):
            share = None if deadline is None else (deadline - anyio.current_time()) / (len(addresses) - index)
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index + 1 == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def _resolve(self, host: str, port: int, timeout: float | None) -> list[tuple[str, int]]:
        try:
            with anyio.fail_after(timeout):
                return await self._resolver.resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"cannot resolve {host} within {timeout:g} s") from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refused: a URL names a host."""
        raise EgressRefused("unix sockets are not reached through the HTTP client")

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await self._inner.sleep(seconds)


class _Transport(httpx.AsyncBaseTransport):
    """Hands httpx's requests to our pool and httpcore's answers back."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        self._backend = backend
        self._opened: httpcore.AsyncConnectionPool | None = None

    @property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        """Made on first use: reading the system's certificate authorities takes a while."""
        if self._opened is None:
            self._opened = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=0,
                network_backend=self._backend,
            )
        return self._opened

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request. Raises httpx.TransportError, EgressRefused."""
        url = request.url
        with _as_httpx():
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close what is open."""
        if self._opened is not None:
            await self._opened.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body, with httpx's exceptions."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for part in self._inner:
                yield part

    async def aclose(self) -> None:
        """Give the connection back."""
        with _as_httpx():
            await self._inner.aclose()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """What httpcore raises, as the exception of the same name that httpx documents."""
    try:
        yield
    except Exception as error:
        name = type(error).__name__
        if not type(error).__module__.startswith("httpcore") or not hasattr(httpx, name):
            raise
        raise getattr(httpx, name)(str(error)) from error
