"""What an exporter is given at run time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auscult.kinds import Exporter, ExporterContext
from auscult.runtime.context import Services

if TYPE_CHECKING:
    import anyio
    import httpx

__all__ = ["TIMEOUT", "PushContext"]

TIMEOUT = 30.0
"""Seconds that one push may take where the exporter says nothing else."""
LONGEST = 600.0
T = TypeVar("T")


class PushContext(ExporterContext):
    """One exporter's context, kept as long as the exporter."""

    __slots__ = ("_limiter", "_services", "clock", "exporter", "log", "timeout")

    def __init__(self, name: str, exporter: Exporter, services: Services) -> None:
        self.exporter = name
        self.timeout = _timeout_of(exporter)
        self.clock = services.clock
        self.log = logging.getLogger(f"auscult.plugins.{exporter.kind or 'unnamed'}")
        self._services = services
        self._limiter: anyio.CapacityLimiter | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """See `ExporterContext.http`."""
        return self._services.client

    @property
    def state_dir(self) -> Path:
        """See `ExporterContext.state_dir`."""
        return self._services.directory(self.exporter, "exporters")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """See `ExporterContext.in_thread`."""
        import anyio

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(4)
        return await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=self._limiter)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """See `ExporterContext.resolve`."""
        return await self._services.resolver.resolve(host, port)


def _timeout_of(exporter: Exporter) -> float:
    try:
        seconds = float(exporter.push_timeout() or TIMEOUT)
    except Exception:  # a plugin's method; the default is always there
        return TIMEOUT
    return min(seconds, LONGEST) if seconds > 0 else TIMEOUT
