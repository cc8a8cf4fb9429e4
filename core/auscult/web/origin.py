"""Where a request comes from and whom it was meant for: the caller's address, the ``Host``, the ``Origin``.

A page on the web may have its own name resolve to this machine (DNS rebinding); the browser then asks us with that
page's ``Host``, or posts to us with that page's ``Origin``. Programs send the name they were given, and no origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, PermissionDeniedException

from auscult.config.tokens import is_loopback

__all__ = ["caller_address", "is_secure", "require_host", "require_loopback", "require_same_origin"]

Connection = ASGIConnection[Any, Any, Any, Any]

_SAFE = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*)(?::\d{1,5})?", re.IGNORECASE)


def require_host(connection: Connection, allowed: Sequence[str], *, anybody: bool) -> None:
    """Refuse a ``Host`` that is neither a loopback name nor among `allowed`.

    `anybody`: without any allowed names every one will do. Raises 400 for what is no host at all, else 403.
    """
    values = connection.headers.getall("host", [])
    if len(values) > 1:
        raise ClientException("There must be one Host header")
    match = _HOST.fullmatch(values[0]) if values else None
    if values and match is None:
        raise ClientException("The Host header is not a host name with an optional port")
    if anybody and not allowed:
        return
    host = match[1].lower().rstrip(".") if match else ""
    if is_loopback(host) or any(_matches(host, pattern) for pattern in allowed):
        return
    raise PermissionDeniedException(
        f"The Host `{host}` is not one of ours; `server.allowed_hosts` names those that requests may carry"
    )


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower().rstrip(".")
    return host.endswith(pattern[1:]) and host != pattern[1:] if pattern.startswith("*.") else host == pattern


def require_same_origin(connection: Connection) -> None:
    """Refuse a change that a browser asks for on behalf of another site. Raises 403."""
    if connection.scope.get("method", "GET") in _SAFE:
        return
    headers = connection.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise PermissionDeniedException("Changes asked for by another site are refused")
    origin = headers.get("origin")
    if origin is not None and _netloc(origin) != headers.get("host", "").lower():
        raise PermissionDeniedException("Changes asked for by another origin are refused")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def require_loopback(connection: Connection, proxies: Sequence[str]) -> None:
    """Refuse a caller on another machine, also one behind a proxy. Raises 403."""
    address = caller_address(connection, proxies)
    if address is None or not is_loopback(address.partition("%")[0]):
        raise PermissionDeniedException(
            "No token is configured, so only this machine may ask; `auscult token NAME` makes one that lets others in"
        )


def is_secure(connection: Connection, proxies: Sequence[str]) -> bool:
    """Whether the browser speaks TLS, to us or to a trusted proxy."""
    peer = connection.client.host if connection.client else None
    if peer is not None and _within(peer, proxies):
        return connection.headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower() == "https"
    return str(connection.scope.get("scheme", "http")) == "https"


def caller_address(connection: Connection, proxies: Sequence[str]) -> str | None:
    """The caller's address: the last one forwarded that is no trusted proxy; None where it cannot be known."""
    peer = connection.client.host if connection.client else None
    forwarded = ",".join(connection.headers.getall("x-forwarded-for", []))
    if peer is None or not forwarded:
        # A proxy that tells its client otherwise is not believed, and its client is not from here either.
        return None if "forwarded" in connection.headers else peer
    for address in [peer, *(text.strip() for text in reversed(forwarded.split(",")))]:
        if not _within(address, proxies):
            return None if address == peer else address
    return None


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
