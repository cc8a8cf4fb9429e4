"""The samples about panels and dashboards do what the pages say."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from auscult import Monitor, Reading
from auscult.config import load
from auscult.shapes import Stat, Table, Waiting

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

pytestmark = pytest.mark.anyio


async def test_the_panel_of_the_how_to_draws(tmp_path):
    """Declared in a configuration beside its file, with options and a variable; its own dashboard is offered too."""
    settings, catalogue = load(EXAMPLES / "dashboards.toml", environ={})
    assert not catalogue.problems
    monitor = Monitor.from_settings(settings, catalogue, state_dir=tmp_path)
    monitor.health.register("fast")
    monitor.health.register("slow")
    async with monitor:
        (waiting,) = (await monitor.dashboards.draw("speed")).panels[0].shapes
        assert isinstance(waiting, Waiting) or waiting
        for name, ms in (("fast", 20.0), ("slow", 900.0)):
            await monitor.report_durably(name, Reading(response_time_ms=ms))
        await anyio.to_thread.run_sync(monitor.store.flush)
        with anyio.fail_after(30):
            while not isinstance((await monitor.dashboards.draw("speed")).panels[0].shapes[0], Stat):
                monitor.dashboards._looks.clear()
                await anyio.sleep(0.1)
        drawn = await monitor.dashboards.draw("voice", variables={"component": "slow"})
        assert [panel.error for panel in drawn.panels] == ["", "", ""]
        lines, slowest, _ = drawn.panels
        assert [line.name for line in lines.shapes[0].lines] == ["slow"]
        number, table = slowest.shapes
        assert (number.value, number.color, number.threshold_critical) == (900.0, "red", 500)
        assert isinstance(table, Table)
        assert [row[0] for row in table.rows][:1] == ["slow"]
        assert (drawn.entry.origin, drawn.entry.dashboard.refresh_interval) == ("configuration", 15.0)
