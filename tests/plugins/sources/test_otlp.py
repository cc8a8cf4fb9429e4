"""The `otlp` source: how each shape of metric comes out, how it is answered, and what it does not let in."""

from __future__ import annotations

import gzip
import json
import random
import resource
import zlib

import anyio
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from tests.plugins.sources.otlp_senders import (
    CUMULATIVE,
    DELTA,
    JSON,
    SDK_BOUNDS,
    Otlp,
    agent,
    counter,
    request,
)

pytestmark = pytest.mark.anyio
LABELS = {"service_name": "agent"}


def point(**fields):
    return {"start_time_unix_nano": 1, "time_unix_nano": 10} | fields


async def test_every_shape_of_metric_comes_out_as_prometheus_has_it():
    """Names, units and types by its conventions; whole numbers, doubles and labels as they are."""
    async with agent() as sender:
        await sender.send(
            {"name": "queue.depth", "shape": "gauge", "unit": "{item}", "points": [point(as_int=-7)]},
            {"name": "cpu.used", "shape": "gauge", "unit": "1", "points": [point(as_double=0.5)]},
            {"name": "heap", "shape": "gauge", "unit": "MiBy", "points": [point(as_int=2)]},
            {"name": "io", "shape": "gauge", "unit": "By/s", "points": [point(as_int=3)]},
            {
                "name": "http.requests",
                "shape": "sum",
                "unit": "{request}",
                "temporality": CUMULATIVE,
                "monotonic": True,
                "points": [point(as_int=5, attributes={"http.route": "/x", "retry": True, "code": 200})],
            },
            {"name": "sessions", "shape": "sum", "temporality": CUMULATIVE, "points": [point(as_int=4)]},
            {
                "name": "turn.latency",
                "shape": "histogram",
                "unit": "ms",
                "temporality": CUMULATIVE,
                "points": [point(count=3, sum=900.0, bucket_counts=[1, 2, 0], explicit_bounds=[250, 500])],
            },
            {
                "name": "gc",
                "shape": "summary",
                "unit": "s",
                "points": [point(count=2, sum=0.5, quantile_values=[{"quantile": 0.5, "value": 0.2}])],
            },
        )
        snapshot = await sender.monitor.metrics.snapshot()
    assert snapshot.value("queue_depth", **LABELS) == -7
    assert snapshot.value("cpu_used_ratio", **LABELS) == 0.5
    assert snapshot.value("heap_bytes", **LABELS) == 2 * 1024**2
    assert snapshot.value("io_bytes_per_second", **LABELS) == 3
    assert snapshot.value("http_requests_total", http_route="/x", retry="true", code="200", **LABELS) == 5
    assert snapshot.value("sessions", **LABELS) == 4
    buckets = {le: snapshot.value("turn_latency_seconds_bucket", le=le, **LABELS) for le in ("0.25", "0.5", "+Inf")}
    assert buckets == {"0.25": 1, "0.5": 3, "+Inf": 3}
    assert snapshot.value("turn_latency_seconds_sum", **LABELS) == pytest.approx(0.9)
    assert snapshot.value("turn_latency_seconds_count", **LABELS) == 3
    assert snapshot.value("gc_seconds", quantile="0.5", **LABELS) == 0.2
    assert snapshot.value("gc_seconds_count", **LABELS) == 2
    types = {samples.family.name: samples.family.type for samples in snapshot}
    assert types["http_requests_total"] == "counter"
    assert types["sessions"] == types["queue_depth"] == "gauge"
    assert (types["turn_latency_seconds"], types["gc_seconds"]) == ("histogram", "summary")


async def test_counters_add_up_whatever_their_senders_tell():
    """Cumulative ones over restarts, deltas one by one, two processes of one name together; old news is nothing new."""
    async with agent() as sender:
        for value, start, time in ((5, 1, 10), (8, 1, 20), (8, 1, 20), (7, 1, 15), (2, 30, 40)):
            await sender.send(counter(value, start=start, time=time))
        assert await sender.value("calls_total", **LABELS) == 10, "8, and 2 after a restart"
        await sender.send(counter(4, start=2, time=41))
        await sender.send(counter(3, start=30, time=42))
        assert await sender.value("calls_total", **LABELS) == 15, "two processes tell in turns; neither is a reset"
        for value, start, time in ((5, 0, 10), (1, 0, 20)):
            await sender.send(counter(value, start=start, time=time, of="silent"))
        assert await sender.value("calls_total", of="silent", **LABELS) == 6, "it began anew without saying so"
        for time in (10, 20, 20, 15):
            await sender.send(counter(3, time=time, temporality=DELTA, of="delta"))
        assert await sender.value("calls_total", of="delta", **LABELS) == 6


