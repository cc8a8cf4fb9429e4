"""Panels about AI services: speech to text, language models, text to speech."""

from __future__ import annotations

from auscult_plugins.dashboards.figures import Figure, Figures

__all__ = ["LlmService", "SttService", "TtsService"]

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
