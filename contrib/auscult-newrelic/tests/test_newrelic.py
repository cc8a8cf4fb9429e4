"""The exporter against a receiver that takes what New Relic's two APIs take, and nothing else."""

from __future__ import annotations

import json
import math
import re
import time
import tomllib
import zlib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from tests.exporting import PushContext, family, monitor_with, now_ms, snapshot, until
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import Catalogue, DeliveryError, Status
from auscult.config.fielddocs import field_docs
from auscult.options import convert_options, secret_fields
from auscult_newrelic import NewRelicExporter

pytestmark = pytest.mark.anyio
KEY = "0123456789abcdef0123456789canaryNRAL"
ACCOUNT = 1234567
HOUR = 3_600_000


def unpacked(request: Request):
    assert request.headers["content-encoding"] == "gzip"
    body = zlib.decompress(request.body, 16 + zlib.MAX_WBITS)
    if len(body) > 1_000_000:
        raise Refused("more than 1 MB")
    return json.loads(body, parse_constant=lambda name: (_ for _ in ()).throw(Refused(f"{name} is not JSON")))


def judge(request: Request) -> Answer:
    if request.headers.get("api-key") != KEY:
        return Answer(403)
    if request.path == "/metric/v1":
        judge_metrics(unpacked(request))
        return Answer(202, {"requestId": "f0e7bfff-001a-b000-0000-01682bcf4565"})
    if request.path == f"/v1/accounts/{ACCOUNT}/events":
        judge_events(unpacked(request))
        return Answer(200, {"success": True, "uuid": "f0e7bfff-001a-b000-0000-01682bcf4565"})
    return Answer(404)


def judge_metrics(document) -> None:
    if not isinstance(document, list) or not document:
        raise Refused("an array of objects")
    for block in document:
        if set(block) - {"common", "metrics"} or not block["metrics"]:
            raise Refused("common and metrics")
        common = block.get("common", {})
        if set(common) - {"timestamp", "interval.ms", "attributes"}:
            raise Refused("unknown key in common")
        for metric in block["metrics"]:
            judge_metric({**common, **metric, "attributes": {**common.get("attributes", {}), **metric["attributes"]}})


def judge_metric(metric) -> None:
    if set(metric) - {"name", "type", "value", "timestamp", "interval.ms", "attributes"}:
        raise Refused("unknown key in a metric")
    if not 1 <= len(metric["name"]) <= 255:
        raise Refused("name")
    judge_time(metric["timestamp"], 48, 24)
    judge_attributes(metric["attributes"], 150)
    if metric["type"] in ("count", "summary"):
        interval = metric["interval.ms"]
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
            raise Refused("interval.ms")
    value = metric["value"]
    if metric["type"] == "summary":
        if set(value) != {"count", "sum", "min", "max"} or not all(map(is_number, value.values())):
            raise Refused("the value of a summary")
        mean = value["sum"] / value["count"]
        if not value["min"] <= mean <= value["max"]:
            raise Refused("the mean lies outside")
    elif metric["type"] not in ("gauge", "count") or not is_number(value):
        raise Refused("type or value")
    elif metric["type"] == "count" and value < 0:
        raise Refused("a negative count")


def judge_events(document) -> None:
    if not isinstance(document, list) or not document:
        raise Refused("an array of events")
    for event in document:
        attributes = dict(event)
        if not re.fullmatch(r"[A-Za-z0-9_:]{1,255}", attributes.pop("eventType")):
            raise Refused("eventType")
        judge_time(attributes.pop("timestamp"), 24, 24)
        if set(attributes) & {"accountId", "appId"}:
            raise Refused("a reserved name")
        judge_attributes(attributes, 252)


def judge_time(at, old: int, new: int) -> None:
    if not isinstance(at, int) or not time.time() * 1000 - old * HOUR < at < time.time() * 1000 + new * HOUR:
        raise Refused(f"timestamp {at}: ms, at most {old} h old and {new} h ahead")


def judge_attributes(attributes, most: int) -> None:
    if len(attributes) > most:
        raise Refused("too many attributes")
    for name, value in attributes.items():
        if not 1 <= len(name) <= 255 or not (isinstance(value, str) or is_number(value)):
            raise Refused(f"attribute {name}")
        if isinstance(value, str) and len(value) > 4096:
            raise Refused(f"attribute {name} is too long")


