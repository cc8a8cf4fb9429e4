"""The `otlp` exporter, read with OpenTelemetry's own messages."""

from __future__ import annotations

import gzip
import json
import math

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from tests.exporting import PushContext, family, monitor_with, snapshot, until
from tests.plugins.channels.receiver import Receiver, reply
from tests.web.serving import Serving

from auscult import DeliveryError, Snapshot, Status
from auscult_plugins.otlp_export import OTLPExporter

pytestmark = pytest.mark.anyio
AT = 1_705_314_600_123
PROTOBUF, JSON = "http/protobuf", "http/json"


@pytest.fixture
def receiver():
    """A loopback receiver that takes everything."""
    receiving = Receiver()
    receiving.otherwise = reply(200, b"", Content_Type="application/x-protobuf")
    yield receiving
    receiving.close()


def exporter_to(receiver, **options):
    return OTLPExporter(url=f"http://127.0.0.1:{receiver.port}", **options)


def decoded(request):
    """One request, whatever its form."""
    body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    found = ExportMetricsServiceRequest()
    if request.headers["content-type"] == "application/json":
        return json_format.Parse(body, found)
    assert request.headers["content-type"] == "application/x-protobuf"
    found.ParseFromString(body)
    return found


def metrics_in(*requests):
    """All metrics of these requests by name; none of them twice in one."""
    found = {}
    for request in requests:
        (resource,) = decoded(request).resource_metrics
        (scope,) = resource.scope_metrics
        assert scope.scope.name == "auscult"
        for metric in scope.metrics:
            found.setdefault(metric.name, []).append(metric)
    return found


def attributes(point):
    return {each.key: each.value.string_value for each in point.attributes}


async def pushed(receiver, *snapshots, **options):
    """What one exporter sent for these."""
    exporter = exporter_to(receiver, **options)
    async with PushContext() as ctx:
        for taken in snapshots:
            await exporter.push(taken, ctx)
    return receiver.requests


@pytest.mark.parametrize("protocol", [PROTOBUF, JSON])
@pytest.mark.parametrize("packed", [True, False])
async def test_every_type_arrives_as_what_it_is(receiver, protocol, packed):
    """Gauge, counter, histogram, summary, info, in both forms, compressed and not: the same messages."""
    taken = snapshot(
        AT,
        family(
            "depth", "gauge", ("", {"queue": 'ä"\n', "none": ""}, 1.5), ("", {"queue": "b"}, math.nan), unit="seconds"
        ),
        family("turns_total", "counter", ("_total", {"to": "a"}, 7), ("_created", {"to": "a"}, AT / 1000 - 60)),
        family(
            "wait_seconds",
            "histogram",
            *[("_bucket", {"le": le}, n) for le, n in (("0.5", 2), ("1.0", 5), ("+Inf", 6))],
            ("_count", {}, 6),
            ("_sum", {}, 4.25),
        ),
        family("size", "summary", ("", {"quantile": "0.5"}, 3), ("_count", {}, 4), ("_sum", {}, 12)),
        family("build_info", "info", ("_info", {"version": "1.2"}, 1)),
    )
    (request,) = await pushed(
        receiver, taken, protocol=protocol, gzip=packed, service_name="agent", resource={"zone": "eu"}
    )
    assert request.path == "/v1/metrics"
    assert (request.headers.get("content-encoding") == "gzip") == packed
    (resource,) = decoded(request).resource_metrics
    assert attributes(resource.resource) == {"service.name": "agent", "zone": "eu"}
    found = {name: metric for name, (metric,) in metrics_in(request).items()}

    depth = found["depth"]
    assert (depth.description, depth.unit, depth.WhichOneof("data")) == ("Of depth.", "s", "gauge")
    one, other = depth.gauge.data_points
    assert (attributes(one), one.as_double) == ({"queue": 'ä"\n', "none": ""}, 1.5)
    assert one.time_unix_nano == AT * 1_000_000
    assert other.WhichOneof("value") == "as_double"
    assert math.isnan(other.as_double)

    turns = found["turns_total"].sum
    assert (turns.is_monotonic, turns.aggregation_temporality) == (True, AGGREGATION_TEMPORALITY_CUMULATIVE)
    (point,) = turns.data_points
    assert (attributes(point), point.as_double) == ({"to": "a"}, 7)
    assert point.start_time_unix_nano == (AT - 60_000) * 1_000_000

    wait = found["wait_seconds"].histogram
    assert wait.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    (point,) = wait.data_points
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([0.5, 1.0], [2, 3, 1])
    assert (point.count, point.sum, point.HasField("sum"), attributes(point)) == (6, 4.25, True, {})

    (point,) = found["size"].summary.data_points
    assert (point.count, point.sum) == (4, 12)
    assert [(each.quantile, each.value) for each in point.quantile_values] == [(0.5, 3)]

    info = found["build_info"].sum
    assert (info.is_monotonic, info.data_points[0].as_double) == (False, 1)
    assert attributes(info.data_points[0]) == {"version": "1.2"}


