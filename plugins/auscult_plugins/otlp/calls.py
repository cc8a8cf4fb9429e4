"""Spans of LiveKit Agents and Pipecat, made into events: calls to AI services, and turns of a conversation.

Only numbers and a few names are ever read of a span, so what was said gets no further than this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from auscult import Event, Family, Prices, Recorder, provider_name
from auscult_plugins.otlp.model import Resource, Scalar, Span

__all__ = ["Calls"]

REMEMBERED = 50_000
"""Spans whose ids are remembered, so that one that is sent again counts once."""
_LONGEST = 100
_AHEAD = 300_000
"""ms by which a sender's clock may be ahead; beyond that our own counts."""


class _Said(Struct):
    """What LiveKit writes of a request in JSON; only the numbers."""

    duration: float | None = None
    ttft: float | None = None
    ttfb: float | None = None
    cancelled: bool = False
    audio_duration: float | None = None
    characters_count: int = 0
    prompt_tokens: int = 0
    prompt_cached_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Call(Struct, kw_only=True):
    """One call, whoever told of it."""

    service: str
    provider: str = ""
    model: str = ""
    outcome: str = "ok"
    duration: float | None = None
    first: float | None = None
    audio: float | None = None
    characters: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class Calls:
    """Makes events of spans, each span once, and counts the calls as a process of its own would."""

    def __init__(self, prices: Prices) -> None:
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        self._recorder = Recorder(self._registry, event=self._hear, prices=prices)
        self._heard = Event(kind="", at=0)
        self._seen: dict[bytes, None] = {}

    def event(self, resource: Resource, span: Span, now: int) -> Event | None:
        """What a span comes to; None where it is nothing that is kept, or was told before. `now` is in ms."""
        framework, readers = _FRAMEWORKS.get(resource.scope, ("", {}))
        reader = readers.get(span.name)
        if reader is None or not self._is_new(span):
            return None
        labels = {"framework": framework}
        if isinstance(sender := resource.attributes.get("service.name"), str):
            labels["sender"] = sender[:_LONGEST]
        at = span.end // 1_000_000
        at = at if 0 < at <= now + _AHEAD else now
        found = reader(span)
        if isinstance(found, _Call):
            return self._call(found, labels, at)
        if found is None:
            return None
        outcome, numbers = found
        return Event(kind="turns", at=at, labels=labels | {"outcome": outcome}, numbers=numbers)

    def _is_new(self, span: Span) -> bool:
        trace, own = span.identity
        if not own:
            return True  # it cannot be told apart
        key = trace + own
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True

    def series(self) -> Iterator[tuple[Family, Mapping[str, str], float, str]]:
        """What the calls come to so far, as `auscult.Recorder` counts them: family, labels, value, name."""
        for metric in self._registry.collect():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            family = Family(name, metric.type, metric.documentation, metric.unit)
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    yield family, sample.labels, sample.value, sample.name

    def _hear(self, event: Event) -> None:
        self._heard = event

    def _call(self, call: _Call, labels: Mapping[str, str], at: int) -> Event:
        who: dict[str, Any] = {
            "provider": call.provider[:_LONGEST],
            "model": call.model,
            "outcome": call.outcome,
            "duration": call.duration,
        }
        record = self._recorder
        if call.service == "stt":
            record.record_stt(**who, first_byte=call.first, audio_seconds=call.audio)
        elif call.service == "tts":
            record.record_tts(**who, first_byte=call.first, characters=call.characters, audio_seconds=call.audio)
        else:
            record.record_llm(
                **who,
                first_token=call.first,
                input_tokens=call.input_tokens,
                cached_tokens=call.cached_tokens,
                output_tokens=call.output_tokens,
            )
        return msgspec.structs.replace(self._heard, at=at, labels={**self._heard.labels, **labels})


# What the frameworks write


_Found = _Call | tuple[str, dict[str, float]] | None


def _number(attributes: Mapping[str, Scalar], *names: str) -> float | None:
    """The first of these that is a number, not negative. In milliseconds where the name says so, as Node does."""
    for name in names:
        for key, factor in ((name, 1.0), (f"{name}Ms", 1e-3), (f"{name}_ms", 1e-3)):
            value = attributes.get(key)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and value >= 0:
                return value * factor
    return None


def _count(attributes: Mapping[str, Scalar], *names: str) -> int:
    value = _number(attributes, *names)
    return int(value) if value is not None else 0


def _text(attributes: Mapping[str, Scalar], *names: str) -> str:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _named(service: str, span: Span) -> _Call:
    attributes = span.attributes
    call = _Call(
        service=service,
        provider=_text(attributes, "gen_ai.provider.name", "gen_ai.system", "model_provider"),
        model=_text(attributes, "gen_ai.request.model", "gen_ai.response.model", "model_name"),
        duration=(span.end - span.start) / 1e9 if 0 < span.start <= span.end else None,
        input_tokens=_count(attributes, "gen_ai.usage.input_tokens"),
        cached_tokens=_count(attributes, "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.input_cached_tokens"),
        output_tokens=_count(attributes, "gen_ai.usage.output_tokens"),
    )
    if span.failed:
        call.outcome = _text(attributes, "error.type", "exception.type").rpartition(".")[2] or "error"
    return call


def _said(span: Span, name: str) -> _Said:
    text = span.attributes.get(name)
    if isinstance(text, str):
        try:
            return msgspec.json.decode(text, type=_Said)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            pass
    return _Said()


def _known(value: float | None) -> float | None:
    """LiveKit writes -1 for what there was none of; a missing number is none, and never 0."""
    return value if value is not None and isfinite(value) and value >= 0 else None


def _cut(call: _Call, *, cancelled: bool) -> _Call:
    """What was broken off says nothing about how long such a call takes."""
    if cancelled:
        call.outcome, call.duration, call.first = "cancelled", None, None
    return call


