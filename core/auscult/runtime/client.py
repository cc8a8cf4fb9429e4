"""The HTTP client that plugins are given: httpx over a pool of ours that resolves and connects under the egress policy.

Connections are not kept: httpcore walks its whole pool at every request, which costs more than a new connection.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

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


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects to literal addresses that the policy allows. TLS and Host keep the URL's name."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._resolver = Resolver(policy)
        self._inner = httpcore._backends.auto.AutoBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the allowed addresses in order."""
        try:
            addresses = await self._resolver.resolve(host, port)
        except EgressRefused:
            raise
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address, _ in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(addresses[-1][0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refused: a URL names a host."""
        raise EgressRefused("unix sockets are not reached through the HTTP client")

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await self._inner.sleep(seconds)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over our pool."""

    def __init__(self, policy: EgressPolicy, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=0,
            network_backend=_Backend(policy),
        )


def make_client(policy: EgressPolicy) -> httpx.AsyncClient:
    """A client for one event loop: no redirects, no proxies or netrc from the environment."""
    context = ssl.create_default_context()
    return httpx.AsyncClient(
        transport=_Transport(policy, context),
        timeout=TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": f"auscult/{__version__}"},
    )
