"""As much HTTP as the stand-ins need, straight on ASGI: a request, an answer, a server whose port can go deaf."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn

__all__ = ["Answer", "Handler", "Listener", "Request", "answer_json", "answer_text"]

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One request; the body is read when asked for."""

    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    receive: _Receive

    async def body(self) -> bytes:
        """All of it."""
        parts = b""
        while (message := await self.receive())["type"] == "http.request":
            parts += message.get("body", b"")
            if not message.get("more_body"):
                break
        return parts

    async def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            said = json.loads(await self.body() or b"{}")
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    async def gone(self) -> None:
        """Return when the client has hung up: for those who never answer."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True)
class Answer:
    """What is sent back: bytes, or a stream of them."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer | None]]
"""None: no answer at all, the connection is closed."""


def answer_json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """`data` as JSON."""
    return Answer(status, "application/json", json.dumps(data).encode(), headers or {})


def answer_text(text: str, status: int = 200) -> Answer:
    """Plain text."""
    return Answer(status, "text/plain; charset=utf-8", text.encode())


def _application(handler: Handler) -> Any:
    async def app(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        answer = await handler(Request(scope["method"], scope["path"], headers, receive))
        if answer is not None:
            await _send(answer, send)

    return app


async def _send(answer: Answer, send: _Send) -> None:
    headers = {"content-type": answer.content_type, **answer.headers}
    if isinstance(answer.body, bytes):
        headers["content-length"] = str(len(answer.body))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    if isinstance(answer.body, bytes):
        await send({"type": "http.response.body", "body": answer.body})
        return
    async for part in answer.body:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class _Server(uvicorn.Server):
    """Leaves the process's signals alone: several of these live in one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """A handler on a loopback port of its own. Closed, the port stays ours and refuses connections."""

    def __init__(self, handler: Handler, port: int = 0, *, wrap: Callable[[Any], Any] | None = None) -> None:
        """`wrap` puts a middleware around the application."""
        app = _application(handler)
        self._app = wrap(app) if wrap is not None else app
        self._socket = self._bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:…``"""
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    def _bind(port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    async def open(self) -> None:
        """Listen; nothing when it does already."""
        if self._task is not None:
            return
        config = uvicorn.Config(self._app, lifespan="off", ws="none", access_log=False, log_config=None)
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Hang up on everybody and refuse connections; nothing when it does already."""
        if self._task is None or self._server is None:
            return
        self._server.should_exit = self._server.force_exit = True
        await self._task
        self._task = self._server = None
        self._socket = self._bind(self.port)

    async def stop(self) -> None:
        """Close and give the port back."""
        await self.close()
        self._socket.close()
