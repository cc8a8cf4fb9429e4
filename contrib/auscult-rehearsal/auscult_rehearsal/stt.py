"""``POST /v1/audio/transcriptions``, by real recognition where it can be had."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import multipart  # type: ignore[import-untyped]

from auscult_rehearsal.asgi import Answer, Request, answer_json, answer_text
from auscult_rehearsal.engines import RATE, Ears, pcm_of
from auscult_rehearsal.openai import OpenAIStandIn, error

__all__ = ["SpeechToText"]


class SpeechToText(OpenAIStandIn):
    """Hears WAV. ``silent``: the transcript is empty."""

    name = "stt"

    def __init__(self, ears: Ears) -> None:
        super().__init__()
        self._ears = ears
        self.engine, self.note = ears.name, ears.note

    async def start(self) -> None:
        """See `StandIn.start`."""
        await self._ears.start()
        await super().start()

    async def stop(self) -> None:
        """See `StandIn.stop`."""
        await super().stop()
        await self._ears.stop()

    async def serve(self, request: Request) -> Answer | None:
        """See `OpenAIStandIn.serve`."""
        if (request.method, request.path) != ("POST", "/v1/audio/transcriptions"):
            return None
        fields, audio = _form(request.headers.get("content-type", ""), await request.body())
        if refused := self.unknown_model(fields.get("model")):
            return refused
        try:
            pcm = pcm_of(audio)
        except ValueError:
            return error(400, "Invalid file format. Supported formats: ['wav']", "invalid_request_error", None)
        try:
            text = "" if self.fault == "silent" else await self._ears.hear(pcm)
        except RuntimeError as gone:  # also at the end, while somebody still speaks
            return error(503, str(gone), "server_error", None)
        return _answer(fields, text, len(pcm) / 2 / RATE)


def _form(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """The text fields and the file; both empty when the body is no form."""
    options = multipart.parse_options_header(content_type)[1]
    fields, audio = {}, b""
    try:
        for part in multipart.MultipartParser(io.BytesIO(body), options.get("boundary", ""), len(body)):
            if part.name == "file":
                audio = part.raw
            else:
                fields[part.name] = part.value
    except multipart.MultipartError:
        return {}, b""
    return fields, audio


def _answer(fields: dict[str, str], text: str, seconds: float) -> Answer:
    usage = {"type": "duration", "seconds": round(seconds)}
    if fields.get("stream") == "true":
        return Answer(content_type="text/event-stream", body=_events(text, usage))
    if fields.get("response_format") == "text":
        return answer_text(text + "\n")
    said: dict[str, Any] = {"text": text, "usage": usage}
    if fields.get("response_format") == "verbose_json":
        said |= {"task": "transcribe", "language": "english", "duration": seconds, "segments": []}
    return answer_json(said)


async def _events(text: str, usage: dict[str, Any]) -> AsyncIterator[bytes]:
    for index, word in enumerate(text.split()):
        yield _event({"type": "transcript.text.delta", "delta": f" {word}" if index else word})
    yield _event({"type": "transcript.text.done", "text": text, "usage": usage})


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
