"""``GET /api/v1/costs``: what AI services have cost in the last hour, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import anyio
from anyio import to_thread
from litestar import get
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from auscult.dashboards.costs import Costs, costs
from auscult.monitor import Monitor
from auscult.web.problems import ERRORS

__all__ = ["cost_routes"]

SECONDS = 3600
FRESH = 10.0
"""Seconds for which one answer serves everybody who asks."""
RECENT = 100


class CostsBody(Struct, frozen=True, kw_only=True):
    """What was spent within the last `seconds`; null where nobody has said, which is not the same as nothing."""

    seconds: int
    calls: int
    """Calls that were recorded."""
    unpriced: int
    """Calls among them whose price is not known."""
    calls_usd: float | None
    probes_usd: float | None
    """What the probes of auscult itself cost."""


def cost_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """The one route."""
    turn, known = anyio.Lock(), list[tuple[float, Costs]]()

    async def look() -> Costs:
        async with turn:
            if not known or monitor.clock.monotonic() - known[0][0] >= FRESH:
                end = monitor.clock.now_ms()
                recent = {name: monitor.recent_results(name, RECENT) for name in monitor.health.components}
                question = partial(costs, monitor.store, recent, end - SECONDS * 1000, end)
                known[:] = [(monitor.clock.monotonic(), await to_thread.run_sync(question))]
            return known[0][1]

    @get(
        "/costs",
        operation_id="getCosts",
        summary="What AI services have cost in the last hour",
        responses=ERRORS,
    )
    async def spent() -> CostsBody:
        found = await look()
        return CostsBody(
            seconds=SECONDS,
            calls=found.calls,
            unpriced=found.unpriced,
            calls_usd=found.calls_usd,
            probes_usd=found.probes_usd,
        )

    return (spent,)
