"""The `prometheus-scrape` source with real exposition: prometheus_client's server, and Prometheus itself."""

from __future__ import annotations

import time

import anyio
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from tests.need import program
from tests.plugins.channels.receiver import Receiver, reply
from tests.servers.process import Server, accepts, directory, free_port

from auscult import Catalogue, Monitor, Status

pytestmark = pytest.mark.anyio
Scrape = Catalogue.discover().sources["prometheus-scrape"]


async def until(what, seconds=60.0):
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to hold"
        await anyio.sleep(0.1)


def monitor_with(**options):
    monitor = Monitor()
    monitor.metrics.add_source("agent", Scrape(**options))
    monitor.metrics.source_intervals["agent"] = 0.3
    return monitor


@pytest.fixture
def agent():
    """A process that exposes what it records, as an agent would."""
    registry = CollectorRegistry()
    Gauge("sessions", "Sessions.", ["room"], registry=registry).labels('a"b\n').set(2)
    Counter("turns", "Turns.", registry=registry).inc(5)
    Histogram("turn_seconds", "Turns.", buckets=(0.1, 1), registry=registry).observe(0.5)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_what_an_agent_exposes_is_taken_in(agent):
    """Values, escaped labels, buckets, counters: all as they are there, and exported again."""
    async with monitor_with(url=agent) as monitor:
        await until(lambda: monitor.component_health("source.agent").status is Status.HEALTHY)
        snapshot = await monitor.metrics.snapshot()
    assert snapshot.value("sessions", room='a"b\n') == 2
    assert snapshot.value("turns_total") == 5
    assert snapshot.value("turn_seconds_bucket", le="1.0") == 1
    assert snapshot.value("turn_seconds_sum") == 0.5
    assert snapshot.value("auscult_source_looks_total", source="agent") >= 1


async def test_labels_tell_processes_apart_and_names_choose(agent):
    """What has such a label already keeps it under another name; unwanted families stay out."""
    options = {"labels": {"room": "ours", "instance": "1"}, "keep": ["s*", "turn*"], "drop": ["turn_seconds"]}
    async with monitor_with(url=agent, **options) as monitor:
        await until(lambda: monitor.component_health("source.agent").status is Status.HEALTHY)
        snapshot = await monitor.metrics.snapshot()
    assert snapshot.value("sessions", room="ours", instance="1", exported_room='a"b\n') == 2
    assert snapshot.value("turns_total", room="ours", instance="1") == 5
    assert not snapshot.family("turn_seconds")


async def test_a_real_prometheus_is_read():
    """Hundreds of series in its own text."""
    binary = program("prometheus", "prometheus")
    with directory() as path:
        port = free_port()
        (path / "prometheus.yml").write_text("scrape_configs: []\n")
        command = [
            binary,
            f"--config.file={path / 'prometheus.yml'}",
            f"--storage.tsdb.path={path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port))
        server.start()
        try:
            async with monitor_with(url=f"http://127.0.0.1:{port}/metrics") as monitor:
                await until(lambda: monitor.component_health("source.agent").status is Status.HEALTHY)
                snapshot = await monitor.metrics.snapshot()
                assert snapshot.value("auscult_metric_series", origin="source:agent") > 200
                assert snapshot.value("prometheus_ready") == 1
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(503, b"no"), "it answered 503"),
        (reply(302, b"", Location="http://127.0.0.1:1/"), "it answered 302"),
        (reply(200, b"\xff\xfe"), "byte 0 is not UTF-8"),
        (reply(200, b"<html>not metrics</html>"), "cannot be read"),
        (reply(200, b"x 1\n" * 1000), "more than 1024 bytes"),
        (None, "Server disconnected"),
    ],
)
async def test_what_goes_wrong_is_said(answer, says):
    """In one sentence, in the component of the source; nobody else is harmed."""
    receiver = Receiver()
    receiver.otherwise = answer
    try:
        async with monitor_with(url=f"http://127.0.0.1:{receiver.port}/", max_body=1024) as monitor:
            await until(lambda: monitor.component_health("source.agent").status is Status.UNHEALTHY)
            assert says in monitor.component_health("source.agent").message
    finally:
        receiver.close()


async def test_what_is_gone_is_left_out(agent):
    """Values of a process that no longer answers are not shown as if they were current."""
    receiver = Receiver()
    receiver.otherwise = reply(200, b"sessions 3\n")
    try:
        monitor = monitor_with(url=f"http://127.0.0.1:{receiver.port}/")
        async with monitor:
            await until(lambda: monitor.component_health("source.agent").status is Status.HEALTHY)
            receiver.otherwise = reply(200, b"others 3\n")
            looks = monitor.metrics.source_stats()["agent"].looks
            await until(lambda: monitor.metrics.source_stats()["agent"].looks > looks + 1)
            snapshot = await monitor.metrics.snapshot()
            assert snapshot.value("sessions") is None
            assert snapshot.value("others") == 3
    finally:
        receiver.close()
