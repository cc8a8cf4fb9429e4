"""The application: raw ASGI in front for what is asked most, Litestar behind it for everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
from litestar import Litestar, Request, Response, Router, get, head, post
from litestar.config.app import AppConfig
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ASGIApp, Receive, Scope, Send

from auscult import __version__
from auscult.metrics.exposition import own_figures, render
from auscult.metrics.text import OPENMETRICS, TEXT
from auscult.monitor import Monitor
from auscult.web.access import Access
from auscult.web.api import ERRORS, api_router
from auscult.web.bodies import ReloadBody
from auscult.web.health import IETF, JSON, HealthAnswers
from auscult.web.openapi_page import openapi_routes
from auscult.web.page import page_routes
from auscult.web.problems import problem, problem_handlers

if TYPE_CHECKING:
    from auscult.config import Plan, Settings

__all__ = ["Front", "app_config", "create_app"]

MAX_BODY = 1 << 20
"""Bytes of a request's body."""
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
Reload = Callable[[], Awaitable["Plan"]]


def create_app(
    monitor: Monitor,
    *,
    settings: Settings | None = None,
    reload: Reload | None = None,
    trust_host: bool = False,
) -> ASGIApp:
    """The ASGI application for `monitor`, to serve or to mount. It neither starts nor stops the monitor.

    `settings` bring tokens and other rules of access; without them, this machine alone may ask. `trust_host` leaves
    access to the application it is mounted in. `reload` is what ``POST /-/reload`` calls.
    """
    settings = settings if settings is not None else monitor.settings
    answers = HealthAnswers(monitor)
    access = Access(settings, trust_host=trust_host)
    app = Litestar(
        route_handlers=[_root(monitor, answers, access, settings, reload)],
        exception_handlers=problem_handlers,
        openapi_config=OpenAPIConfig(
            title="auscult",
            version=__version__,
            description="A monitor for voice AI agents and everything else.",
            render_plugins=[],
            # The document lies behind the same guard as everything else.
            openapi_router=Router("/api", route_handlers=[], guards=[access.guard], after_request=_secure),
        ),
        logging_config=None,
        request_max_body_size=MAX_BODY,
    )
    return Front(app, answers)


def app_config(config: AppConfig, monitor: Monitor, path: str, *, trust_host: bool) -> AppConfig:
    """Add the routes below `path` to somebody else's Litestar application."""
    access = Access(monitor.settings, trust_host=trust_host)
    root = _root(monitor, HealthAnswers(monitor), access, monitor.settings, None)
    config.route_handlers.append(
        Router(path, route_handlers=[root], exception_handlers=problem_handlers, request_max_body_size=MAX_BODY)
    )
    return config


class Front:
    """Answers ``GET`` and ``HEAD`` of ``/health`` and ``/-/healthy`` itself: no routing, no middleware, cached bytes.

    ``/health`` in the IETF's shape, and everything else, is Litestar's.
    """

    def __init__(self, app: Litestar, answers: HealthAnswers) -> None:
        self.app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path == "/health" and not _wants_ietf(scope):
                await _send(send, scope["method"], *self._answers.short())
                return
            if path == "/-/healthy":
                await _send(send, scope["method"], 200, b'{"status":"alive"}')
                return
        await self.app(scope, receive, send)


def _wants_ietf(scope: Any) -> bool:
    return any(name == b"accept" and b"health+json" in value for name, value in scope["headers"])


