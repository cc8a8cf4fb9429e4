"""The agent and its caller: real turns, recorded; what is broken is recorded as broken."""

import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import auscult_rehearsal
from auscult_rehearsal.client import Control, running_stack

CLIP = Path(auscult_rehearsal.__file__).parent / "clips" / "please-tell-me-the-weather-in-london.wav"


@pytest.fixture(scope="module")
def talking(tmp_path_factory):
    """The stand-ins with an agent on top; clips instead of speech, which is enough to talk."""
    with running_stack(tmp_path_factory.mktemp("talking"), clips_only=True, talk=True) as control:
        yield control


@pytest.fixture
def agent(talking: Control):
    """A client of the agent, everything in order before and after."""
    talking.mend()
    with httpx.Client(base_url=talking.status()["agent"], timeout=60) as client:
        yield client
    talking.mend()


def recorded(agent: httpx.Client, name: str, **labels: str) -> float:
    """The sum of a metric's samples with those labels."""
    families = text_string_to_metric_families(agent.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_a_turn_is_heard_answered_and_spoken(agent):
    """The scripted answer to what is really in the audio; each of three calls is recorded with what it used."""
    before = {
        name: recorded(agent, "auscult_ai_calls_total", service=name, outcome="ok") for name in ("stt", "llm", "tts")
    }
    turn = agent.post("/v1/calls/call-1/turns", content=CLIP.read_bytes()).json()
    assert turn["heard"] == "please tell me the weather in london"
    assert turn["answer"].startswith("It is sunny in London")
    assert turn["audio_bytes"] > 10_000
    for name, count in before.items():
        assert recorded(agent, "auscult_ai_calls_total", service=name, outcome="ok") > count
        assert recorded(agent, "auscult_ai_cost_usd_total", service=name) > 0
        assert recorded(agent, "auscult_ai_first_byte_seconds_count", service=name) > 0
    assert recorded(agent, "auscult_ai_tokens_total", direction="output") > 0
    assert recorded(agent, "auscult_ai_characters_total") > 0


def test_requests_are_counted_by_route(agent):
    """By template, not by path; those for the metrics are not counted."""
    calls = agent.get("/v1/calls/call-2").json()
    assert calls == {"call": "call-2", "calls": 3}
    assert recorded(agent, "http_server_requests_total", route="/v1/calls/{call}", status="200") >= 1
    assert recorded(agent, "http_server_requests_total", route="/metrics") == 0
    assert agent.get("/nothing").status_code == 404
    assert recorded(agent, "http_server_requests_total", route="unmatched", status="404") >= 1


@pytest.mark.parametrize(("service", "fault"), [("stt", "throttled"), ("llm", "silent"), ("tts", "down")])
def test_what_is_broken_is_recorded_as_broken(agent, talking, service, fault):
    """502 for the caller, an error in the agent's metrics, and no cost for what was not done."""
    failed = recorded(agent, "auscult_ai_calls_total", service=service, outcome="error")
    talking.break_(service, fault)
    reply = agent.post("/v1/calls/call-1/turns", content=CLIP.read_bytes())
    assert reply.status_code == 502
    assert reply.json()["error"].startswith(f"{service}: ")
    assert recorded(agent, "auscult_ai_calls_total", service=service, outcome="error") > failed
    assert recorded(agent, "http_server_request_errors_total", type="502") >= 1


def test_somebody_calls_without_being_asked(agent):
    """The first turn comes at once."""
    deadline = time.monotonic() + 60
    while not recorded(agent, "auscult_ai_calls_total", service="tts"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
