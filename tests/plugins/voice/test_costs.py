"""What paid probes cost: list price where it is known whose server it is, nothing at all where it is not."""

import importlib.util
from pathlib import Path

import pytest
from tests.need import missing

import auscult_rehearsal
from auscult import Catalogue, Monitor, Prices, Used
from auscult.shapes import Table
from auscult_plugins._voice.costs import provider_of
from auscult_plugins.llm import LlmCheck
from auscult_plugins.stt import SttCheck
from auscult_plugins.tts import TtsCheck

pytestmark = pytest.mark.anyio

SPOKEN = (Path(auscult_rehearsal.__file__).parent / "clips" / "hello-how-can-i-help-you-today.wav").read_bytes()
STREAM = (
    b'data: {"choices": [{"index": 0, "delta": {"content": "ready"}, "finish_reason": "stop"}]}\n\n'
    b'data: {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 200}}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.mark.parametrize(
    ("url", "named", "provider"),
    [
        ("https://api.openai.com/v1", "", "openai"),
        ("https://eu.api.openai.com/v1", "", "openai"),
        ("https://mine.openai.azure.com/openai/v1", "", "azure"),
        ("https://api.groq.com/openai/v1", "", "groq"),
        ("https://openai.com.example.org/v1", "", ""),
        ("https://notopenai.com/v1", "", ""),
        ("https://llm.example.org/v1", "", ""),
        ("https://llm.example.org/v1", "openai", "openai"),
        ("http://127.0.0.1:8000/v1", "", ""),
        ("http://[::1]:8000/v1", "", ""),
        ("http://localhost:8000/v1", "", ""),
        ("http://10.0.0.7/v1", "", ""),
        ("http://vllm:8000/v1", "", ""),
    ],
)
def test_whose_server_it_is(url, named, provider):
    """By its name, at the end of which a provider's stands; one's own and a stranger's are nobody's."""
    assert provider_of(url, named) == provider


async def test_seconds_of_speech_are_priced(scripted, answer, probe):
    """`stt`: the length of the utterance, at the model's price a minute."""
    url = scripted(answer(200, {"text": "hello how can i help you today"})).url
    check = SttCheck(base_url=url, model="whisper-1", depth="speech", provider="openai")
    reading = await probe(check)
    assert reading.measurements["cost_usd"] == pytest.approx(reading.measurements["audio_seconds"] / 60 * 0.006)


async def test_characters_are_priced(scripted, answer, probe):
    """`tts`: what was spoken, at the model's price a character; also when what came is no good."""
    url = scripted(answer(200, SPOKEN, "audio/wav")).url
    check = TtsCheck(base_url=url, model="tts-1", depth="speech", provider="openai")
    numbers = (await probe(check)).measurements
    assert numbers["characters"] == len(check.text)
    assert numbers["cost_usd"] == pytest.approx(len(check.text) * 0.015 / 1000)
    silent = scripted(answer(200, SPOKEN[:44] + bytes(len(SPOKEN) - 44), "audio/wav")).url
    reading = await probe(TtsCheck(base_url=silent, model="tts-1", depth="speech", provider="openai"))
    assert (reading.status.value, reading.measurements["cost_usd"]) == ("unhealthy", numbers["cost_usd"])


async def test_tokens_are_priced(scripted, begin, probe):
    """`llm`: tokens as the server counts them, in and out."""
    if importlib.util.find_spec("genai_prices") is None:
        missing("genai-prices is not installed; run: pip install 'auscult[costs]'")
    url = scripted(begin("text/event-stream"), STREAM).url
    reading = await probe(LlmCheck(base_url=url, model="gpt-4o-mini", depth="completion", provider="openai"))
    assert reading.measurements["cost_usd"] == pytest.approx(1000 * 0.15e-6 + 200 * 0.6e-6)


@pytest.mark.parametrize("provider", ["", "nobody"])
async def test_what_is_not_known_is_no_number(scripted, answer, begin, probe, provider):
    """A stand-in, a provider without a table, a model without a price: the measurement is absent, never zero."""
    heard = answer(200, {"text": "hello how can i help you today"})
    for check in (
        SttCheck(base_url=scripted(heard).url, model="whisper-1", depth="speech", provider=provider),
        SttCheck(base_url=scripted(heard).url, model="unheard-of", depth="speech", provider="openai"),
        TtsCheck(
            base_url=scripted(answer(200, SPOKEN, "audio/wav")).url, model="tts-1", depth="speech", provider=provider
        ),
        LlmCheck(
            base_url=scripted(begin("text/event-stream"), STREAM).url,
            model="rehearsal-llm",
            depth="completion",
            provider=provider,
        ),
    ):
        assert "cost_usd" not in (await probe(check)).measurements, check


async def test_what_is_free_costs_nothing_and_says_nothing(scripted, answer, probe):
    """Depth `auth` uses nothing that is paid for."""
    url = scripted(answer(200, {"data": [{"id": "gpt-4o-mini"}]})).url
    reading = await probe(LlmCheck(base_url=url, model="gpt-4o-mini", provider="openai"))
    assert reading.status.value == "healthy"
    assert "cost_usd" not in reading.measurements


async def test_the_dashboard_adds_them_up(scripted, answer):
    """AI Services shows what the probes cost within the time looked at, service by service."""
    heard = scripted(answer(200, {"text": "hello how can i help you today"})).url
    monitor = Monitor(catalogue=Catalogue.discover())
    priced = SttCheck(base_url=heard, model="whisper-1", depth="speech", provider="openai")
    monitor.health.register("priced", check=priced)
    monitor.health.register("unpriced", check=SttCheck(base_url=heard, model="whisper-1", depth="speech"))
    async with monitor:
        for _ in range(3):
            await monitor.check_now("priced")
            await monitor.check_now("unpriced")
        drawn = await monitor.dashboards.draw("ai_services")
        (panel,) = [panel for panel in drawn.panels if panel.placed.id == "costs_and_usage"]
        (table,) = [shape for shape in panel.shapes if isinstance(shape, Table)]
        names = [column.name for column in table.columns]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}
        results = monitor.recent_results("priced")
    one = Prices.default().cost(Used(provider="openai", model="whisper-1", audio_seconds=2.4)).usd
    assert rows["priced"]["cost_usd"] == pytest.approx(sum(each.measurements["cost_usd"] for each in results))
    assert rows["priced"]["cost_usd"] == pytest.approx(len(results) * one, rel=0.1)
    assert rows["unpriced"]["cost_usd"] is None
