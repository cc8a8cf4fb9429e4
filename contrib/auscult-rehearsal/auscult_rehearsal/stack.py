"""All stand-ins together, and the endpoint that steers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auscult_rehearsal.agent import AgentWorker
from auscult_rehearsal.asgi import Answer, Listener, Request, answer_json
from auscult_rehearsal.conversation import SERVICES, Conversation
from auscult_rehearsal.database import Database
from auscult_rehearsal.engines import choose_ears, choose_mouth
from auscult_rehearsal.livekit import LiveKit
from auscult_rehearsal.llm import LanguageModel
from auscult_rehearsal.redis import Redis
from auscult_rehearsal.standin import StandIn, UnknownFault
from auscult_rehearsal.stt import SpeechToText
from auscult_rehearsal.tts import TextToSpeech

__all__ = ["NAMES", "Stack", "component_name"]

NAMES = ("stt", "llm", "tts", "database", "redis", "livekit", "orchestrator")
_ALIASES = {"agent": "orchestrator", "worker": "orchestrator", "sqlite": "database"}


def component_name(name: str) -> str:
    """The stand-in that `name` means: ``tts``, ``tts_client`` and ``agent`` are all understood."""
    plain = name.strip().lower().removesuffix("_client")
    return _ALIASES.get(plain, plain)


class Stack:
    """Start it, steer it over HTTP, stop it. Redis is left out where redis-server is not installed."""

    def __init__(self, directory: Path, *, clips_only: bool = False, talk: bool = False) -> None:
        """`talk`: an agent answers a caller over the stand-ins, every few seconds."""
        found: list[StandIn] = [
            SpeechToText(choose_ears(clips_only=clips_only)),
            LanguageModel(),
            TextToSpeech(choose_mouth(clips_only=clips_only)),
            Database(directory / "calls.db"),
            *([Redis(directory / "redis")] if Redis.available() else []),
            LiveKit(),
            AgentWorker(),
        ]
        self.components = {standin.name: standin for standin in found}
        addresses = {name: standin.url for name, standin in self.components.items() if name in SERVICES}
        self.conversation = Conversation(addresses) if talk else None
        self.control = Listener(self._control)

    async def start(self) -> None:
        """Start all of them; when one fails, stop the others and raise."""
        try:
            for standin in self.components.values():
                await standin.start()
            if self.conversation is not None:
                await self.conversation.start()
            await self.control.open()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all of them."""
        if self.conversation is not None:
            await self.conversation.stop()
        for standin in self.components.values():
            await standin.stop()
        await self.control.stop()

    def describe(self) -> dict[str, Any]:
        """Where everything is, and what is broken."""
        return {
            "control": self.control.url,
            "agent": self.conversation.url if self.conversation is not None else "",
            "components": {name: standin.describe() for name, standin in self.components.items()},
        }

    async def _control(self, request: Request) -> Answer:
        """``GET /``; ``POST /break`` with component, fault, seconds; ``POST /mend`` with component or none for all.

        A body is JSON by its content type too: no web page can send that here without asking first.
        """
        if request.method == "GET":
            return answer_json(self.describe())
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return answer_json({"error": "expected application/json"}, 415)
        wish = await request.json()
        try:
            await self._steer(request.path, wish)
        except UnknownFault as error:
            return answer_json({"error": str(error)}, 400)
        return answer_json(self.describe())

    async def _steer(self, path: str, wish: dict[str, Any]) -> None:
        named = component_name(str(wish.get("component") or ""))
        if named and named not in self.components:
            known = ", ".join(self.components)
            raise UnknownFault(f"there is no stand-in `{wish['component']}`; there are {known}")
        if path == "/break" and named:
            await self.components[named].break_(str(wish.get("fault", "")), float(wish.get("seconds", 3)))
        elif path == "/mend":
            for standin in [self.components[named]] if named else self.components.values():
                await standin.mend()
        else:
            raise UnknownFault("expected /break with `component` and `fault`, or /mend")