def is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@pytest.fixture
def newrelic():
    with serving(judge) as running:
        yield running


@pytest.fixture
def make(newrelic):
    def made(**options):
        return NewRelicExporter(
            license_key=KEY, account_id=ACCOUNT, metrics_url=newrelic.url, events_url=newrelic.url, **options
        )

    return made


@pytest.fixture
async def push(anyio_backend):
    async with PushContext() as ctx:
        yield lambda exporter, taken: exporter.push(taken, ctx)


def metrics_in(*requests):
    return [each for request in requests if request.path == "/metric/v1" for each in unpacked(request)[0]["metrics"]]


def events_in(*requests):
    return [event for request in requests if request.path != "/metric/v1" for event in unpacked(request)]


def total(at: int, value: float, **more: float):
    values = {"a": value, **more}
    return snapshot(at, family("turns_total", "counter", *[("_total", {"to": to}, n) for to, n in values.items()]))


async def test_gauges(newrelic, make, push):
    """Name, value, time and attributes; what is no number, and what is too old, is left out."""
    at = now_ms() - 5000
    exporter = make(prefix="auscult.", attributes={"service.name": "agent"})
    depth = family("depth", "gauge", ("", {"queue": "ä", "empty": ""}, 1.5), ("", {"queue": "b"}, math.nan))
    own = family("own", "gauge", ("", {}, 2), at=at - 60_000)
    old = family("old", "gauge", ("", {}, 2), at=at - 48 * HOUR)
    await push(exporter, snapshot(at, depth, own, old))
    assert unpacked(newrelic.taken[0])[0]["common"] == {"attributes": {"service.name": "agent"}}
    assert metrics_in(*newrelic.taken) == [
        {"name": "auscult.depth", "type": "gauge", "value": 1.5, "timestamp": at, "attributes": {"queue": "ä"}},
        {"name": "auscult.own", "type": "gauge", "value": 2, "timestamp": at - 60_000, "attributes": {}},
    ]


async def test_counters_are_told_by_what_they_grew(newrelic, make, push):
    """Nothing for the first total; a restart counts from nothing; a new label value as well; times are beginnings."""
    exporter, at = make(), now_ms() - 60_000
    for seconds, taken in (
        (0, {"value": 100}),
        (10, {"value": 104}),
        (20, {"value": 3, "error": 1}),
        (40, {"value": 5}),
    ):
        await push(exporter, total(at + seconds * 1000, **taken))
    found = metrics_in(*newrelic.taken)
    counted = [each for each in found if each["attributes"]["to"] == "a"]
    assert [each["value"] for each in counted] == [4, 3, 2]
    assert [each["interval.ms"] for each in counted] == [10_000, 10_000, 20_000]
    assert [each["timestamp"] - at for each in counted] == [0, 10_000, 20_000]
    assert [each["value"] for each in found if each["attributes"]["to"] == "error"] == [1]


@pytest.mark.parametrize(
    ("grown", "sum_", "expected"),
    [
        ({"1": 0, "2": 3, "+Inf": 3}, 4.5, (1, 2)),
        ({"1": 1, "2": 3, "+Inf": 3}, 4.5, (0, 2)),
        ({"1": 0, "2": 0, "+Inf": 2}, 20, (2, 10)),
        ({"+Inf": 2}, 8, (0, 4)),
    ],
)
async def test_histograms_are_summaries(newrelic, make, push, grown, sum_, expected):
    """Of what came in since the last push; between the bounds of the buckets that grew; nothing when none did."""

    def histogram(at, times):
        samples = [("_bucket", {"le": le, "to": "a"}, n * times) for le, n in grown.items()]
        samples += [("_count", {"to": "a"}, grown["+Inf"] * times), ("_created", {"to": "a"}, 1)]
        return snapshot(at, family("wait", "histogram", *samples, ("_sum", {"to": "a"}, sum_ * times)))

    exporter, at = make(), now_ms() - 60_000
    for seconds, times in ((0, 1), (10, 2), (20, 2)):
        await push(exporter, histogram(at + seconds * 1000, times))
    (summary,) = metrics_in(*newrelic.taken)
    assert (summary["name"], summary["attributes"], summary["interval.ms"]) == ("wait", {"to": "a"}, 10_000)
    low, high = expected
    assert summary["value"]["count"] == grown["+Inf"]
    assert (summary["value"]["min"], summary["value"]["max"]) == (low, high)


