"""The `otlp` source with what livekit-agents and pipecat-ai really send; see `capturing` for how it was made."""

from __future__ import annotations

import logging
import time

import anyio
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.plugins.sources.capturing.said import WHAT_WAS_SAID
from tests.plugins.sources.otlp_senders import agent, payload

from auscult import render

pytestmark = pytest.mark.anyio


def of(sender, kind, **labels):
    """The events of a kind with these labels."""
    return [event for event in sender.events if event.kind == kind and labels.items() <= event.labels.items()]


async def test_livekits_calls_and_turns():
    """Two turns: what was transcribed, asked and spoken, how long it took and what it cost; the second one was cut."""
    async with agent() as sender:
        assert (await sender.post(payload("livekit-traces"), "traces")).status_code == 200
        heard, asked, spoken = (of(sender, "ai_calls", service=service) for service in ("stt", "llm", "tts"))
        turns = of(sender, "turns")
    assert [len(found) for found in (heard, asked, spoken, turns)] == [2, 2, 4, 2]
    assert {event.labels["outcome"] for event in heard + asked + spoken} == {"ok"}
    assert (heard[0].labels["provider"], heard[0].labels["model"]) == ("deepgram", "nova-3")
    assert 0 < heard[0].numbers["duration_seconds"] < 1
    assert asked[0].labels["provider"] == "openai", "LiveKit says api.openai.com"
    numbers = asked[0].numbers
    assert 0.1 < numbers["first_byte_seconds"] < numbers["duration_seconds"] < 1
    assert (numbers["input_tokens"], numbers["output_tokens"]) == (900, 40)
    assert 0.0001 < numbers["cost_usd"] < 0.001
    assert (spoken[0].labels["provider"], spoken[0].labels["model"]) == ("cartesia", "sonic-3")
    numbers = spoken[0].numbers
    assert 0.05 < numbers["first_byte_seconds"] < 1
    assert numbers["audio_seconds"] == pytest.approx(1, abs=0.1)
    assert numbers["cost_usd"] == pytest.approx(numbers["characters"] / 1000 * 0.05)
    assert [turn.labels["outcome"] for turn in turns] == ["ok", "interrupted"]
    assert 0.5 < turns[0].numbers["latency_seconds"] < 2
    assert turns[0].numbers["end_of_turn_delay_seconds"] == pytest.approx(0.5, abs=0.2)
    assert turns[1].numbers["heard_seconds"] == pytest.approx(1, abs=0.2)
    assert asked[0].labels["sender"] == "livekit-agent"


async def test_what_is_sent_again_counts_once():
    """After a timeout a sender repeats itself: spans by their ids, counters by their times."""
    async with agent() as sender:
        for _ in range(3):
            await sender.post(payload("livekit-traces"), "traces")
            await sender.post(payload("livekit-metrics"))
        assert len(sender.events) == 10
        found = await sender.value(
            "lk_agents_usage_llm_input_tokens_total",
            model_name="gpt-4o-mini",
            model_provider="openai",
            service_name="livekit-agent",
        )
        assert found == 1800


async def test_livekits_metrics():
    """The same tokens under two names count once, seconds have no false buckets, providers one name."""
    sent = ExportMetricsServiceRequest.FromString(payload("livekit-metrics"))
    names = {metric.name for one in sent.resource_metrics for scope in one.scope_metrics for metric in scope.metrics}
    assert {"gen_ai.client.token.usage", "lk.agents.usage.llm_input_tokens", "lk.agents.turn.e2e_latency"} <= names
    async with agent() as sender:
        assert (await sender.post(payload("livekit-metrics"))).status_code == 200
        snapshot = await sender.monitor.metrics.snapshot(own=False)
    families = {samples.family.name: samples for samples in snapshot}
    assert not [name for name in families if "token_usage" in name]
    assert len(families) == len(names) - 1
    voice = {"model_provider": "cartesia", "model_name": "sonic-3", "service_name": "livekit-agent"}
    assert snapshot.value("lk_agents_usage_tts_characters_total", **voice) == 124
    assert snapshot.value("lk_agents_usage_tts_audio_duration_seconds_total", **voice) == pytest.approx(4, abs=0.1)
    mind = {"model_provider": "openai", "model_name": "gpt-4o-mini", "service_name": "livekit-agent"}
    assert snapshot.value("lk_agents_turn_e2e_latency_seconds_count", **mind) == 2
    assert 1 < snapshot.value("lk_agents_turn_e2e_latency_seconds_sum", **mind) < 3
    bounds = {dict(one.labels)["le"] for samples in snapshot for one in samples if one.name.endswith("_seconds_bucket")}
    assert bounds == {"+Inf"}, "a percentile of these would be false"


async def test_pipecats_calls_and_turns():
    """Spans are all it sends: seconds, characters, tokens, audio; the second turn was cut, and so was its voice."""
    async with agent() as sender:
        assert (await sender.post(payload("pipecat-traces"), "traces")).status_code == 200
        heard, asked, spoken = (of(sender, "ai_calls", service=service) for service in ("stt", "llm", "tts"))
        turns = of(sender, "turns")
    assert [len(found) for found in (heard, asked, spoken, turns)] == [2, 2, 2, 2]
    assert {event.labels["framework"] for event in sender.events} == {"pipecat"}
    assert heard[0].labels["model"] == "gpt-transcribe"
    assert heard[0].numbers["audio_seconds"] > 0.3
    assert "duration_seconds" not in heard[0].numbers, "what is not told is unknown, not zero"
    numbers = asked[0].numbers
    assert 0.05 < numbers["first_byte_seconds"] <= numbers["duration_seconds"] < 5
    assert (numbers["input_tokens"], numbers["output_tokens"], numbers["cost_usd"] > 0) == (900, 40, True)
    assert spoken[0].numbers["cost_usd"] == pytest.approx(spoken[0].numbers["characters"] / 1000 * 0.015)
    assert [event.labels["outcome"] for event in spoken] == ["ok", "cancelled"]
    assert "first_byte_seconds" not in spoken[1].numbers, "what was broken off says nothing of how long it takes"
    assert [turn.labels["outcome"] for turn in turns] == ["ok", "interrupted"]
    assert 0 < turns[0].numbers["latency_seconds"] < 3


