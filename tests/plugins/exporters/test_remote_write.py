"""The `remote-write` exporter with a real Prometheus and a real VictoriaMetrics, and byte for byte."""

from __future__ import annotations

import math
import struct
import threading
from itertools import pairwise

import cramjam
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from tests.exporting import PushContext, family, monitor_with, now_ms, snapshot, until
from tests.plugins.channels.receiver import Receiver, reply
from tests.servers.prometheus import prometheus, victoria_metrics

from auscult import DeliveryError, Status
from auscult_plugins.remote_write import RemoteWriteExporter

pytestmark = pytest.mark.anyio
FIELD = descriptor_pb2.FieldDescriptorProto
STALE = 0x7FF0_0000_0000_0002


def _message(file, name, *fields):
    message = file.message_type.add(name=name)
    for number, field, kind, repeated in fields:
        made = message.field.add(name=field, number=number, label=FIELD.LABEL_REPEATED if repeated else 1)
        if isinstance(kind, str):
            made.type, made.type_name = FIELD.TYPE_MESSAGE, f".prometheus.{kind}"
        else:
            made.type = kind


def _write_request():
    """The protocol's messages as Google's library has them: a second opinion on our own encoder."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    _message(file, "Label", (1, "name", FIELD.TYPE_STRING, False), (2, "value", FIELD.TYPE_STRING, False))
    _message(file, "Sample", (1, "value", FIELD.TYPE_DOUBLE, False), (2, "timestamp", FIELD.TYPE_INT64, False))
    _message(file, "TimeSeries", (1, "labels", "Label", True), (2, "samples", "Sample", True))
    about = [(2, "metric_family_name"), (4, "help"), (5, "unit")]
    texts = [(number, name, FIELD.TYPE_STRING, False) for number, name in about]
    _message(file, "MetricMetadata", (1, "type", FIELD.TYPE_INT32, False), *texts)
    _message(file, "WriteRequest", (1, "timeseries", "TimeSeries", True), (3, "metadata", "MetricMetadata", True))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


WriteRequest = _write_request()


def decoded(request):
    """One request that arrived."""
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "snappy"
    assert request.headers["x-prometheus-remote-write-version"] == "0.1.0"
    found = WriteRequest()
    found.ParseFromString(bytes(cramjam.snappy.decompress_raw(request.body)))
    return found


def written(requests):
    """All series of these requests: labels, value as bits, time."""
    found = []
    for request in requests:
        for series in decoded(request).timeseries:
            labels = [(label.name, label.value) for label in series.labels]
            assert labels == sorted(labels)
            assert all(value for _, value in labels)
            (sample,) = series.samples
            found.append((dict(labels), struct.unpack("<Q", struct.pack("<d", sample.value))[0], sample.timestamp))
    return found


@pytest.fixture
def receiver():
    """A loopback receiver that says 204, as Prometheus does."""
    receiving = Receiver()
    receiving.otherwise = reply(204, b"")
    yield receiving
    receiving.close()


@pytest.fixture
def exporter(receiver):
    """Writes to the receiver."""
    return RemoteWriteExporter(url=f"http://127.0.0.1:{receiver.port}/api/v1/write", labels={"instance": "agent-1"})


async def test_what_goes_over_the_wire(receiver, exporter):
    """Labels sorted, empty ones left out, ours only where there is none; each sample's own time; odd numbers whole."""
    at = 1_705_314_600_123
    families = (
        family("Zone", "gauge", ("", {"B": "1", "a": 'ä\n"', "empty": ""}, 1.5), help="Of zones.", unit="s"),
        family("own", "gauge", ("", {"instance": "other"}, math.inf), at=at - 5000),
        family("calls_total", "counter", ("_total", {}, 7)),
        family("nothing", "gauge", ("", {}, math.nan)),
    )
    async with PushContext() as ctx:
        await exporter.push(snapshot(at, *families), ctx)
    found = written(receiver.requests)
    assert found[0][0] == {"__name__": "Zone", "B": "1", "a": 'ä\n"', "instance": "agent-1"}
    assert found[0][2] == at
    assert found[1][0] == {"__name__": "own", "instance": "other"}
    assert (struct.unpack("<d", struct.pack("<Q", found[1][1]))[0], found[1][2]) == (math.inf, at - 5000)
    assert found[2][0]["__name__"] == "calls_total"
    assert found[3][1] != STALE
    metadata = {about.metric_family_name: about for about in decoded(receiver.requests[-1]).metadata}
    assert (metadata["Zone"].type, metadata["Zone"].help, metadata["Zone"].unit) == (2, "Of zones.", "s")
    assert metadata["calls_total"].type == 1


