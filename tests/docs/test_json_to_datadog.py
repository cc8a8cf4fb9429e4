"""The recipe that sends metrics to Datadog without a package of its own, judged as Datadog judges."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from tests.exporting import PushContext, family, monitor_with, snapshot, until
from tests.servers.datadog import points_of, series_api
from tests.servers.vendor import serving

from auscult import Status
from auscult.config import load

pytestmark = pytest.mark.anyio
RECIPE = Path(__file__).parents[2] / "docs" / "examples" / "exporters" / "json-to-datadog.toml"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def datadog():
    with serving(series_api(KEY)) as running:
        yield running


def exporter_of(datadog, **changes):
    """The recipe's exporter, as the configuration makes it, but for the address."""
    settings, catalogue = load(RECIPE, environ={"DD_API_KEY": KEY})
    assert not catalogue.problems
    exporter = settings.metrics.exporters["datadog"]
    assert exporter.endpoint_url == "https://api.datadoghq.com/api/v2/series"
    return structs.replace(exporter, endpoint_url=f"{datadog.url}/api/v2/series", **changes)


async def test_a_monitor_sends_everything(datadog):
    """All gauges and counters of a running monitor and of the user's process; none is refused."""
    registry = CollectorRegistry()
    Gauge("depth", "Depth.", ["queue"], registry=registry).labels('a "b"\\\n').set(2.5)
    Counter("turns", "Turns.", registry=registry).inc(3)
    Histogram("wait", "Waits.", registry=registry).observe(1)
    async with monitor_with({"out": exporter_of(datadog, push_interval=0.5)}, registry) as monitor:
        await until(lambda: monitor.metrics.exporter_stats()["out"].pushed >= 2)
        assert monitor.component_health("exporter.out").status is Status.HEALTHY
        assert monitor.metrics.exporter_stats()["out"].dropped == 0
        taken = await monitor.metrics.snapshot()
        names = {each.family.name for each in taken if each.family.type in ("gauge", "counter") and len(each)}
    found = points_of(*datadog.taken)
    sent = {key[0].removeprefix("auscult.") for key in found}
    unknown = {each.family.name for each in taken if all(value != value for value in each.values)}
    assert names - unknown <= sent
    assert found["auscult.turns_total",][-1]["points"][0]["value"] == 3
    assert found["auscult.depth", 'queue:a "b"\\\n'][-1]["points"][0]["value"] == 2.5


async def test_many_parts(datadog):
    """Ten thousand series in requests of a thousand; those of another type, and what is no number, left out."""
    rng = random.Random(7)
    many = [("", {"n": str(n)}, rng.choice([1.0, -1e300, 1e-9, 12345678901.5])) for n in range(10_000)]
    waits = [("_bucket", {"le": str(le)}, le) for le in range(2500)]
    odd = [("", {"n": "nan"}, float("nan")), ("", {"n": "inf"}, float("inf"))]
    async with PushContext() as ctx:
        taken = snapshot(
            None,
            family("many", "gauge", *many, *odd),
            family("wait", "histogram", *waits),
            family("m", "gauge", ("", {}, 1)),
        )
        await exporter_of(datadog).push(taken, ctx)
    assert len(points_of(*datadog.taken)) == 10_001
