"""What a channel is given at run time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auscult.kinds import Channel, ChannelContext
from auscult.runtime.context import Services
from auscult.runtime.threads import OwnThreads

if TYPE_CHECKING:
    import httpx

__all__ = ["TIMEOUT", "DeliveryContext", "timeout_of"]

TIMEOUT = 30.0
"""Seconds that a delivery may take where the channel says nothing else."""
LONGEST = 600.0
T = TypeVar("T")


def timeout_of(channel: Channel) -> float:
    """Seconds that one delivery of that channel may take."""
    try:
        wanted = channel.delivery_timeout()
        seconds = float(wanted) if wanted else TIMEOUT
    except Exception:  # a plugin's method; the default is always there
        return TIMEOUT
    return min(seconds, LONGEST) if seconds > 0 else TIMEOUT


class DeliveryContext(ChannelContext):
    """One channel's context, kept as long as the channel."""

    __slots__ = ("_services", "_threads", "channel", "clock", "log", "timeout")

    def __init__(self, name: str, channel: Channel, services: Services) -> None:
        self.channel = name
        self.timeout = timeout_of(channel)
        self.clock = services.clock
        self.log = logging.getLogger(f"auscult.plugins.{channel.kind or 'unnamed'}")
        self._services = services
        self._threads = OwnThreads(4)

    @property
    def http(self) -> httpx.AsyncClient:
        """See `ChannelContext.http`."""
        return self._services.client

    @property
    def state_dir(self) -> Path:
        """See `ChannelContext.state_dir`."""
        return self._services.directory(self.channel, "channels")

    async def in_thread(self, function: Callable[[], T]) -> T:
        """See `ChannelContext.in_thread`."""
        return await self._threads.run(function)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """See `ChannelContext.resolve`."""
        return await self._services.resolver.resolve(host, port)
