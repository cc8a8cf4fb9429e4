"""What both scripts share: real exporters of OpenTelemetry, pointed at a receiver that writes down what they send."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

PAYLOADS = Path(__file__).parent.parent / "payloads"


@contextmanager
def captured(name: str) -> Iterator[TracerProvider]:
    """Providers whose bodies become the files ``NAME-traces.pb.gz`` and ``NAME-metrics.pb.gz``."""
    bodies: dict[str, list[bytes]] = {"traces": [], "metrics": []}

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies[self.path.rpartition("/")[2]].append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/v1"
    resource = Resource.create({"service.name": f"{name}-agent"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/metrics"), 3_600_000)
    metering = MeterProvider(metric_readers=[reader], resource=resource)
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)
    try:
        yield tracing
    finally:
        tracing.shutdown()
        metering.shutdown()
        server.shutdown()
    for what, sent in bodies.items():
        # Requests in protobuf may be joined: repeated fields of one message are those of both.
        if sent:
            (PAYLOADS / f"{name}-{what}.pb.gz").write_bytes(gzip.compress(b"".join(sent), mtime=0))
