"""What a probe is given at run time, and the services behind it that all probes share."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auscult.clock import Clock
from auscult.component import Component
from auscult.kinds import CheckContext
from auscult.model import Ping

if TYPE_CHECKING:
    import httpx

    from auscult.metrics.query import MetricAnswer, MetricQuery
    from auscult.runtime.egress import EgressPolicy
    from auscult.runtime.resolver import Resolver
    from auscult.runtime.threads import OwnThreads

__all__ = ["MAX_PINGS", "ProbeContext", "Services"]

MAX_PINGS = 20
"""Signs of life remembered per component."""
T = TypeVar("T")


class Services:
    """What probes share: clock, HTTP client, resolver, state directory. Each is made on first use."""

    def __init__(self, clock: Clock, policy: EgressPolicy | None = None, state_dir: Path | None = None) -> None:
        self.clock = clock
        self._policy = policy
        self._state_dir = state_dir
        self._client: httpx.AsyncClient | None = None
        self._resolver: Resolver | None = None
        self._temporary: list[Path] = []
        self.ask: Callable[[MetricQuery, int, int, int], Awaitable[MetricAnswer]] | None = None
        """Answers questions to the history of metrics: from, to (ms), points. None outside a monitor."""

    @property
    def policy(self) -> EgressPolicy:
        """Which addresses probes may connect to."""
        if self._policy is None:
            from auscult.runtime.egress import EgressPolicy

            self._policy = EgressPolicy()
        return self._policy

    @property
    def client(self) -> httpx.AsyncClient:
        """The client that plugins get."""
        if self._client is None:
            from auscult.runtime.client import make_client

            self._client = make_client(self.policy, self.resolver)
        return self._client

    @property
    def resolver(self) -> Resolver:
        """Name look-ups under the policy."""
        if self._resolver is None:
            from auscult.runtime.resolver import Resolver

            self._resolver = Resolver(self.policy)
        return self._resolver

    def apart(self) -> tuple[EgressPolicy, Path | None]:
        """What they share with probes in processes of their own."""
        return self.policy, self._state_dir

    def directory(self, name: str, kind: str = "components") -> Path:
        """A directory for what has that name, under the state directory, or a temporary one where there is none."""
        if self._state_dir is None:
            import tempfile

            self._state_dir = Path(tempfile.mkdtemp(prefix="auscult-"))
            self._temporary.append(self._state_dir)
        path = self._state_dir / kind / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def close(self) -> None:
        """Close what was opened, remove what was temporary."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        for path in self._temporary:
            import shutil

            shutil.rmtree(path, ignore_errors=True)


class ProbeContext(CheckContext):
    """One component's context, kept as long as the component."""

    __slots__ = ("_pings", "_services", "_threads", "clock", "component", "log", "timeout")

    def __init__(self, component: Component, services: Services) -> None:
        self.component = component.name
        self.timeout = component.timeout
        self.clock = services.clock
        self.log = logging.getLogger(f"auscult.plugins.{component.check.kind or 'unnamed'}")
        self._services = services
        self._pings: deque[Ping] | None = None
        self._threads: OwnThreads | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """See `CheckContext.http`."""
        return self._services.client

    @property
    def state_dir(self) -> Path:
        """See `CheckContext.state_dir`."""
        return self._services.directory(self.component)

    @property
    def pings(self) -> tuple[Ping, ...]:
        """See `CheckContext.pings`."""
        return tuple(self._pings or ())

    def add_ping(self, ping: Ping) -> None:
        """Remember a sign of life; the oldest beyond `MAX_PINGS` is forgotten."""
        if self._pings is None:
            self._pings = deque(maxlen=MAX_PINGS)
        self._pings.append(ping)

    def apart(self) -> tuple[EgressPolicy, Path | None, tuple[Ping, ...]]:
        """What a probe in a process of its own has to be given: it may and sees the same as here."""
        return (*self._services.apart(), self.pings)

    def take_pings(self, other: ProbeContext) -> None:
        """Take over what another context of the same component remembered."""
        self._pings = other._pings

    async def ask(self, question: MetricQuery, window: float, points: int = 1) -> MetricAnswer:
        """See `CheckContext.ask`."""
        if self._services.ask is None:
            return await super().ask(question, window, points)
        now = self.clock.now_ms()
        return await self._services.ask(question, now - round(window * 1000), now + 1, points)

    async def in_thread(self, function: Callable[[], T]) -> T:
        """See `CheckContext.in_thread`."""
        if self._threads is None:
            from auscult.runtime.threads import OwnThreads

            self._threads = OwnThreads()
        return await self._threads.run(function)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """See `CheckContext.resolve`."""
        return await self._services.resolver.resolve(host, port)
