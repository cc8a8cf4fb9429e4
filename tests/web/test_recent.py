"""The recent results of every component in one answer, as the bars of the page show them."""

from __future__ import annotations

import anyio
import pytest
from tests.web.helpers import asking

from auscult import Component, Monitor, Reading
from auscult.model import HealthThreshold
from auscult.runtime.function import FunctionCheck

pytestmark = pytest.mark.anyio


def monitor(*readings: Reading) -> Monitor:
    """One component, probed only when asked, that says these things one after another."""
    said = iter(readings)
    check = FunctionCheck(function=lambda: next(said))
    threshold = HealthThreshold(response_time_ms=100)
    return Monitor([Component(name="part", check=check, interval=3600, failures=1, successes=1, threshold=threshold)])


async def recent(*readings: Reading, limit: int = 40):
    """What is told of `part` after these readings."""
    async with asking(monitor(*readings, *readings)) as client:
        for _ in readings:
            await client.post("/api/v1/components/part/check")
            await anyio.sleep(0.002)
        answer = await client.get("/api/v1/recent", params={"limit": limit})
        assert answer.status_code == 200
        (found,) = [each for each in answer.json()["components"] if each["name"] == "part"]
        return found


async def test_results_come_as_columns_of_one_length_the_oldest_first():
    """Times grow, each result has its status, and those that are not healthy say why."""
    found = await recent(Reading.healthy("fine"), Reading.unhealthy("broken"), Reading.degraded("slow today"), limit=2)
    assert found["times_ms"] == sorted(found["times_ms"])
    assert len(found["times_ms"]) == len(found["statuses"]) == len(found["response_times_ms"]) == 2
    assert set(found["statuses"]) <= {"healthy", "unhealthy", "degraded"}
    assert all(found["statuses"][int(place)] != "healthy" for place in found["messages"])
    assert found["messages"]
    assert "fine" not in found["messages"].values()


async def test_a_good_result_beyond_a_level_is_told_as_degraded():
    """It would be green beside a component that is degraded, and nobody would see since when."""
    slow, quick = Reading(response_time_ms=500.0), Reading(response_time_ms=5.0)
    found = await recent(quick, slow, slow)
    assert found["statuses"][-1] == "degraded"


async def test_messages_are_bounded():
    """A component that says a lot does not make the page heavy."""
    found = await recent(Reading.unhealthy("x" * 5000))
    assert found["messages"]
    assert all(len(text) <= 200 for text in found["messages"].values())


@pytest.mark.parametrize("limit", [0, 101, "many"])
async def test_a_limit_out_of_bounds_is_refused(limit):
    """With 400, like elsewhere."""
    async with asking(monitor(Reading.healthy())) as client:
        assert (await client.get("/api/v1/recent", params={"limit": limit})).status_code == 400
