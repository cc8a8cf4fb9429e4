"""``POST /v1/audio/speech``, by a real voice where it can be had."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from auscult_rehearsal.asgi import Answer, Request
from auscult_rehearsal.engines import RATE, Mouth, resample
from auscult_rehearsal.faults import FAULTS
from auscult_rehearsal.openai import OpenAIStandIn, error
from auscult_rehearsal.sound import DEFECTS

__all__ = ["TextToSpeech"]

_PCM_RATE = 24000
"""What OpenAI's ``pcm`` is."""
_STREAMED_SIZE = 0xFFFFFFFF
"""A streamed WAV does not know how long it will be."""


class TextToSpeech(OpenAIStandIn):
    """Speaks WAV and PCM, in chunks of 100 ms. ``silent`` and the other defects change the sound, not the length."""

    name = "tts"
    faults: ClassVar[tuple[str, ...]] = (*FAULTS, *(name for name in DEFECTS if name not in FAULTS))

    def __init__(self, mouth: Mouth) -> None:
        super().__init__()
        self._mouth = mouth
        self.engine, self.note = mouth.name, mouth.note

    async def serve(self, request: Request) -> Answer | None:
        """See `OpenAIStandIn.serve`."""
        if (request.method, request.path) != ("POST", "/v1/audio/speech"):
            return None
        wish = await request.json()
        refused = self.unknown_model(wish.get("model")) or _refused(wish)
        if refused:
            return refused
        pcm = await self._mouth.say(str(wish["input"]))
        pcm = DEFECTS[self.fault](pcm) if self.fault in DEFECTS else pcm
        if wish.get("response_format") == "pcm":
            return Answer(content_type="audio/pcm", body=_chunks(b"", resample(pcm, RATE, _PCM_RATE), _PCM_RATE))
        return Answer(content_type="audio/wav", body=_chunks(_header(), pcm, RATE))


def _refused(wish: dict[str, Any]) -> Answer | None:
    text = wish.get("input")
    if not isinstance(text, str) or not text.strip() or len(text) > 4096:
        return error(
            400, "Input should be a text of 1 to 4096 characters", "invalid_request_error", None, param="input"
        )
    if wish.get("response_format", "mp3") not in ("wav", "pcm"):
        message = "The rehearsal speaks 'wav' and 'pcm' only; name one of them as response_format"
        return error(400, message, "invalid_request_error", "unsupported_value", param="response_format")
    return None


def _header() -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", _STREAMED_SIZE, b"WAVE") + form + struct.pack("<4sI", b"data", _STREAMED_SIZE)


async def _chunks(header: bytes, pcm: bytes, rate: int) -> AsyncIterator[bytes]:
    """The header alone first, as servers send it before the voice has said anything."""
    if header:
        yield header
    size = rate // 10 * 2
    for begin in range(0, len(pcm), size):
        yield pcm[begin : begin + size]
