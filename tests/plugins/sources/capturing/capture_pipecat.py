"""Has the real pipecat-ai hold a conversation, and keeps what its tracing sends.

    pip install pipecat-ai opentelemetry-sdk opentelemetry-exporter-otlp-proto-http    (an environment of its own)
    python tests/plugins/sources/capturing/capture_pipecat.py

The payload in the repository was made with pipecat-ai 1.14.0 and opentelemetry-sdk 1.45.2 on Python 3.11. Pipeline,
services, observers and spans are the framework's own; OpenAI is played by a server on the loopback.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from receiving import captured
from said import WHAT_WAS_SAID


class OpenAI(BaseHTTPRequestHandler):
    """Transcribes, answers and speaks, always the same."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(0.05)
        if self.path.endswith("/transcriptions"):
            self._send("application/json", json.dumps({"text": WHAT_WAS_SAID}).encode())
        elif self.path.endswith("/speech"):
            self._send("audio/pcm", b"\1\0" * 24000)
        else:
            assert json.loads(body)["stream"]
            pieces: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}
                for text in ("Certainly. ", WHAT_WAS_SAID, ". Anything else?")
            ]
            usage = {
                "prompt_tokens": 900,
                "completion_tokens": 40,
                "total_tokens": 940,
                "prompt_tokens_details": {"cached_tokens": 100},
            }
            pieces += [
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": usage},
            ]
            whole = {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
            lines = [f"data: {json.dumps(whole | piece)}\n\n" for piece in pieces]
            self._send("text/event-stream", ("".join(lines) + "data: [DONE]\n\n").encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


async def conversation(address: str) -> None:
    """Two turns, the second one interrupted."""
    from pipecat.frames import frames
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.processors.aggregators.llm_context import LLMContext
    from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
    from pipecat.services.openai.llm import OpenAILLMService
    from pipecat.services.openai.stt import OpenAISTTService
    from pipecat.services.openai.tts import OpenAITTSService
    from pipecat.workers.runner import WorkerRunner

    class Speaker(FrameProcessor):
        """Stands for the transport: it says when the bot begins and ends to speak."""

        speaking = False

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, frames.TTSAudioRawFrame) and not self.speaking:
                self.speaking = True
                await self.push_frame(frames.BotStartedSpeakingFrame())
                await self.push_frame(frames.BotStartedSpeakingFrame(), FrameDirection.UPSTREAM)
            if isinstance(frame, (frames.TTSStoppedFrame, frames.InterruptionFrame)) and self.speaking:
                self.speaking = False
                await self.push_frame(frames.BotStoppedSpeakingFrame())
                await self.push_frame(frames.BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM)
            await self.push_frame(frame, direction)

    key = {"api_key": "none", "base_url": address}
    context = LLMContext([{"role": "system", "content": f"You are kind. {WHAT_WAS_SAID}"}])
    pair = LLMContextAggregatorPair(context)
    hears = OpenAISTTService(**key, settings=OpenAISTTService.Settings(model="gpt-transcribe"))
    thinks = OpenAILLMService(**key, settings=OpenAILLMService.Settings(model="gpt-4o-mini"))
    speaks = OpenAITTSService(**key, settings=OpenAITTSService.Settings(model="tts-1", voice="nova"))
    worker = PipelineWorker(
        Pipeline([hears, pair.user(), thinks, speaks, Speaker(), pair.assistant()]),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        enable_tracing=True,
        enable_rtvi=False,
        cancel_on_idle_timeout=False,
        conversation_id="conversation-1",
    )

    async def talk() -> None:
        await asyncio.sleep(1)
        for wait in (5.0, 0.6):
            await worker.queue_frame(frames.VADUserStartedSpeakingFrame())
            await worker.queue_frame(frames.UserStartedSpeakingFrame())
            for _ in range(20):
                audio = frames.InputAudioRawFrame(audio=b"\1\0" * 320, sample_rate=16000, num_channels=1)
                await worker.queue_frame(audio)
                await asyncio.sleep(0.02)
            await worker.queue_frame(frames.VADUserStoppedSpeakingFrame())
            await worker.queue_frame(frames.UserStoppedSpeakingFrame())
            await asyncio.sleep(wait)
        await worker.queue_frame(frames.InterruptionFrame())
        await asyncio.sleep(1)
        await worker.queue_frame(frames.EndFrame())

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await asyncio.gather(runner.run(), talk())


server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAI)
threading.Thread(target=server.serve_forever, daemon=True).start()
with captured("pipecat"):
    asyncio.run(conversation(f"http://127.0.0.1:{server.server_port}/v1"))
