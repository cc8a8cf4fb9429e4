"""`Recorder`: calls to AI services, recorded by the process that makes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from auscult.families import Event
from auscult.metrics.names import declared
from auscult.recording.prices import Cost, Prices, Used, provider_name

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["SECONDS", "Recorder"]

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds of histograms, as OpenTelemetry's conventions for generative AI advise: they resolve what a caller hears."""
MAX_MODELS = 100
"""Pairs of provider and model told apart; further ones are counted as ``other``."""
_WHAT = ("service", "provider", "model")


class Recorder:
    """Counts calls in a registry of prometheus_client; from any thread.

    In the monitor's own process, hand over the monitor's ``metrics.record`` as `event`: then each call is also kept by
    itself, and percentiles are exact. Elsewhere expose the registry, and have a ``prometheus-scrape`` source read it.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        event: Callable[[Event], None] | None = None,
        prices: Prices | None = None,
    ) -> None:
        """`registry`: the default is prometheus_client's own. Raises ValueError for a registry that has a recorder."""
        from prometheus_client import REGISTRY, Counter, Histogram

        registry = registry if registry is not None else REGISTRY
        self._event, self._prices = event, prices if prices is not None else Prices.default()
        self._known: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._calls = Counter(*declared("auscult_ai_calls_total"), registry=registry)
        self._duration = Histogram(*declared("auscult_ai_call_duration_seconds"), registry=registry, buckets=SECONDS)
        self._first = Histogram(*declared("auscult_ai_first_byte_seconds"), registry=registry, buckets=SECONDS)
        self._audio = Counter(*declared("auscult_ai_audio_seconds_total"), registry=registry)
        self._characters = Counter(*declared("auscult_ai_characters_total"), registry=registry)
        self._tokens = Counter(*declared("auscult_ai_tokens_total"), registry=registry)
        self._cost = Counter(*declared("auscult_ai_cost_usd_total"), registry=registry)
        self._unpriced = Counter(*declared("auscult_ai_unpriced_calls_total"), registry=registry)

    def record_stt(
        self,
        *,
        provider: str,
        model: str,
        duration: float | None = None,
        first_byte: float | None = None,
        audio_seconds: float | None = None,
        outcome: str = "ok",
        cost_usd: float | None = None,
    ) -> Cost:
        """Record one transcription. Times in seconds; `first_byte` until the first word; None where not known.

        `outcome` is ``ok`` or a short word for what failed; `cost_usd` overrides the price list. Returns the cost.
        """
        used = Used(provider=provider, model=model, audio_seconds=audio_seconds or 0.0)
        return self._record("stt", used, duration, first_byte, outcome, cost_usd)

    def record_llm(
        self,
        *,
        provider: str,
        model: str,
        duration: float | None = None,
        first_token: float | None = None,
        input_tokens: int | None = None,
        cached_tokens: int | None = None,
        output_tokens: int | None = None,
        outcome: str = "ok",
        cost_usd: float | None = None,
    ) -> Cost:
        """Record one completion; `input_tokens` counts those from a cache as well. See `record_stt` for the rest."""
        used = Used(
            provider=provider,
            model=model,
            input_tokens=input_tokens or 0,
            cached_tokens=min(cached_tokens or 0, input_tokens or 0),
            output_tokens=output_tokens or 0,
        )
        return self._record("llm", used, duration, first_token, outcome, cost_usd)

    def record_tts(
        self,
        *,
        provider: str,
        model: str,
        duration: float | None = None,
        first_byte: float | None = None,
        characters: int | None = None,
        audio_seconds: float | None = None,
        outcome: str = "ok",
        cost_usd: float | None = None,
    ) -> Cost:
        """Record one utterance; `first_byte` until the first sound. See `record_stt` for the rest."""
        used = Used(provider=provider, model=model, characters=characters or 0, audio_seconds=audio_seconds or 0.0)
        return self._record("tts", used, duration, first_byte, outcome, cost_usd)

    def _record(
        self,
        service: str,
        used: Used,
        duration: float | None,
        first: float | None,
        outcome: str,
        cost_usd: float | None,
    ) -> Cost:
        cost = Cost(usd=cost_usd, basis="as recorded") if cost_usd is not None else self._cost_of(used)
        what = (service, *self._named(used))
        self._calls.labels(*what, outcome[:50]).inc()
        if duration is not None:
            self._duration.labels(*what).observe(duration)
        if first is not None:
            self._first.labels(*what).observe(first)
        if used.audio_seconds:
            self._audio.labels(*what).inc(used.audio_seconds)
        if used.characters:
            self._characters.labels(*what).inc(used.characters)
        for direction, count in (("input", used.input_tokens), ("output", used.output_tokens)):
            if count:
                self._tokens.labels(*what, direction).inc(count)
        if cost.usd is not None:
            self._cost.labels(*what).inc(cost.usd)
        elif outcome == "ok":
            self._unpriced.labels(*what).inc()
        if self._event is not None:
            self._event(_event(what, used, duration, first, outcome, cost))
        return cost

    def _cost_of(self, used: Used) -> Cost:
        if not (used.audio_seconds or used.characters or used.input_tokens or used.output_tokens):
            return Cost(usd=None, basis="what it used was not recorded")
        return self._prices.cost(used)

    def _named(self, used: Used) -> tuple[str, str]:
        """Labels whose number is bounded: models may come from users."""
        pair = (provider_name(used.provider) or "unknown", used.model.strip()[:100] or "unknown")
        with self._lock:
            if pair not in self._known:
                if len(self._known) >= MAX_MODELS:
                    return ("other", "other")
                self._known.add(pair)
        return pair


def _event(
    what: tuple[str, ...], used: Used, duration: float | None, first: float | None, outcome: str, cost: Cost
) -> Event:
    numbers = {
        "duration_seconds": duration,
        "first_byte_seconds": first,
        "audio_seconds": used.audio_seconds or None,
        "characters": float(used.characters) or None,
        "input_tokens": float(used.input_tokens) or None,
        "output_tokens": float(used.output_tokens) or None,
        "cost_usd": cost.usd,
    }
    return Event(
        kind="ai_calls",
        at=time.time_ns() // 1_000_000,
        labels=dict(zip(_WHAT, what, strict=True)) | {"outcome": outcome[:50]},
        numbers={name: float(value) for name, value in numbers.items() if value is not None},
    )
