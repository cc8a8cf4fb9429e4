"""`DeadMan`: asks an address for as long as alerts could go out. It falls silent when they could not.

Whoever is asked (a watchdog somewhere else) raises the alarm when nobody asks any more: a monitor that is dead, cut
off, or alive and unable to alert cannot do that itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import anyio

from auscult.clock import Clock
from auscult.runtime.alert_stats import AlertStats

if TYPE_CHECKING:
    import httpx

__all__ = ["ALL_FAIL", "COMMIT_WITHIN", "DeadMan", "Path"]

log = logging.getLogger("auscult.deadman")

COMMIT_WITHIN = 5.0
"""Seconds that a commit may take."""
ALL_FAIL = 300.0
"""Seconds for which every channel may fail before nobody can be told any more."""
TIMEOUT = 10.0


class Path(Protocol):
    """The alert path, as far as it can be looked at."""

    def stats(self) -> AlertStats:
        """How alerting is doing."""
        ...

    def stepped_at(self) -> float | None:
        """When rules last judged a result, monotonic; None: never."""
        ...

    async def commits(self, within: float) -> bool:
        """Whether something can be committed now, behind everything that waits to be."""
        ...

    def stalled(self) -> list[str]:
        """Channels with something due that nobody sees to."""
        ...


class DeadMan:
    """Asks an address every `interval` seconds while the path works; `run` until cancelled."""

    def __init__(
        self,
        url: str,
        interval: float,
        path: Path,
        clock: Clock,
        client: Callable[[], httpx.AsyncClient],
        *,
        stepped_within: float,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.interval = interval
        self._request: dict[str, Any] = {
            "method": method,
            "url": url,
            "headers": dict(headers or {}),
            "timeout": TIMEOUT,
        }
        self._path, self._clock, self._client, self._stepped_within = path, clock, client, stepped_within
        self._begun = clock.monotonic()
        self.broken = ""
        """Why it is silent; empty while it asks."""
        self.error = ""
        """Why asking failed the last time."""

    async def run(self) -> None:
        """Look, and ask, again and again."""
        while True:
            begun = self._clock.monotonic()
            await self.look()
            await anyio.sleep(max(begun + self.interval - self._clock.monotonic(), 0.01))

    async def look(self) -> None:
        """Ask once if the path works."""
        broken = await self.fault()
        if broken and not self.broken:
            log.error("the dead-man address is asked no more: %s", broken)
        elif self.broken and not broken:
            log.warning("the dead-man address is asked again")
        self.broken = broken
        if not broken:
            await self._ask()

    async def fault(self) -> str:
        """What is wrong with the path, in words; empty when nothing is."""
        idle = self._clock.monotonic() - (self._path.stepped_at() or self._begun)
        if idle > self._stepped_within:
            return f"rules have judged no result for {idle:.0f} s"
        if not await self._path.commits(COMMIT_WITHIN):
            return f"nothing is committed within {COMMIT_WITHIN:g} s: {self._path.stats().commit_error or 'no answer'}"
        if stalled := self._path.stalled():
            return f"nobody delivers what is due to {', '.join(stalled)}"
        channels = self._path.stats().channels
        if channels and all(channel.failing > ALL_FAIL for channel in channels.values()):
            return "every channel fails"
        return ""

    async def _ask(self) -> None:
        error = ""
        try:
            with anyio.fail_after(TIMEOUT):
                answer = await self._client().request(**self._request)
            if answer.status_code >= 400:
                error = f"it answers {answer.status_code}"
        except Exception as failure:
            error = type(failure).__name__  # not its words: the address is a secret
        if error and error != self.error:
            log.warning("the dead-man address could not be asked: %s", error)
        self.error = error
