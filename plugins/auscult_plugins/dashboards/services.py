"""Panels about AI services: speech to text, language models, text to speech, and what probing them costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auscult import Column, ComponentHealth, Panel, Shape, Table, View, Waiting
from auscult_plugins.dashboards.figures import Figure, Figures

__all__ = ["AiUsage", "LlmService", "SttService", "TtsService"]

_RESPONSE = Figure(name="response_time_ms", title="Response", unit="ms")


class SttService(Figures):
    """Speech-to-text services: how fast and how right they hear."""

    kind = "stt-service"
    heading = "STT service"
    types = ("stt_client",)
    figures = (
        _RESPONSE,
        Figure(name="word_error_rate", title="Word errors", unit="%", factor=100, warning=20.0, critical=50.0),
        Figure(name="real_time_factor", title="Real-time factor", warning=0.5, critical=1.0),
        Figure(name="audio_seconds", title="Audio heard", unit="s", drawn=False),
    )
    missing = "No speech-to-text service is monitored."
    connect = (
        '[components.stt_client]\ncheck = "stt"\nbase_url = "https://api.openai.com/v1"\n'
        'api_key = "${OPENAI_API_KEY}"\nmodel = "whisper-1"\ndepth = "speech"'
    )
    page = "kinds/stt.md"


class LlmService(Figures):
    """Language models: time to the first token, tokens a second."""

    kind = "llm-service"
    heading = "LLM service"
    types = ("llm_client",)
    figures = (
        _RESPONSE,
        Figure(name="time_to_first_token_seconds", title="First token", unit="s", warning=1.5, critical=4.0),
        Figure(name="completion_seconds", title="Whole answer", unit="s"),
        Figure(name="tokens_per_second", title="Speed", unit="tokens/s"),
        Figure(name="completion_tokens", title="Tokens out", unit="tokens", drawn=False),
        Figure(name="prompt_tokens", title="Tokens in", unit="tokens", drawn=False),
    )
    missing = "No language model is monitored."
    connect = (
        '[components.llm_client]\ncheck = "llm"\nbase_url = "https://api.openai.com/v1"\n'
        'api_key = "${OPENAI_API_KEY}"\nmodel = "gpt-4o-mini"\ndepth = "completion"'
    )
    page = "kinds/llm.md"


class TtsService(Figures):
    """Text-to-speech services: time to the first audio, and whether a player would starve."""

    kind = "tts-service"
    heading = "TTS service"
    types = ("tts_client",)
    figures = (
        _RESPONSE,
        Figure(name="time_to_first_audio_seconds", title="First audio", unit="s", warning=0.8, critical=2.0),
        Figure(name="real_time_factor", title="Real-time factor", warning=0.7, critical=1.0),
        Figure(name="starved_seconds", title="Starved", unit="s", warning=0.1, critical=0.5),
        Figure(name="audio_seconds", title="Audio spoken", unit="s", drawn=False),
    )
    missing = "No text-to-speech service is monitored."
    connect = (
        '[components.tts_client]\ncheck = "tts"\nbase_url = "https://api.openai.com/v1"\n'
        'api_key = "${OPENAI_API_KEY}"\nmodel = "tts-1"\nvoice = "alloy"\ndepth = "speech"'
    )
    page = "kinds/tts.md"


_USED = {
    "prompt_tokens": ("Tokens in", "tokens"),
    "completion_tokens": ("Tokens out", "tokens"),
    "audio_seconds": ("Audio", "s"),
    "characters": ("Characters", "characters"),
}


class AiUsage(Panel):
    """What AI services were used for within the time looked at, and what it cost."""

    kind = "ai-usage"
    heading = "AI costs and usage"
    size = (12, 5)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """The probes' use; how to record your agent's."""
        views = [each for each in view.chosen() if each.component_type in ("stt_client", "llm_client", "tts_client")]
        if not views:
            return Waiting(
                message="No AI service is monitored, so nothing is used.",
                connect=LlmService.connect,
                language="toml",
                link="kinds/llm.md",
            )
        return [_probes(view, views)]


def _probes(view: View, views: Sequence[ComponentHealth]) -> Table:
    used = {each.component_name: _used(view, each.component_name) for each in views}
    columns = [name for name in _USED if any(name in figures for figures in used.values())]
    return Table(
        title="Probes",
        columns=[
            Column(name="component", title="Service", kind="component"),
            Column(name="type", title="Type"),
            Column(name="probes", title="Probes", kind="number", unit="probes"),
            *(Column(name=name, title=_USED[name][0], kind="number", unit=_USED[name][1]) for name in columns),
        ],
        rows=[
            (
                each.component_name,
                each.component_type,
                used[each.component_name].get("probes"),
                *(used[each.component_name].get(name) for name in columns),
            )
            for each in views
        ],
    )


def _used(view: View, component: str) -> Mapping[str, float]:
    """Numbers of the whole time: of single results not all are read, so their mean stands for the others."""
    probes = sum(point.count for point in view.history(component))
    results = view.results(component)
    found = {"probes": float(probes)} if probes else {}
    for name in _USED:
        values = [result.measurements[name] for result in results if name in result.measurements]
        if values and results:
            found[name] = sum(values) / len(results) * (probes or len(results))
    return found