async def _send(send: Any, method: str, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _root(
    monitor: Monitor, answers: HealthAnswers, access: Access, settings: Settings | None, reload: Reload | None
) -> Router:
    timestamps = settings is None or settings.server.metric_timestamps
    return Router(
        "/",
        route_handlers=[
            *_health_routes(monitor, answers),
            *_metrics_routes(monitor, timestamps=timestamps),
            *_control_routes(reload),
            *openapi_routes(),
            *page_routes(monitor),
            api_router(monitor),
        ],
        guards=[access.guard],
        after_request=_secure,
    )


def _secure(response: Response[Any]) -> Response[Any]:
    response.headers.update(_SECURITY)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _health_routes(monitor: Monitor, answers: HealthAnswers) -> list[BaseRouteHandler]:
    def answer(status: int, body: bytes, media_type: str) -> Response[bytes]:
        return Response(body, status_code=status, media_type=media_type)

    @get("/health", public=True, summary="The verdict in short", responses={503: ERRORS[503]}, security=[{}])
    async def health(request: Request[Any, Any, Any]) -> Response[bytes]:
        if "health+json" in request.headers.get("accept", ""):
            return answer(*answers.ietf(), IETF)
        return answer(*answers.short(), JSON)

    @get("/health/detailed", summary="The verdict with every component", responses=ERRORS)
    async def detailed() -> Response[bytes]:
        return answer(*answers.detailed(), JSON)

    @get("/-/healthy", public=True, summary="Liveness: the process answers", security=[{}])
    async def healthy() -> dict[str, str]:
        return {"status": "alive"}

    @get(
        "/-/ready",
        public=True,
        summary="Readiness: first verdicts are there",
        responses={503: ERRORS[503]},
        security=[{}],
    )
    async def ready() -> Response[dict[str, str]]:
        state = monitor.ready
        return Response({"status": "ready" if state else "starting"}, status_code=200 if state else 503)

    @head("/health", public=True, include_in_schema=False)
    async def health_head() -> Response[None]:
        return Response(None, status_code=answers.short()[0])

    return [health, detailed, healthy, ready, health_head]


def _metrics_routes(monitor: Monitor, *, timestamps: bool) -> list[BaseRouteHandler]:
    @get(
        "/metrics", metrics=True, media_type="text/plain", summary="Everything as Prometheus metrics", responses=ERRORS
    )
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        body = await exposition(monitor, timestamps=timestamps, openmetrics=openmetrics)
        headers = {"Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = await anyio.to_thread.run_sync(_gzip, body)
            headers["Content-Encoding"] = "gzip"
        return Response(body, media_type=OPENMETRICS if openmetrics else TEXT, headers=headers)

    return [metrics]


def _gzip(body: bytes) -> bytes:
    import gzip

    return gzip.compress(body, compresslevel=1, mtime=0)


async def exposition(monitor: Monitor, *, timestamps: bool = True, openmetrics: bool = False) -> bytes:
    """The metrics document; others get a turn every few milliseconds."""
    views = []
    for count, view in enumerate(monitor.health.views(), 1):
        views.append(view)
        if count % 200 == 0:
            await anyio.lowlevel.checkpoint()
    views = [view for view in views if view.last_check is not None]
    own = own_figures(monitor.stats()) | _store_figures(monitor)
    pieces = []
    for piece in render(
        monitor.summary(),
        views,
        monitor.components(),
        monitor.durations,
        own,
        now=monitor.clock.now_ms(),
        timestamps=timestamps,
        openmetrics=openmetrics,
    ):
        pieces.append(piece)
        await anyio.lowlevel.checkpoint()
    return "".join(pieces).encode()


def _store_figures(monitor: Monitor) -> dict[str, float]:
    if monitor.store is None:
        return {}
    stats = monitor.store.stats()
    return {
        "auscult_store_queue_results": stats.queue_length,
        "auscult_store_results_written_total": stats.rows_written,
        "auscult_store_results_dropped_total": stats.dropped,
        "auscult_store_low_on_disk": float(stats.low_on_disk),
        "auscult_store_file_bytes": stats.file_bytes,
    }


def _control_routes(reload: Reload | None) -> list[BaseRouteHandler]:
    @post(
        "/-/reload",
        role="admin",
        status_code=200,
        summary="Read the configuration again",
        responses={**ERRORS, 422: ERRORS[400]},
    )
    async def reload_now() -> Response[Any]:
        """A configuration with mistakes changes nothing and is answered with all of them."""
        if reload is None:
            return problem(404, "This monitor was not made from a configuration that could be read again")
        plan = await reload()
        return Response(ReloadBody(list(plan.added), list(plan.changed), list(plan.removed), list(plan.other)))

    return [reload_now]
