"""The four default dashboards hold what the seed lists; what waits for data says how to connect it, never zeros."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry, Histogram

from auscult import Catalogue, Event, HealthThreshold, Monitor, Reading, Recorder, RequestMetrics, Status
from auscult.config import load
from auscult.definitions import PanelDefinition
from auscult.shapes import Gauge, Series, Shape, Stat, Table, Text, Timeline, Waiting, Waterfall

pytestmark = pytest.mark.anyio

LISTED = {
    "system_overview": ["system_health", "component_status", "active_alerts", "performance_trends"],
    "api_performance": ["request_volume", "response_times", "errors", "endpoints"],
    "ai_services": ["stt_service", "llm_service", "tts_service", "costs_and_usage"],
    "infrastructure": ["system_resources", "database", "redis", "livekit", "network"],
}
"""As the seed document lists them."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.discover()


@asynccontextmanager
async def running(catalogue: Catalogue, tmp_path: Any, **types: str) -> AsyncIterator[Monitor]:
    """A monitor with components to which readings are pushed."""
    monitor = Monitor(catalogue=catalogue, state_dir=tmp_path)
    for name, kind in types.items():
        monitor.health.register(name, component_type=kind)
    async with monitor:
        yield monitor


async def panels_of(monitor: Monitor, ident: str) -> dict[str, list[Shape]]:
    monitor.dashboards._looks.clear()
    monitor.dashboards._system = None
    drawn = await monitor.dashboards.draw(ident)
    for panel in drawn.panels:
        assert not panel.error, (panel.placed.id, panel.error)
    return {panel.placed.id: list(panel.shapes) for panel in drawn.panels}


def of(shapes: list[Shape], kind: type) -> list[Any]:
    return [shape for shape in shapes if isinstance(shape, kind)]


async def test_everything_that_is_listed_is_there(catalogue, tmp_path):
    """Panel by panel; without any component each draws something and says what is missing."""
    async with running(catalogue, tmp_path) as monitor:
        for ident, wanted in LISTED.items():
            panels = await panels_of(monitor, ident)
            assert set(wanted) <= set(panels), ident
            for name, shapes in panels.items():
                assert shapes, name
                assert all(shape.message for shape in of(shapes, Waiting))
        infrastructure = await panels_of(monitor, "infrastructure")
        for name in ("database", "redis", "livekit", "network", "system_resources"):
            (waiting,) = infrastructure[name]
            assert isinstance(waiting, Waiting)
            assert waiting.connect


async def test_the_lines_that_connect_something_are_a_configuration(catalogue, tmp_path, monkeypatch):
    """Whoever copies them has a component of the right type, and the panel stops waiting for one."""
    for name in ("OPENAI_API_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////tmp/x.db")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("LIVEKIT_URL", "ws://127.0.0.1:1")
    seen = 0
    for cls in catalogue.panels.values():
        connect = getattr(cls, "connect", "")
        if not isinstance(connect, str) or not connect:
            continue
        file = tmp_path / "auscult.toml"
        file.write_text(connect)
        settings, _ = load(file, catalogue=catalogue)
        types = {component.component_type for component in settings.components.values()}
        assert types & set(cls.types), cls.kind
        seen += 1
    assert seen >= 8


async def test_what_waits_links_to_a_page_that_is_there(catalogue):
    """No dead link in an empty state."""
    from pathlib import Path

    docs = Path(__file__).parents[3] / "docs"
    for cls in catalogue.panels.values():
        page = getattr(cls, "page", "")
        if isinstance(page, str) and page:
            assert (docs / page).is_file(), (cls.kind, page)


