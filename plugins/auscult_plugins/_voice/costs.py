"""What a paid probe costs at list price: by the provider whose server it is, or the one that the user names."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from auscult import Measurement, Prices, Used
from auscult_plugins._voice.exchange import Exchange

__all__ = ["COST", "cost_of", "provider_of"]

COST = Measurement("cost_usd", "USD", "What the probe costs at list price; missing where no price is known.")
_PROVIDERS = {
    "openai.com": "openai",
    "openai.azure.com": "azure",
    "cognitiveservices.azure.com": "azure",
    "googleapis.com": "google",
    "anthropic.com": "anthropic",
    "groq.com": "groq",
    "mistral.ai": "mistral",
    "deepseek.com": "deepseek",
    "x.ai": "x-ai",
    "cerebras.ai": "cerebras",
    "together.xyz": "together",
    "fireworks.ai": "fireworks",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "deepgram.com": "deepgram",
    "elevenlabs.io": "elevenlabs",
    "cartesia.ai": "cartesia",
    "assemblyai.com": "assemblyai",
    "rime.ai": "rime",
    "hume.ai": "hume",
}
"""Whose servers those are. A host that is not here may be anybody's: a gateway's price is not the model's."""


def provider_of(base_url: str, named: str = "") -> str:
    """`named`, else whose server `base_url` is; empty where that is nobody known, or a server of one's own."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    if named or _is_own(host):
        return named
    return next((name for end, name in _PROVIDERS.items() if host == end or host.endswith(f".{end}")), "")


def _is_own(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True


async def cost_of(exchange: Exchange, model: str, named: str = "", **used: Any) -> dict[str, float]:
    """`COST` of what was `used`; empty where no price is known: unpriced is not free."""
    provider = provider_of(exchange.base_url, named)
    if not provider or not any(used.values()):
        return {}
    # In a thread: the package of token prices takes a third of a second to import.
    cost = await exchange.ctx.in_thread(lambda: _prices().cost(Used(provider=provider, model=model, **used)))
    return {} if cost.usd is None else {COST.name: cost.usd}


@cache
def _prices() -> Prices:
    return Prices.default()