async def test_what_differs_by_call_alone_is_added_up():
    """A job's or a room's id makes no series of its own."""
    async with agent() as sender:
        for job in range(30):
            await sender.send(counter(2, job_id=f"job-{job}", room_id=f"room-{job}", model="m"))
        assert await sender.value("calls_total", model="m", **LABELS) == 60
    async with agent(drop_labels=[]) as sender:
        await sender.send(counter(2, job_id="7"))
        assert await sender.value("calls_total", job_id="7", **LABELS) == 2


async def test_histograms_add_up():
    """Deltas and restarts; another sender's bounds are refused, for together they would tell nothing."""

    def seconds(counts, bounds, time, temporality=DELTA, start=1):
        told = point(count=sum(counts), sum=1.0, bucket_counts=counts, explicit_bounds=bounds, time_unix_nano=time)
        told["start_time_unix_nano"] = start
        return {"name": "d", "unit": "s", "shape": "histogram", "temporality": temporality, "points": [told]}

    async with agent() as sender:
        await sender.send(seconds([1, 2, 3], [0.1, 0.2], 10))
        await sender.send(seconds([1, 0, 0], [0.1, 0.2], 20))
        assert await sender.value("d_seconds_bucket", le="0.1", **LABELS) == 2
        assert await sender.value("d_seconds_bucket", le="+Inf", **LABELS) == 7
        assert await sender.value("d_seconds_sum", **LABELS) == 2
        answer = await sender.send(seconds([1, 1], [0.5], 30))
        partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
        assert partial.rejected_data_points == 1
        assert "different bounds" in partial.error_message
        for time, counts in ((10, [5, 5, 5]), (20, [6, 5, 5])):
            await sender.send(seconds(counts, [0.1, 0.2], time, CUMULATIVE, start=5) | {"name": "c"})
        await sender.send(seconds([1, 0, 0], [0.1, 0.2], 40, CUMULATIVE, start=30) | {"name": "c"})
        assert await sender.value("c_seconds_count", **LABELS) == 17


async def test_seconds_on_the_sdks_bounds_have_no_buckets(tmp_path):
    """A percentile of them would be false: it is not computable, and says why. Milliseconds keep theirs."""
    counts = [0, 3] + [0] * 14
    told = point(count=3, sum=2.4, bucket_counts=counts, explicit_bounds=SDK_BOUNDS)
    seconds = {"name": "e2e", "unit": "s", "shape": "histogram", "temporality": CUMULATIVE, "points": [told]}
    async with agent(tmp_path) as sender:
        await sender.send(seconds, seconds | {"name": "net", "unit": "ms"})
        snapshot = await sender.monitor.metrics.snapshot()
        assert [sample.name for sample in snapshot.family("e2e_seconds")] == [
            "e2e_seconds_bucket",
            "e2e_seconds_count",
            "e2e_seconds_sum",
        ]
        assert snapshot.value("e2e_seconds_bucket", le="+Inf", **LABELS) == 3
        assert snapshot.value("net_seconds_bucket", le="0.005", **LABELS) == 3
        later = point(count=9, sum=7, bucket_counts=[0, 9] + [0] * 14, explicit_bounds=SDK_BOUNDS, time_unix_nano=90)
        with anyio.fail_after(60):
            while True:
                query = "/api/v1/metrics/query?name=e2e_seconds&function=quantile&points=1"
                found = (await sender.client.get(query)).json()
                if found["tracks"] and found["tracks"][0]["reason"]:
                    break
                await sender.send(seconds | {"points": [later]})
                later["time_unix_nano"] += 1
                later["count"] += 1
                later["bucket_counts"][1] += 1
                await anyio.sleep(0.05)
        assert found["tracks"][0]["values"] == [None]
        assert found["tracks"][0]["reason"].startswith("not computable, because")
    async with agent(coarse_buckets=True) as sender:
        await sender.send(seconds)
        assert await sender.value("e2e_seconds_bucket", le="5.0", **LABELS) == 3


async def test_exponential_histograms_get_bounds_that_do_not_move():
    """Powers of two: what lies at or below a bound is counted there, whatever the scale."""

    def told(scale, offset, counts, zeros=0):
        positive = {"offset": offset, "bucket_counts": counts}
        return {
            "name": "x",
            "unit": "s",
            "shape": "exponential_histogram",
            "temporality": DELTA,
            "points": [point(count=sum(counts) + zeros, sum=1.0, scale=scale, zero_count=zeros, positive=positive)],
        }

    async with agent() as sender:
        # Scale 1: bounds are powers of the square root of two. Places -2, -1, 0, 1 end at 0.71, 1, 1.41, 2.
        await sender.send(told(1, -2, [1, 2, 4, 8], zeros=1))
        names = ("0.0009765625", "0.5", "1.0", "2.0", "+Inf")
        found = [await sender.value("x_seconds_bucket", le=le, **LABELS) for le in names]
        assert found == [1, 1, 4, 16, 16]
        answer = await sender.send(told(99, 0, [1]))
        assert b"beyond all numbers" in answer.content