async def test_buckets_where_they_are_wanted(newrelic, make, push):
    """As counts with the attribute `le`."""
    exporter, at = make(histogram_buckets=True), now_ms() - 60_000
    for times in (1, 2):
        buckets = [("_bucket", {"le": le}, n * times) for le, n in (("0.5", 2), ("+Inf", 3))]
        waits = family("wait", "histogram", *buckets, ("_count", {}, 3 * times), ("_sum", {}, times))
        await push(exporter, snapshot(at + times * 1000, waits))
    found = {
        each["attributes"]["le"]: each["value"] for each in metrics_in(*newrelic.taken) if "le" in each["attributes"]
    }
    assert found == {"0.5": 2, "+Inf": 3}


async def test_events_hold_all_about_a_component(newrelic, make, push):
    """One event for each set of labels; counters by what they grew; reserved names get another."""
    exporter, at = make(send="events", attributes={"env": "prod"}), now_ms() - 60_000
    labels = {"component": "redis", "type": "cache", "timestamp": "x"}
    for times in (1, 2):
        families = (
            family("health", "gauge", ("", labels, times)),
            family("calls_total", "counter", ("_total", labels, 10 * times), ("_created", labels, 1)),
            family("wait", "histogram", ("_bucket", {**labels, "le": "+Inf"}, 3), ("_count", labels, times)),
            family("size", "summary", ("", {**labels, "quantile": "0.5"}, 3), ("_count", labels, times)),
        )
        await push(exporter, snapshot(at + times, *families))
    assert {request.path for request in newrelic.taken} == {f"/v1/accounts/{ACCOUNT}/events"}
    assert events_in(*newrelic.taken)[-1] == {
        "eventType": "AuscultSample",
        "timestamp": at + 2,
        "env": "prod",
        "component": "redis",
        "type_": "cache",
        "timestamp_": "x",
        "health": 2,
        "calls_total": 10,
        "wait_count": 1,
        "size_count": 1,
    }


async def test_both(newrelic, make, push):
    """The same snapshot to both; what is too old for events is still told as metrics."""
    exporter = make(send="both", event_type="Voice")
    await push(exporter, snapshot(None, family("depth", "gauge", ("", {}, 1))))
    assert [request.path for request in newrelic.taken] == ["/metric/v1", f"/v1/accounts/{ACCOUNT}/events"]
    assert events_in(*newrelic.taken)[0]["eventType"] == "Voice"
    newrelic.taken.clear()
    await push(exporter, snapshot(now_ms() - 30 * HOUR, family("depth", "gauge", ("", {}, 1))))
    assert [request.path for request in newrelic.taken] == ["/metric/v1"]


@pytest.mark.parametrize(("send", "hours", "says"), [("events", 24, "older than the day"), ("both", 48, "two days")])
async def test_what_is_too_old_is_not_sent(newrelic, make, push, send, hours, says):
    """New Relic would drop it without a word."""
    with pytest.raises(DeliveryError, match=says) as failed:
        await push(make(send=send), total(now_ms() - hours * HOUR, 1))
    assert not failed.value.retry
    assert newrelic.seen == 0


async def test_what_grew_in_days_of_outage_is_told(newrelic, make, push):
    """As one count, that reaches as far back as New Relic takes it."""
    exporter, now = make(), now_ms()
    exporter._increases.took(exporter._increases.growth(total(now - 90 * HOUR, 10)))
    await push(exporter, total(now, 17))
    (count,) = metrics_in(*newrelic.taken)
    assert (count["value"], count["timestamp"] + count["interval.ms"]) == (7, now)


async def test_nothing_is_counted_twice_or_lost(newrelic, make, push, monkeypatch):
    """Refused for now: the same request again. Part of it arrived: only the rest again. Given up: in the next count."""
    monkeypatch.setattr("auscult_newrelic.requests.MAX_BYTES", 200)
    exporter, at = make(), now_ms() - 60_000
    await push(exporter, total(at, 10, b=20))
    second = total(at + 10_000, 11, b=22)
    newrelic.fail(Answer(500))
    with pytest.raises(DeliveryError):
        await push(exporter, second)
    await push(exporter, second)
    newrelic.fail(Answer(403), Answer(403))
    with pytest.raises(DeliveryError, match=r"403 Forbidden \(2 of 2 parts\)"):
        await push(exporter, total(at + 20_000, 14, b=22))
    await push(exporter, total(at + 30_000, 15, b=23))
    found = metrics_in(*newrelic.taken)
    assert [each["value"] for each in found if each["attributes"]["to"] == "a"] == [1, 4]
    assert [each["value"] for each in found if each["attributes"]["to"] == "b"] == [2, 1]