async def test_measurements_become_numbers_and_lines(catalogue, tmp_path):
    """Each of the panels about one kind of component, with readings as its check gives them."""
    types = {
        "host": "host",
        "database": "database",
        "redis": "redis",
        "livekit": "livekit",
        "stt_client": "stt_client",
        "llm_client": "llm_client",
        "tts_client": "tts_client",
    }
    readings = {
        "host": {"cpu_usage_percent": 12.0, "memory_usage_percent": 95.0, "disk_usage_percent": 40.0},
        "database": {"connections_percent": 20.0, "commits": 100.0, "cache_hit_percent": 99.0},
        "redis": {"memory_bytes": 1e6, "hit_ratio_percent": 97.0, "operations_per_second": 5.0},
        "livekit": {"rooms": 2.0, "participants": 5.0},
        "stt_client": {"word_error_rate": 0.1, "real_time_factor": 0.2, "audio_seconds": 3.0},
        "llm_client": {"time_to_first_token_seconds": 0.4, "prompt_tokens": 10.0, "completion_tokens": 20.0},
        "tts_client": {"time_to_first_audio_seconds": 0.3, "audio_seconds": 2.0},
    }
    network = {"network_received_bytes_per_second": 10.0, "network_sent_bytes_per_second": 20.0}
    async with running(catalogue, tmp_path, **types) as monitor:
        for name, measured in readings.items():
            more = network if name == "host" else {}
            reading = Reading(Status.HEALTHY, "fine", measured | more, {"connect": 0.01}, 25.0)
            await monitor.report_durably(name, reading)
        await anyio.sleep(1.1)
        more = {"commits": 150.0, "connections_percent": 20.0}
        await monitor.report_durably("database", Reading(Status.HEALTHY, "", more, {}, 25.0))
        await anyio.to_thread.run_sync(monitor.store.flush)
        found = await panels_of(monitor, "infrastructure")
        gauges = {gauge.title: (gauge.value, gauge.color) for gauge in of(found["system_resources"], Gauge)}
        assert gauges == {"CPU": (12.0, "green"), "Memory": (95.0, "red"), "Disk": (40.0, "green")}
        assert {stat.title for stat in of(found["network"], Stat)} == {"Received", "Sent"}
        assert {stat.title: stat.value for stat in of(found["redis"], Stat)}["Hits"] == 97.0
        assert {stat.title: stat.value for stat in of(found["livekit"], Stat)}["Rooms"] == 2.0
        assert of(found["database"], Series)
        for name in ("system_resources", "database", "redis", "livekit", "network"):
            assert not of(found[name], Waiting), name
        services = await panels_of(monitor, "ai_services")
        assert {stat.title: stat.value for stat in of(services["stt_service"], Stat)}["Word errors"] == 10.0
        assert {stat.title: stat.value for stat in of(services["llm_service"], Stat)}["First token"] == 0.4
        assert {stat.title: stat.value for stat in of(services["tts_service"], Stat)}["First audio"] == 0.3
        (table,) = of(services["costs_and_usage"], Table)
        names = [column.name for column in table.columns]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}
        assert rows["llm_client"]["input_tokens"] == 10.0
        assert rows["stt_client"]["audio_seconds"] == 3.0
        assert rows["llm_client"]["cost_usd"] is None, "nobody has said what it costs: unpriced is not free"
        overview = await panels_of(monitor, "system_overview")
        (components,) = of(overview["component_status"], Table)
        assert len(components.rows) == 7
        assert of(overview["performance_trends"], Series)[0].lines
        assert of(overview["status_timeline"], Timeline)[0].rows
        assert isinstance(overview["active_alerts"][0], Text | Table)


async def test_states_over_time_are_the_judged_ones(catalogue, tmp_path):
    """A component degraded by its levels, or unhealthy after the second failure, is drawn as that; a restart, too."""
    monitor = Monitor(catalogue=catalogue, state_dir=tmp_path)
    monitor.health.register("slow", threshold=HealthThreshold(response_time_ms=100))
    monitor.health.register("shaky")
    async with monitor:
        for _ in range(3):
            await monitor.report_durably("slow", Reading(response_time_ms=500.0))
        await monitor.report_durably("shaky", Reading.unhealthy("once"))
        await monitor.report_durably("shaky", Reading.healthy())
        await monitor.report_durably("shaky", Reading.healthy())
        await anyio.to_thread.run_sync(monitor.store.flush)
        assert await states_of(monitor) == {"slow": ["degraded"], "shaky": ["healthy"]}
    async with running(catalogue, tmp_path, slow="", shaky="") as monitor:
        assert await states_of(monitor) == {"slow": ["degraded"], "shaky": ["healthy"]}


async def test_the_gauge_has_the_colour_of_the_verdict(catalogue, tmp_path):
    """Nine of ten are well, and the tenth is critical: that is not green."""
    async with running(catalogue, tmp_path, **{f"c{at}": "" for at in range(10)}) as monitor:
        for at in range(10):
            await monitor.report_durably(f"c{at}", Reading.healthy())
        (gauge,) = of((await panels_of(monitor, "system_overview"))["system_health"], Gauge)
        assert (gauge.value, gauge.color) == (100.0, "green")
        for _ in range(3):
            await monitor.report_durably("c3", Reading.unhealthy("down"))
        (gauge,) = of((await panels_of(monitor, "system_overview"))["system_health"], Gauge)
        assert (gauge.value, gauge.color) == (90.0, "red")


