"""A bounded request through the context's client, with errors that are sentences: what several checks need."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from auscult_plugins._network import place, reason

if TYPE_CHECKING:
    import httpx

__all__ = ["Reply", "ask"]

LIMIT = 1 << 20


class Reply(Struct, frozen=True):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes

    @property
    def good(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body in one short line."""
        return " ".join(self.content[:2000].decode("utf-8", errors="replace").split())[:200]

    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            return msgspec.json.decode(self.content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}


async def ask(
    client: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    content: bytes | None = None,
    limit: int = LIMIT,
) -> Reply:
    """One request; redirects are answers like others.

    Raises ConnectionError when there is no answer, ValueError when it is longer than `limit` bytes.
    """
    import httpx

    plain = {"Accept-Encoding": "identity", **headers}
    try:
        async with client.stream(method, url, headers=plain, content=content) as reply:
            body = bytearray()
            async for part in reply.aiter_bytes():
                body += part
                if len(body) > limit:
                    raise ValueError(f"the answer is longer than {limit >> 10} KiB")
            return Reply(reply.status_code, reply.headers, bytes(body))
    except httpx.RequestError as error:
        raise ConnectionError(_sentence(error, url)) from error
    except httpx.InvalidURL as error:
        raise ValueError(f"`url` is not understood: {error}") from error


def _sentence(error: httpx.RequestError, url: str) -> str:
    import httpx

    parts = urlsplit(url)
    where = place(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return f"the certificate of {parts.hostname} does not verify: {cause.verify_message}"
    if str(error).startswith("cannot resolve"):
        return str(error)
    why = _root(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"cannot connect to {where}: {why}"
    return f"{where} does not answer in HTTP: {why}"


def _root(error: BaseException) -> str:
    """What began it, by the operating system's word for it where there is one."""
    said = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[-1]
        if isinstance(cause, OSError) and cause.errno:
            return reason(cause)
        cause = cause.__cause__ or cause.__context__
    return said or type(error).__name__