async def test_totals_have_a_beginning(receiver):
    """When they were first seen where the process does not say; one that fell began after it was seen last."""

    def total(at: int, value: float) -> Snapshot:
        return snapshot(at, family("turns_total", "counter", ("_total", {}, value)))

    requests = await pushed(receiver, total(AT, 5), total(AT + 1000, 9), total(AT + 2000, 2), total(AT + 3000, 3))
    points = [metrics_in(request)["turns_total"][0].sum.data_points[0] for request in requests]
    starts = [point.start_time_unix_nano // 1_000_000 - AT for point in points]
    assert starts == [0, 0, 1000, 1000]
    assert [point.as_double for point in points] == [5, 9, 2, 3]


async def test_odd_histograms(receiver):
    """Without a bucket for everything, without buckets at all, with a sum that is none: valid all the same."""
    taken = snapshot(
        AT,
        family("no_infinity", "histogram", ("_bucket", {"le": "1"}, 2), ("_count", {}, 5)),
        family("no_buckets", "histogram", ("_count", {}, 5), ("_sum", {}, 9)),
        family("no_sum", "histogram", ("_bucket", {"le": "+Inf"}, 2), ("_sum", {}, math.nan)),
        family("by_label", "histogram", *[("_bucket", {"le": "+Inf", "n": n}, 2) for n in "ab"]),
    )
    (request,) = await pushed(receiver, taken)
    found = {name: metric.histogram.data_points for name, (metric,) in metrics_in(request).items()}
    for points in found.values():
        for point in points:
            assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
            assert sum(point.bucket_counts) == point.count
    assert list(found["no_infinity"][0].bucket_counts) == [2, 3]
    assert list(found["no_buckets"][0].bucket_counts) == [5]
    assert not found["no_sum"][0].HasField("sum")
    assert [attributes(point) for point in found["by_label"]] == [{"n": "a"}, {"n": "b"}]


async def test_requests_stay_within_the_limit(receiver):
    """So many points each; a family with more goes on in the next, and no point is lost or comes twice."""
    many = family("many", "gauge", *[("", {"n": str(n)}, n) for n in range(25)])
    few = family("few", "gauge", ("", {}, 1))
    requests = await pushed(receiver, snapshot(AT, few, many), batch=10)
    found = metrics_in(*requests)
    points = [attributes(point)["n"] for metric in found["many"] for point in metric.gauge.data_points]
    assert sorted(points, key=int) == [str(n) for n in range(25)]
    sizes = [
        sum(len(metric.gauge.data_points) for metric in decoded(each).resource_metrics[0].scope_metrics[0].metrics)
        for each in requests
    ]
    assert sizes == [10, 10, 6]


def partial(count: int, why: str) -> ExportMetricsServiceResponse:
    success = ExportMetricsPartialSuccess(rejected_data_points=count, error_message=why)
    return ExportMetricsServiceResponse(partial_success=success)


@pytest.mark.parametrize("protocol", [PROTOBUF, JSON])
async def test_points_that_a_collector_did_not_take_are_told(receiver, protocol):
    """A receipt for all but some is final, and says how many and why; a mere warning is a receipt."""
    bodies = []
    for answer in (partial(300, "old points"), partial(0, "be careful")):
        body = json_format.MessageToJson(answer).encode() if protocol == JSON else answer.SerializeToString()
        kind = "application/json" if protocol == JSON else "application/x-protobuf"
        bodies.append(reply(200, body, Content_Type=kind))
    receiver.answers = bodies
    exporter = exporter_to(receiver, protocol=protocol)
    taken = snapshot(AT, family("depth", "gauge", ("", {}, 1)))
    async with PushContext() as ctx:
        with pytest.raises(DeliveryError, match="300 data points were refused: old points") as failed:
            await exporter.push(taken, ctx)
        assert not failed.value.retry
        await exporter.push(taken, ctx)


@pytest.mark.parametrize(
    "body", [b"\xff" * 40, b"{", b"[]", b"null", b"\x0a\x05\x08", b"\x08\x03", b"ok", b"\x0a\x02\x0a\x00"]
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-protobuf", "text/html"])
async def test_an_answer_that_is_none_is_a_receipt(receiver, body, kind):
    """Whatever stands in the body of a 200."""
    receiver.otherwise = reply(200, body, Content_Type=kind)
    await pushed(receiver, snapshot(AT, family("depth", "gauge", ("", {}, 1))))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("url", "path"),
    [("", "/v1/metrics"), ("/", "/v1/metrics"), ("/otlp/v1/metrics", "/otlp/v1/metrics"), ("/x?key=v", "/x?key=v")],
)
async def test_the_address_may_have_a_path(receiver, url, path):
    """It is taken as it is; without one the protocol's own is added."""
    exporter = OTLPExporter(url=f"http://127.0.0.1:{receiver.port}{url}", headers={"Api-Key": "canary"})
    assert "canary" not in repr(exporter)
    async with PushContext() as ctx:
        await exporter.push(snapshot(AT, family("depth", "gauge", ("", {}, 1))), ctx)
    assert receiver.last.path == path
    assert receiver.last.headers["api-key"] == "canary"


@pytest.mark.parametrize(
    ("options", "says"),
    [({"url": "collector:4318"}, "begins with http"), ({"protocol": "grpc"}, "expected http/protobuf")],
)
def test_options_that_make_no_sense(options, says):
    """Each gets a sentence."""
    with pytest.raises(ValueError, match=says):
        OTLPExporter(**{"url": "http://127.0.0.1:4318", **options})


@pytest.mark.parametrize("protocol", [PROTOBUF, JSON])
async def test_a_monitor_sends_what_its_process_records(receiver, protocol):
    """Every family of a snapshot arrives, the monitor's own among them."""
    registry = CollectorRegistry()
    Counter("turns", "Turns.", ["to"], registry=registry).labels("a").inc(3)
    Gauge("depth", "Depth.", registry=registry).set(2)
    Histogram("wait_seconds", "Waits.", registry=registry).observe(0.3)
    Summary("size_bytes", "Sizes.", registry=registry).observe(5)
    Info("build", "Build.", registry=registry).info({"version": "1"})
    Enum("phase", "Phase.", states=["up", "down"], registry=registry).state("up")
    exporter = exporter_to(receiver, push_interval=0.3, protocol=protocol)
    async with monitor_with({"out": exporter}, registry) as monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].pushed >= 2)
        assert monitor.component_health("exporter.out").status is Status.HEALTHY
        names = {samples.family.name for samples in await monitor.metrics.snapshot() if len(samples)}
    found = metrics_in(receiver.requests[-1])
    assert names - set(found) == set()
    (turns,) = found["turns_total"][0].sum.data_points
    assert 0 < turns.start_time_unix_nano < turns.time_unix_nano
    (wait,) = found["wait_seconds"][0].histogram.data_points
    assert (wait.count, sum(wait.bucket_counts), wait.sum) == (1, 1, 0.3)


