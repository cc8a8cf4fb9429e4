"""One component on schedule: its due time, the run in flight, and who waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from auscult.component import Component
from auscult.kinds import Check
from auscult.model import CheckResult, Reading
from auscult.options import secret_values

if TYPE_CHECKING:
    from auscult.runtime.context import ProbeContext
    from auscult.runtime.loop import Handle

__all__ = ["Job"]


class Job:
    """The running state of one component; owned by the scheduler and the prober, never shared further."""

    __slots__ = (
        "component",
        "ctx",
        "cut",
        "due",
        "gone",
        "hung",
        "late",
        "missed",
        "once",
        "parked",
        "queued",
        "run",
        "running",
        "secrets",
        "session",
        "started",
        "task",
        "waiters",
        "young",
    )

    def __init__(self, component: Component, ctx: ProbeContext) -> None:
        self.component = component
        self.ctx = ctx
        self.secrets = secret_values(component.check)
        self.due = 0.0
        """Monotonic; the next regular start, not rounded to a slot."""
        self.late = 0.0
        """The slot the waiting or latest start belonged to."""
        self.run = 0
        """Number of the latest run."""
        self.running = False
        self.queued = False
        self.young = False
        """Started a moment ago: counts against the limit that applies under overload."""
        self.cut = False
        """The run in flight was cut at its deadline and has been reported."""
        self.hung = False
        """The run was cut and did not end: no new one starts until it does."""
        self.parked = ""
        """Why this component is probed no more, in words; "" while it is."""
        self.gone = False
        """Removed from the schedule."""
        self.missed = 0
        self.started = 0.0
        self.task: Handle | None = None
        self.session: AsyncIterator[Callable[[], Awaitable[Reading]]] | None = None
        self.once: Callable[[], Awaitable[Reading]] | None = None
        """Probes once over the kept connection."""
        self.waiters: list[Callable[[CheckResult], None]] | None = None

    @property
    def keeps_open(self) -> bool:
        """Whether its check keeps a connection between probes."""
        return type(self.component.check).open is not Check.open