async def test_a_gauge_that_is_told_by_what_was_added():
    """An UpDownCounter with delta temporality rises and falls."""
    async with agent() as sender:
        for time, value in ((10, 5), (20, -2), (30, 1)):
            told = point(as_double=value, time_unix_nano=time)
            await sender.send({"name": "open", "shape": "sum", "temporality": DELTA, "points": [told]})
        assert await sender.value("open", **LABELS) == 4


async def test_what_is_no_number_is_not_made_one():
    """ "Nothing was recorded" leaves what was there; a counter that is negative or NaN is refused and told so."""
    async with agent() as sender:
        await sender.send({"name": "g", "shape": "gauge", "points": [point(as_double=3)]})
        await sender.send({"name": "g", "shape": "gauge", "points": [point(as_double=0, flags=1)]})
        assert await sender.value("g", **LABELS) == 3
        answer = await sender.send(counter(float("nan")), counter(-1, of="b"), counter(1, of="c"))
        partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
        assert (partial.rejected_data_points, "negative, or no number" in partial.error_message) == (2, True)
        assert await sender.value("calls_total", of="c", **LABELS) == 1
        unknown = counter(1) | {"temporality": 0}
        partial = ExportMetricsServiceResponse.FromString((await sender.send(unknown)).content).partial_success
        assert partial.rejected_data_points == 1


async def test_json_means_the_same(tmp_path):
    """The same request in JSON, as protobuf's own library writes it, gives the same series, and is answered in JSON."""
    body = request(
        counter(5, model="m"),
        {
            "name": "g",
            "shape": "gauge",
            "points": [point(as_double=float("inf")), point(as_int=7, attributes={"a": 1})],
        },
        {
            "name": "h",
            "shape": "histogram",
            "temporality": CUMULATIVE,
            "points": [point(count=3, sum=9.0, bucket_counts=[1, 2, 0], explicit_bounds=[2.5, 5])],
        },
        {
            "name": "x",
            "shape": "exponential_histogram",
            "temporality": CUMULATIVE,
            "points": [point(count=3, sum=9.0, scale=-1, positive={"offset": -3, "bucket_counts": [1, 2]})],
        },
        {"name": "s", "shape": "summary", "points": [point(count=1, quantile_values=[{"quantile": 1, "value": 2}])]},
    )
    document = json.dumps(MessageToDict(ExportMetricsServiceRequest.FromString(body), use_integers_for_enums=True))
    found = []
    for content, headers in ((body, {}), (document.encode(), JSON), (gzip.compress(document.encode()), JSON)):
        async with agent() as sender:
            packed = {"Content-Encoding": "gzip"} if content[:2] == b"\x1f\x8b" else {}
            answer = await sender.post(content, **headers, **packed)
            assert answer.status_code == 200, answer.text
            if headers:
                assert (answer.json(), answer.headers["content-type"]) == ({}, "application/json")
            snapshot = await sender.monitor.metrics.snapshot(own=False)
            found.append({(one.name, one.labels): one.value for samples in snapshot for one in samples})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 30


async def test_the_plain_address_works():
    """OTEL_EXPORTER_OTLP_ENDPOINT names a host alone; the senders add the path."""
    async with agent() as sender:
        answer = await sender.client.post(
            "/v1/metrics", content=request(counter(5)), headers={"Content-Type": "application/x-protobuf"}
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert await sender.value("calls_total", **LABELS) == 5


@pytest.mark.parametrize("what", ["metrics", "traces"])
async def test_empty_requests_succeed(what):
    """In either form."""
    async with agent() as sender:
        assert (await sender.post(b"", what)).status_code == 200
        answer = await sender.post(b"{}", what, **JSON)
        assert (answer.status_code, answer.json()) == (200, {})


BAD = {
    "no protobuf": (b"\xff\xff\xff", {}, 400, "cannot be read"),
    "cut off": (request(counter(1))[:-3], {}, 400, "longer than what it is in"),
    "a number for a message": (b"\x08\x01", {}, 400, "in place of a message"),
    "no JSON": (b"{", JSON, 400, "cannot be read"),
    "another document": (b"[]", JSON, 400, "cannot be read"),
    "a text for a number": (
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"x"}]}}]}]}]}',
        JSON,
        400,
        "in place of a whole number",
    ),
    "no gzip": (b"abc", {"Content-Encoding": "gzip"}, 400, "not gzip"),
    "half a gzip": (gzip.compress(b"abc" * 99)[:-9], {"Content-Encoding": "gzip"}, 400, "not one whole gzip"),
    "another packing": (b"abc", {"Content-Encoding": "br"}, 415, "expected gzip"),
    "another type": (b"abc", {"Content-Type": "text/plain"}, 415, "application/x-protobuf"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_requests_are_answered_with_a_status(name):
    """A google.rpc.Status in the form that was asked in, with a sentence; the source goes on."""
    body, headers, status, says = BAD[name]
    async with agent() as sender:
        answer = await sender.post(body, **headers)
        assert answer.status_code == status
        if answer.headers["content-type"] == "application/x-protobuf":
            told = RpcStatus.FromString(answer.content)
            assert (told.code, says in told.message) == (3, True), told.message
        else:
            assert (answer.json()["code"], says in answer.json()["message"]) == (3, True)
        assert (await sender.post(request(counter(1)))).status_code == 200


def bomb(mib):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(mib)), packer.flush()])