async def test_what_a_collector_missed_arrives_later_and_in_order(receiver, tmp_path):
    """Nothing is lost while it is down, and nothing comes twice."""
    receiver.otherwise = reply(503, b"not now")
    exporter = exporter_to(receiver, push_interval=0.2, protocol=JSON)
    async with monitor_with({"out": exporter}, state_dir=tmp_path) as monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].waiting >= 3)
        receiver.requests.clear()
        receiver.otherwise = reply(200, b"{}")
        await until(lambda: monitor.metrics.exporter_stats()["out"].waiting == 0)
        assert monitor.metrics.exporter_stats()["out"].dropped == 0
    times = [json.loads(gzip.decompress(request.body)) for request in receiver.requests]
    times = [each["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0] for each in times]
    moments = [
        int(each[kind]["dataPoints"][0]["timeUnixNano"]) for each in times for kind in ("gauge", "sum") if kind in each
    ]
    assert len(moments) >= 3
    assert moments == sorted(set(moments))


@pytest.mark.parametrize("protocol", [PROTOBUF, JSON])
async def test_another_auscult_takes_it_in(tmp_path, protocol):
    """What one monitor exports, the `otlp` source of another has: the same numbers under the same names."""
    registry = CollectorRegistry()
    turns = Counter("turns", "Turns.", ["to"], registry=registry)
    turns.labels("a").inc(3)
    Gauge("depth", "Depth.", ["queue"], registry=registry).labels('ä "b"').set(2.5)
    waits = Histogram("wait_seconds", "Waits.", registry=registry, buckets=(0.5, 1))
    for seconds in (0.25, 0.75, 3):
        waits.observe(seconds)
    with Serving(tmp_path, "[components.host]\ncheck = 'host'\n[sources.agent]\nsource = 'otlp'\n") as server:
        url = f"{server.url.rstrip('/')}/in/agent/v1/metrics"
        exporter = OTLPExporter(url=url, push_interval=0.5, protocol=protocol, service_name="reception")

        def taken_in() -> dict[str, float]:
            with server.client() as client:
                lines = [line for line in client.get("/metrics").text.splitlines() if "reception" in line]
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

        async with monitor_with({"out": exporter}, registry) as monitor:
            await until(lambda: monitor.metrics.exporter_stats()["out"].pushed >= 1)
            turns.labels("a").inc(4)
            await until(lambda: taken_in().get('turns_total{service_name="reception",to="a"}') == 7)
            assert monitor.component_health("exporter.out").status is Status.HEALTHY
            assert monitor.metrics.exporter_stats()["out"].dropped == 0
        found = taken_in()
    assert found['depth{queue="ä \\"b\\"",service_name="reception"}'] == 2.5
    assert found['wait_seconds_bucket{le="0.5",service_name="reception"}'] == 1
    assert found['wait_seconds_bucket{le="+Inf",service_name="reception"}'] == 3
    assert found['wait_seconds_sum{service_name="reception"}'] == 4
