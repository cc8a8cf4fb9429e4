"""Sends metrics and spans to auscult; OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8420 says where that is."""

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

resource = Resource.create({"service.name": "reception-agent"})
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), 15_000)], resource)
metrics.set_meter_provider(meters)
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(tracers)
# Pipecat takes the global provider: PipelineWorker(…, enable_tracing=True) is all that it needs besides.
# LiveKit Agents, in the entrypoint of the job, takes it by
#   livekit.agents.telemetry.set_tracer_provider(tracers)

calls = metrics.get_meter("reception").create_counter("calls.answered", unit="{call}")
calls.add(3, {"line": "sales"})
with trace.get_tracer("pipecat").start_as_current_span("tts") as span:
    span.set_attributes({"gen_ai.provider.name": "openai", "gen_ai.request.model": "tts-1"})
    span.set_attributes({"metrics.ttfb": 0.21, "metrics.character_count": 420, "text": "stays with you"})

meters.shutdown()
tracers.shutdown()
