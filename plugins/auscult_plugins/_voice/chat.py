"""A streamed chat completion, read event by event: when the first token came, whether it came to an end."""

from __future__ import annotations

import json
from typing import Any

from auscult_plugins._voice.failures import Failure, classify_error

__all__ = ["ChatStream"]


class ChatStream:
    """What a stream of ``chat.completion.chunk`` objects has said so far. Give it each event's data and the time.

    The first token is the first text of the answer (or call of a tool): not the first chunk, which often carries only
    a role, and not a reasoning model's thinking, whose length is kept beside it.
    """

    def __init__(self) -> None:
        self.first_thought_at: float | None = None
        self.first_token_at: float | None = None
        self.last_token_at: float | None = None
        self.text = ""
        self.tokens_seen = 0
        """Chunks with text; not tokens, since one chunk may hold several."""
        self.finish_reason = ""
        self.done = False
        self.failure: Failure | None = None
        self.completion_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.prompt_tokens: int | None = None
        self.garbage = ""

    @property
    def complete(self) -> bool:
        """Whether the server said that this was all."""
        return self.done or bool(self.finish_reason)

    def event(self, data: str, at: float) -> None:
        """Take one event that came `at` (monotonic seconds)."""
        if data.strip() == "[DONE]":
            self.done = True
            return
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            self.garbage = self.garbage or data[:60]
            return
        self.take(said, at)

    def take(self, said: dict[str, Any], at: float) -> None:
        """Take one chunk, or a whole completion from a server that does not stream."""
        if said.get("error"):
            self.failure = self.failure or classify_error(said)
            return
        self._usage(said.get("usage"))
        choices = said.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._choice(choice, at)

    def _choice(self, choice: dict[str, Any], at: float) -> None:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, at)
        if reason := choice.get("finish_reason"):
            self.finish_reason = str(reason)

    def _delta(self, delta: dict[str, Any], at: float) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and self.first_thought_at is None:
            self.first_thought_at = at
        text = delta.get("content") or delta.get("refusal") or ""
        if text or delta.get("tool_calls"):
            self.text += text if isinstance(text, str) else ""
            self.tokens_seen += 1
            self.last_token_at = at
            if self.first_token_at is None:
                self.first_token_at = at

    def _usage(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        self.completion_tokens = _count(usage.get("completion_tokens"), self.completion_tokens)
        self.prompt_tokens = _count(usage.get("prompt_tokens"), self.prompt_tokens)
        details = usage.get("completion_tokens_details")
        if isinstance(details, dict):
            self.reasoning_tokens = _count(details.get("reasoning_tokens"), self.reasoning_tokens)


def _count(value: Any, before: int | None) -> int | None:
    """A missing number is unknown, never zero."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else before
