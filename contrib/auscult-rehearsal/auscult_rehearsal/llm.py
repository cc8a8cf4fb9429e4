"""``POST /v1/chat/completions``, by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from auscult_rehearsal.asgi import Answer, Request, answer_json
from auscult_rehearsal.faults import FAULTS
from auscult_rehearsal.openai import OpenAIStandIn, error

__all__ = ["LanguageModel", "reply_to"]

_PACE = 0.01
"""Seconds from one token to the next."""
_THOUGHTS = ("The", " user", " wants", " a", " short", " answer", ".")
_SCRIPT = (
    ("weather", "It is sunny in London today, with a light wind from the west."),
    ("cancel", "I have cancelled your order. Is there anything else I can do?"),
    ("help", "You can ask me about the weather, or about your order."),
)
_CREATED = 1_760_000_000


def reply_to(prompt: str) -> str:
    """What the script says to `prompt`; a word asked for with "single word:" is given back."""
    _, asked, word = prompt.partition("single word:")
    if asked and word.split():
        return word.split()[0].strip(".!\"'").capitalize() + "."
    return next((reply for key, reply in _SCRIPT if key in prompt.lower()), "Hello, how can I help you today?")


class LanguageModel(OpenAIStandIn):
    """Streams words. ``silent``: ends without one; ``broken``: breaks off; ``error``: fails inside the stream."""

    name = "llm"
    faults: ClassVar[tuple[str, ...]] = (*FAULTS, "broken", "error")
    engine = "script"

    def __init__(self) -> None:
        super().__init__()
        self.note = "streams what its script says"

    async def serve(self, request: Request) -> Answer | None:
        """See `OpenAIStandIn.serve`."""
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return None
        wish = await request.json()
        if refused := self.unknown_model(wish.get("model")):
            return refused
        prompt = _prompt(wish)
        if prompt is None:
            return error(
                400, "Missing required parameter: 'messages'.", "invalid_request_error", None, param="messages"
            )
        completion = _Completion(wish, prompt, self.fault, f"chatcmpl-{next(self._numbers)}")
        if wish.get("stream"):
            return Answer(content_type="text/event-stream", body=completion.stream())
        return answer_json(completion.whole())


def _prompt(wish: dict[str, Any]) -> str | None:
    messages = wish.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return None
    content = messages[-1].get("content")
    parts = content if isinstance(content, list) else [content]
    return " ".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in parts)


class _Completion:
    """One answer, whole or in chunks, with its accounts."""

    def __init__(self, wish: dict[str, Any], prompt: str, fault: str, name: str) -> None:
        self._wish, self._prompt, self._fault, self._name = wish, prompt, fault, name
        words = reply_to(prompt).split()
        limit = int(wish.get("max_completion_tokens") or wish.get("max_tokens") or 10_000)
        self._thoughts = _THOUGHTS[:limit] if wish["model"] == "rehearsal-reasoner" else ()
        room = limit - len(self._thoughts)
        self._tokens = [] if fault == "silent" else [f" {word}" if n else word for n, word in enumerate(words)][:room]
        self._reason = "length" if len(words) > room else "stop"

    def _usage(self) -> dict[str, Any]:
        asked, answered = len(self._prompt.split()), len(self._tokens) + len(self._thoughts)
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "completion_tokens_details": {"reasoning_tokens": len(self._thoughts)},
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._name, "object": kind, "created": _CREATED, "model": self._wish["model"]}

    def whole(self) -> dict[str, Any]:
        """The answer in one piece."""
        message = {"role": "assistant", "content": "".join(self._tokens), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    async def stream(self) -> AsyncIterator[bytes]:
        """The answer as events; the usage comes in a chunk without choices, where it was asked for."""
        yield self._chunk({"role": "assistant", "content": ""})
        for thought in self._thoughts:
            await asyncio.sleep(_PACE)
            yield self._chunk({"reasoning_content": thought})
        for count, token in enumerate(self._tokens):
            if self._fault in ("broken", "error") and count >= len(self._tokens) // 2:
                if self._fault == "error":
                    yield _event({"error": {"message": "The server is overloaded.", "code": "server_overloaded"}})
                return
            await asyncio.sleep(_PACE)
            yield self._chunk({"content": token})
        yield self._chunk({}, self._reason)
        if (self._wish.get("stream_options") or {}).get("include_usage"):
            yield _event({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], "usage": None})


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
