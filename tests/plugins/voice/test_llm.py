"""The check `llm` against a streaming server, and against streams that go wrong in every way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Status
from auscult_plugins._voice.chat import ChatStream
from auscult_plugins.llm import LlmCheck
from auscult_rehearsal import API_KEY

pytestmark = pytest.mark.anyio


def check(url: str, **options) -> LlmCheck:
    base = {"base_url": f"{url}/v1", "api_key": API_KEY, "model": "rehearsal-llm", "depth": "completion"}
    return LlmCheck(**base | options)


def chunk(delta=None, reason=None, **more) -> bytes:
    said = {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}], **more}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


ROLE, DONE = chunk({"role": "assistant", "content": ""}), b"data: [DONE]\n\n"


async def test_a_stream_is_timed_counted_and_complete(control, probe):
    """First token, tokens and speed of a real stream; the response time is the time to the first token."""
    reading = await probe(check(control.address("llm"), prompt="how is the weather", expect="sunny"))
    assert reading.status is Status.HEALTHY, reading.message
    numbers = reading.measurements
    assert reading.response_time_ms == pytest.approx(numbers["time_to_first_token_seconds"] * 1000)
    assert numbers["completion_tokens"] == 13
    assert numbers["prompt_tokens"] == 4
    assert numbers["tokens_per_second"] == pytest.approx(13 / numbers["completion_seconds"])
    assert numbers["generation_tokens_per_second"] > numbers["tokens_per_second"]
    assert "thinking_seconds" not in numbers
    assert list(reading.stages) == ["first_byte", "first_token", "generation"]
    assert sum(reading.stages.values()) == pytest.approx(numbers["completion_seconds"])


async def test_the_wait_before_the_first_token_is_the_response_time(scripted, begin, probe):
    """The role comes at once and is no token; the first text comes after 0.3 s."""
    server = scripted(begin("text/event-stream"), ROLE, 0.3, chunk({"content": "hi"}), 0.3, chunk({}, "stop"), DONE)
    reading = await probe(check(server.url))
    assert reading.status is Status.HEALTHY, reading.message
    assert 280 < reading.response_time_ms < 1500
    assert reading.stages["first_token"] > 0.25
    assert reading.stages["generation"] > 0.25


async def test_thinking_is_told_from_answering(control, probe):
    """A reasoning model's first token of the answer comes after its thoughts, whose time is beside it."""
    reading = await probe(check(control.address("llm"), model="rehearsal-reasoner"))
    assert reading.status is Status.HEALTHY, reading.message
    assert reading.measurements["thinking_seconds"] > 0.03
    assert reading.measurements["reasoning_tokens"] == 7
    assert list(reading.stages) == ["first_byte", "first_token", "thinking", "generation"]


async def test_a_reasoner_that_never_answers_says_what_to_raise(control, probe):
    """All tokens spent on thinking: the user must allow more."""
    reading = await probe(check(control.address("llm"), model="rehearsal-reasoner", max_tokens=5))
    assert reading.status is Status.UNHEALTHY
    assert "raise `max_tokens`" in reading.message


async def test_what_the_answer_must_contain(control, probe):
    """`expect` is compared whatever the case; another answer is unhealthy and quoted."""
    address = control.address("llm")
    assert (await probe(check(address, expect="READY"))).status is Status.HEALTHY
    wrong = await probe(check(address, expect="banana"))
    assert wrong.status is Status.UNHEALTHY
    assert "answers “Ready.”, where “banana” was expected" in wrong.message


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("silent", "answers without a word"),
        ("broken", "the stream broke off"),
        ("error", "the service is overloaded"),
        ("unauthorized", "the API key is refused"),
        ("throttled", "it asks to wait 20 s"),
        ("lying", "the vendor must act"),
        ("down", "cannot connect"),
    ],
)
async def test_faults_become_sentences(control, probe, fault, says):
    """Each fault of the rehearsal is unhealthy, and the sentence says what it is."""
    address = control.address("llm")
    control.break_("llm", fault)
    reading = await probe(check(address, prompt="weather"))
    assert reading.status is Status.UNHEALTHY
    assert says in reading.message


async def test_a_slow_model_is_slow_not_broken(control, probe):
    """Lateness is for the threshold to judge: the reading is good and the response time long."""
    control.break_("llm", "slow", 0.6)
    reading = await probe(check(control.address("llm")))
    assert reading.status is Status.HEALTHY
    assert reading.response_time_ms > 600


async def test_a_stream_that_stalls_says_after_what(scripted, begin, probe):
    """Accepted, begun, then nothing: the message says how far it came."""
    server = scripted(begin("text/event-stream"), ROLE, 30.0)
    reading = await probe(check(server.url), timeout=0.6)
    assert reading.status is Status.UNHEALTHY
    assert "the first token did not come within" in reading.message
    assert "first byte" in reading.message


