"""What a call costs: tokens by genai-prices, audio and characters by a dated table. What is not known is no number."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from auscult.errors import ConfigurationError

__all__ = ["Cost", "Prices", "Rate", "Used", "provider_name"]


class Used(Struct, frozen=True, kw_only=True):
    """What one call used."""

    provider: str
    model: str
    audio_seconds: float = 0.0
    characters: int = 0
    input_tokens: int = 0
    """All of them, those from a cache included."""
    cached_tokens: int = 0
    output_tokens: int = 0
    at: datetime | None = None
    """When; prices may depend on it."""


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the table."""

    per_audio_minute: float | None = None
    """USD."""
    per_1k_characters: float | None = None
    """USD."""
    source: str = ""
    disputed: str = ""
    """What another source says."""


class Cost(Struct, frozen=True, kw_only=True):
    """What a call cost, and how that is known."""

    usd: float | None
    """None: unpriced. Never zero for want of a price."""
    basis: str
    """Where the price is from and of when, or why there is none."""


class Prices:
    """A table of rates by provider and model pattern, with genai-prices for tokens where it is installed."""

    def __init__(self, rates: Mapping[str, Mapping[str, Rate]], dated: str = "") -> None:
        self._rates = {provider.lower(): dict(models) for provider, models in rates.items()}
        self.dated = dated

    @classmethod
    def default(cls) -> Self:
        """The table that comes along."""
        return cls._read(resources.files("auscult.recording").joinpath("prices.toml").read_text("utf-8"), "prices.toml")

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The default table with the rates of a file of the same form on top. Raises ConfigurationError."""
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: the prices cannot be read: {error}") from error
        return cls.default().updated(cls._read(text, str(path)))

    @classmethod
    def _read(cls, text: str, where: str) -> Self:
        try:
            tables = tomllib.loads(text)
            dated = str(tables.pop("dated", ""))
            return cls(msgspec.convert(tables, dict[str, dict[str, Rate]]), dated)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ConfigurationError(f"{where}: not a table of prices: {error}") from error

    def updated(self, other: Prices) -> Self:
        """These rates with those of `other` on top."""
        merged = {provider: dict(models) for provider, models in self._rates.items()}
        for provider, models in other._rates.items():
            merged.setdefault(provider, {}).update(models)
        return type(self)(merged, other.dated or self.dated)

    def rate(self, provider: str, model: str) -> Rate | None:
        """The rate whose pattern is the longest that matches."""
        models = self._rates.get(provider_name(provider), {})
        fitting = [pattern for pattern in models if fnmatchcase(model.lower(), pattern.lower())]
        return models[max(fitting, key=len)] if fitting else None

    def cost(self, used: Used) -> Cost:
        """What a call cost in USD at list price."""
        rate = self.rate(used.provider, used.model)
        if rate is not None:
            return self._by_rate(rate, used)
        if used.input_tokens or used.output_tokens:
            return _by_tokens(used)
        return Cost(usd=None, basis=f"no price is known for {used.provider or 'an unknown provider'} {used.model}")

    def _by_rate(self, rate: Rate, used: Used) -> Cost:
        parts = []
        if used.audio_seconds and rate.per_audio_minute is not None:
            parts.append(used.audio_seconds / 60 * rate.per_audio_minute)
        if used.characters and rate.per_1k_characters is not None:
            parts.append(used.characters / 1000 * rate.per_1k_characters)
        if not parts:
            return Cost(usd=None, basis="the price is for something else than what was measured")
        disputed = f"; another source says {rate.disputed}" if rate.disputed else ""
        return Cost(usd=sum(parts), basis=f"list price of {self.dated} ({rate.source}){disputed}")


def provider_name(provider: str) -> str:
    """A provider's name as tables have it: LiveKit says ``api.openai.com`` and ``OpenAI`` for the same one."""
    name = provider.strip().lower().removeprefix("https://").partition("/")[0].partition(":")[0]
    if known := _SAME.get(name.replace(" ", "").replace("_", "")):
        return known
    labels = [label for label in name.split(".") if label not in ("api", "www", "com", "ai", "io", "eu", "us")]
    return labels[-1] if labels else name


_SAME = {
    "gcp.gemini": "google",
    "gcp.genai": "google",
    "gcp.vertexai": "google",
    "generativelanguage.googleapis.com": "google",
    "vertexai": "google",
    "aws.bedrock": "aws",
    "awsbedrock": "aws",
    "amazonbedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azureopenai": "azure",
    "mistralai": "mistral",
    "api.x.ai": "x-ai",
    "xai": "x-ai",
    "moonshot": "moonshotai",
}
"""What OpenTelemetry's registry and the frameworks call them, without spaces and underscores."""


def _by_tokens(used: Used) -> Cost:
    try:
        import genai_prices
    except ImportError:
        return Cost(usd=None, basis="prices of tokens need: pip install 'auscult[costs]'")
    usage = genai_prices.Usage(
        input_tokens=used.input_tokens or None,
        cache_read_tokens=used.cached_tokens or None,
        output_tokens=used.output_tokens or None,
    )
    at = used.at or datetime.now(UTC)
    found: Any = None
    for provider in (provider_name(used.provider) or None, None):
        try:
            found = genai_prices.calc_price(usage, used.model, provider_id=provider, genai_request_timestamp=at)
            break
        except (LookupError, ValueError):
            continue
    usd = float(found.total_price) if found is not None else 0.0
    if not usd:  # a model that is priced by something else than tokens comes out as nothing
        return Cost(usd=None, basis=f"no price is known for {used.provider} {used.model}")
    return Cost(usd=usd, basis=f"list price, genai-prices ({found.provider.id} {found.model.id})")
