"""The `prometheus` exporter with a real Pushgateway."""

from __future__ import annotations

import asyncio
import base64
import re
import time

import anyio
import pytest
from prometheus_client import CollectorRegistry, Gauge
from tests.plugins.channels.receiver import Receiver
from tests.servers.pushgateway import pushgateway

from auscult import Monitor, Status
from auscult.metrics_exporter import PrometheusExporter

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def gateway():
    """One for all tests of the module; each has its own job."""
    with pushgateway() as running:
        yield running


def monitor_with(exporter, **values):
    """A monitor whose process has recorded these gauges."""
    registry = CollectorRegistry()
    for name, value in values.items():
        Gauge(name, "Of the test.", registry=registry).set(value)
    monitor = Monitor()
    monitor.metrics.add_registry(registry)
    monitor.metrics.add_exporter("gateway", exporter)
    return monitor


async def until(what, seconds=60.0):
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to hold"
        await anyio.sleep(0.2)


async def test_the_seed_documents_exporter_pushes_and_tidies_up(gateway, anyio_backend_name):
    """All metrics arrive as one group; it is gone after a clean stop."""
    job = f"voice_ai_agent_{anyio_backend_name}"
    exporter = PrometheusExporter(pushgateway_url=gateway.url, job_name=job, push_interval=1)
    async with monitor_with(exporter, calls_in_progress=7) as monitor:
        await until(lambda: any(group["job"] == job for group in gateway.groups()))
        text = gateway.text()
        assert re.search(rf'^calls_in_progress{{instance="",job="{job}"}} 7$', text, re.MULTILINE)
        assert re.search(
            rf'^component_health_status{{component="auscult",instance="",job="{job}"}} ', text, re.MULTILINE
        )
        await until(lambda: monitor.component_health("exporter.gateway").status is Status.HEALTHY)
        assert monitor.metrics.exporter_stats()["gateway"].pushed >= 1
    await until(lambda: all(group["job"] != job for group in gateway.groups()))


async def test_groups_may_have_any_labels(gateway):
    """Slashes, empty values and other scripts arrive as they were meant."""
    grouping = {"instance": "a/b c", "zone": "", "place": "Zürich", "dots": ".."}
    exporter = PrometheusExporter(
        pushgateway_url=f"{gateway.url}/", job_name="j/ob", grouping=grouping, push_interval=1
    )
    async with monitor_with(exporter):
        await until(lambda: {"job": "j/ob", **grouping} in gateway.groups())


async def test_post_leaves_other_metrics_of_the_group(gateway):
    """PUT replaces the group, POST only what has the same names."""
    one = PrometheusExporter(
        pushgateway_url=gateway.url, job_name="posted", method="POST", push_interval=1, delete_on_stop=False
    )
    for name in ("first_of_two", "second_of_two"):
        async with monitor_with(one, **{name: 1}):
            await until(lambda name=name: f'{name}{{instance="",job="posted"}} 1' in gateway.text())
    assert 'first_of_two{instance="",job="posted"} 1' in gateway.text()


async def test_a_gateway_that_is_down_is_seen_and_forgiven(gateway):
    """Its component is unhealthy and says why; when it is back, what is true then arrives."""
    exporter = PrometheusExporter(pushgateway_url=gateway.url, job_name="patient", push_interval=1)
    gateway.server.stop()
    try:
        async with monitor_with(exporter, patience=1) as monitor:
            await until(lambda: monitor.component_health("exporter.gateway").status is Status.UNHEALTHY)
            assert "127.0.0.1: ConnectError" in monitor.component_health("exporter.gateway").message
            gateway.server.start()
            await until(lambda: 'patience{instance="",job="patient"} 1' in gateway.text())
            await until(lambda: monitor.component_health("exporter.gateway").status is Status.HEALTHY)
            stats = monitor.metrics.exporter_stats()["gateway"]
            assert stats.failed == stats.dropped >= 1
            snapshot = await monitor.metrics.snapshot()
            assert snapshot.value("auscult_exporter_failures_total", exporter="gateway") == stats.failed
    finally:
        gateway.server.start()


async def test_what_a_gateway_refuses_is_told(gateway):
    """A 400 is not tried again with the same metrics, and its reason is in the component's message."""
    registry = CollectorRegistry()
    Gauge("go_memstats_alloc_bytes_total", "A counter of the gateway.", registry=registry).set(1)
    monitor = Monitor()
    monitor.metrics.add_registry(registry)
    monitor.metrics.add_exporter("gateway", PrometheusExporter(pushgateway_url=gateway.url, job_name="odd"))
    async with monitor:
        await until(lambda: monitor.component_health("exporter.gateway").status is Status.UNHEALTHY)
        assert "answered 400" in monitor.component_health("exporter.gateway").message


async def test_login_goes_along_and_is_told_nobody():
    """Basic authentication, which a gateway behind a proxy asks for."""
    receiver = Receiver()
    exporter = PrometheusExporter(
        pushgateway_url=f"http://127.0.0.1:{receiver.port}", username="me", password="canary-of-passwords"
    )
    assert "canary" not in repr(exporter)
    try:
        async with monitor_with(exporter):
            await until(lambda: receiver.requests)
    finally:
        receiver.close()
    sent = receiver.requests[0]
    assert base64.b64decode(sent.headers["authorization"].removeprefix("Basic ")) == b"me:canary-of-passwords"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"job_name": ""}, "`job_name` is empty"),
        ({"grouping": {"job": "x"}}, "no label name"),
        ({"grouping": {"a-b": "x"}}, "no label name"),
        ({"pushgateway_url": "gateway:9091"}, "begins with http"),
        ({"method": "GET"}, "expected PUT or POST"),
    ],
)
def test_options_that_make_no_sense(options, says):
    """Each gets a sentence."""
    with pytest.raises(ValueError, match=says):
        PrometheusExporter(**options)


def test_without_an_address_it_renders():
    """The pull form: nothing is pushed, the text is there."""
    exporter = PrometheusExporter()
    assert not exporter.pushes()
    snapshot = asyncio.run(_snapshot())
    text = b"".join(exporter.render(snapshot).body).decode()
    assert text.startswith("# HELP system_health_status ")


async def _snapshot():
    return await Monitor().metrics.snapshot()
