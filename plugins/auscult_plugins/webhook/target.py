"""An address and headers as they go on the wire, refused when the channel is made if they cannot."""

from __future__ import annotations

import base64
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

__all__ = ["Target", "check_header", "find_target"]

_OURS = frozenset(
    {
        "auscult-attempt",
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
"""Headers that are made for each request."""
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_SAFE = "/%!$&'()*+,;=:@~-._"


class Target(Struct, frozen=True):
    """Where a request goes."""

    host: str
    port: int
    secure: bool
    start: str
    """The request line and the header `host`."""
    login: str
    """The header `authorization`, where the address has a name and a password."""


def find_target(url: str, method: str) -> Target:
    """What `url` stands for. Raises ValueError, which does not repeat the address: it is a secret."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    unfit = any(character <= " " or character == "\x7f" for character in url)
    if parts.scheme not in ("http", "https") or not host or unfit:
        raise ValueError("`webhook_url` is no address; expected something like https://example.com/alerts")
    secure = parts.scheme == "https"
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else "")
    shown = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    login = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Target(
        host, port or (443 if secure else 80), secure, f"{method} {path} HTTP/1.1\r\nhost: {shown}\r\n", login
    )


def check_header(name: str, value: str) -> None:
    """Raises ValueError for a header that HTTP does not have; the message does not repeat the value."""
    if not name or not _TOKEN.issuperset(name.lower()):
        raise ValueError(f"`headers` has {name!r}, which is no name of a header")
    if name.lower() in _OURS:
        raise ValueError(f"`headers` has {name!r}, which is made for each request")
    if not all(character == "\t" or " " <= character <= "~" or "\xa0" <= character <= "\xff" for character in value):
        raise ValueError(f"the header `{name}` holds a character that no header may have, such as a line break")
