"""What calls cost: known prices, unknown ones, the user's own, and names as frameworks say them."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import ConfigurationError, Prices
from auscult.recording.prices import Used, provider_name


def cost(**used):
    return Prices.default().cost(Used(**used))


@pytest.mark.parametrize(
    ("used", "usd"),
    [
        ({"provider": "deepgram", "model": "nova-3", "audio_seconds": 60}, 0.0048),
        ({"provider": "Deepgram", "model": "nova-3-multilingual", "audio_seconds": 30}, 0.0029),
        ({"provider": "elevenlabs", "model": "scribe_v2", "audio_seconds": 60}, 0.0037),
        ({"provider": "elevenlabs", "model": "scribe_v2_realtime", "audio_seconds": 60}, 0.0065),
        ({"provider": "cartesia", "model": "sonic-3-2026-01", "characters": 2000}, 0.1),
        ({"provider": "openai", "model": "tts-1", "characters": 1000}, 0.015),
        ({"provider": "openai", "model": "tts-1-hd", "characters": 1000}, 0.03),
        ({"provider": "openai", "model": "whisper-1", "audio_seconds": 120}, 0.012),
        ({"provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 100}, 0.00021),
        ({"provider": "api.openai.com", "model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 100}, 0.00021),
    ],
)
def test_list_prices(used, usd):
    """By the table for speech, by genai-prices for tokens; the longest pattern wins."""
    found = cost(**used)
    assert found.usd == pytest.approx(usd)
    assert "list price" in found.basis


@pytest.mark.parametrize(
    "used",
    [
        {"provider": "nobody", "model": "x", "audio_seconds": 60},
        {"provider": "deepgram", "model": "nova-3", "characters": 60},
        {"provider": "openai", "model": "no-such-model", "input_tokens": 10},
        {"provider": "openai", "model": "tts-2", "characters": 10},
        {"provider": "openai", "model": "gpt-realtime-none", "audio_seconds": 3},
        {"provider": "", "model": ""},
    ],
)
def test_what_has_no_price_is_unpriced_and_not_free(used):
    """None and a reason, never zero."""
    found = cost(**used)
    assert found.usd is None
    assert found.basis


def test_a_model_that_genai_prices_counts_as_nothing_is_unpriced():
    """It prices whisper by seconds: asked for tokens alone it says 0."""
    prices = Prices({})
    assert prices.cost(Used(provider="openai", model="whisper-1", input_tokens=100)).usd is None


def test_without_the_package_tokens_are_unpriced_with_a_remedy(monkeypatch):
    """The extra that mends it is named."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    found = cost(provider="openai", model="gpt-4o-mini", input_tokens=1)
    assert found.usd is None
    assert "pip install 'auscult[costs]'" in found.basis


def test_sources_that_differ_are_told():
    """Whoever reads the figure learns that it is not certain."""
    found = cost(provider="elevenlabs", model="eleven_flash_v2_5", characters=1000)
    assert found.usd == 0.05
    assert "another source says 0.040" in found.basis


def test_a_file_of_the_users_comes_first(tmp_path):
    """What the contract says, for one model; the rest stays."""
    path = tmp_path / "prices.toml"
    path.write_text('dated = "2027-01-01"\n[deepgram."nova-3*"]\nper_audio_minute = 0.001\nsource = "contract"\n')
    prices = Prices.load(path)
    assert prices.cost(Used(provider="deepgram", model="nova-3", audio_seconds=60)).usd == 0.001
    assert prices.cost(Used(provider="openai", model="tts-1", characters=1000)).usd == 0.015


@pytest.mark.parametrize("text", ["[deepgram", "[deepgram.x]\nper_minute = 1", '[deepgram.x]\nper_audio_minute = "1"'])
def test_a_file_that_is_none(tmp_path, text):
    """The file is named, and what is wrong in it."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"mine\.toml"):
        Prices.load(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Prices.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("api.openai.com", "openai"),
        ("OpenAI", "openai"),
        ("https://api.eu.deepgram.com:443/v1", "deepgram"),
        ("api.elevenlabs.io", "elevenlabs"),
        ("gcp.gemini", "google"),
        ("AWS Bedrock", "aws"),
        ("mistral_ai", "mistral"),
        ("", ""),
    ],
)
def test_providers_have_many_names(said, means):
    """Host names and display names are the same provider."""
    assert provider_name(said) == means


@given(st.text(max_size=20), st.text(max_size=20), st.floats(0, 1e6), st.integers(0, 10**6))
def test_no_call_is_free_or_odd(provider, model, seconds, characters):
    """Whatever is said: a finite positive number, or none."""
    found = cost(provider=provider, model=model, audio_seconds=seconds, characters=characters)
    assert found.usd is None or (found.usd >= 0 and math.isfinite(found.usd))