async def test_requests_stay_within_the_limits(receiver):
    """So many samples, and a megabyte before compression, whatever comes first; every series arrives once."""
    exporter = RemoteWriteExporter(url=f"http://127.0.0.1:{receiver.port}/", batch=500, metadata=False)
    many = family("many", "gauge", *[("", {"n": str(n)}, n) for n in range(1201)])
    long = family("long", "gauge", *[("", {"n": f"{n}-{'x' * 9000}"}, n) for n in range(300)])
    async with PushContext() as ctx:
        await exporter.push(snapshot(None, many, long), ctx)
    sizes = [len(decoded(request).timeseries) for request in receiver.requests]
    assert sum(sizes) == 1501
    assert sizes[:2] == [500, 500]
    assert max(sizes) == 500
    assert all(cramjam.snappy.decompress_raw_len(request.body) <= 1_000_000 for request in receiver.requests)
    assert len({series["n"] for series, _, _ in written(receiver.requests)}) == 1501


async def test_a_series_that_ends_is_said_to_have_ended(receiver, exporter):
    """By the number that Prometheus takes for it, once; what goes on is not touched, from disk neither."""
    at = 1_705_314_600_000
    two = family("queue", "gauge", ("", {"n": "a"}, 1), ("", {"n": "b"}, 2))
    one = family("queue", "gauge", ("", {"n": "a"}, 1))
    async with PushContext() as ctx:
        for number, families in enumerate(((two,), (one,), (one,))):
            await exporter.push(snapshot(at + number * 1000, *families), ctx)
    ended = [(labels["n"], time) for labels, bits, time in written(receiver.requests) if bits == STALE]
    assert ended == [("b", at + 1000)]


async def test_what_never_arrived_does_not_end(receiver, exporter):
    """A snapshot that could not be sent is not compared with."""
    receiver.otherwise = reply(503, b"")
    async with PushContext() as ctx:
        with pytest.raises(DeliveryError):
            await exporter.push(snapshot(1000, family("queue", "gauge", ("", {"n": "b"}, 2))), ctx)
        receiver.otherwise = reply(204, b"")
        receiver.requests.clear()
        await exporter.push(snapshot(2000, family("queue", "gauge", ("", {"n": "a"}, 1))), ctx)
    assert [labels["n"] for labels, _, _ in written(receiver.requests)] == ["a"]


async def test_types_go_along_once_a_minute(receiver, exporter):
    """They change with a new version at most."""
    async with PushContext() as ctx:
        for at in (0, 30_000, 59_999, 60_000):
            await exporter.push(snapshot(at, family("queue", "gauge", ("", {}, 2))), ctx)
    assert [len(decoded(request).metadata) for request in receiver.requests] == [0, 1, 0, 0, 0, 1]


async def test_a_refused_request_keeps_no_other_back(receiver):
    """400 is final for that request and told; the rest of the snapshot arrives, and nothing twice."""
    exporter = RemoteWriteExporter(url=f"http://127.0.0.1:{receiver.port}/", batch=1, metadata=False)
    receiver.answers = [reply(204, b""), reply(400, b"out of order sample"), reply(503, b""), reply(204, b"")]
    taken = snapshot(5000, family("queue", "gauge", *[("", {"n": n}, 1) for n in "abc"]))
    async with PushContext() as ctx:
        with pytest.raises(DeliveryError) as failed:
            await exporter.push(taken, ctx)
        assert failed.value.retry
        with pytest.raises(DeliveryError, match=r"out of order sample \(1 of 3 parts\)") as failed:
            await exporter.push(taken, ctx)
        assert not failed.value.retry
    assert [labels["n"] for labels, _, _ in written(receiver.requests)] == ["a", "b", "c", "c"]


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"username": "me", "password": "canary-of-passwords"}, "Basic bWU6Y2FuYXJ5LW9mLXBhc3N3b3Jkcw=="),
        ({"bearer_token": "canary-of-tokens"}, "Bearer canary-of-tokens"),
        ({"headers": {"Authorization": "canary-of-headers"}}, "canary-of-headers"),
    ],
)
async def test_login_goes_along_and_is_told_nobody(receiver, options, header):
    """The destination gets it; a representation does not."""
    exporter = RemoteWriteExporter(url=f"http://127.0.0.1:{receiver.port}/", **options)
    assert "canary" not in repr(exporter)
    async with PushContext() as ctx:
        await exporter.push(snapshot(1000, family("queue", "gauge", ("", {}, 2))), ctx)
    assert receiver.last.headers["authorization"] == header


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "prometheus:9090"}, "begins with http"),
        ({"labels": {"a-b": "x"}}, "no label name"),
        ({"labels": {"__name__": "x"}}, "no label name"),
        ({"username": "me", "bearer_token": "x"}, "two ways to log in"),
    ],
)
def test_options_that_make_no_sense(options, says):
    """Each gets a sentence."""
    with pytest.raises(ValueError, match=says):
        RemoteWriteExporter(**{"url": "http://127.0.0.1:9090/api/v1/write", **options})


@pytest.fixture(scope="module", params=[prometheus, victoria_metrics], ids=["prometheus", "victoria-metrics"])
def database(request):
    """One of each for the tests of the module."""
    with request.param() as running:
        yield running


