"""`/metrics`: the seed document's names, types and labels, in a form that Prometheus' own tools accept."""

from __future__ import annotations

import gzip
import math
import subprocess

import anyio
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from tests.need import program
from tests.web.helpers import asking

from auscult import (
    Catalogue,
    Check,
    Component,
    Export,
    Exporter,
    Measurement,
    Monitor,
    Reading,
    Sample,
    Samples,
    Snapshot,
    labels_of,
    render,
)
from auscult.metrics.names import FAMILIES

pytestmark = pytest.mark.anyio

SEED = {
    "system_health_status": set(),
    "component_health_response_time_ms": {"component"},
}
"""The seed document's families with their labels; all gauges."""
SIBLINGS = {
    "system_health_percentage": set(),
    "component_health_status": {"component"},
    "component_health_success_rate": {"component"},
    "component_health_error_rate": {"component"},
}
HOSTILE = 'a"b\\c\nd\x7fé☃{}=,'


def monitored() -> Monitor:
    monitor = Monitor()
    monitor.health.register("stt_client", check=lambda: Reading(response_time_ms=150.5))
    monitor.health.register("slow", check=lambda: Reading.degraded("slow"))
    monitor.health.register("down", check=lambda: Reading.unhealthy("down"))
    monitor.health.register("unsure", check=lambda: Reading.unknown("cannot tell"))
    return monitor


async def scraped(client, **headers):
    for component in (await client.get("/api/v1/components")).json()["components"]:
        for _ in range(2):
            await client.post(f"/api/v1/components/{component['name']}/check")
    return await client.get("/metrics", headers=headers)


def families_of(text):
    return {family.name: family for family in parse(text)}


def value_of(family, component):
    return next(sample.value for sample in family.samples if sample.labels.get("component") == component)


async def test_the_seed_documents_names_types_labels_and_timestamps():
    """What the seed document shows can be read with prometheus_client, sample by sample."""
    async with asking(monitored()) as client:
        answer = await scraped(client)
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = families_of(answer.text)
        for name, labels in (SEED | SIBLINGS).items():
            assert families[name].type == "gauge"
            assert families[name].documentation
            for sample in families[name].samples:
                assert set(sample.labels) == labels
                assert sample.timestamp is not None
        assert value_of(families["component_health_response_time_ms"], "stt_client") == 150.5
        lines = answer.text.splitlines()
        assert any(
            line.startswith('component_health_response_time_ms{component="stt_client"} 150.5 ') for line in lines
        )


async def test_values_of_the_states():
    """1 healthy, 0.5 degraded, 0 unhealthy, NaN unknown (decision 21)."""
    async with asking(monitored()) as client:
        families = families_of((await scraped(client)).text)
        status = families["component_health_status"]
        assert [value_of(status, name) for name in ("stt_client", "slow", "down")] == [1.0, 0.5, 0.0]
        assert math.isnan(value_of(status, "unsure"))
        assert families["system_health_status"].samples[0].value == 0.0
        assert families["system_health_percentage"].samples[0].value == 25.0


async def test_every_other_family_is_ours_and_registered():
    """No name but the seed document's own and `auscult_…`; labels as registered, or by component; registered once."""
    async with asking(monitored()) as client:
        text = (await scraped(client)).text
        names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
        assert len(names) == len(set(names))
        for name in names:
            assert name in SEED | SIBLINGS or name.startswith("auscult_"), name
            assert name in FAMILIES or name.startswith(("auscult_function_", "auscult_self_")), name
        for family in parse(text):
            known = FAMILIES.get(family.name) or FAMILIES.get(f"{family.name}_total")
            for sample in family.samples:
                assert set(sample.labels) <= {"component", "le"} | set(known.labels if known else ())


async def test_openmetrics_parses_strictly():
    """By Accept; with prometheus_client's strict parser."""
    async with asking(monitored()) as client:
        answer = await scraped(client, Accept="application/openmetrics-text; version=1.0.0")
        assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert answer.text.endswith("# EOF\n")
        families = {family.name for family in parse_openmetrics(answer.text)}
        assert set(SEED | SIBLINGS) <= families