async def test_calls_are_counted_as_a_recorder_does():
    """So exporters, generated dashboards and rules find them under the names of `auscult.Recorder`."""
    async with agent() as sender:
        for _ in range(2):
            await sender.post(payload("livekit-traces"), "traces")
        snapshot = await sender.monitor.metrics.snapshot(own=False)
    what = {"service": "tts", "provider": "cartesia", "model": "sonic-3"}
    assert snapshot.value("auscult_ai_calls_total", **what, outcome="ok") == 4
    assert snapshot.value("auscult_ai_characters_total", **what) == 124
    assert snapshot.value("auscult_ai_cost_usd_total", **what) == pytest.approx(124 / 1000 * 0.05)
    assert snapshot.value("auscult_ai_first_byte_seconds_bucket", **what, le="0.64") == 4
    types = {samples.family.name: samples.family.type for samples in snapshot}
    assert types["auscult_ai_calls_total"] == "counter"
    assert types["auscult_ai_first_byte_seconds"] == "histogram"


async def test_prices_of_your_own(tmp_path):
    """`prices_file` goes on top of the list."""
    file = tmp_path / "prices.toml"
    file.write_text('dated = "2026-11-26"\n[cartesia."sonic-3*"]\nper_1k_characters = 1.0\n')
    async with agent(prices_file=str(file)) as sender:
        await sender.post(payload("livekit-traces"), "traces")
        spoken = of(sender, "ai_calls", service="tts")
    assert spoken[0].numbers["cost_usd"] == pytest.approx(spoken[0].numbers["characters"] / 1000)


def planted(message, said):
    """The metrics with what was said in every attribute that may hold such a thing."""
    for one in message.resource_metrics:
        one.resource.attributes.add(key="lk.pii.user_name").value.string_value = said
        for metric in (metric for scope in one.scope_metrics for metric in scope.metrics):
            data = getattr(metric, metric.WhichOneof("data"))
            for point in data.data_points:
                for key in (
                    "lk.pii.user_transcript",
                    "transcript",
                    "text",
                    "input",
                    "output",
                    "gen_ai.input.messages",
                    "gen_ai.output.messages",
                    "gen_ai.system_instructions",
                    "gen_ai.tool.call.arguments",
                    "error.message",
                ):
                    point.attributes.add(key=key).value.string_value = said
                if hasattr(point, "exemplars"):
                    filtered = point.exemplars.add(as_double=1).filtered_attributes
                    filtered.add(key="said").value.string_value = said
    return message.SerializeToString()


def recent(body):
    """The traces as if they had been recorded just now: the store forgets what is old."""
    message = ExportTraceServiceRequest.FromString(body)
    spans = [span for one in message.resource_spans for scope in one.scope_spans for span in scope.spans]
    later = time.time_ns() - max(span.end_time_unix_nano for span in spans)
    for span in spans:
        span.start_time_unix_nano += later
        span.end_time_unix_nano += later
    return message.SerializeToString()


async def test_what_was_said_gets_nowhere(tmp_path, caplog):
    """Planted in every place where content stands, it is in no series, event, answer, log line or file."""
    caplog.set_level(logging.DEBUG)
    traces = [recent(payload("livekit-traces")), recent(payload("pipecat-traces"))]
    for body in traces:
        assert body.count(WHAT_WAS_SAID.encode()) > 5, "the frameworks did send it"
    metrics = planted(ExportMetricsServiceRequest.FromString(payload("livekit-metrics")), WHAT_WAS_SAID)
    broken = ExportTraceServiceRequest.FromString(traces[0])
    broken.resource_spans[0].scope_spans[0].spans[0].name = WHAT_WAS_SAID
    broken.resource_spans[0].scope_spans[0].scope.name = WHAT_WAS_SAID
    document = f'{{"resourceSpans":[{{"scopeSpans":"{WHAT_WAS_SAID}"}}]}}'.encode()
    async with agent(tmp_path) as sender:
        answers = [await sender.post(body, "traces") for body in (*traces, broken.SerializeToString())]
        answers += [await sender.post(traces[0][:-7], "traces"), await sender.post(metrics)]
        answers.append(await sender.post(document, "traces", Content_Type="application/json"))
        assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 200, 400]
        with anyio.fail_after(60):
            while not (await sender.client.get("/api/v1/metrics/events?kind=turns")).json()["events"]:
                await anyio.sleep(0.05)
        pages = ["/metrics", "/api/v1/plugins", "/api/v1/components", "/api/v1/metrics", "/health/detailed"]
        pages += ["/api/v1/metrics/events?kind=turns", "/api/v1/metrics/events?kind=ai_calls"]
        shown = [(await sender.client.get(page)).content for page in pages]
        shown += [b"".join(render(await sender.monitor.metrics.snapshot())), *(answer.content for answer in answers)]
        shown += [repr(event).encode() for event in sender.events]
    stored = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert stored
    for where, text in enumerate([*shown, *stored, caplog.text.encode()]):
        for part in (b"my card", b"4111 1111"):  # not "4111" alone: times and random names hold that by chance
            assert part not in text, f"it is in place {where}"
