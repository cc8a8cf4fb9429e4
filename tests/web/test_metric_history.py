"""`/api/v1/metrics`: what a dashboard asks of the history of metrics, from a recorded number to the answer."""

from __future__ import annotations

import anyio
import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from tests.web.helpers import asking

from auscult import Event, Monitor

pytestmark = pytest.mark.anyio


def recorded(tmp_path):
    """A monitor that keeps a sample every 50 ms of a counter and a histogram."""
    registry = CollectorRegistry()
    calls = Counter("calls", "Calls.", ["model"], registry=registry)
    seconds = Histogram("call_seconds", "How long.", buckets=(0.1, 0.2, 0.4, 0.8), registry=registry)
    monitor = Monitor(state_dir=tmp_path)
    monitor.metrics.store_interval = 0.05
    monitor.metrics.add_registry(registry)
    return monitor, calls, seconds


async def until(client, path, is_there):
    """Ask until the answer is as wanted."""
    with anyio.fail_after(20):
        while True:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            if is_there(answer.json()):
                return answer.json()
            await anyio.sleep(0.05)


async def test_from_a_counter_to_its_rate(tmp_path):
    """Recorded with prometheus_client, sampled, stored, asked for by label."""
    monitor, calls, seconds = recorded(tmp_path)
    calls.labels("a")
    calls.labels("b")
    async with asking(monitor) as client:
        await until(client, "/api/v1/metrics/query?name=calls_total", lambda found: len(found["tracks"]) == 2)
        calls.labels("a").inc(30)
        seconds.observe(0.15)
        query = "/api/v1/metrics/query?name=calls_total&function=increase&match=model=a&points=1"
        found = await until(
            client, query, lambda found: found["tracks"] and (found["tracks"][0]["values"][0] or 0) >= 30
        )
        assert found["tracks"] == [{"labels": {"model": "a"}, "values": [30.0], "reason": ""}]
        assert found["source"] in ("samples", "minutes", "hours")
        assert len(found["times"]) == 1
        query = "/api/v1/metrics/query?name=call_seconds&function=quantile&q=0.5&points=1"
        found = await until(client, query, lambda found: found["tracks"] and found["tracks"][0]["values"] != [None])
        assert 0.1 <= found["tracks"][0]["values"][0] <= 0.2
        families = (await client.get("/api/v1/metrics?search=calls")).json()["families"]
        assert [(family["name"], family["samples"], family["series"]) for family in families] == [
            ("calls_total", ["calls_total"], 2)
        ]


async def test_the_monitors_own_families_are_kept(tmp_path):
    """Health, probe durations and the monitor itself have a history, too."""
    monitor, *_ = recorded(tmp_path)
    monitor.health.register("a", check=lambda: True)
    async with asking(monitor) as client:
        await client.post("/api/v1/components/a/check")
        found = await until(
            client,
            "/api/v1/metrics/query?name=component_health_status&match=component=a&function=last&points=1",
            lambda found: found["tracks"] and found["tracks"][0]["values"] != [None],  # NaN before the first verdict
        )
        assert found["tracks"][0]["values"] == [1.0]
        names = {family["name"] for family in (await client.get("/api/v1/metrics")).json()["families"]}
        assert {"auscult_probe_duration_seconds", "auscult_checks_started_total", "system_health_status"} <= names


async def test_events_over_http(tmp_path):
    """What was recorded once is shown once."""
    monitor, *_ = recorded(tmp_path)
    async with asking(monitor) as client:
        now = monitor.clock.now_ms()
        monitor.metrics.record(Event(kind="ai_calls", at=now, labels={"model": "m"}, numbers={"cost_usd": 0.25}))
        found = await until(client, "/api/v1/metrics/events?kind=ai_calls&match=model=m", lambda found: found["events"])
        assert found["events"] == [{"at": now, "labels": {"model": "m"}, "numbers": {"cost_usd": 0.25}}]
        assert (await client.get("/api/v1/metrics/events?kind=ai_calls&match=model!=m")).json()["events"] == []


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("name=x&match=nonsense", 400, "is not a matcher"),
        ("name=x&start=5&end=5", 400, "has to be before"),
        ("name=x&function=median", 400, "function"),
        ("function=avg", 400, "name"),
        ("name=x&points=0", 400, "points"),
        ("name=system_health_statsu", 200, "did you mean `system_health_status`?"),
        ("name=system_health_status&function=rate", 200, "is no counter"),
        ("name=system_health_status&function=quantile", 200, "is no histogram"),
    ],
)
async def test_questions_that_make_no_sense(tmp_path, query, status, sentence):
    """One clear sentence for each."""
    monitor, *_ = recorded(tmp_path)
    async with asking(monitor) as client:
        await until(
            client, "/api/v1/metrics/query?name=system_health_status&points=1", lambda found: bool(found["tracks"])
        )
        answer = await client.get(f"/api/v1/metrics/query?{query}")
        assert answer.status_code == status
        assert sentence in answer.text


async def test_without_a_state_directory():
    """There is no history, and the answer says so."""
    async with asking() as client:
        assert "no history" in (await client.get("/api/v1/metrics/query?name=x")).json()["reason"]
        assert (await client.get("/api/v1/metrics")).json() == {"families": []}
        assert (await client.get("/api/v1/metrics/events?kind=x")).json()["events"] == []