class Process:
    """What a user's process records, under names of its own for each test."""

    def __init__(self, prefix: str) -> None:
        self.registry = CollectorRegistry()
        self.counter = Counter(f"{prefix}_turns", "Turns.", registry=self.registry)
        self.gauge = Gauge(f"{prefix}_depth", "Depth.", ["queue"], registry=self.registry)
        self.gauge.labels('a "b"\\').set(2.5)
        Histogram(f"{prefix}_wait_seconds", "Waits.", registry=self.registry).observe(0.3)

    def grow(self, stopped: threading.Event) -> None:
        """Counts ten a second."""
        while not stopped.wait(0.1):
            self.counter.inc()


async def test_everything_is_there(database, anyio_backend_name):
    """Counters, gauges, histograms, the monitor's own, with their labels; nothing refused."""
    prefix = f"all_{anyio_backend_name}"
    process = Process(prefix)
    exporter = RemoteWriteExporter(url=database.write_url, push_interval=0.5, labels={"job": "agent"})
    async with monitor_with({"out": exporter}, process.registry) as monitor:
        await until(lambda: len(database.samples(f"{prefix}_turns_total")) >= 3)
        await until(lambda: monitor.metrics.exporter_stats()["out"].pushed >= 3)
        assert monitor.component_health("exporter.out").status is Status.HEALTHY
        stats = monitor.metrics.exporter_stats()["out"]
        assert (stats.failed, stats.dropped) == (0, 0)
        await until(lambda: database.series(f"{prefix}_wait_seconds_bucket"))
    (depth,) = database.series(f"{prefix}_depth")
    assert (depth["metric"]["queue"], depth["metric"]["job"]) == ('a "b"\\', "agent")
    assert depth["values"][-1][1] == "2.5"
    assert {series["metric"]["le"] for series in database.series(f"{prefix}_wait_seconds_bucket")} >= {"0.5", "+Inf"}
    assert database.series('component_health_status{component="auscult"}')


async def test_an_outage_leaves_no_gap(database, anyio_backend_name, tmp_path):
    """The monitor goes on, is started anew meanwhile, and in the end every sample is there, in order."""
    prefix = f"outage_{anyio_backend_name}"
    process, stopped = Process(prefix), threading.Event()
    counting = threading.Thread(target=process.grow, args=(stopped,), daemon=True)
    counting.start()
    exporter = RemoteWriteExporter(url=database.write_url, push_interval=0.5)
    try:
        async with monitor_with({"out": exporter}, process.registry, tmp_path) as monitor:
            await until(lambda: len(database.samples(f"{prefix}_turns_total")) >= 2)
            down = now_ms()
            database.server.stop()
            await until(lambda: monitor.metrics.exporter_stats()["out"].waiting >= 4)
            assert monitor.component_health("exporter.out").status is Status.UNHEALTHY
        exporter = RemoteWriteExporter(url=database.write_url, push_interval=0.5)
        async with monitor_with({"out": exporter}, process.registry, tmp_path) as monitor:
            await until(lambda: monitor.metrics.exporter_stats()["out"].waiting >= 6)
            database.server.start()
            back = now_ms()
            await until(lambda: monitor.metrics.exporter_stats()["out"].waiting == 0)
            pushed = monitor.metrics.exporter_stats()["out"].pushed
            await until(lambda: monitor.metrics.exporter_stats()["out"].pushed > pushed)
            assert monitor.metrics.exporter_stats()["out"].dropped == 0
        await until(lambda: database.samples(f"{prefix}_turns_total")[-1][0] * 1000 > back)
    finally:
        database.server.start()
        stopped.set()
        counting.join()
    samples = database.samples(f"{prefix}_turns_total")
    assert sum(down <= at * 1000 <= back for at, _ in samples) >= 6
    assert all(one[0] < two[0] and one[1] <= two[1] for one, two in pairwise(samples))


async def test_a_series_that_ended_is_gone_at_once(database, anyio_backend_name):
    """Prometheus shows its last value for five minutes where nobody says that it has ended."""
    name = f"ended_{anyio_backend_name}"
    exporter = RemoteWriteExporter(url=database.write_url)
    at = now_ms()
    async with PushContext() as ctx:
        for ago, labels in ((2000, "ab"), (1000, "a")):
            taken = snapshot(at - ago, family(name, "gauge", *[("", {"n": n}, 1) for n in labels]))
            await exporter.push(taken, ctx)
    await until(lambda: {series["metric"]["n"] for series in database.now(name)} == {"a"})
    await until(lambda: {series["metric"]["n"] for series in database.now(name, at - 1500)} == {"a", "b"})


async def test_what_a_database_refuses_is_told(database, anyio_backend_name):
    """Prometheus takes nothing older than what it has of a series: that is final, and says so."""
    name = f"late_{anyio_backend_name}"
    exporter = RemoteWriteExporter(url=database.write_url, metadata=False)
    at = now_ms()
    async with PushContext() as ctx:
        await exporter.push(snapshot(at, family(name, "gauge", ("", {}, 1))), ctx)
        late = exporter.push(snapshot(at - 60_000, family(name, "gauge", ("", {}, 2))), ctx)
        if "prometheus" not in database.server.command[0]:
            await late  # VictoriaMetrics takes it
            return
        with pytest.raises(DeliveryError, match="out of order") as failed:
            await late
        assert not failed.value.retry
