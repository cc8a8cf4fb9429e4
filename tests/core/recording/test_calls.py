"""`Recorder`: what is recorded arrives as metrics, and as events where a monitor listens."""

from __future__ import annotations

import threading

import anyio
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from auscult import Monitor, Recorder
from auscult.recording.calls import MAX_MODELS


@pytest.fixture
def registry():
    """One of the test's own."""
    return CollectorRegistry()


def value(registry, name, **labels):
    return registry.get_sample_value(name, labels)


def test_calls_of_all_three_services(registry):
    """Counts, times, what was used, and what it cost."""
    recorder = Recorder(registry)
    recorder.record_stt(provider="deepgram", model="nova-3", duration=0.4, first_byte=0.2, audio_seconds=60)
    recorder.record_llm(
        provider="openai", model="gpt-4o-mini", duration=1.5, first_token=0.3, input_tokens=1000, output_tokens=100
    )
    cost = recorder.record_tts(provider="openai", model="tts-1", duration=0.9, first_byte=0.1, characters=1000)
    assert cost.usd == 0.015
    stt = {"service": "stt", "provider": "deepgram", "model": "nova-3"}
    llm = {"service": "llm", "provider": "openai", "model": "gpt-4o-mini"}
    tts = {"service": "tts", "provider": "openai", "model": "tts-1"}
    assert value(registry, "auscult_ai_calls_total", **stt, outcome="ok") == 1
    assert value(registry, "auscult_ai_audio_seconds_total", **stt) == 60
    assert value(registry, "auscult_ai_cost_usd_total", **stt) == pytest.approx(0.0048)
    assert value(registry, "auscult_ai_tokens_total", **llm, direction="input") == 1000
    assert value(registry, "auscult_ai_tokens_total", **llm, direction="output") == 100
    assert value(registry, "auscult_ai_first_byte_seconds_sum", **llm) == 0.3
    assert value(registry, "auscult_ai_call_duration_seconds_count", **tts) == 1
    assert value(registry, "auscult_ai_characters_total", **tts) == 1000


def test_what_is_not_known_is_left_out(registry):
    """No duration is no observation, no price no cost; a failed call is not unpriced."""
    recorder = Recorder(registry)
    recorder.record_llm(provider="me", model="own")
    recorder.record_llm(provider="me", model="own", outcome="timeout")
    what = {"service": "llm", "provider": "me", "model": "own"}
    assert value(registry, "auscult_ai_unpriced_calls_total", **what) == 1
    assert value(registry, "auscult_ai_calls_total", **what, outcome="timeout") == 1
    assert value(registry, "auscult_ai_call_duration_seconds_count", **what) is None
    assert value(registry, "auscult_ai_cost_usd_total", **what) is None


def test_a_cost_of_the_users_own(registry):
    """What the invoice says wins over the list."""
    cost = Recorder(registry).record_tts(provider="openai", model="tts-1", characters=1000, cost_usd=0.001)
    assert (cost.usd, cost.basis) == (0.001, "as recorded")


def test_models_do_not_flood(registry):
    """Names may come from users of the agent; their number is bounded."""
    recorder = Recorder(registry)
    for number in range(MAX_MODELS + 50):
        recorder.record_llm(provider="openai", model=f"m{number}", outcome="error")
    other = {"service": "llm", "provider": "other", "model": "other", "outcome": "error"}
    assert value(registry, "auscult_ai_calls_total", **other) == 50


def test_from_many_threads(registry):
    """Nothing is lost."""
    recorder = Recorder(registry)

    def work():
        for _ in range(200):
            recorder.record_stt(provider="deepgram", model="nova-3", audio_seconds=1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    what = {"service": "stt", "provider": "deepgram", "model": "nova-3"}
    assert value(registry, "auscult_ai_audio_seconds_total", **what) == 1600


@pytest.mark.anyio
async def test_in_the_monitors_own_process(registry, tmp_path):
    """Calls are metrics of the monitor, and are kept one by one."""
    monitor = Monitor(state_dir=tmp_path)
    monitor.metrics.add_registry(registry)
    recorder = Recorder(registry, event=monitor.metrics.record)
    async with monitor:
        recorder.record_tts(provider="openai", model="tts-1", first_byte=0.1, characters=100)
        snapshot = await monitor.metrics.snapshot()
        assert snapshot.value("auscult_ai_characters_total", service="tts", provider="openai", model="tts-1") == 100
        with anyio.fail_after(30):
            while (await monitor.metrics.snapshot()).value("auscult_metric_events_total") != 1:
                await anyio.sleep(0.1)


def test_what_is_exposed_can_be_scraped(registry):
    """The usual text, with names that follow the conventions."""
    Recorder(registry).record_stt(provider="deepgram", model="nova-3", audio_seconds=1)
    assert b"auscult_ai_audio_seconds_total{" in generate_latest(registry)
