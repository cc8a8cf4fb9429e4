"""`RequestMetrics`: an ASGI middleware that counts the requests an application serves, by route template."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from auscult.metrics.names import declared

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["RequestMetrics"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_UNMATCHED = "unmatched"


class RequestMetrics:
    """Wraps an application of Starlette, FastAPI, Litestar, or any other ASGI framework.

    Counts by method, route and status, never by raw path: what matches no route is ``unmatched``. `route` says how the
    template is found for a framework that is not known here; it is given the scope after the request.
    """

    def __init__(
        self,
        app: App,
        registry: CollectorRegistry | None = None,
        *,
        route: Callable[[Scope], str | None] | None = None,
        max_routes: int = 500,
    ) -> None:
        """`registry`: the default is prometheus_client's own; wrap one application with it."""
        from prometheus_client import REGISTRY, Counter, Gauge, Histogram

        registry = registry if registry is not None else REGISTRY
        self._app, self._route, self._max_routes = app, route or template_of, max_routes
        self._routes: set[str] = set()
        self._requests = Counter(*declared("http_server_requests_total"), registry=registry)
        self._duration = Histogram(
            *declared("http_server_request_duration_seconds"), registry=registry, buckets=_BOUNDS
        )
        self._errors = Counter(*declared("http_server_request_errors_total"), registry=registry)
        self._active = Gauge(*declared("http_server_active_requests"), registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope.get("type") != "http":
            await self._app(scope, receive, send)
            return
        status, begun, outside = 0, time.perf_counter(), scope.get("root_path", "")

        async def sending(message: Any) -> None:
            nonlocal status
            if message.get("type") == "http.response.start":
                status = message.get("status", 0)
            await send(message)

        self._active.inc()
        failure = ""
        try:
            await self._app(scope, receive, sending)
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            self._active.dec()
            self._count(scope, outside, status, failure, time.perf_counter() - begun)

    def _count(self, scope: Scope, outside: str, status: int, failure: str, seconds: float) -> None:
        method = scope.get("method", "")
        method = method if method in _METHODS else "other"
        route = self._bounded(self._found(scope, outside))
        # An exception before the answer began becomes a 500 further out.
        self._requests.labels(method, route, str(status or 500)).inc()
        self._duration.labels(method, route).observe(seconds)
        if failure or status >= 500:
            self._errors.labels(method, route, failure or str(status)).inc()

    def _found(self, scope: Scope, outside: str) -> str:
        route = self._route(scope)
        if route is None:
            return _UNMATCHED
        # Behind a mount the route is what comes after it; what a proxy put in front is not ours.
        mounted = scope.get("root_path", "").removeprefix(outside)
        return mounted + route if mounted and not route.startswith(mounted) else route

    def _bounded(self, route: str) -> str:
        if route not in self._routes:
            if len(self._routes) >= self._max_routes:
                return "other"
            self._routes.add(route)
        return route


def template_of(scope: Scope) -> str | None:
    """The route template that a framework left in the scope; None where nothing matched."""
    if "path_template" in scope:  # Litestar
        return scope["path_template"] or None
    route = scope.get("route")  # Starlette and FastAPI
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None
