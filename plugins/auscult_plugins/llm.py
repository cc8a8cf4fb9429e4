"""A language model over the OpenAI-compatible API: does it answer, how soon, and to the end?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from auscult import Check, CheckContext, Discovered, Measurement, Preferences, Reading, Status, hookimpl
from auscult_plugins._voice.chat import ChatStream
from auscult_plugins._voice.costs import COST, cost_of
from auscult_plugins._voice.directory import openai_proposal
from auscult_plugins._voice.exchange import Exchange, Failed, guarded, seconds
from auscult_plugins._voice.openai import OpenAICheck
from auscult_plugins._voice.sse import EventReader, StreamTooLong

if TYPE_CHECKING:
    import httpx

_MAX_STREAM = 4_000_000


class LlmCheck(OpenAICheck):
    """A language model, OpenAI-compatible: OpenAI itself, a gateway, vLLM, Ollama, …

    Depth ``auth``, the default, costs nothing: the key is accepted and the model is listed. Depth ``completion``
    streams a short answer and judges that it begins, holds text, and comes to its end. It costs some 20 tokens, and is
    done every 5 minutes unless you name an interval. The response time is the time to the first token of the answer.
    """

    kind = "llm"
    component_type = "llm_client"
    measurements: ClassVar[tuple[Measurement, ...]] = (
        *OpenAICheck.measurements,
        Measurement("time_to_first_token_seconds", "seconds", "From the request to the first token of the answer."),
        Measurement("thinking_seconds", "seconds", "Of that, from the first token of reasoning on."),
        Measurement("completion_seconds", "seconds", "From the request to the end of the answer."),
        Measurement("prompt_tokens", "tokens", "As the server counts them."),
        Measurement("completion_tokens", "tokens", "As the server counts them, reasoning included."),
        Measurement("reasoning_tokens", "tokens", "As the server counts them."),
        Measurement("tokens_per_second", "tokens", "Tokens of the completion over its whole duration."),
        Measurement("generation_tokens_per_second", "tokens", "The same from the first to the last token."),
        COST,
    )

    depth: Literal["reach", "auth", "completion"] = "auth"
    """How far: ``reach`` (a server answers), ``auth`` (free: key and model), ``completion`` (paid: it answers)."""
    prompt: str = "Reply with the single word: ready"
    """What is asked."""
    expect: str = ""
    """Text the answer must contain, whatever the case; empty takes any answer."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 64
    """The most tokens the answer may have; a reasoning model's thinking counts too."""
    max_tokens_name: Literal["", "max_tokens", "max_completion_tokens"] = ""
    """What the server calls that limit; empty is ``max_completion_tokens`` for OpenAI and ``max_tokens`` elsewhere."""

    def __post_init__(self) -> None:
        OpenAICheck.__post_init__(self)
        if self.depth == "completion":
            self.needs_model("completion")

    def prefers(self) -> Preferences:
        """Every 5 minutes where it costs money."""
        return Preferences(interval=300, timeout=30) if self.depth == "completion" else Preferences()

    async def probe(self, ctx: CheckContext) -> Reading:
        """One look, as deep as asked for."""
        exchange = self.exchange(ctx)
        work = {"reach": self.reach, "auth": self.look, "completion": self._complete}[self.depth]
        return await guarded(exchange, lambda: work(exchange))

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """The server that OPENAI_API_KEY or OPENAI_BASE_URL stand for."""
        if proposal := openai_proposal("llm", environ):
            yield proposal.discovered(cls)

    def _body(self) -> dict[str, Any]:
        official = (urlsplit(self.base_url).hostname or "").endswith("openai.com")
        limit = self.max_tokens_name or ("max_completion_tokens" if official else "max_tokens")
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": self.prompt}],
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: self.max_tokens,
        }

    async def _complete(self, exchange: Exchange) -> Reading:
        stream = ChatStream()
        async with exchange.request(
            "POST", "/chat/completions", waiting_for="the first token", json=self._body()
        ) as reply:
            streams = "json" not in reply.headers.get("content-type", "")
            if streams:
                await _read_events(exchange, reply, stream)
            else:
                said = await exchange.json(reply, "a completion")
                stream.take(said if isinstance(said, dict) else {}, exchange.clock.monotonic())
                stream.done = True
        exchange.measurements |= _numbers(exchange, stream)
        used = {"input_tokens": stream.prompt_tokens or 0, "output_tokens": stream.completion_tokens or 0}
        exchange.measurements |= await cost_of(exchange, self.model, self.provider, **used)
        return self._verdict(exchange, stream, streams=streams)

    def _verdict(self, exchange: Exchange, stream: ChatStream, *, streams: bool) -> Reading:
        if problem := _failure(exchange, stream, self.max_tokens):
            return exchange.unhealthy(problem)
        assert stream.first_token_at is not None, "no token is a failure"
        first = stream.first_token_at - exchange.started
        status, message = self._judge(stream, streams=streams)
        if status is Status.HEALTHY:
            message = f"answers after {seconds(first)}, to the end"
        return Reading(status, f"{exchange.who} {message}", exchange.measurements, exchange.stages, first * 1000)

    def _judge(self, stream: ChatStream, *, streams: bool) -> tuple[Status, str]:
        if self.expect and self.expect.casefold() not in stream.text.casefold():
            answer = " ".join(stream.text.split())[:80]
            return Status.UNHEALTHY, f"answers “{answer}”, where “{self.expect}” was expected"
        if stream.finish_reason == "content_filter":
            return Status.DEGRADED, "breaks the answer off: its content filter stepped in"
        if not streams:
            return Status.DEGRADED, "answers in one piece though a stream was asked for: speech cannot begin early"
        return Status.HEALTHY, ""


