"""The check `push` and components without any check: what is reported is the verdict, and silence is "no data"."""

import time

import anyio
import pytest
from tests.web.helpers import asking, assert_problem
from tests.web.serving import Serving, eventually

from auscult import Monitor, Reading, Status
from auscult_plugins.push import PushCheck

CONFIG = """
[components.agent]
check = "push"
interval = "2s"
timeout = "1s"

[components.patient]
check = "push"
interval = "1h"
"""


def test_over_http(tmp_path):
    """Accepted readings are judged like probes; silence for three intervals is no data; a restart remembers."""

    def of(client, name="agent"):
        return client.get(f"/api/v1/components/{name}").json()

    def push(client, name="agent", **reading):
        answer = client.post(f"/api/v1/components/{name}/readings", json=reading)
        assert answer.status_code == 202, answer.text

    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        assert (of(client)["status"], of(client)["last_check"]) == ("unknown", None)
        eventually(lambda: client.get("/-/ready").status_code == 200)  # nobody waits for a report that may never come
        push(client, message="turn 1", measurements={"turns": 1}, response_time_ms=12.5)
        found = of(client)
        assert (found["status"], found["message"]) == ("healthy", "turn 1")
        assert (found["measurements"], found["response_time_ms"], found["origin"]) == ({"turns": 1.0}, 12.5, "push")
        push(client, "patient", status="degraded", message="half of it")
        for _ in range(2):
            push(client, "patient", status="unhealthy", message="none of it")
        assert (of(client, "patient")["status"], of(client, "patient")["message"]) == ("unhealthy", "none of it")
        eventually(lambda: of(client)["status"] == "unknown")
        assert of(client)["stale"]
        assert of(client)["message"].startswith("no data for ")
        checked = client.post("/api/v1/components/patient/check").json()
        assert (checked["message"], checked["origin"]) == ("none of it", "push")
        assert server.end()[0] == 0
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        assert of(client, "patient")["status"] == "unhealthy"


@pytest.mark.parametrize("strange", [{"status": "excellent"}, {"measurements": {"turns": "many"}}, {"unknown": 1}, []])
@pytest.mark.anyio
async def test_readings_that_are_none(strange):
    """Refused with a sentence; what was known stays."""
    monitor = Monitor()
    monitor.health.register("agent")
    async with asking(monitor) as client:
        answer = await client.post("/api/v1/components/agent/readings", json=strange)
        assert_problem(answer, 400)
        assert (await client.get("/api/v1/components/agent")).json()["last_check"] is None
        assert (await client.post("/api/v1/components/agent/readings", json={})).status_code == 202
        assert (await client.get("/api/v1/components/agent")).json()["status"] == "healthy"


@pytest.mark.anyio
@pytest.mark.parametrize("check", [None, PushCheck()], ids=["without a check", "push"])
async def test_in_code(check):
    """`register` without a check is the same as the kind."""
    monitor = Monitor()
    monitor.health.register("agent", check, interval="1s", timeout="1s", successes=1)
    async with monitor:
        monitor.report("agent", Reading.degraded("a little slow"))
        monitor.report("agent", Reading.degraded("a little slow"))
        deadline = time.monotonic() + 20
        seen = set()
        while not {Status.DEGRADED, Status.UNKNOWN} <= seen and time.monotonic() < deadline:
            result = await monitor.check_now("agent")
            assert result.origin == "push"
            seen.add(monitor.component_health("agent").status)
            await anyio.sleep(0.02)
        assert {Status.DEGRADED, Status.UNKNOWN} <= seen