async def test_bombs_are_refused_before_they_unfold():
    """300 MiB in 300 KB, by its ratio; a body that is too large as it is sent. Memory does not follow."""
    before, packed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, bomb(300)
    async with agent() as sender:
        for what in ("metrics", "traces"):
            answer = await sender.post(packed, what, Content_Encoding="gzip")
            assert (answer.status_code, b"100 times" in answer.content) == (413, True)
        assert (await sender.post(bytes((16 << 20) + 1))).status_code == 413
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10, f"{grown} KiB"


def test_what_unfolds_to_more_than_64_mib_is_refused():
    """Whatever its ratio."""
    from auscult_plugins.otlp.body import Refused, unpacked

    packed = dense(70)
    with pytest.raises(Refused, match="67108864 bytes"):
        unpacked(packed, "gzip")


def dense(mib):
    """Many MiB that pack to a twentieth."""
    block = random.Random(1).randbytes(52_000) + bytes((1 << 20) - 52_000)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(block) for _ in range(mib)), packer.flush()])


async def test_a_flood_of_series_stays_within_the_limit():
    """What is there stays; what is beyond is counted. A million labels are not a million series."""
    async with agent() as sender:
        await sender.send(counter(1, of="first"))
        for turn in range(12):
            points = [point(as_double=1, attributes={"id": f"{turn}-{n}"}) for n in range(5000)]
            await sender.send({"name": "flood", "shape": "gauge", "points": points})
        snapshot = await sender.monitor.metrics.snapshot()
        assert snapshot.value("calls_total", of="first", **LABELS) == 1
        assert snapshot.value("auscult_metric_series", origin="source:otel") == 50_000
        refused = snapshot.value("auscult_metric_series_refused_total", origin="source:otel", reason="series")
        assert refused == 10_001


async def test_too_much_at_a_time_is_to_come_again():
    """With 64 requests waiting the next one is told so, as senders understand it; those that wait are answered."""
    async with agent() as sender:
        turns = sender.monitor.metrics.sources["otel"]._turns
        statuses = []

        async def wait():
            statuses.append((await sender.post(request(counter(1)))).status_code)

        async with anyio.create_task_group() as group, turns, turns:
            for _ in range(64):
                group.start_soon(wait)
            with anyio.fail_after(60):
                while turns.statistics().tasks_waiting < 64:
                    await anyio.sleep(0.01)
            answer = await sender.post(request(counter(1)))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert RpcStatus.FromString(answer.content).code == 14
        assert statuses == [200] * 64


async def test_names_choose():
    """`keep` and `drop` by the sender's names; resource attributes by option."""
    async with agent(keep=["a.*", "calls"], drop=["a.b*"], resource_labels=[]) as sender:
        gauge = {"shape": "gauge", "points": [point(as_double=1)]}
        await sender.send(*({"name": name} | gauge for name in ("a.a", "a.bc", "c")), counter(1))
        snapshot = await sender.monitor.metrics.snapshot(own=False)
        assert {samples.family.name for samples in snapshot} == {"a_a", "calls_total"}
        assert snapshot.value("a_a") == 1


async def test_labels_that_would_collide():
    """`le` of the sender's own, two names that come to one label, and a label of the sender beside its attributes."""
    told = point(
        count=1, sum=1.0, bucket_counts=[1, 0], explicit_bounds=[1], attributes={"le": "x", "a.b": 1, "a_b": 2}
    )
    histogram = {"name": "h", "shape": "histogram", "temporality": CUMULATIVE, "points": [told]}
    async with agent() as sender:
        await sender.send(histogram)
        assert await sender.value("h_bucket", le="1.0", exported_le="x", a_b="1;2", **LABELS) == 1


def test_a_file_of_prices_that_is_none_is_said(tmp_path):
    """When the configuration is read, not when the first span comes."""
    from auscult import ConfigurationError

    with pytest.raises(ConfigurationError, match="cannot be read"):
        Otlp(prices_file=str(tmp_path / "none.toml"))
