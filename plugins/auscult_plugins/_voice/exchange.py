"""One exchange with a vendor, timed: what went wrong becomes a sentence that says how far it came."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from auscult import CheckContext, Clock, Reading, Status
from auscult_plugins._voice.failures import classify

if TYPE_CHECKING:
    import httpx

__all__ = ["Exchange", "Failed", "checked_key", "checked_url", "guarded", "seconds"]

_SHARE = 0.95
"""Of the probe's time: the rest is for saying how far it came before the core cuts it."""
_MAX_ERROR_BODY = 64 * 1024


class Failed(Exception):
    """The work was not done; the text is the sentence to show."""


def checked_url(option: str, value: str) -> str:
    """`value` without a slash at its end. Raises ValueError when it is no HTTP address."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`{option}` = {value!r} is not an address; expected something like https://api.openai.com/v1")
    return value.rstrip("/")


def checked_key(key: str) -> None:
    """Raises ValueError when no HTTP header could carry `key`; white space around it is fine: files end in one."""
    if not all(" " < character <= "~" for character in key.strip()):
        raise ValueError("`api_key` has characters that no key has (a space, a line break, or beyond ASCII)")


def seconds(value: float) -> str:
    """A time for a sentence: ``84 ms``, ``2.4 s``."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


class Exchange:
    """Requests to one server, with a stopwatch: what it waits for, and where the time went."""

    def __init__(self, ctx: CheckContext, base_url: str, headers: Mapping[str, str]) -> None:
        self.ctx = ctx
        self.base_url = base_url.rstrip("/")
        self.who = urlsplit(base_url).netloc.rpartition("@")[2]
        self.stages: dict[str, float] = {}
        self.measurements: dict[str, float] = {}
        """What is known so far; a failing reading carries it too."""
        self.waiting_for = "the connection"
        self._headers = dict(headers)
        self.restart()

    @property
    def clock(self) -> Clock:
        """The context's."""
        return self.ctx.clock

    def restart(self) -> None:
        """Start the stopwatch anew, right before the request that counts."""
        self.started = self._last = self.clock.monotonic()

    def mark(self, stage: str, waiting_for: str = "the judgement of what came") -> float:
        """End `stage` now; seconds since the start."""
        now = self.clock.monotonic()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._last
        self._last = now
        self.waiting_for = waiting_for
        return now - self.started

    @asynccontextmanager
    async def request(
        self, method: str, path: str, *, waiting_for: str, hint_404: str = "", **content: Any
    ) -> AsyncIterator[httpx.Response]:
        """The open answer, its body unread; the stage ``first_byte`` ends with its headers.

        Raises Failed for anything but 200 and httpx.TransportError when there is no answer.
        """
        self.waiting_for = "an answer"
        self.restart()
        async with self.ctx.http.stream(
            method, self.base_url + path, headers=self._headers, timeout=self.ctx.timeout, **content
        ) as reply:
            self.mark("first_byte", waiting_for)
            if reply.status_code != 200:
                raise Failed(await self._refusal(reply, hint_404))
            yield reply

    async def body(self, reply: httpx.Response, limit: int) -> bytes:
        """The whole body. Raises Failed when it is longer than `limit` bytes."""
        parts = bytearray()
        async for chunk in reply.aiter_bytes():
            parts += chunk
            if len(parts) > limit:
                raise Failed(f"{self.who} answers with more than {limit} bytes where far fewer were expected")
        self.mark("transfer")
        return bytes(parts)

    async def json(self, reply: httpx.Response, expected: str, *, limit: int = 4 << 20) -> Any:
        """The body as JSON. Raises Failed with what was `expected` when it is none."""
        body = await self.body(reply, limit)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            start = " ".join(body[:60].decode("utf-8", "replace").split())
            raise Failed(
                f"{self.who} answers 200, but not with {expected}: the body starts with {start!r}; check `base_url`"
            ) from None

    async def _refusal(self, reply: httpx.Response, hint_404: str) -> str:
        body = b""
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ERROR_BODY:
                break
        self.mark("transfer")
        failure = classify(reply.status_code, reply.headers, body, now_ms=self.clock.now_ms())
        unknown_path = reply.status_code in (404, 405) and failure.cause.value == "address"
        return failure.sentence(self.who, hint=hint_404 if unknown_path else "")

    def unhealthy(self, message: str) -> Reading:
        """A failing reading with what was measured until then."""
        return Reading(Status.UNHEALTHY, message, dict(self.measurements), dict(self.stages))


async def guarded(exchange: Exchange, work: Callable[[], Awaitable[Reading]]) -> Reading:
    """What `work` says, or why it could not say anything."""
    import anyio
    import httpx

    limit = exchange.ctx.timeout * _SHARE
    with anyio.move_on_after(limit):
        try:
            return await work()
        except Failed as failed:
            return exchange.unhealthy(str(failed))
        except httpx.TimeoutException:
            pass
        except httpx.TransportError as error:
            return exchange.unhealthy(_broken(exchange, error))
    return exchange.unhealthy(_too_late(exchange, limit))


def _too_late(exchange: Exchange, limit: float) -> str:
    past = ", ".join(f"{stage.replace('_', ' ')} {seconds(took)}" for stage, took in exchange.stages.items())
    so_far = f" (until then: {past})" if past else ""
    return f"{exchange.who}: {exchange.waiting_for} did not come within {seconds(limit)}{so_far}"


def _broken(exchange: Exchange, error: httpx.TransportError) -> str:
    import httpx

    reason = _reason(error)
    if isinstance(error, httpx.ConnectError):
        return f"cannot connect to {exchange.who}: {reason}"
    return f"the connection to {exchange.who} broke while waiting for {exchange.waiting_for}: {reason}"


def _reason(error: BaseException) -> str:
    """The operating system's words where they are in the chain, else the error's own."""
    import socket
    import ssl

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {seen.verify_message}"
        if isinstance(seen, socket.gaierror):
            return f"its name cannot be resolved: {(seen.strerror or str(seen)).lower()}"
        if isinstance(seen, OSError) and seen.errno and not isinstance(seen, ssl.SSLError):
            return os.strerror(seen.errno).lower()
        seen = seen.__cause__ or seen.__context__
    return str(error) or type(error).__name__
