"""The exporter against a receiver that takes what Datadog's series API takes, and nothing else."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from tests.exporting import PushContext, family, monitor_with, now_ms, snapshot, until
from tests.servers.datadog import MAX_OPEN, MAX_PACKED, points_of, series_api, unpacked
from tests.servers.vendor import Answer, serving

from auscult import Catalogue, DeliveryError, Status
from auscult.config.fielddocs import field_docs
from auscult.options import convert_options, secret_fields
from auscult_datadog import DatadogExporter

pytestmark = pytest.mark.anyio
KEY = "canary0123456789canary0123456789"


@pytest.fixture
def datadog():
    with serving(series_api(KEY)) as running:
        yield running


@pytest.fixture
async def push(anyio_backend):
    async with PushContext() as ctx:
        yield lambda exporter, taken: exporter.push(taken, ctx)


def total(at: int, value: float, **more: float):
    """A counter with its label; further keywords are further series."""
    values = {"a": value, **more}
    return snapshot(at, family("turns_total", "counter", *[("_total", {"to": to}, n) for to, n in values.items()]))


async def test_gauges(datadog, push):
    """Name, value, time in seconds, tags, unit and host; what is no number is left out."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url, prefix="auscult.", tags=("env:Prod",), host="agent-1")
    at = now_ms() - 5000
    taken = snapshot(
        at,
        family("wait_seconds", "gauge", ("", {"Queue": "A b", "empty": ""}, 1.5), ("", {}, math.nan), unit="seconds"),
        family("own", "gauge", ("", {}, math.inf), ("", {"to": "x"}, 2), at=at - 60_000),
        family("phase", "stateset", ("", {"phase": "up"}, 1)),
    )
    await push(exporter, taken)
    found = {key: series for key, (series,) in points_of(*datadog.taken).items()}
    host = [{"name": "agent-1", "type": "host"}]
    assert found == {
        ("auscult.wait_seconds", "env:prod", "queue:a_b"): {
            "metric": "auscult.wait_seconds",
            "type": 3,
            "unit": "second",
            "points": [{"timestamp": at // 1000, "value": 1.5}],
            "tags": ["env:prod", "queue:a_b"],
            "resources": host,
        },
        ("auscult.own", "env:prod", "to:x"): {
            "metric": "auscult.own",
            "type": 3,
            "points": [{"timestamp": (at - 60_000) // 1000, "value": 2}],
            "tags": ["env:prod", "to:x"],
            "resources": host,
        },
        ("auscult.phase", "env:prod", "phase:up"): found["auscult.phase", "env:prod", "phase:up"],
    }


@pytest.mark.parametrize(("counters", "type_", "values"), [("count", 1, [4, 3, 2]), ("rate", 2, [0.4, 0.3, 0.1])])
async def test_counters_are_told_by_what_they_grew(datadog, push, counters, type_, values):
    """Nothing for the first total; a restart counts from nothing; a snapshot that is missing is in the next one."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url, counters=counters)
    at = now_ms() - 60_000
    for seconds, value in ((0, 100), (10, 104), (20, 3), (40, 5)):
        await push(exporter, total(at + seconds * 1000, value))
    series = points_of(*datadog.taken)["turns_total", "to:a"]
    assert [each["points"][0]["value"] for each in series] == pytest.approx(values)
    assert [each["interval"] for each in series] == [10, 10, 20]
    assert {each["type"] for each in series} == {type_}


async def test_a_new_label_value_counts_from_nothing(datadog, push):
    """The first error is told."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    at = now_ms() - 60_000
    await push(exporter, total(at, 100))
    await push(exporter, total(at + 10_000, 100, error=1))
    assert points_of(*datadog.taken)["turns_total", "to:error"][0]["points"][0]["value"] == 1


async def test_nothing_is_counted_twice_or_lost(datadog, push, monkeypatch):
    """Refused for now: the same request again. Part of it arrived: only the rest again. Given up: in the next count."""
    monkeypatch.setattr("auscult_datadog.series.MAX_PACKED", 50)
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    at = now_ms() - 60_000
    await push(exporter, total(at, 10, b=20))
    assert not datadog.taken
    second = total(at + 10_000, 11, b=22)
    datadog.fail(Answer(500))
    with pytest.raises(DeliveryError):
        await push(exporter, second)
    await push(exporter, second)
    assert len(datadog.taken) == 2  # one series each
    datadog.fail(Answer(403), Answer(403))
    with pytest.raises(DeliveryError, match=r"403 Forbidden \(2 of 2 parts\)"):
        await push(exporter, total(at + 20_000, 14, b=22))
    await push(exporter, total(at + 30_000, 15, b=23))
    found = points_of(*datadog.taken)
    assert [each["points"][0]["value"] for each in found["turns_total", "to:a"]] == [1, 4]
    assert [each["points"][0]["value"] for each in found["turns_total", "to:b"]] == [2, 1]
    assert found["turns_total", "to:a"][1]["interval"] == 20


@pytest.mark.parametrize("buckets", [True, False])
async def test_histograms_and_summaries(datadog, push, buckets):
    """Counts of observations, their sum, and buckets where they are wanted; quantiles are gauges."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url, histogram_buckets=buckets)
    at = now_ms() - 60_000
    for number in (1, 2):
        histogram = [("_bucket", {"le": le}, number * n) for le, n in (("0.5", 2), ("+Inf", 3))]
        histogram += [("_count", {}, number * 3), ("_sum", {}, number * 1.5), ("_created", {}, at / 1000)]
        summary = [("", {"quantile": "0.9"}, 7), ("_count", {}, number), ("_sum", {}, number * 2)]
        waits = family("wait_seconds", "histogram", *histogram, unit="seconds")
        await push(exporter, snapshot(at + number * 10_000, waits, family("size", "summary", *summary)))
    found = {key: (all_[-1]["type"], all_[-1]["points"][0]["value"]) for key, all_ in points_of(*datadog.taken).items()}
    expected = {
        ("wait_seconds_count",): (1, 3),
        ("wait_seconds_sum",): (1, 1.5),
        ("size", "quantile:0.9"): (3, 7),
        ("size_count",): (1, 1),
        ("size_sum",): (1, 2),
    }
    bounds = {
        ("wait_seconds_bucket", "upper_bound:0.5"): (1, 2),
        ("wait_seconds_bucket", "upper_bound:_inf"): (1, 3),
    }
    assert found == (expected | bounds if buckets else expected)


async def test_odd_names_become_datadogs(datadog, push):
    """The receiver refuses all others."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    names = ["_private", ":rule:sum", "x" * 300, "größe", "7days"]
    labels = {"_a": "1", "7": "x", "to": "y" * 500, "ä ö": "é\n\0", "none": ""}
    await push(exporter, snapshot(None, *[family(name, "gauge", ("", labels, 1)) for name in names]))
    assert len(points_of(*datadog.taken)) == len(names)


async def test_requests_stay_within_the_limits(datadog, push):
    """Before and after compression, however well it goes; nothing is left out."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    dull = [("", {"n": str(n), "to": "a" * 190}, n) for n in range(30_000)]
    await push(exporter, snapshot(None, family("dull", "gauge", *dull)))
    assert len(datadog.taken) >= 2
    assert sum(map(len, points_of(*datadog.taken).values())) == 30_000
    assert all(len(request.body) <= MAX_PACKED and len(unpacked(request)) <= MAX_OPEN for request in datadog.taken)


async def test_incompressible_requests_stay_within_the_limits(datadog, push):
    """Halves are halved again."""
    import random

    rng = random.Random(1)
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    noise = [("", {"n": rng.randbytes(90).hex()}, rng.random()) for _ in range(12_000)]
    await push(exporter, snapshot(None, family("noise", "gauge", *noise)))
    assert len(datadog.taken) >= 2
    assert sum(map(len, points_of(*datadog.taken).values())) == 12_000


async def test_what_is_too_old_is_not_sent(datadog, push):
    """Datadog would refuse all of it: a snapshot is given up with a sentence, a single old point is left out."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    hour = now_ms() - 3_600_000
    with pytest.raises(DeliveryError, match="older than the hour") as failed:
        await push(exporter, total(hour, 1))
    assert not failed.value.retry
    assert datadog.seen == 0
    old = family("old", "gauge", ("", {}, 1), at=hour)
    await push(exporter, snapshot(None, old, family("new", "gauge", ("", {}, 1))))
    assert set(points_of(*datadog.taken)) == {("new",)}


async def test_what_counters_grew_by_in_a_long_outage_is_told(datadog, push):
    """In the first count that Datadog takes, over the time that it took."""
    exporter = DatadogExporter(api_key=KEY, url=datadog.url)
    now = now_ms()
    await push(exporter, total(now - 3_500_000, 10))
    await push(exporter, total(now, 17))
    (series,) = points_of(*datadog.taken)["turns_total", "to:a"]
    assert (series["points"][0]["value"], series["interval"]) == (7, 3500)


async def test_a_receipt_that_complains(datadog, push):
    """202 with errors in it: final, and told."""
    datadog.fail(Answer(202, {"errors": ["metric name too long"]}))
    with pytest.raises(DeliveryError, match="metric name too long") as failed:
        await push(DatadogExporter(api_key=KEY, url=datadog.url), snapshot(None, family("depth", "gauge", ("", {}, 1))))
    assert not failed.value.retry


async def test_a_monitor_sends_everything(datadog):
    """The monitor's own metrics and the user's; Datadog refuses none of it, and the destination is healthy."""
    registry = CollectorRegistry()
    counter = Counter("turns", "Turns.", registry=registry)
    exporter = DatadogExporter(api_key=KEY, url=datadog.url, push_interval=0.3, histogram_buckets=True)
    async with monitor_with({"out": exporter}, registry) as monitor:
        await until(lambda: datadog.taken)
        counter.inc(5)
        await until(
            lambda: any(each["points"][0]["value"] == 5 for each in points_of(*datadog.taken).get(("turns_total",), []))
        )
        assert monitor.component_health("exporter.out").status is Status.HEALTHY
        stats = monitor.metrics.exporter_stats()["out"]
        assert (stats.failed, stats.dropped) == (0, 0)
    assert sum(each["points"][0]["value"] for each in points_of(*datadog.taken)["turns_total",]) == 5


def test_it_is_installed_and_documented():
    """From this distribution; every option stands in the README, secrets as such; its samples are valid."""
    catalogue = Catalogue.discover()
    assert catalogue.exporter("datadog") is DatadogExporter
    plugin = catalogue.of(DatadogExporter)
    assert plugin is not None
    assert plugin.distribution == "auscult-datadog"
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)]
    samples = [sample for block in blocks for sample in block.get("exporters", {}).values()]
    assert samples
    for sample in samples:
        assert sample.pop("exporter") == "datadog"
        convert_options({**sample, "api_key": "x"}, DatadogExporter)
    assert set(field_docs(DatadogExporter)) >= set(DatadogExporter.__struct_encode_fields__)
    assert secret_fields(DatadogExporter) == {"api_key"}
    for name in DatadogExporter.__struct_encode_fields__:
        assert f"| `{name}` |" in readme
    assert KEY not in repr(DatadogExporter(api_key=KEY))
