"""What the tests of dashboards share: a monitor with some results, and one look at panels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from auscult import Dashboard, Monitor, Panel
from auscult.dashboards.book import DrawnDashboard

__all__ = ["look_at", "monitor_with"]


@asynccontextmanager
async def monitor_with(*panels: Any, state_dir: Any = None, **dashboard: Any) -> AsyncIterator[Monitor]:
    """A running monitor without plugins, with one dashboard ``d`` of these panels."""
    monitor = Monitor(state_dir=state_dir)
    kinds = {type(panel).kind: type(panel) for panel in panels if isinstance(panel, Panel)}
    monitor.dashboards.configure(kinds)
    monitor.dashboards.add(Dashboard(id="d", title="D", panels=panels, **dashboard))
    async with monitor:
        yield monitor


async def look_at(*panels: Any, **options: Any) -> DrawnDashboard:
    """One look at these panels."""
    async with monitor_with(*panels) as monitor:
        return await monitor.dashboards.draw("d", **options)
