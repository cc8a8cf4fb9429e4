"""`monitor.metrics`: the user's registries and what they may do wrong, the monitor's own families, snapshots."""

from __future__ import annotations

import threading

import anyio
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from tests.core.metrics.families_made import Collector

from auscult import ConfigurationError, Event, Monitor, metrics_manager

pytestmark = pytest.mark.anyio


def registry_with(name="jobs"):
    registry = CollectorRegistry()
    Gauge(name, "Jobs.", registry=registry).set(3)
    return registry


def registry_of(collector):
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


class Raises:
    """A collector with a mistake in it."""

    def collect(self):
        raise KeyError("nothing there")


class Blocks:
    """A collector that waits for something that does not come."""

    def __init__(self):
        self.free = threading.Event()

    def collect(self):
        self.free.wait(30)
        return Collector([]).collect()


async def test_a_registry_of_the_users_is_part_of_every_snapshot():
    """Plain prometheus_client objects, recorded before and after the registry was handed over."""
    registry = CollectorRegistry()
    calls = Counter("calls", "Calls.", ["kind"], registry=registry)
    calls.labels("a").inc()
    monitor = Monitor()
    monitor.metrics.add_registry(registry)
    calls.labels("b").inc(2)
    async with monitor:
        snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("calls_total", kind="a") == 1
        assert snapshot.value("calls_total", kind="b") == 2
        assert snapshot.value("auscult_metric_series", origin="registry:registry") == 0  # as it was before
        snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("auscult_metric_series", origin="registry:registry") == 4
        monitor.metrics.remove_registry()
        assert (await monitor.metrics.snapshot()).value("calls_total", kind="a") is None


async def test_registries_are_told_apart_by_name():
    """The same one twice under one name is fine; another one, or a bad name, is a mistake."""
    monitor = Monitor()
    first = registry_with()
    monitor.metrics.add_registry(first)
    monitor.metrics.add_registry(first)
    with pytest.raises(ConfigurationError, match="registry `registry` already"):
        monitor.metrics.add_registry(registry_with("others"))
    with pytest.raises(ConfigurationError, match="does not match"):
        monitor.metrics.add_registry(registry_with("others"), name="No Spaces")
    monitor.metrics.add_registry(registry_with("others"), name="second")
    snapshot = await monitor.metrics.snapshot()
    assert snapshot.value("jobs") == snapshot.value("others") == 3


async def test_a_collector_that_raises_is_shown_and_absent():
    """The others are there, its own series are not, and a problem names it."""
    monitor = Monitor()
    monitor.metrics.add_registry(registry_of(Raises()), name="broken")
    monitor.metrics.add_registry(registry_with())
    async with monitor:
        for _ in range(2):
            snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("jobs") == 3
        assert snapshot.value("auscult_metric_collect_failures_total") == 1
        problems = [problem for problem in monitor.problems if problem.plugin == "registry:broken"]
        assert len(problems) == 1
        assert "KeyError" in problems[0].message


async def test_a_collector_that_hangs_holds_up_nobody_for_long(monkeypatch):
    """It is left alone after its time; the next snapshots do not wait for it at all, and it comes back when it can."""
    monkeypatch.setattr(metrics_manager, "COLLECT_TIMEOUT", 0.2)
    monitor = Monitor()
    blocks = Blocks()
    monitor.metrics.add_registry(registry_of(blocks), name="slow")
    monitor.metrics.add_registry(registry_with())
    try:
        with anyio.fail_after(10):
            for _ in range(3):
                assert (await monitor.metrics.snapshot()).value("jobs") == 3
        assert any("took longer" in problem.message for problem in monitor.problems)
    finally:
        blocks.free.set()


async def test_the_monitors_families_come_first():
    """A registry that claims one of them is heard no further than where it says something else."""
    monitor = Monitor()
    metric = Metric("auscult_components", "Mine!", "gauge")
    metric.add_sample("auscult_components", {}, 99.0)
    metric.add_sample("auscult_components", {"mine": "yes"}, 98.0)
    monitor.metrics.add_registry(registry_of(Collector([metric])))
    async with monitor:
        await monitor.metrics.snapshot()
        snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("auscult_components") == 0
        assert snapshot.value("auscult_components", mine="yes") == 98
        refused = snapshot.family("auscult_metric_series_refused_total")
        assert {dict(sample.labels)["reason"] for sample in refused} == {"series_twice"}


async def test_events_are_counted():
    """From any thread."""
    monitor = Monitor()
    async with monitor:
        event = Event(kind="ai_calls", at=0, labels={"model": "m"}, numbers={"duration_seconds": 1.0})
        await anyio.to_thread.run_sync(monitor.metrics.record, event)
        assert (await monitor.metrics.snapshot()).value("auscult_metric_events_total") == 1


async def test_several_snapshots_at_once():
    """Whoever asks gets one that is whole."""
    monitor = Monitor()
    monitor.metrics.add_registry(registry_with())
    for number in range(120):
        monitor.health.register(f"c{number}", check=lambda: True, interval=3600)
    async with monitor:
        taken = []

        async def take():
            taken.append(await monitor.metrics.snapshot())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(take)
        assert [snapshot.value("jobs") for snapshot in taken] == [3] * 5


async def test_an_event_beyond_the_limits_harms_nobody():
    """It is left out, counted and shown; the user's code that recorded it hears nothing."""
    monitor = Monitor()
    async with monitor:
        monitor.metrics.record(Event(kind="ai_calls", at=0, labels={"prompt": "x" * 2000}))
        monitor.metrics.record(Event(kind="ai_calls", at=0, labels={f"l{n}": "x" for n in range(40)}))
        snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("auscult_metric_events_total") == 0
        assert snapshot.value("auscult_metric_series_refused_total", origin="events", reason="label_value") == 1
        assert snapshot.value("auscult_metric_series_refused_total", origin="events", reason="labels") == 1
        assert any("`prompt`" in problem.message for problem in monitor.problems)