async def _read_events(exchange: Exchange, reply: httpx.Response, stream: ChatStream) -> None:
    """Read to the end; stages are ``thinking`` (where there is any), ``first_token``, ``generation``."""
    reader, size = EventReader(), 0
    async for chunk in reply.aiter_bytes():
        size += len(chunk)
        if size > _MAX_STREAM:
            raise Failed(f"{exchange.who} streams more than {_MAX_STREAM} bytes for one short answer")
        _take(exchange, stream, _events(exchange, reader, chunk))
    _take(exchange, stream, _events(exchange, reader, b"\n\n"))
    exchange.mark("generation" if stream.first_token_at is not None else "transfer")


def _events(exchange: Exchange, reader: EventReader, chunk: bytes) -> list[str]:
    try:
        return reader.feed(chunk)
    except StreamTooLong as error:
        raise Failed(f"{exchange.who}: {error}") from None


def _take(exchange: Exchange, stream: ChatStream, events: list[str]) -> None:
    for event in events:
        thought, answered = stream.first_thought_at is not None, stream.first_token_at is not None
        stream.event(event, exchange.clock.monotonic())
        if not answered and stream.first_token_at is not None:
            exchange.mark("thinking" if thought else "first_token", "the rest of the answer")
        elif not thought and stream.first_thought_at is not None:
            exchange.mark("first_token", "the end of its reasoning")


def _failure(exchange: Exchange, stream: ChatStream, max_tokens: int) -> str:
    """Why the stream is no answer; empty when it is one."""
    who = exchange.who
    if stream.failure is not None:
        return f"{stream.failure.sentence(who)} (the error came inside the stream)"
    if stream.first_token_at is None and stream.garbage:
        return f"{who} answers 200, but not with a stream of completions: {stream.garbage!r}; check `base_url`"
    if not stream.complete:
        when = "before the first token" if stream.first_token_at is None else f"after “{stream.text[-40:]}”"
        return f"{who}: the stream broke off {when}: neither a finish_reason nor [DONE] came"
    if stream.first_token_at is None and stream.finish_reason == "length":
        return f"{who} answers without a word: all {max_tokens} tokens went into reasoning; raise `max_tokens`"
    if stream.first_token_at is None:
        return f"{who} answers without a word (finish_reason {stream.finish_reason or 'missing'})"
    return ""


def _numbers(exchange: Exchange, stream: ChatStream) -> dict[str, float]:
    """What was measured and counted; what the server did not say is left out."""
    whole = sum(exchange.stages.values())
    numbers: dict[str, float | None] = {
        "completion_seconds": whole,
        "prompt_tokens": stream.prompt_tokens,
        "completion_tokens": stream.completion_tokens,
        "reasoning_tokens": stream.reasoning_tokens,
    }
    if stream.first_token_at is not None:
        numbers["time_to_first_token_seconds"] = stream.first_token_at - exchange.started
        if stream.first_thought_at is not None:
            numbers["thinking_seconds"] = stream.first_token_at - stream.first_thought_at
    numbers |= _speeds(stream, whole)
    return {name: value for name, value in numbers.items() if value is not None}


def _speeds(stream: ChatStream, whole: float) -> dict[str, float | None]:
    tokens = stream.completion_tokens
    if not tokens or whole <= 0:
        return {}
    speeds: dict[str, float | None] = {"tokens_per_second": tokens / whole}
    begin = stream.first_thought_at or stream.first_token_at
    if begin is not None and stream.last_token_at is not None and stream.last_token_at > begin and tokens > 1:
        speeds["generation_tokens_per_second"] = (tokens - 1) / (stream.last_token_at - begin)
    return speeds


@hookimpl
def auscult_checks() -> Iterable[type[Check]]:
    """`LlmCheck`."""
    return [LlmCheck]