@pytest.mark.parametrize(
    ("parts", "status", "says"),
    [
        ([chunk({"content": "hi"}, "stop")], Status.HEALTHY, "to the end"),
        ([chunk({"content": "hi"}), DONE], Status.HEALTHY, "to the end"),
        ([chunk({"content": "hi"}), b"data: [DONE]"], Status.HEALTHY, "to the end"),
        ([b": ping\n\n", b"data: {\"choices\": []}\n\n", ROLE, chunk({"content": "hi"}), DONE], Status.HEALTHY, ""),
        ([chunk({"tool_calls": [{"index": 0}]}), chunk({}, "tool_calls"), DONE], Status.HEALTHY, "to the end"),
        ([chunk({"content": "hi"}), chunk({}, "content_filter"), DONE], Status.DEGRADED, "content filter"),
        ([chunk({"content": "hi"})], Status.UNHEALTHY, "broke off after “hi”"),
        ([ROLE], Status.UNHEALTHY, "broke off before the first token"),
        ([], Status.UNHEALTHY, "broke off before the first token"),
        ([b"data: not json\n\n"], Status.UNHEALTHY, "not with a stream of completions"),
        ([chunk({"content": "hi"}), b'data: {"error": {"code": "insufficient_quota"}}\n\n'], Status.UNHEALTHY, "money"),
    ],
)  # fmt: skip
async def test_streams_of_all_kinds(scripted, begin, probe, parts, status, says):
    """finish_reason or [DONE] ends a stream; keep-alives and empty choices are passed over; the rest is broken."""
    reading = await probe(check(scripted(begin("text/event-stream"), *parts).url))
    assert reading.status is status, reading.message
    assert says in reading.message


async def test_an_answer_in_one_piece_is_degraded(scripted, answer, probe):
    """The server ignores `stream`: it answers, and speech cannot begin early."""
    said = {"choices": [{"message": {"content": "Ready."}, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
    reading = await probe(check(scripted(answer(200, said)).url))
    assert reading.status is Status.DEGRADED
    assert "one piece" in reading.message
    assert reading.measurements["completion_tokens"] == 2


async def test_tokens_nobody_counted_are_left_out(scripted, begin, probe):
    """Without a usage there is no number of tokens: a missing number is not zero."""
    server = scripted(begin("text/event-stream"), chunk({"content": "hi"}, "stop"), DONE)
    reading = await probe(check(server.url))
    assert not {"completion_tokens", "tokens_per_second"} & set(reading.measurements)


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "max_tokens"), ({"max_tokens_name": "max_completion_tokens"}, "max_completion_tokens")],
)
async def test_the_request_is_the_one_openai_documents(scripted, begin, probe, options, name):
    """Streaming with usage, and the limit under the name that server knows."""
    server = scripted(begin("text/event-stream"), chunk({"content": "hi"}, "stop"), DONE)
    await probe(check(server.url, max_tokens=7, **options))
    assert server.head.startswith("POST /v1/chat/completions ")
    assert server.json == {
        "model": "rehearsal-llm",
        "messages": [{"role": "user", "content": "Reply with the single word: ready"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        name: 7,
    }


def test_openai_itself_gets_its_own_name_for_the_limit():
    """Its newer models refuse `max_tokens`."""
    assert "max_completion_tokens" in LlmCheck(depth="completion", model="x")._body()


async def test_an_endless_stream_is_cut(scripted, begin, probe):
    """A server that floods costs bounded memory."""
    flood = b": " + b"x" * 65_000 + b"\n"
    reading = await probe(check(scripted(begin("text/event-stream"), *[flood] * 80).url))
    assert reading.status is Status.UNHEALTHY
    assert "more than" in reading.message


_DELTAS = st.dictionaries(
    st.sampled_from(["content", "reasoning", "reasoning_content", "tool_calls", "role", "refusal"]),
    st.none() | st.text(max_size=4) | st.integers() | st.lists(st.integers(), max_size=2),
    max_size=3,
)
_CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.none() | st.lists(st.none() | st.fixed_dictionaries({"delta": st.none() | _DELTAS}), max_size=2),
        "usage": st.none() | st.integers() | st.dictionaries(st.just("completion_tokens"), st.none() | st.integers()),
        "error": st.none() | st.text(max_size=4) | st.dictionaries(st.just("code"), st.integers()),
    },
)


@given(st.lists(_CHUNKS | st.integers() | st.text(max_size=5), max_size=6))
def test_no_chunk_breaks_the_reader(events):
    """Whatever JSON comes, times stay in order and counts stay counts."""
    stream = ChatStream()
    for at, event in enumerate(events):
        stream.event(event if isinstance(event, str) else json.dumps(event), float(at))
    if stream.first_token_at is not None:
        assert stream.first_token_at <= stream.last_token_at
    assert stream.completion_tokens is None or stream.completion_tokens >= 0


def test_the_paid_depth_needs_a_model_and_a_slow_pace():
    """Named like the others' paid depth, with its own word: completion."""
    with pytest.raises(ValueError, match="depth `completion` needs `model`"):
        LlmCheck(depth="completion")
    assert LlmCheck(depth="completion", model="x").prefers().interval == 300
    assert LlmCheck().prefers().interval is None
