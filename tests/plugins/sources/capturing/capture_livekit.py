"""Has the real livekit-agents hold a conversation, and keeps what its telemetry sends.

    pip install livekit-agents opentelemetry-exporter-otlp-proto-http    (a virtual environment of its own)
    python tests/plugins/sources/capturing/capture_livekit.py

The payloads in the repository were made with livekit-agents 1.8.9 and opentelemetry-sdk 1.45.2 on Python 3.11.
Everything of the framework is real (session, pipeline, spans, meters); speech and models are played by classes below.
Nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from receiving import captured
from said import WHAT_WAS_SAID


async def conversation() -> None:
    """Two turns, the second one interrupted."""
    from livekit import rtc
    from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, Agent, AgentSession, llm, stt, tts
    from livekit.agents.telemetry import otel_metrics
    from livekit.agents.voice import io

    class Model(llm.LLM):
        model = "gpt-4o-mini"
        provider = "api.openai.com"

        def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
            return Stream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)

    class Stream(llm.LLMStream):
        async def _run(self) -> None:
            await asyncio.sleep(0.12)
            for piece in ("Certainly. ", WHAT_WAS_SAID, ". Anything else?"):
                delta = llm.ChoiceDelta(role="assistant", content=piece)
                self._event_ch.send_nowait(llm.ChatChunk(id="r1", delta=delta))
                await asyncio.sleep(0.02)
            usage = llm.CompletionUsage(
                completion_tokens=40, prompt_tokens=900, prompt_cached_tokens=100, total_tokens=940
            )
            self._event_ch.send_nowait(llm.ChatChunk(id="r1", usage=usage))

    class Voice(tts.TTS):
        model = "sonic-3"
        provider = "Cartesia"

        def __init__(self) -> None:
            super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=16000, num_channels=1)

        def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
            return Utterance(tts=self, input_text=text, conn_options=conn_options)

    class Utterance(tts.ChunkedStream):
        async def _run(self, output_emitter) -> None:
            output_emitter.initialize(request_id="r2", sample_rate=16000, num_channels=1, mime_type="audio/pcm")
            await asyncio.sleep(0.08)
            output_emitter.push(b"\1\0" * 16000)
            output_emitter.flush()

    class Ear(stt.STT):
        model = "nova-3"
        provider = "Deepgram"

        def __init__(self) -> None:
            super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))

        async def _recognize_impl(self, buffer, *, language=None, conn_options=None):
            raise NotImplementedError

        def stream(self, *, language=None, conn_options=DEFAULT_API_CONNECT_OPTIONS):
            return Hearing(stt=self, conn_options=conn_options)

    class Hearing(stt.RecognizeStream):
        async def _run(self) -> None:
            kind = stt.SpeechEventType
            reading = asyncio.create_task(self._read())
            for _ in range(2):
                await talking.get()
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind.START_OF_SPEECH))
                await asyncio.sleep(0.3)
                said = stt.SpeechData(language="en", text=WHAT_WAS_SAID, confidence=0.9)
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind.INTERIM_TRANSCRIPT, alternatives=[said]))
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind.END_OF_SPEECH))
                await asyncio.sleep(0.1)
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind.FINAL_TRANSCRIPT, alternatives=[said]))
                usage = stt.RecognitionUsage(audio_duration=1.5)
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind.RECOGNITION_USAGE, recognition_usage=usage))
            await reading

        async def _read(self) -> None:
            async for _ in self._input_ch:
                pass

    class Microphone(io.AudioInput):
        async def __anext__(self):
            await asyncio.sleep(0.02)
            return rtc.AudioFrame(b"\0\0" * 320, 16000, 1, 320)

    class Speaker(io.AudioOutput):
        def __init__(self) -> None:
            super().__init__(label="speaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=16000)
            self.played = 0.0
            self.ending: asyncio.TimerHandle | None = None

        async def capture_frame(self, frame) -> None:
            await super().capture_frame(frame)
            if not self.played:
                self.on_playback_started(created_at=time.time())
            self.played += frame.duration

        def flush(self) -> None:
            super().flush()
            if self.played:
                self.ending = asyncio.get_running_loop().call_later(self.played, self._end, False)

        def clear_buffer(self) -> None:
            if self.ending is not None:
                self.ending.cancel()
            if self.played:
                self._end(True)

        def _end(self, interrupted: bool) -> None:
            played, self.played, self.ending = self.played, 0.0, None
            self.on_playback_finished(playback_position=played / 2 if interrupted else played, interrupted=interrupted)

    talking: asyncio.Queue[None] = asyncio.Queue()
    session = AgentSession(stt=Ear(), llm=Model(), tts=Voice(), turn_handling={"turn_detection": "stt"}, vad=None)
    session.input.audio = Microphone(label="microphone")
    session.output.audio = Speaker()
    await session.start(Agent(instructions=f"You are kind. {WHAT_WAS_SAID}"))
    talking.put_nowait(None)
    await asyncio.sleep(6)
    talking.put_nowait(None)
    await asyncio.sleep(2.5)
    await session.interrupt()
    await asyncio.sleep(1)
    # In a job this is what the framework calls when the session ends.
    otel_metrics.flush_turn_metrics(session.history)
    await session.aclose()


with captured("livekit") as provider:
    from livekit.agents import telemetry

    telemetry.set_tracer_provider(provider)
    asyncio.run(conversation())