async def states_of(monitor: Monitor) -> dict[str, list[str]]:
    """By component the states that the timeline draws, oldest first."""
    (timeline,) = of((await panels_of(monitor, "system_overview"))["status_timeline"], Timeline)
    return {row.name: [span.status.value for span in row.spans] for row in timeline.rows}


async def test_calls_of_the_users_agent_and_their_cost(catalogue, tmp_path):
    """As they are recorded; a call without a price makes the total say so, and is no zero."""
    async with running(catalogue, tmp_path) as monitor:
        assert of((await panels_of(monitor, "ai_services"))["costs_and_usage"], Waiting)[0].connect
        now = monitor.clock.now_ms()
        for number in range(10):
            numbers = {"duration_seconds": 0.1 * (number + 1), "input_tokens": 100.0}
            if number:
                numbers["cost_usd"] = 0.5
            labels = {"service": "llm", "provider": "openai", "model": "gpt-4o-mini"}
            monitor.metrics.record(Event(kind="ai_calls", at=now - number, labels=labels, numbers=numbers))
        with anyio.fail_after(30):
            while not (tables := of((await panels_of(monitor, "ai_services"))["costs_and_usage"], Table)):
                await anyio.sleep(0.1)
        (row,) = tables[0].rows
        assert list(row[:4]) == ["llm", "openai", "gpt-4o-mini", 10]
        assert row[-1] == 4.5
        stats = of((await panels_of(monitor, "ai_services"))["costs_and_usage"], Stat)
        assert (stats[0].value, stats[0].detail) == (4.5, "1 of 10 calls are unpriced")


async def test_calls_that_another_process_counts(catalogue, tmp_path):
    """As a scrape brings them: calls, times, tokens, cost by model; what has no price is said to have none."""
    async with running(catalogue, tmp_path) as monitor:
        registry = CollectorRegistry()
        recorder = Recorder(registry)
        monitor.metrics.add_registry(registry)

        async def keep() -> None:
            monitor.store.append_snapshot(await monitor.metrics.snapshot())
            await anyio.sleep(1.1)

        def call() -> None:
            recorder.record_tts(provider="openai", model="tts-1", characters=1000, first_byte=0.2, duration=0.5)
            recorder.record_llm(provider="nobody", model="own", input_tokens=10, output_tokens=4, duration=1.0)
            recorder.record_stt(provider="deepgram", model="nova-3", outcome="timeout")

        call()
        await keep()
        for _ in range(3):
            call()
        await keep()
        await anyio.to_thread.run_sync(monitor.store.flush)
        with anyio.fail_after(30):
            while not (tables := of((await panels_of(monitor, "ai_services"))["costs_and_usage"], Table)):
                await anyio.sleep(0.1)
        names = [column.name for column in tables[0].columns]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in tables[0].rows}
        assert {name: row["calls"] for name, row in rows.items()} == {"tts": 3, "llm": 3, "stt": 3}
        assert rows["tts"]["cost_usd"] == pytest.approx(0.045)
        assert (rows["tts"]["first_ms"], rows["tts"]["whole_ms"]) == (pytest.approx(200), pytest.approx(500))
        assert rows["tts"]["characters"] == 3000
        assert (rows["llm"]["input_tokens"], rows["llm"]["output_tokens"], rows["llm"]["cost_usd"]) == (30, 12, None)
        assert rows["stt"]["cost_usd"] is None
        stats = {stat.name: stat for stat in of((await panels_of(monitor, "ai_services"))["costs_and_usage"], Stat)}
        assert stats["ai_cost_usd"].value == pytest.approx(0.045)
        assert stats["ai_cost_usd"].detail == "3 of 9 calls are unpriced"


