"""Raw ASGI in front of the router: what is asked most is answered here, and HEAD is answered wherever GET is."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from auscult.web.answers import HealthAnswers

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["Front"]


class Front:
    """Answers ``GET`` and ``HEAD`` of ``/health`` and ``/-/healthy`` itself: no routing, no middleware, cached bytes.

    ``/health`` in the IETF's shape, and everything else, is Litestar's. That application is made by `prepare`, or for
    the first request that needs it: importing Litestar takes longer than all the rest of a start.
    """

    def __init__(self, make: Callable[[], ASGIApp], answers: HealthAnswers) -> None:
        self._make = make
        self._answers = answers
        self._requests, self._clock = answers.monitor.requests, answers.monitor.clock
        self._app: ASGIApp | None = None
        self._making = Lock()

    def prepare(self) -> ASGIApp:
        """Make the application behind, once; from any thread."""
        with self._making:
            if self._app is None:
                self._app = self._make()
            return self._app

    @property
    def app(self) -> ASGIApp:
        """The application behind."""
        return self.prepare()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begin = perf_counter()
        method = scope.get("method")
        if method in ("GET", "HEAD"):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path == "/health" and not _wants_ietf(scope):
                status, body = self._answers.short()
                await _send(send, method, status, body)
                self._count(method, path, status, begin)
                return
            if path == "/-/healthy":
                await _send(send, method, 200, b'{"status":"alive"}')
                self._count(method, path, 200, begin)
                return
            if method == "HEAD":
                scope, send = _as_get(scope), _without_body(send)
        elif method == "OPTIONS":
            send = _allowing_head(send)
        app = self._app if self._app is not None else await to_thread.run_sync(self.prepare)
        if method is None:
            await app(scope, receive, send)
        else:
            await self._counted(app, scope, receive, send, begin)

    async def _counted(self, app: ASGIApp, scope: Any, receive: Receive, send: Send, begin: float) -> None:
        """Serve, and count by route template; a stream of events counts when it begins."""
        status, streams = 0, False

        async def noting(message: Any) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status, streams = message["status"], _is_stream(message)
                if streams:
                    self._count(scope["method"], _template(scope), status, begin)
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            if not streams:
                # Without an answer somebody has hung up, or the server ends.
                self._count(scope["method"], _template(scope), status or 499, begin)

    def _count(self, method: str, route: str, status: int, begin: float) -> None:
        self._requests.count(method, route, status, perf_counter() - begin, self._clock.now_ms())


def _template(scope: Any) -> str:
    """The route's template without what auscult is mounted at; never a path that somebody made up."""
    template = scope.get("path_template")
    if template is None:
        return "(no such address)"
    return str(template).removeprefix(scope.get("root_path", "")) or "/"


def _is_stream(message: Any) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"]
    )


def _wants_ietf(scope: Any) -> bool:
    return any(name == b"accept" and b"health+json" in value.lower() for name, value in scope["headers"])


async def _send(send: Any, method: Any, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _as_get(scope: Any) -> Any:
    return {**scope, "method": "GET", "auscult.head": True}


def _without_body(send: Send) -> Send:
    async def send_head(message: Any) -> None:
        await send(message | {"body": b""} if message["type"] == "http.response.body" else message)

    return send_head


def _allowing_head(send: Send) -> Send:
    async def send_allow(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, _with_head(value) if name == b"allow" else value) for name, value in message["headers"]]
            message = message | {"headers": headers}
        await send(message)

    return send_allow


def _with_head(methods: bytes) -> bytes:
    return methods + b", HEAD" if b"GET" in methods and b"HEAD" not in methods else methods
