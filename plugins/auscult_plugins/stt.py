"""Speech to text over the OpenAI-compatible API: does it hear what is said?"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from auscult import Check, CheckContext, Discovered, Measurement, Preferences, Reading, Status, hookimpl
from auscult_plugins._voice.costs import COST, cost_of
from auscult_plugins._voice.directory import openai_proposal
from auscult_plugins._voice.exchange import Exchange, Failed, guarded, seconds
from auscult_plugins._voice.failures import classify_error
from auscult_plugins._voice.openai import OpenAICheck
from auscult_plugins._voice.wave import BadAudio, read_wave
from auscult_plugins._voice.words import normalise, word_error_rate

_BUNDLED = Path(__file__).parent / "_voice" / "hello.wav"
_BUNDLED_TEXT = "hello how can i help you today"
_MAX_FILE = 25_000_000
_Rate = Annotated[float, msgspec.Meta(ge=0)]


class Utterance(msgspec.Struct, frozen=True):
    """What is sent, ready to send."""

    name: str
    data: bytes
    content_type: str
    seconds: float | None
    """How long it plays; None where the format does not say it to us."""


@cache
def bundled() -> Utterance:
    """The utterance that comes with auscult: "hello how can i help you today", 16 kHz mono WAV, a synthetic voice."""
    return load(_BUNDLED)


def load(path: Path) -> Utterance:
    """An audio file. Raises Failed with a sentence when it cannot be used."""
    try:
        if path.stat().st_size > _MAX_FILE:
            raise Failed(f"`audio_file` {path} is larger than {_MAX_FILE} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise Failed(f"`audio_file` {path} cannot be read: {error.strerror or error}") from None
    kind = "audio/wav" if path.suffix.lower() == ".wav" else mimetypes.guess_type(path.name)[0]
    return Utterance(path.name, data, kind or "application/octet-stream", _length(data))


def _length(data: bytes) -> float | None:
    try:
        return read_wave(data).seconds or None
    except BadAudio:
        return None


class SttCheck(OpenAICheck):
    """A speech-to-text service, OpenAI-compatible: OpenAI itself, a gateway, or a server of your own.

    Depth ``auth``, the default, costs nothing: the key is accepted and the model is listed. Depth ``speech`` sends a
    spoken sentence of 2.4 s and compares the transcript word by word. It costs what the vendor asks for those
    seconds, and is done every 5 minutes unless you name an interval. The response time is the time to the transcript.
    """

    kind = "stt"
    component_type = "stt_client"
    measurements: ClassVar[tuple[Measurement, ...]] = (
        *OpenAICheck.measurements,
        Measurement("word_error_rate", "", "Words wrong, missing and too many, per word said; 0 is perfect."),
        Measurement("audio_seconds", "seconds", "How long the utterance plays."),
        Measurement("real_time_factor", "", "Time to the transcript, per second of audio."),
        COST,
    )

    depth: Literal["reach", "auth", "speech"] = "auth"
    """How far: ``reach`` (a server answers), ``auth`` (free: key and model), ``speech`` (paid: it hears)."""
    language: str = ""
    """Language of the utterance, for example ``en``; empty lets the server find out."""
    audio_file: str = ""
    """Your own utterance instead of the bundled English one; goes with `expected_text`."""
    expected_text: str = ""
    """What is said in `audio_file`. Choose words without numbers and names: services write those in many ways."""
    degraded_word_error_rate: _Rate = 0.2
    """More wrong words than this is degraded."""
    unhealthy_word_error_rate: _Rate = 0.5
    """More wrong words than this is unhealthy; so is an empty transcript."""

    def __post_init__(self) -> None:
        OpenAICheck.__post_init__(self)
        if self.depth == "speech":
            self.needs_model("speech")
        if bool(self.audio_file) != bool(normalise(self.expected_text)):
            raise ValueError("`audio_file` and `expected_text` go together: what is sent, and what is said in it")
        if self.unhealthy_word_error_rate < self.degraded_word_error_rate:
            raise ValueError("`unhealthy_word_error_rate` lies below `degraded_word_error_rate`")

    def prefers(self) -> Preferences:
        """Every 5 minutes where it costs money."""
        return Preferences(interval=300, timeout=30) if self.depth == "speech" else Preferences()

    async def probe(self, ctx: CheckContext) -> Reading:
        """One look, as deep as asked for."""
        exchange = self.exchange(ctx)
        work = {"reach": self.reach, "auth": self.look, "speech": self._transcribe}[self.depth]
        return await guarded(exchange, lambda: work(exchange))

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """OpenAI's own, where no other vendor's key says who listens."""
        if proposal := openai_proposal("stt", environ):
            yield proposal.discovered(cls)

    async def _transcribe(self, exchange: Exchange) -> Reading:
        said = self.expected_text or _BUNDLED_TEXT
        clip = await exchange.ctx.in_thread(lambda: load(Path(self.audio_file)) if self.audio_file else bundled())
        form = {"model": self.model, "response_format": "json"} | ({"language": self.language} if self.language else {})
        parts = {"file": (clip.name, clip.data, clip.content_type)}
        async with exchange.request(
            "POST", "/audio/transcriptions", waiting_for="the transcript", data=form, files=parts
        ) as reply:
            answer = await exchange.json(reply, "a transcript")
        took = sum(exchange.stages.values())
        if clip.seconds is not None:
            exchange.measurements |= {"audio_seconds": clip.seconds, "real_time_factor": took / clip.seconds}
            paid = await cost_of(exchange, self.model, self.provider, audio_seconds=clip.seconds)
            exchange.measurements |= paid
        return self._verdict(exchange, said, _text(exchange, answer), took)

    def _verdict(self, exchange: Exchange, said: str, heard: str, took: float) -> Reading:
        rate = word_error_rate(said, heard)
        exchange.measurements["word_error_rate"] = rate
        status, message = self._judge(said, heard, rate)
        if status is Status.HEALTHY:
            message = f"{message} in {seconds(took)}"
        return Reading(status, f"{exchange.who} {message}", exchange.measurements, exchange.stages, took * 1000)

    def _judge(self, said: str, heard: str, rate: float) -> tuple[Status, str]:
        if not normalise(heard):
            return Status.UNHEALTHY, f"hears nothing: the transcript of “{_short(said)}” is empty"
        wrong = f"hears “{_short(heard)}” where “{_short(said)}” is said: word error rate {rate:.0%}"
        if rate > self.unhealthy_word_error_rate:
            return Status.UNHEALTHY, f"{wrong}, above {self.unhealthy_word_error_rate:.0%}"
        if rate > self.degraded_word_error_rate:
            return Status.DEGRADED, f"{wrong}, above {self.degraded_word_error_rate:.0%}"
        return Status.HEALTHY, f"hears “{_short(heard)}” (word error rate {rate:.0%})"


def _text(exchange: Exchange, answer: Any) -> str:
    """The transcript in an answer."""
    if isinstance(answer, dict) and isinstance(answer.get("text"), str):
        return str(answer["text"])
    if isinstance(answer, dict) and answer.get("error"):
        raise Failed(classify_error(answer).sentence(exchange.who))
    raise Failed(f"{exchange.who} answers 200 without a transcript: the JSON has no `text`")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"


@hookimpl
def auscult_checks() -> Iterable[type[Check]]:
    """`SttCheck`."""
    return [SttCheck]
