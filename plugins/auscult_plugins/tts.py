"""Text to speech over the OpenAI-compatible API: does it speak, at once, and is what comes audible speech?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from auscult import Check, CheckContext, Discovered, Measurement, Preferences, Reading, Status, hookimpl
from auscult_plugins._voice.costs import COST, cost_of
from auscult_plugins._voice.directory import openai_proposal
from auscult_plugins._voice.exchange import Exchange, Failed, guarded, seconds
from auscult_plugins._voice.failures import classify_error
from auscult_plugins._voice.openai import OpenAICheck
from auscult_plugins._voice.speech import Sound, SpeechLimits, judge, measure
from auscult_plugins._voice.wave import AudioStream, BadAudio, Clip

if TYPE_CHECKING:
    import httpx

_MAX_AUDIO = 5_000_000
_FIRST_AUDIO = "the first audio"


class TtsCheck(OpenAICheck):
    """A text-to-speech service, OpenAI-compatible: OpenAI itself, a gateway, or a server of your own.

    Depth ``auth``, the default, costs nothing: the key is accepted and the model is listed. Depth ``speech`` has a
    short sentence spoken and judges the audio: it decodes, is not silent, lasts as long as the text needs, is neither
    clipped nor stuck. It costs what the vendor asks for some 30 characters, and is done every 5 minutes unless you
    name an interval. The response time is the time to the first audible sample.
    """

    kind = "tts"
    component_type = "tts_client"
    measurements: ClassVar[tuple[Measurement, ...]] = (
        *OpenAICheck.measurements,
        Measurement(
            "time_to_first_byte_seconds", "seconds", "From the request to the first audio byte; headers are no audio."
        ),
        Measurement("time_to_first_audio_seconds", "seconds", "From the request to the first audible sample."),
        Measurement("leading_silence_seconds", "seconds", "Silence at the start of the audio."),
        Measurement("audio_seconds", "seconds", "How long the audio plays."),
        Measurement("real_time_factor", "", "Time to get the audio, per second of it; a player starves above 1."),
        Measurement("rms_dbfs", "dBFS", "Loudness over the whole clip."),
        Measurement("peak_dbfs", "dBFS", "The loudest sample."),
        Measurement("clipping_percent", "percent", "Share of samples at full scale."),
        Measurement("dc_offset", "", "Distance of the mean from zero, of full scale."),
        Measurement("characters_per_second", "characters", "How fast the text was spoken."),
        Measurement("starved_seconds", "seconds", "How long a player would have waited for audio after it began."),
        Measurement("characters", "characters", "Characters that were spoken."),
        COST,
    )

    depth: Literal["reach", "auth", "speech"] = "auth"
    """How far: ``reach`` (a server answers), ``auth`` (free: key and model), ``speech`` (paid: it speaks)."""
    text: str = "hello how can i help you today"
    """What is spoken; each character costs."""
    voice: str = "alloy"
    """The voice your agent uses."""
    response_format: Literal["wav", "pcm"] = "wav"
    """What is asked for; ``pcm`` is signed 16 bit, little-endian, mono, without a header."""
    sample_rate: int = 24000
    """Samples per second of ``pcm``; a WAV says its own."""
    limits: SpeechLimits = SpeechLimits()
    """From where on audio is degraded or unhealthy."""

    def __post_init__(self) -> None:
        OpenAICheck.__post_init__(self)
        if self.depth == "speech":
            self.needs_model("speech")
        if not self.text.strip():
            raise ValueError("`text` is empty; expected a sentence to speak")
        if not 4000 <= self.sample_rate <= 192_000:
            raise ValueError(f"`sample_rate` = {self.sample_rate} is not in samples per second; OpenAI's is 24000")

    def prefers(self) -> Preferences:
        """Every 5 minutes where it costs money."""
        return Preferences(interval=300, timeout=30) if self.depth == "speech" else Preferences()

    async def probe(self, ctx: CheckContext) -> Reading:
        """One look, as deep as asked for."""
        exchange = self.exchange(ctx)
        work = {"reach": self.reach, "auth": self.look, "speech": self._speak}[self.depth]
        return await guarded(exchange, lambda: work(exchange))

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """OpenAI's own, where no other vendor's key says who speaks."""
        if proposal := openai_proposal("tts", environ):
            yield proposal.discovered(cls)

    async def _speak(self, exchange: Exchange) -> Reading:
        body = {
            "model": self.model,
            "input": self.text,
            "voice": self.voice,
            "response_format": self.response_format,
        }
        stream = AudioStream(self.response_format, rate=self.sample_rate)
        async with exchange.request("POST", "/audio/speech", waiting_for=_FIRST_AUDIO, json=body) as reply:
            await self._receive(exchange, reply, stream)
        exchange.measurements["characters"] = len(self.text)
        exchange.measurements |= await cost_of(exchange, self.model, self.provider, characters=len(self.text))
        clip = self._clip(exchange, stream)
        sound = await exchange.ctx.in_thread(lambda: measure(clip))
        return self._verdict(exchange, clip, sound)

    async def _receive(self, exchange: Exchange, reply: httpx.Response, stream: AudioStream) -> None:
        """Read the whole audio; the stage ``first_audio`` ends with its first byte, ``transfer`` with its last."""
        if "json" in reply.headers.get("content-type", ""):
            failure = classify_error(await exchange.json(reply, "audio"))
            raise Failed(failure.sentence(exchange.who))
        async for chunk in reply.aiter_bytes():
            had_audio = stream.first_at is not None
            try:
                stream.feed(chunk, exchange.clock.monotonic())
            except BadAudio as error:
                raise Failed(f"{exchange.who}: the audio {error}") from None
            if not had_audio and stream.first_at is not None:
                took = exchange.mark("first_audio", "the rest of the audio")
                exchange.measurements["time_to_first_byte_seconds"] = took
            if stream.size > _MAX_AUDIO:
                raise Failed(f"{exchange.who} sends more than {_MAX_AUDIO} bytes for {len(self.text)} characters")
        exchange.mark("transfer")

    @staticmethod
    def _clip(exchange: Exchange, stream: AudioStream) -> Clip:
        try:
            clip = stream.finish()
        except BadAudio as error:
            raise Failed(f"{exchange.who}: the audio {error}") from None
        if not clip.samples:
            raise Failed(f"{exchange.who} answers 200 without any audio")
        return clip

    def _verdict(self, exchange: Exchange, clip: Clip, sound: Sound) -> Reading:
        heard_after = _first_audible(clip, sound, exchange.started)
        exchange.measurements |= self._numbers(exchange, sound, heard_after)
        findings = judge(clip, sound, self.text, self.limits)
        first = heard_after if heard_after is not None else exchange.measurements["time_to_first_byte_seconds"]
        if findings:
            message = f"{exchange.who}: " + "; ".join(finding.text for finding in findings)
        else:
            message = f"{exchange.who} speaks: {sound.seconds:.2g} s of audio, audible after {seconds(first)}"
        status = findings[0].status if findings else Status.HEALTHY
        return Reading(status, message, exchange.measurements, exchange.stages, first * 1000)

    def _numbers(self, exchange: Exchange, sound: Sound, heard_after: float | None) -> dict[str, float]:
        numbers = {
            "audio_seconds": sound.seconds,
            "real_time_factor": sum(exchange.stages.values()) / sound.seconds,
            "rms_dbfs": sound.rms_dbfs,
            "peak_dbfs": sound.peak_dbfs,
            "clipping_percent": sound.clipping_percent,
            "dc_offset": sound.dc_offset,
            "characters_per_second": len(self.text) / sound.seconds,
            "starved_seconds": sound.starved,
        }
        if sound.onset is not None and heard_after is not None:
            numbers |= {"leading_silence_seconds": sound.onset, "time_to_first_audio_seconds": heard_after}
        return numbers


def _first_audible(clip: Clip, sound: Sound, started: float) -> float | None:
    """Seconds from the request until a player that begins at the first byte is heard; None when it never is."""
    if sound.onset is None or not clip.arrivals:
        return None
    onset = sound.onset
    arrived = next((at for at, there in clip.arrivals if there >= onset), clip.arrivals[-1][0])
    return max(arrived, clip.arrivals[0][0] + onset) - started


@hookimpl
def auscult_checks() -> Iterable[type[Check]]:
    """`TtsCheck`."""
    return [TtsCheck]
