"""The real exporters of OpenTelemetry's SDK send to a real `auscult serve`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from tests.web.serving import Serving, eventually

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "sources"
CONFIG = (EXAMPLES / "otlp.toml").read_text() + '\n[components.host]\ncheck = "host"\n'


def exposed(server, line):
    """Whether `/metrics` has that line."""
    with server.client() as client:
        return line in client.get("/metrics").text.splitlines()


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_the_sdks_metrics_arrive(tmp_path, temporality):
    """Counters, gauges, histograms with bounds and exponential ones, twice, with gzip, in either temporality."""
    with Serving(tmp_path, CONFIG) as server:
        exporter = OTLPMetricExporter(
            f"{server.url.rstrip('/')}/in/otel/v1/metrics",
            compression=Compression.Gzip,
            preferred_temporality={Counter: temporality, Histogram: temporality},
        )
        reader = PeriodicExportingMetricReader(exporter, 3_600_000)
        views = [View(instrument_name="spread", aggregation=ExponentialBucketHistogramAggregation())]
        resource = Resource.create({"service.name": "sdk", "service.instance.id": "one"})
        provider = MeterProvider([reader], resource, views=views)
        meter = provider.get_meter("test")
        calls = meter.create_counter("calls", unit="{call}")
        seconds = meter.create_histogram("wait", unit="s", explicit_bucket_boundaries_advisory=[0.5, 1])
        spread = meter.create_histogram("spread", unit="s")
        meter.create_observable_gauge("depth", [lambda _: [Observation(7)]])
        for _ in range(2):
            calls.add(2, {"line": "sales"})
            seconds.record(0.7)
            spread.record(0.75)
            assert provider.force_flush()
        provider.shutdown()
        for line in (
            'calls_total{line="sales",service_name="sdk"} 4.0',
            'wait_seconds_bucket{le="0.5",service_name="sdk"} 0.0',
            'wait_seconds_bucket{le="1.0",service_name="sdk"} 2.0',
            'wait_seconds_count{service_name="sdk"} 2.0',
            'spread_seconds_bucket{le="0.5",service_name="sdk"} 0.0',
            'spread_seconds_bucket{le="1.0",service_name="sdk"} 2.0',
            'depth{service_instance_id="one",service_name="sdk"} 7.0',
        ):
            assert eventually(lambda line=line: exposed(server, line))


def test_the_example_in_the_documentation(tmp_path):
    """One variable names a host; metrics and spans arrive, what was said does not."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        command = [sys.executable, EXAMPLES / "otlp_agent.py"]
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url.rstrip("/")}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
        assert not done.stderr, done.stderr
        line = 'calls_answered_total{line="sales",service_name="reception-agent"} 3.0'
        assert eventually(lambda: exposed(server, line))
        (event,) = eventually(lambda: client.get("/api/v1/metrics/events?kind=ai_calls").json()["events"])
        assert event["labels"]["provider"] == "openai"
        assert event["numbers"]["characters"] == 420
        assert event["numbers"]["cost_usd"] == pytest.approx(0.0063)
    assert all(b"stays with you" not in file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
