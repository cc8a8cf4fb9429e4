"""What a source is given at run time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auscult.families import Event, Family, Samples
from auscult.kinds import Source, SourceContext
from auscult.metrics.intake import Intake
from auscult.runtime.context import Services
from auscult.runtime.threads import OwnThreads

if TYPE_CHECKING:
    import httpx
    from prometheus_client import Metric

__all__ = ["TIMEOUT", "IntakeContext"]

TIMEOUT = 10.0
"""Seconds that one look may take where the source says nothing else."""
T = TypeVar("T")


class IntakeContext(SourceContext):
    """One source's context, kept as long as the source."""

    __slots__ = ("_record", "_services", "_threads", "clock", "intake", "log", "source", "stale_after", "timeout")

    def __init__(
        self, name: str, source: Source, intake: Intake, record: Callable[[Event], None], services: Services
    ) -> None:
        self.source = name
        self.timeout = source.collect_timeout() or TIMEOUT
        self.stale_after = source.stale_after()
        self.clock = services.clock
        self.log = logging.getLogger(f"auscult.plugins.{source.kind or 'unnamed'}")
        self.intake = intake
        self._record = record
        self._services = services
        self._threads = OwnThreads(4)

    def put(self, families: Iterable[Metric | Samples]) -> None:
        """See `SourceContext.put`."""
        self.intake.put(families)

    def set(
        self,
        family: Family,
        labels: Mapping[str, str],
        value: float,
        *,
        name: str = "",
        at: int | None = None,
    ) -> None:
        """See `SourceContext.set`."""
        self.intake.set(family, labels, value, name, at)

    def record(self, event: Event) -> None:
        """See `SourceContext.record`."""
        self._record(event)

    @property
    def http(self) -> httpx.AsyncClient:
        """See `SourceContext.http`."""
        return self._services.client

    @property
    def state_dir(self) -> Path:
        """See `SourceContext.state_dir`."""
        return self._services.directory(self.source, "sources")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """See `SourceContext.in_thread`."""
        return await self._threads.run(function)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """See `SourceContext.resolve`."""
        return await self._services.resolver.resolve(host, port)