async def test_compressed_when_asked_for():
    """gzip by Accept-Encoding, the same document; caches are told."""
    async with asking(monitored()) as client:
        plain = await scraped(client, **{"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["vary"]
        async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        names = {line for line in plain.text.splitlines() if line.startswith("#")}
        assert names == {line for line in gzip.decompress(raw).decode().splitlines() if line.startswith("#")}


class Odd(Check):
    """Says odd numbers under names that nobody declared."""

    kind = "odd-kind.of/check"
    measurements = (Measurement("requests", kind="counter", help='with "quotes", a \\ and\na line'),)

    async def probe(self, ctx):
        return Reading.healthy(requests=1e300, tiny=5e-324, negative=-0.0, large=123456789.125)


async def test_odd_names_and_numbers_stay_one_line_each():
    """Quotes, backslashes and line ends in help texts and labels; the largest and the smallest numbers."""
    monitor = Monitor([Component(name="odd", check=Odd(), labels={"team": HOSTILE}, group=HOSTILE)])
    async with asking(monitor) as client:
        text = (await scraped(client)).text
        families = families_of(text)
        kind = "auscult_odd_kind_of_check"
        assert value_of(families[f"{kind}_requests"], "odd") == 1e300
        assert value_of(families[f"{kind}_tiny"], "odd") == 5e-324
        assert value_of(families[f"{kind}_large"], "odd") == 123456789.125
        list(parse_openmetrics((await scraped(client, Accept="application/openmetrics-text")).text))


class Replayed(Check):
    """Says every measurement that a kind declares."""

    declared: dict[str, float] = {}

    async def probe(self, ctx):
        return Reading.healthy(**self.declared)


def replaying(check: type[Check]) -> Check:
    kind = type("Replay", (Replayed,), {"kind": check.kind, "measurements": check.measurements, "__doc__": "Replays."})
    return kind(declared={measured.name: 1.0 for measured in check.measurements})


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_promtool_complains_about_the_seed_documents_own_names_only():
    """With every measurement that any bundled kind declares in the document."""
    promtool = program("promtool", "prometheus")
    monitor = Monitor(
        [
            Component(name=kind, check=replaying(check))
            for kind, check in Catalogue.discover().checks.items()
            if check.measurements
        ]
    )
    async with asking(monitor) as client:
        text = (await scraped(client)).text
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        assert [line for line in complaints if line.split()[0] not in SEED] == []
        assert any("component_health_response_time_ms" in line for line in complaints), "promtool has looked at nothing"


class Twice(Check):
    """Says the same in two units, and one of them unannounced."""

    kind = "twice"
    measurements = (Measurement("left", "days"), Measurement("days_left", "days"), Measurement("rtt_ms", "ms"))

    async def probe(self, ctx):
        return Reading.healthy(days_left=2, rtt_ms=1500, rtt_seconds=1.5, wait_ms=250)


async def test_times_are_exported_in_seconds():
    """Milliseconds and days of a check become Prometheus' base unit, in name and value, once."""
    async with asking(Monitor([Component(name="it", check=Twice())])) as client:
        text = (await scraped(client)).text
        families = families_of(text)
        assert value_of(families["auscult_twice_seconds_left"], "it") == 2 * 86400
        assert value_of(families["auscult_twice_rtt_seconds"], "it") == 1.5
        assert value_of(families["auscult_twice_wait_seconds"], "it") == 0.25
        assert text.count("auscult_twice_rtt_seconds{") == 1


async def test_nothing_is_invented_before_the_first_result():
    """A component that has not been judged has no samples: absent is not zero."""
    monitor = Monitor()
    monitor.health.register("silent", check=lambda: True, interval=3600)
    monitor.settings = None
    async with asking(monitor) as client:
        text = (await client.get("/metrics")).text
        if monitor.component_health("silent").last_check is None:
            assert "silent" not in text


class Csv(Exporter):
    """Everything as lines of two columns, made one after the other."""

    kind = "csv-test"
    separator: str = ";"

    def render(self, snapshot):
        lines = (f"{sample.name}{self.separator}{sample.value}\n".encode() for part in snapshot for sample in part)
        return Export("text/csv", lines, {"X-Made-By": "csv"})


class Pushes(Exporter):
    """Has no document."""

    kind = "pushes-test"

    async def push(self, snapshot, ctx):
        pass


async def test_an_exporter_that_renders_is_served_under_its_name():
    """With its content type and headers; one that only pushes, or is not there, is not found."""
    monitor = monitored()
    monitor.metrics.add_exporter("sheet", Csv(separator=","))
    monitor.metrics.add_exporter("gate", Pushes())
    async with asking(monitor) as client:
        answer = await client.get("/metrics/sheet")
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["x-made-by"] == "csv"
        assert "auscult_components,5.0" in answer.text.splitlines()
        missing = await client.get("/metrics/gate")
        assert missing.status_code == 404
        missing = await client.get("/metrics/sheets")
        assert missing.status_code == 404
        assert "did you mean `sheet`?" in missing.text


async def test_whole_scrapes_at_once_and_cut_off():
    """Several read the document side by side, one goes away in the middle; each gets all of it, unmixed."""
    registry = CollectorRegistry()
    gauge = Gauge("rows", "Rows.", ["row"], registry=registry)
    for row in range(3000):
        gauge.labels("x" * 100 + str(row)).set(row)
    monitor = monitored()
    monitor.metrics.add_registry(registry)
    async with asking(monitor) as client:
        documents = []

        async def scrape():
            documents.append((await client.get("/metrics")).text)

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(scrape)
            async with client.stream("GET", "/metrics") as answer:
                await anext(answer.aiter_raw())
        for document in documents:
            (family,) = [family for family in parse(document) if family.name == "rows"]
            assert [sample.value for sample in family.samples] == [float(row) for row in range(3000)]


def test_the_whole_registry_of_names_is_as_prometheus_wants_it():
    """Every family there can be, with a sample: promtool finds nothing but the seed document's own names."""
    promtool = program("promtool", "prometheus")
    parts = []
    for family in FAMILIES.values():
        names = [f"{family.name}_{end}" for end in ("bucket", "count", "sum")]
        names = names if family.type == "histogram" else [family.name]
        labels = dict.fromkeys(family.labels, "x")
        samples = [
            Sample(name, labels_of(labels | ({"le": "+Inf"} if name.endswith("_bucket") else {})), 1.0, None)
            for name in names
        ]
        parts.append(Samples.of(family, samples))
    document = b"".join(render(Snapshot(0, parts))).decode()
    done = subprocess.run([promtool, "check", "metrics"], input=document, capture_output=True, text=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert [line for line in complaints if line.split()[0] not in SEED] == []
    assert complaints, "promtool has looked at nothing"
