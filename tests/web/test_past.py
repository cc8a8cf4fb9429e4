"""What changed lately, how long results took, what a reload would change."""

from __future__ import annotations

import anyio
import pytest
from tests.web.helpers import asking, assert_problem
from tests.web.serving import Serving, eventually

from auscult import Monitor, Reading

pytestmark = pytest.mark.anyio


async def test_changes_of_status_and_of_alerts_newest_first(tmp_path):
    """Of all components or of one, since a time; a restart keeps them."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("a")
    monitor.health.register("b")
    async with asking(monitor) as client:
        for name in ("a", "b"):
            for _ in range(2):
                await monitor.report_durably(name, Reading.unhealthy("down"))
        with anyio.fail_after(30):
            while len(found := (await client.get("/api/v1/changes?component=a")).json()["changes"]) < 2:
                await anyio.sleep(0.05)
        kinds = {change["kind"] for change in found}
        assert kinds == {"status", "alert"}
        assert {change["component"] for change in found} == {"a"}
        status = next(change for change in found if change["kind"] == "status")
        assert (status["old"], status["new"]) == ("unknown", "unhealthy")
        alert = next(change for change in found if change["kind"] == "alert")
        assert {"alert", "rule", "severity", "change", "by", "message", "time"} <= set(alert)
        everything = (await client.get("/api/v1/changes")).json()["changes"]
        assert [change["time"] for change in everything] == sorted((c["time"] for c in everything), reverse=True)
        assert len((await client.get("/api/v1/changes?limit=1")).json()["changes"]) == 1
        later = monitor.clock.now_ms() + 1000
        assert (await client.get(f"/api/v1/changes?start={later}")).json()["changes"] == []
    async with asking(Monitor(state_dir=tmp_path)) as client:
        kept = (await client.get("/api/v1/changes")).json()["changes"]
        assert [
            change for change in everything if change["kind"] == "status" and change["component"] in ("a", "b")
        ] == [change for change in kept if change["kind"] == "status" and change["component"] in ("a", "b")]
        assert {change["kind"] for change in kept} == {"status", "alert"}


async def test_percentiles_with_stages(tmp_path):
    """From single results; a component that is not there is named, one without results has none."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("a")
    monitor.health.register("quiet")
    async with asking(monitor) as client:
        for ms in range(1, 101):
            monitor.report("a", Reading(response_time_ms=float(ms), stages={"connect": 0.5}))
        with anyio.fail_after(30):
            while sum(p["count"] for p in await _points(client, "a")) < 100:
                await anyio.sleep(0.1)
        points = await _points(client, "a")
        assert points[-1]["stages"] == {"connect": 0.5}
        (whole,) = await _points(client, "a", "?points=1")
        assert (whole["p50_ms"], whole["p95_ms"], whole["p99_ms"]) == (51.0, 95.0, 99.0)
        assert await _points(client, "quiet") == []
        assert_problem(await client.get("/api/v1/components/nobody/percentiles"), 404)


async def _points(client, name, query=""):
    return (await client.get(f"/api/v1/components/{name}/percentiles{query}")).json()["points"]


def test_what_a_reload_would_change_and_that_it_changes_nothing(tmp_path):
    """Against a real server: added, removed, what needs a new start, and mistakes with their place."""
    config = '[components.host]\ncheck = "host"\n'
    with Serving(tmp_path, config) as server, server.client() as client:
        eventually(lambda: client.get("/-/ready").status_code == 200)
        assert not any(client.get("/api/v1/config/changes").json().values())
        server.file.write_text(config + '[rules.x]\nabsent = "1m"\ncomponents = ["hots"]\n')
        assert client.get("/api/v1/config/changes").json()["other"] == ["rules.x"]
        assert "there is no component `hots`" not in server.said, "warned of what is not taken in"
        assert client.post("/-/reload").status_code == 200
        eventually(lambda: "rules.x.components[0]: there is no component `hots`" in server.said)
        server.file.write_text('[components.other]\ncheck = "host"\n[store]\nlow_water_bytes = 5\n')
        found = client.get("/api/v1/config/changes").json()
        assert (found["added"], found["removed"]) == (["other"], ["host"])
        assert found["restart"] == ["store.low_water_bytes"]
        server.file.write_text('[components.host]\ncheck = "hots"\n')
        (error,) = client.get("/api/v1/config/changes").json()["errors"]
        assert error["key"] == "components.host.check"
        assert "did you mean `host`" in error["message"]
        assert "host" in [each["name"] for each in client.get("/api/v1/components").json()["components"]]