async def test_requests_as_the_middleware_counts_them(catalogue, tmp_path):
    """`RequestMetrics`: by status and by kind of error although its histogram has neither label."""
    async with running(catalogue, tmp_path) as monitor:
        registry = CollectorRegistry()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": scope["answer"], "headers": []})

        counted = RequestMetrics(app, registry, route=lambda scope: "/turns")
        monitor.metrics.add_registry(registry)
        for _ in range(2):
            for status in (200, 200, 503):
                await counted({"type": "http", "method": "GET", "path": "/turns", "answer": status}, None, _nowhere)
            monitor.store.append_snapshot(await monitor.metrics.snapshot())
            await anyio.sleep(1.1)
        await anyio.to_thread.run_sync(monitor.store.flush)
        with anyio.fail_after(30):
            while of(shapes := (await panels_of(monitor, "api_performance"))["recorded_api"], Waiting):
                await anyio.sleep(0.2)
        drawn = {shape.title: shape for shape in shapes}
        assert {"Rate", "By status", "Errors by type", "Routes"} <= set(drawn)
        assert {line.name for line in drawn["By status"].lines} == {"200", "503"}
        assert [line.name for line in drawn["Errors by type"].lines] == ["503"]


async def _nowhere(message: Any) -> None:
    pass


async def test_your_own_api_once_it_is_recorded(catalogue, tmp_path):
    """Any histogram of request durations that the history knows; until then how to connect it."""
    async with running(catalogue, tmp_path) as monitor:
        (waiting,) = (await panels_of(monitor, "api_performance"))["recorded_api"]
        assert isinstance(waiting, Waiting)
        assert "add_registry" in waiting.connect
        registry = CollectorRegistry()
        durations = Histogram(
            "http_request_duration_seconds", "x", ["handler", "status"], registry=registry, buckets=(0.1, 0.5, 1)
        )
        monitor.metrics.add_registry(registry)
        for step in range(2):
            for _ in range(5 + step):
                durations.labels("/calls/{id}", "200").observe(0.3)
            monitor.store.append_snapshot(await monitor.metrics.snapshot())
            await anyio.sleep(1.2)
        await anyio.to_thread.run_sync(monitor.store.flush)
        with anyio.fail_after(30):
            while of(shapes := (await panels_of(monitor, "api_performance"))["recorded_api"], Waiting):
                await anyio.sleep(0.2)
        titles = [shape.title for shape in shapes]
        assert "Rate" in titles


async def test_panels_to_build_from(catalogue, tmp_path):
    """A measurement of any component, the stages of a probe, a metric that is not there."""
    async with running(catalogue, tmp_path, job="job") as monitor:
        reading = Reading(Status.HEALTHY, "", {"documents": 12.0}, {"connect": 0.1, "ask": 0.3}, 400.0)
        await monitor.report_durably("job", reading)
        await anyio.to_thread.run_sync(monitor.store.flush)

        async def preview(kind: str, **options: Any) -> list[Shape]:
            monitor.dashboards._system = None
            drawn = await monitor.dashboards.preview(PanelDefinition(panel=kind, options=options))
            assert not drawn.error, drawn.error
            return list(drawn.shapes)

        number, line = await preview("measurement", measurement="documents", unit="documents", components=["job"])
        assert (number.value, number.unit, line.lines[0].name) == (12.0, "documents", "job")
        (waterfall,) = await preview("stages", component="job")
        assert isinstance(waterfall, Waterfall)
        assert [(span.name, span.start, span.duration) for span in waterfall.spans] == [
            ("connect", 0.0, 0.1),
            ("ask", 0.1, 0.3),
        ]
        (missing,) = await preview("metric", metric="nobody_knows_this")
        assert isinstance(missing, Waiting)
        (text,) = await preview("text", text="hello")
        assert text.text == "hello"


async def test_no_panel_shows_a_zero_for_what_it_does_not_know(catalogue, tmp_path):
    """Before any result: numbers are absent or null."""
    types = {"host": "host", "redis": "redis", "database": "database", "stt_client": "stt_client"}
    async with running(catalogue, tmp_path, **types) as monitor:
        for ident in LISTED:
            for name, shapes in (await panels_of(monitor, ident)).items():
                if ident == "api_performance":
                    continue  # nobody has asked auscult anything
                for shape in of(shapes, Stat) + of(shapes, Gauge):
                    assert shape.value is None, (ident, name, shape)


def test_every_kind_says_what_it_is(catalogue):
    """A heading, a sentence, and a size that fits the grid."""
    ours = [cls for cls in catalogue.panels.values() if cls.__module__.startswith("auscult_plugins.dashboards")]
    assert len(ours) >= 22
    for cls in ours:
        assert cls.heading
        assert re.match(r"[A-Z].*\.", (cls.__doc__ or "").strip()), cls.kind
        assert 1 <= cls.size[0] <= 12
        assert 1 <= cls.size[1] <= 12
