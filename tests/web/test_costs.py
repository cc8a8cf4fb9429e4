"""What AI services have cost in the last hour: money where it is known, and no zero where it is not."""

from __future__ import annotations

import anyio
import pytest
from tests.web.helpers import asking

from auscult import CheckResult, Event, Monitor, Reading
from auscult.dashboards.costs import costs
from auscult.model import Status
from auscult.web import costs as route

pytestmark = pytest.mark.anyio

NOTHING = {"seconds": 3600, "calls": 0, "unpriced": 0, "calls_usd": None, "probes_usd": None}


async def test_nothing_is_known_without_records(tmp_path):
    """Null, with a store and without: nobody has said."""
    for options in ({}, {"state_dir": tmp_path}):
        async with asking(Monitor(**options)) as client:
            assert (await client.get("/api/v1/costs")).json() == NOTHING


async def test_calls_and_probes_of_the_last_hour(tmp_path, monkeypatch):
    """Older ones are left out, and calls without a price are counted by themselves."""
    monkeypatch.setattr(route, "FRESH", 0.0)
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("llm", component_type="llm_client")
    async with asking(monitor) as client:
        now = monitor.clock.now_ms()
        for age, priced in ((1000, True), (2000, True), (3000, False), (3_700_000, True)):
            numbers = {"duration_seconds": 0.5} | ({"cost_usd": 0.25} if priced else {})
            monitor.metrics.record(Event(kind="ai_calls", at=now - age, labels={"service": "llm"}, numbers=numbers))
        for _ in range(4):
            await monitor.report_durably("llm", Reading.healthy(cost_usd=0.125))
        found = {}
        with anyio.fail_after(30):
            while found.get("calls") != 3:
                found = (await client.get("/api/v1/costs")).json()
                await anyio.sleep(0.05)
        assert found == {"seconds": 3600, "calls": 3, "unpriced": 1, "calls_usd": 0.5, "probes_usd": 0.5}


async def test_one_answer_serves_everybody_for_a_while(tmp_path):
    """A hundred viewers cost one look."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("llm")
    async with asking(monitor) as client:
        assert (await client.get("/api/v1/costs")).json() == NOTHING
        await monitor.report_durably("llm", Reading.healthy(cost_usd=1.0))
        assert (await client.get("/api/v1/costs")).json() == NOTHING


def test_where_more_was_probed_than_is_remembered_the_mean_stands_for_the_rest():
    """And results that cost nothing count as such."""

    def result(at: int, **measured: float) -> CheckResult:
        return CheckResult("llm", Status.HEALTHY, at, 0.1, None, "", measured)

    class Histories:
        def histories(self, names, start, end, points):
            assert (names, points) == (["llm"], 1)
            return {"llm": [type("Point", (), {"count": 40})]}

        class metrics:
            @staticmethod
            def events(kind, start, end):
                return []

    recent = {"llm": [result(900, cost_usd=0.5), result(800), result(1, cost_usd=100.0)], "free": [result(900)]}
    assert costs(Histories(), recent, 500, 1000).probes_usd == 10.0
    assert costs(None, recent, 500, 1000).probes_usd == 0.5
