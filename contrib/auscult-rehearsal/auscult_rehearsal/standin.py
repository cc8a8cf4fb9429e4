"""What every stand-in has: an address, a fault that can be switched on, and a count of what it was asked."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from auscult_rehearsal.asgi import Answer, Listener, Request
from auscult_rehearsal.faults import FAULTS

__all__ = ["StandIn", "UnknownFault", "WebStandIn"]

RETRY_AFTER = 20
"""Seconds a throttled stand-in asks to wait."""


class UnknownFault(ValueError):
    """This stand-in has no such fault."""


class StandIn:
    """One component of a voice agent. Subclasses start and stop something, and change it while a fault is on."""

    name: ClassVar[str]
    faults: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.fault = ""
        self.seconds = 3.0
        """How late, with the fault ``slow``."""
        self.note = ""

    @property
    def url(self) -> str:
        """Where a client finds it."""
        raise NotImplementedError

    async def start(self) -> None:
        """Be there."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Be gone, and leave nothing behind."""
        raise NotImplementedError

    async def change(self, before: str, after: str) -> None:
        """Do what the fault needs beyond remembering it; either may be empty for "none"."""

    async def break_(self, fault: str, seconds: float = 3.0) -> None:
        """Switch a fault on, another one off. Raises UnknownFault."""
        if fault not in self.faults:
            raise UnknownFault(f"{self.name} has no fault `{fault}`; it has {', '.join(self.faults)}")
        await self._switch(fault, seconds)

    async def mend(self) -> None:
        """Switch the fault off."""
        await self._switch("", self.seconds)

    async def _switch(self, fault: str, seconds: float) -> None:
        before, self.fault, self.seconds = self.fault, fault, seconds
        await self.change(before, fault)

    def describe(self) -> dict[str, object]:
        """For the control endpoint."""
        return {"url": self.url, "fault": self.fault, "note": self.note, "faults": list(self.faults)}


class WebStandIn(StandIn):
    """One that is spoken to by HTTP, on a port of its own. ``down`` really refuses connections."""

    faults: ClassVar[tuple[str, ...]] = tuple(FAULTS)

    def __init__(self) -> None:
        super().__init__()
        self.listener = Listener(self._handle)
        self.requests = 0

    @property
    def url(self) -> str:
        """See `StandIn.url`."""
        return self.listener.url

    async def start(self) -> None:
        """See `StandIn.start`."""
        await self.listener.open()

    async def stop(self) -> None:
        """See `StandIn.stop`."""
        await self.listener.stop()

    async def change(self, before: str, after: str) -> None:
        """See `StandIn.change`."""
        if after == "down":
            await self.listener.close()
        elif before == "down":
            await self.listener.open()

    def is_health(self, request: Request) -> bool:
        """Whether this is a look at the health, which a liar answers well."""
        return request.path == "/health"

    def refusal(self) -> Answer:
        """401 as the original says it."""
        raise NotImplementedError

    def throttle(self) -> Answer:
        """429 as the original says it."""
        raise NotImplementedError

    def failure(self) -> Answer:
        """500 as the original says it."""
        raise NotImplementedError

    async def work(self, request: Request) -> Answer | None:
        """The request, while no fault stands in the way (``silent`` and faults of its own are left to it)."""
        raise NotImplementedError

    async def _handle(self, request: Request) -> Answer | None:
        self.requests += 1
        if not self.is_health(request):
            if self.fault == "slow":
                await asyncio.sleep(self.seconds)
            if refused := self._refused():
                return refused
        return await self.work(request)

    def _refused(self) -> Answer | None:
        by_fault = {"unauthorized": self.refusal, "throttled": self.throttle, "lying": self.failure}
        refuse = by_fault.get(self.fault)
        return refuse() if refuse else None
