"""An agent that answers callers, and a caller: real turns over the stand-ins, recorded as an agent's process does.

The agent's API has two routes: ``GET /v1/calls/{call}`` looks into the database, ``POST /v1/calls/{call}/turns`` hears
a caller out (STT), finds an answer (LLM) and speaks it (TTS). ``GET /metrics`` exposes what was recorded.
While a stand-in is broken its turns fail, and are recorded as failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auscult import Prices, Recorder, RequestMetrics
from auscult_rehearsal import API_KEY
from auscult_rehearsal.asgi import Answer, Listener, Request, answer_json
from auscult_rehearsal.engines import RATE, pcm_of

if TYPE_CHECKING:
    import httpx

__all__ = ["EVERY", "SERVICES", "Conversation"]

SERVICES = ("stt", "llm", "tts", "database")
"""What the agent works with."""

EVERY = 12.0
"""Seconds from one turn to the next: enough to see something, little enough for a laptop."""
_CLIPS = Path(__file__).parent / "clips"
_SAID = ("please-tell-me-the-weather-in-london", "i-would-like-to-cancel-my-order-please", "the-system-is-working")
_PATIENCE = 10.0
"""Seconds the agent waits for a service."""
_INPUT_USD, _OUTPUT_USD = 0.15e-6, 0.60e-6
"""What a token would cost: made up, like the rates in prices.toml."""
_ROUTES = (
    (re.compile(r"/v1/calls/([a-z0-9-]{1,40})"), "/v1/calls/{call}"),
    (re.compile(r"/v1/calls/([a-z0-9-]{1,40})/turns"), "/v1/calls/{call}/turns"),
)


class TurnFailed(Exception):
    """A service did not do its work; the text says which."""


def _route(scope: Mapping[str, Any]) -> str | None:
    return next((template for pattern, template in _ROUTES if pattern.fullmatch(scope["path"])), None)


class Conversation:
    """The agent's API on a port of its own, and a caller who says something every few seconds."""

    def __init__(self, services: Mapping[str, str], *, every: float = EVERY) -> None:
        """`services`: the address of each of `SERVICES`."""
        from prometheus_client import CollectorRegistry

        self._services, self._every = services, every
        self._registry = CollectorRegistry()
        self._recorder = Recorder(self._registry, prices=Prices.load(Path(__file__).with_name("prices.toml")))
        self._listener = Listener(self._serve, wrap=self._count)
        self._caller: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    @property
    def url(self) -> str:
        """Where the agent's API is."""
        return self._listener.url

    async def start(self) -> None:
        """Answer, and be called."""
        import httpx

        self._client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)
        await self._listener.open()
        self._caller = asyncio.create_task(self._call())

    async def stop(self) -> None:
        """Hang up."""
        if self._caller is not None:
            self._caller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._caller
        await self._listener.stop()
        if self._client is not None:
            await self._client.aclose()

    def _count(self, app: Any) -> Any:
        """Count requests, but those for the metrics themselves."""
        counted = RequestMetrics(app, self._registry, route=_route)

        async def either(scope: Any, receive: Any, send: Any) -> None:
            await (app if scope.get("path") == "/metrics" else counted)(scope, receive, send)

        return either

    async def _call(self) -> None:
        """One sentence after the other; what goes wrong is in the agent's metrics."""
        import httpx

        assert self._client is not None
        for number in itertools.count():
            call = f"call-{number // len(_SAID) % 3 + 1}"
            said = (_CLIPS / f"{_SAID[number % len(_SAID)]}.wav").read_bytes()
            with contextlib.suppress(httpx.HTTPError):
                await self._client.get(f"{self.url}/v1/calls/{call}")
                await self._client.post(f"{self.url}/v1/calls/{call}/turns", content=said, timeout=4 * _PATIENCE)
            await asyncio.sleep(self._every)

    async def _serve(self, request: Request) -> Answer:
        if request.path == "/metrics":
            return self._metrics()
        template = _route({"path": request.path})
        try:
            if template == "/v1/calls/{call}":
                return answer_json(await asyncio.to_thread(self._look_up, request.path.split("/")[3]))
            if template is not None and request.method == "POST":
                return answer_json(await self._turn(await request.body()))
        except TurnFailed as failed:
            return answer_json({"error": str(failed)}, 502)
        return answer_json({"error": "there is nothing here"}, 404)

    def _metrics(self) -> Answer:
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        return Answer(content_type=CONTENT_TYPE_PLAIN_0_0_4, body=generate_latest(self._registry))

    def _look_up(self, call: str) -> dict[str, Any]:
        path = self._services["database"].removeprefix("sqlite:///")
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as database:
                (count,) = database.execute("select count(*) from calls").fetchone()
        except sqlite3.Error as error:
            raise TurnFailed(f"database: {error}") from None
        return {"call": call, "calls": count}

    async def _turn(self, said: bytes) -> dict[str, Any]:
        """Hear, think, speak."""
        heard = await self._hear(said)
        answer = await self._think(heard)
        return {"heard": heard, "answer": answer, "audio_bytes": await self._speak(answer)}

    async def _hear(self, said: bytes) -> str:
        try:
            length = len(pcm_of(said)) / 2 / RATE
        except ValueError as error:
            raise TurnFailed(f"stt: {error}") from None
        async with self._recorded("stt", audio_seconds=length) as used:
            form: dict[str, Any] = {
                "data": {"model": "rehearsal-stt"},
                "files": {"file": ("said.wav", said, "audio/wav")},
            }
            reply = await self._post("stt", "/v1/audio/transcriptions", **form)
            used["first_byte"] = reply.elapsed.total_seconds()
        return str(reply.json()["text"])

    async def _think(self, heard: str) -> str:
        wish: dict[str, Any] = {"model": "rehearsal-llm", "messages": [{"role": "user", "content": heard or "hello"}]}
        wish |= {"stream": True, "stream_options": {"include_usage": True}}
        words: list[str] = []
        async with self._recorded("llm") as used:
            begun = time.perf_counter()
            async with self._open("llm", "/v1/chat/completions", json=wish) as lines:
                async for line in lines:
                    event = json.loads(line)
                    words += [choice["delta"].get("content") or "" for choice in event.get("choices", ())]
                    if any(words) and "first_token" not in used:
                        used["first_token"] = time.perf_counter() - begun
                    if usage := event.get("usage"):
                        tokens = usage["prompt_tokens"], usage["completion_tokens"]
                        used |= dict(zip(("input_tokens", "output_tokens"), tokens, strict=True))
                        used["cost_usd"] = tokens[0] * _INPUT_USD + tokens[1] * _OUTPUT_USD
            if not any(words):
                raise TurnFailed("llm: not a word came")
        return "".join(words)

    async def _speak(self, answer: str) -> int:
        wish = {"model": "rehearsal-tts", "input": answer, "voice": "alloy", "response_format": "wav"}
        async with self._recorded("tts", characters=len(answer)) as used:
            reply = await self._post("tts", "/v1/audio/speech", json=wish)
            used["first_byte"] = reply.elapsed.total_seconds()
            used["audio_seconds"] = len(pcm_of(reply.content)) / 2 / RATE
        return len(reply.content)

    @contextlib.asynccontextmanager
    async def _recorded(self, service: str, **used: Any) -> AsyncIterator[dict[str, Any]]:
        """Record what happens inside as one call; what failed has used nothing that is known."""
        import httpx

        record: dict[str, Any] = {
            "stt": self._recorder.record_stt,
            "llm": self._recorder.record_llm,
            "tts": self._recorder.record_tts,
        }
        who: dict[str, Any] = {"provider": "rehearsal", "model": f"rehearsal-{service}"}
        begun = time.perf_counter()
        try:
            yield used
        except (TurnFailed, httpx.HTTPError, ValueError, KeyError) as error:
            outcome = "timeout" if isinstance(error, httpx.TimeoutException) else "error"
            record[service](**who, duration=time.perf_counter() - begun, outcome=outcome)
            raise TurnFailed(f"{service}: {error or outcome}") from None
        record[service](**who, duration=time.perf_counter() - begun, **used)

    async def _post(self, service: str, path: str, **content: Any) -> httpx.Response:
        assert self._client is not None
        headers = {"Authorization": f"Bearer {API_KEY}"}
        reply = await self._client.post(self._services[service] + path, headers=headers, **content)
        if reply.status_code != 200:
            raise TurnFailed(f"{service} answers {reply.status_code}")
        return reply

    @contextlib.asynccontextmanager
    async def _open(self, service: str, path: str, **content: Any) -> AsyncIterator[AsyncIterator[str]]:
        """The data of a stream of events, one by one."""
        assert self._client is not None
        headers = {"Authorization": f"Bearer {API_KEY}"}
        address = self._services[service] + path
        async with self._client.stream("POST", address, headers=headers, **content) as reply:
            if reply.status_code != 200:
                raise TurnFailed(f"{service} answers {reply.status_code}")
            yield (
                line.removeprefix("data: ")
                async for line in reply.aiter_lines()
                if line.startswith("data: ") and line != "data: [DONE]"
            )
