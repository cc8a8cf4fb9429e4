"""Who may do what. Default deny: one guard on the root router asks for a role, and only ``public=True`` on a handler
opens it.

Without any token configured, callers on loopback are administrators; but the ``Host`` must then be a loopback name and
writes must come from the same origin, or any web page somebody visits could post to us (decision 13).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["Access"]

_RANK = {"viewer": 1, "operator": 2, "admin": 3}
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


class Access:
    """Decides for one app; `guard` is an async Litestar guard."""

    def __init__(self, settings: Settings | None, *, trust_host: bool = False) -> None:
        self._tokens = settings.auth.tokens if settings is not None else ()
        self._proxies = settings.server.trusted_proxies if settings is not None else ()
        self._hosts = tuple(settings.server.allowed_hosts) if settings is not None else ()
        self._public_metrics = settings is not None and settings.server.public_metrics
        self._trust_host = trust_host

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let the request through, or raise 401 or 403 with a sentence."""
        options = handler.opt
        if options.get("public") or (options.get("metrics") and self._public_metrics) or self._trust_host:
            return
        role = self._role(connection)
        wanted = options.get("role", "viewer")
        if _RANK[role] < _RANK[wanted]:
            raise PermissionDeniedException(f"This needs the role `{wanted}`; the token has the role `{role}`")

    def _role(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        if self._tokens:
            return self._role_of_token(connection.headers.get("authorization", ""))
        self._require_loopback(connection)
        return "admin"

    def _role_of_token(self, header: str) -> str:
        scheme, _, presented = header.partition(" ")
        challenge = {"WWW-Authenticate": 'Bearer realm="auscult"'}
        if scheme.lower() != "bearer" or not presented.strip():
            raise NotAuthorizedException(
                "Send a token: `Authorization: Bearer TOKEN`; `auscult token NAME` makes one", headers=challenge
            )
        from auscult.config.tokens import verify

        for token in self._tokens:
            if verify(presented.strip(), token.hash):
                return token.role
        raise NotAuthorizedException("This token is not known", headers=challenge)

    def _require_loopback(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        address = self._client(connection)
        if address is not None and not _is_loopback(address):
            raise PermissionDeniedException(
                "No token is configured, so only this machine may ask; `auscult token NAME` lets others in"
            )
        host = _host_of(connection.headers)
        if host not in (*_LOOPBACK_NAMES, *self._hosts):
            raise PermissionDeniedException(f"The Host `{host}` is not a loopback name; see `server.allowed_hosts`")
        if connection.scope["method"] not in _SAFE:
            _require_same_origin(connection.headers)

    def _client(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
        """The caller's address; a forwarded one only from a proxy that is trusted."""
        peer = connection.client.host if connection.client else None
        if peer is None or not self._proxies:
            return peer
        forwarded = connection.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return forwarded if forwarded and _within(peer, self._proxies) else peer


def _host_of(headers: Mapping[str, str]) -> str:
    host = headers.get("host", "")
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host


def _require_same_origin(headers: Mapping[str, str]) -> None:
    """Browsers say where a request comes from; programs say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise PermissionDeniedException("Writes from another site are refused")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
        raise PermissionDeniedException("Writes from another origin are refused")


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return address == "testclient"


def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