def _livekit_llm(span: Span) -> _Found:
    call, said = _named("llm", span), _said(span, "lk.llm_metrics")
    call.duration = _known(said.duration) or call.duration
    first = _number(span.attributes, "gen_ai.response.time_to_first_chunk", "lk.response.ttft")
    call.first = first if first is not None else _known(said.ttft)
    call.input_tokens = call.input_tokens or max(said.prompt_tokens, 0)
    call.cached_tokens = call.cached_tokens or max(said.prompt_cached_tokens, 0)
    call.output_tokens = call.output_tokens or max(said.completion_tokens, 0)
    return _cut(call, cancelled=said.cancelled)


def _livekit_realtime(span: Span) -> _Found:
    if "lk.realtime_model_metrics" not in span.attributes:
        return None  # nothing is known of it
    call, said = _named("llm", span), _said(span, "lk.realtime_model_metrics")
    call.duration = _known(said.duration) or call.duration
    call.first = _known(said.ttft)
    call.input_tokens = call.input_tokens or max(said.input_tokens, 0)
    call.output_tokens = call.output_tokens or max(said.output_tokens, 0)
    return _cut(call, cancelled=said.cancelled)


def _livekit_tts(span: Span) -> _Found:
    call, said = _named("tts", span), _said(span, "lk.tts_metrics")
    call.duration = _known(said.duration) or call.duration
    first = _number(span.attributes, "lk.response.ttfb")
    call.first = first if first is not None else _known(said.ttfb)
    call.audio, call.characters = _known(said.audio_duration) or None, max(said.characters_count, 0)
    return _cut(call, cancelled=said.cancelled)


def _livekit_stt(span: Span) -> _Found:
    """LiveKit has no span of a transcription: what it took stands at the user's turn."""
    call = _named("stt", span)
    if not call.provider and not call.model:
        return None  # a model that hears for itself
    call.duration = call.first = _number(span.attributes, "lk.transcription_delay") or None
    return call


def _turn(span: Span, interrupted: bool, numbers: Mapping[str, float | None]) -> _Found:
    outcome = "error" if span.failed else "interrupted" if interrupted else "ok"
    return outcome, {name: value for name, value in numbers.items() if value is not None}


def _livekit_turn(span: Span) -> _Found:
    attributes = span.attributes
    numbers = {
        "duration_seconds": (span.end - span.start) / 1e9 if 0 < span.start <= span.end else None,
        "latency_seconds": _number(attributes, "lk.e2e_latency"),
        "transcription_delay_seconds": _number(attributes, "lk.transcription_delay"),
        "end_of_turn_delay_seconds": _number(attributes, "lk.end_of_turn_delay"),
        "completed_delay_seconds": _number(attributes, "lk.on_user_turn_completed_delay"),
        "queued_seconds": _number(attributes, "lk.speech.queue_wait"),
        "heard_seconds": _number(attributes, "lk.playout.position"),
    }
    return _turn(span, attributes.get("lk.interrupted") is True, numbers)


_GROSS_OF_CACHE = ("anthropic", "aws")
"""Of these Pipecat tells input tokens without those of a cache."""


def _pipecat_named(service: str, span: Span) -> _Call:
    call = _named(service, span)
    call.provider = provider_name(call.provider).removesuffix("http").removesuffix("realtime")
    if call.provider in _GROSS_OF_CACHE:
        call.input_tokens += call.cached_tokens + _count(span.attributes, "gen_ai.usage.cache_creation.input_tokens")
    call.first = _number(span.attributes, "metrics.ttfb")
    return call


def _pipecat_llm(span: Span) -> _Found:
    return _pipecat_named("llm", span)


def _pipecat_tts(span: Span) -> _Found:
    call = _pipecat_named("tts", span)
    call.characters = _count(span.attributes, "metrics.character_count")
    return _cut(call, cancelled=span.attributes.get("tts.interrupted") is True)


def _pipecat_stt(span: Span) -> _Found:
    """The span lasts as long as the user speaks: what the service took is from the end of speech to the last word."""
    call = _pipecat_named("stt", span)
    call.audio = _number(span.attributes, "metrics.audio_seconds")
    call.duration = call.first
    return _cut(call, cancelled=span.attributes.get("stt.incomplete") is True)


def _pipecat_turn(span: Span) -> _Found:
    attributes = span.attributes
    over = attributes.get("turn.ended_by_conversation_end") is True
    numbers = {
        "duration_seconds": _number(attributes, "turn.duration_seconds"),
        "latency_seconds": _number(attributes, "turn.user_bot_latency_seconds"),
    }
    return _turn(span, attributes.get("turn.was_interrupted") is True and not over, numbers)


_Reader = Callable[[Span], _Found]
_LIVEKIT: Mapping[str, _Reader] = {
    "llm_request": _livekit_llm,
    "realtime_inference": _livekit_realtime,
    "realtime_metrics": _livekit_realtime,
    "tts_request": _livekit_tts,
    "user_turn": _livekit_stt,
    "agent_turn": _livekit_turn,
}
_PIPECAT: Mapping[str, _Reader] = {
    "llm": _pipecat_llm,
    "llm_response": _pipecat_llm,
    "tts": _pipecat_tts,
    "stt": _pipecat_stt,
    "turn": _pipecat_turn,
}
_FRAMEWORKS: Mapping[str, tuple[str, Mapping[str, _Reader]]] = {
    "livekit-agents": ("livekit", _LIVEKIT),
    "@livekit/agents": ("livekit", _LIVEKIT),
    "pipecat": ("pipecat", _PIPECAT),
    "pipecat.turn": ("pipecat", _PIPECAT),
}
