"""Reading OTLP by hand: the same as protobuf's own library reads, and of anything else a sentence, nothing worse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.plugins.sources.otlp_senders import payload

from auscult_plugins.otlp import binary, text_form
from auscult_plugins.otlp.names import named, says_something
from auscult_plugins.otlp.wire import Malformed

NAMES = ("livekit-traces", "livekit-metrics", "pipecat-traces")


def read(body: bytes, what: str) -> int:
    """How many points and spans there are, all of them looked at."""
    if what == "metrics":
        return sum(1 for _, metric in binary.metrics(body) for _ in metric.points)
    return sum(1 for _ in binary.spans(body))


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["metrics", "traces"]))
def test_any_bytes_are_read_or_refused(body, what):
    """Nothing but `Malformed` is ever raised."""
    try:
        read(body, what)
    except Malformed as error:
        assert len(str(error)) < 300  # noqa: PT017


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_real_requests_with_bytes_changed(data):
    """A request of a real sender in which a few bytes are others, or are missing."""
    name = data.draw(st.sampled_from(NAMES))
    body = bytearray(payload(name))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    try:
        read(bytes(body), name.rpartition("-")[2])
    except Malformed as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_what_the_library_reads(name):
    """Every span and point of the real payloads: ids, names, times, attributes, numbers."""
    body = payload(name)
    if name.endswith("metrics"):
        message = ExportMetricsServiceRequest.FromString(body)
        theirs = [
            (metric.name, metric.unit, point.time_unix_nano, len(point.attributes))
            for sender in message.resource_metrics
            for scope in sender.scope_metrics
            for metric in scope.metrics
            for point in getattr(metric, metric.WhichOneof("data")).data_points
        ]
        ours = [
            (metric.name, metric.unit, point.time, len(point.attributes.values))
            for _, metric in binary.metrics(body)
            for point in metric.points
        ]
    else:
        message = ExportTraceServiceRequest.FromString(body)
        theirs = [
            (span.name, span.trace_id, span.span_id, span.start_time_unix_nano, span.end_time_unix_nano, scalars(span))
            for sender in message.resource_spans
            for scope in sender.scope_spans
            for span in scope.spans
        ]
        ours = [(span.name, *span.identity, span.start, span.end, span.attributes) for _, span in binary.spans(body)]
    assert ours == theirs
    assert len(ours) > 8


def scalars(span):
    """The attributes that are no lists."""
    found = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
    return {key: value for key, value in found.items() if isinstance(value, (str, bool, int, float))}


def test_a_document_of_too_many_objects_is_refused_unread():
    """Objects of Python are larger than what they are read from."""
    with pytest.raises(Malformed, match="2000000 objects"):
        text_form.decoded(b'{"resourceMetrics":[' + b"{}," * 2_000_001 + b"{}]}", text_form.MetricsRequest)


@pytest.mark.parametrize(
    ("name", "unit", "shape", "monotonic", "becomes"),
    [
        ("a.b-c", "", "gauge", False, ("a_b_c", "", 1.0)),
        ("requests_total", "{r}", "sum", True, ("requests_total", "", 1.0)),
        ("wait_seconds", "s", "histogram", False, ("wait_seconds", "seconds", 1.0)),
        ("ttftMs", "", "gauge", False, ("ttft_seconds", "seconds", 1e-3)),
        ("durationMs", "ms", "histogram", False, ("duration_seconds", "seconds", 1e-3)),
        ("net.ms", "", "gauge", False, ("net_seconds", "seconds", 1e-3)),
        ("items", "", "gauge", False, ("items", "", 1.0)),
        ("sent", "kBy", "sum", True, ("sent_bytes_total", "bytes", 1e3)),
        ("load", "1", "gauge", False, ("load_ratio", "ratio", 1.0)),
        ("rate", "{turn}/min", "gauge", False, ("rate_per_minute", "per_minute", 1.0)),
        ("9lives", "", "gauge", False, ("_9lives", "", 1.0)),
        ("grün", "", "gauge", False, ("gr_n", "", 1.0)),
        ("…", "", "gauge", False, ("", "", 1.0)),
    ],
)
def test_names(name, unit, shape, monotonic, becomes):
    """By Prometheus' conventions, in base units."""
    assert named(name, unit, shape, monotonic=monotonic) == becomes


HOLDING = {
    *("lk.pii.chat_ctx", "lk.pii.user_transcript", "transcript", "text", "input", "output", "user_transcript"),
    *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "input.value"),
    *("gen_ai.prompt.variable.name", "gen_ai.completion.0.content", "llm.prompts.0.user", "lk.response_text"),
    *("gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "exception.message"),
}
TELLING = {
    *("gen_ai.request.model", "gen_ai.token.type", "gen_ai.provider.name", "model_name", "model_provider"),
    *("http.route", "gen_ai.operation.name", "gen_ai.output.type", "error.type", "severity", "service.name"),
}


def test_which_attributes_may_hold_what_was_said():
    """Those that do, and none of those that tell one thing from another."""
    assert {each for each in HOLDING | TELLING if says_something(each)} == HOLDING
