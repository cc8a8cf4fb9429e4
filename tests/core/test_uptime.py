"""Uptime on the first page: there within seconds, whenever a component's first result comes."""

from __future__ import annotations

import anyio
import pytest

from auscult import Check, Component, Monitor, Reading, Status

pytestmark = pytest.mark.anyio
WINDOWS = ["1h", "24h", "7d", "30d"]


class Warming(Check):
    """Knows nothing at first, then is well."""

    kind = "warming"
    looks: list[int]

    async def probe(self, ctx):
        self.looks.append(1)
        return Reading() if len(self.looks) > 8 else Reading.unknown("still warming up")


async def shown(monitor, name, uptime):
    """Wait for that uptime; well below the minute after which it is looked up in any case."""
    with anyio.fail_after(30):
        while monitor.component_health(name).uptime != dict.fromkeys(WINDOWS, uptime):
            await anyio.sleep(0.05)


async def test_uptime_is_there_within_seconds(tmp_path):
    """In every window, judged on what there is; also for who comes later, or has something to say only later."""
    check = Warming(looks=[])
    warming = Component(name="warming", check=check, interval=0.2, timeout=0.2)
    async with Monitor([warming], state_dir=tmp_path) as monitor:
        monitor.health.register("steady", check=lambda: True, interval=0.1)
        await shown(monitor, "steady", 100.0)
        await shown(monitor, "warming", 100.0)
        monitor.health.register("broken", check=lambda: False, interval=0.1)
        await shown(monitor, "broken", 0.0)


async def test_uptime_is_there_at_once_after_a_restart(tmp_path):
    """From what is stored, before the first probe."""
    for _ in range(2):
        monitor = Monitor([Component(name="one", check=Warming(looks=[1] * 9), interval=60.0)], state_dir=tmp_path)
        async with monitor:
            await monitor.check_now("one")
    async with Monitor([Component(name="one", check=Warming(looks=[]), interval=60.0)], state_dir=tmp_path) as monitor:
        assert monitor.component_health("one").uptime == dict.fromkeys(WINDOWS, 100.0)


async def test_silence_outlives_a_restart(tmp_path):
    """A component that stopped reporting is unknown after the restart too, and since the same time."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("pushed", interval=0.1, timeout=0.1)
    async with monitor:
        await monitor.report_durably("pushed", Reading())
        with anyio.fail_after(20):
            while not monitor.component_health("pushed").stale:
                await anyio.sleep(0.05)
        since = monitor.component_health("pushed").since
    again = Monitor(state_dir=tmp_path)
    again.health.register("pushed", interval=0.1, timeout=0.1)
    async with again:
        found = again.component_health("pushed")
        assert (found.status, found.since) == (Status.UNKNOWN, since)