async def test_requests_stay_within_the_limits(newrelic, make, push):
    """A megabyte each, before compression; long and many texts are cut; nothing else is left out."""
    exporter = make(send="both")
    many = [("", {"n": str(n), "to": "é" * 40}, n) for n in range(12_000)]
    labels = {f"l{n}": "x" for n in range(160)} | {"n" * 300: "y" * 5000, "none": ""}
    await push(exporter, snapshot(None, family("many", "gauge", *many), family("odd", "gauge", ("", labels, 1))))
    assert len(metrics_in(*newrelic.taken)) == 12_001
    assert len(events_in(*newrelic.taken)) == 12_001
    assert len(newrelic.taken) >= 4


async def test_many_numbers_of_one_component(newrelic, make, push):
    """Are told in several events: one takes 254 attributes."""
    await push(make(send="events"), snapshot(None, *[family(f"m{n}", "gauge", ("", {}, n)) for n in range(400)]))
    assert sum(len(event) - 2 for event in events_in(*newrelic.taken)) == 400


async def test_a_monitor_sends_everything(newrelic, make):
    """The monitor's own metrics and the user's; New Relic refuses none of it, and the destination is healthy."""
    registry = CollectorRegistry()
    counter = Counter("turns", "Turns.", registry=registry)
    exporter = make(send="both", push_interval=0.3, histogram_buckets=True)
    async with monitor_with({"out": exporter}, registry) as monitor:
        await until(lambda: newrelic.taken)
        counter.inc(5)
        await until(lambda: sum(each["value"] for each in metrics_in(*newrelic.taken) if each["name"] == "turns_total"))
        await until(lambda: any(event.get("component_health_status") == 1 for event in events_in(*newrelic.taken)))
        assert monitor.component_health("exporter.out").status is Status.HEALTHY
        stats = monitor.metrics.exporter_stats()["out"]
        assert (stats.failed, stats.dropped) == (0, 0)
    assert sum(each["value"] for each in metrics_in(*newrelic.taken) if each["name"] == "turns_total") == 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"send": "events"}, "`account_id` is needed"),
        ({"send": "logs"}, "expected metrics or events or both"),
        ({"region": "mars"}, "expected us or eu"),
        ({"event_type": "my event"}, "expected letters"),
    ],
)
def test_options_that_make_no_sense(options, says):
    """Each gets a sentence."""
    with pytest.raises(ValueError, match=says):
        NewRelicExporter(license_key=KEY, **options)


def test_addresses_of_the_regions():
    """Those of the vendor's documentation."""
    taken = snapshot(None, family("depth", "gauge", ("", {}, 1)))
    for region, hosts in (
        ("us", ["metric-api.newrelic.com", "insights-collector.newrelic.com"]),
        ("eu", ["metric-api.eu.newrelic.com", "insights-collector.eu01.nr-data.net"]),
    ):
        exporter = NewRelicExporter(license_key=KEY, region=region, send="both", account_id=1)
        assert [url.split("/")[2] for url, _ in exporter._requests(taken, 0)] == hosts


def test_it_is_installed_and_documented():
    """From this distribution; every option stands in the README, secrets as such; its samples are valid."""
    catalogue = Catalogue.discover()
    assert catalogue.exporter("newrelic") is NewRelicExporter
    plugin = catalogue.of(NewRelicExporter)
    assert plugin is not None
    assert plugin.distribution == "auscult-newrelic"
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)]
    samples = [sample for block in blocks for sample in block.get("exporters", {}).values()]
    assert len(samples) == 2
    for sample in samples:
        assert sample.pop("exporter") == "newrelic"
        convert_options({**sample, "license_key": "x"}, NewRelicExporter)
    assert set(field_docs(NewRelicExporter)) >= set(NewRelicExporter.__struct_encode_fields__)
    assert secret_fields(NewRelicExporter) == {"license_key"}
    for name in NewRelicExporter.__struct_encode_fields__:
        assert f"| `{name}` |" in readme
    assert KEY not in repr(NewRelicExporter(license_key=KEY))
