"""``/api/v1``: components, their results and history, probing now, pushing readings and signs of life."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from auscult import __version__
from auscult.clock import iso_millis
from auscult.config import show
from auscult.model import Ping, Reading
from auscult.monitor import Monitor
from auscult.web.bodies import (
    ComponentBody,
    ComponentList,
    HistoryBody,
    PingBody,
    PluginBody,
    PluginsBody,
    ReadingBody,
    ResultBody,
    ResultList,
    SystemBody,
)
from auscult.web.problems import MEDIA_TYPE, Problem

__all__ = ["ERRORS", "api_router"]

DAY_MS = 86_400_000
MAX_TIME = 253_402_300_799_000
"""The last millisecond of the year 9999."""

ERRORS = {
    code: ResponseSpec(Problem, generate_examples=False, description=text, media_type=MEDIA_TYPE)
    for code, text in (
        (400, "The request cannot be understood"),
        (401, "A token is needed"),
        (403, "The role does not suffice, or the caller may not ask from there"),
        (404, "There is nothing of that name"),
        (503, "The store cannot write now"),
    )
}
_get = partial(get, responses=ERRORS)
_post = partial(post, responses=ERRORS)
_Name = Annotated[str, Parameter(description="The component's name.", max_length=64)]
_Time = Annotated[int | None, Parameter(description="Milliseconds since the epoch, UTC.", ge=0, le=MAX_TIME)]
_Limit = Annotated[int, Parameter(description="At most this many.", ge=1, le=1000)]
_ExitCode = Annotated[int, Parameter(description="0 is success, anything else a failure.", ge=0, le=255)]


def _reading_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/system", summary="The verdict over all components")
    async def system() -> SystemBody:
        return SystemBody.of(
            monitor.summary(),
            time=iso_millis(monitor.clock.now_ms()),
            started_at=None if monitor.started_at is None else iso_millis(monitor.started_at),
            ready=monitor.ready,
            version=__version__,
        )

    @_get("/components", summary="All components")
    async def components(group: str | None = None, status: str | None = None) -> ComponentList:
        views = monitor.system_health().components.values()
        return ComponentList(
            [
                ComponentBody.of(view)
                for view in views
                if (group is None or view.group == group) and (status is None or view.status == status)
            ]
        )

    @_get("/components/{name:str}", summary="One component")
    async def component(name: _Name) -> ComponentBody:
        return ComponentBody.of(monitor.component_health(name))

    @_get("/components/{name:str}/results", summary="A component's results, newest first")
    async def results(
        name: _Name,
        before: Annotated[int | None, Parameter(description="Only results with smaller ids.", ge=1, le=2**62)] = None,
        limit: _Limit = 100,
    ) -> ResultList:
        return ResultList.of(await monitor.results(name, before=before, limit=limit), limit)

    @_get("/components/{name:str}/history", summary="A component's past, summed up")
    async def history(name: _Name, start: _Time = None, end: _Time = None, points: _Limit = 500) -> HistoryBody:
        upto = monitor.clock.now_ms() if end is None else end
        since = max(upto - DAY_MS, 0) if start is None else start
        return HistoryBody.of(name, since, upto, await monitor.history(name, since, upto, points))

    return (system, components, component, results, history)


def _inventory_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/plugins", summary="Installed plugins and their problems")
    async def plugins() -> PluginsBody:
        infos = monitor.catalogue.plugins if monitor.catalogue is not None else []
        bodies = [
            PluginBody(
                name=info.name,
                distribution=info.distribution,
                version=info.version,
                ok=info.ok,
                kinds={role: list(kinds) for role, kinds in info.kinds.items()},
                missing=list(info.missing),
            )
            for info in infos
        ]
        return PluginsBody(bodies, monitor.problems)

    @_get("/config", summary="The configuration in force, secrets masked")
    async def config() -> dict[str, Any]:
        return show(monitor.settings) if monitor.settings is not None else {}

    return (plugins, config)


def _acting_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_post("/components/{name:str}/check", role="operator", status_code=200, summary="Probe now and tell the result")
    async def check(name: _Name) -> ResultBody:
        return ResultBody.of(await monitor.check_now(name))

    @_post("/components/{name:str}/readings", role="operator", status_code=202, summary="Push a reading")
    async def readings(name: _Name, data: ReadingBody) -> PingBody:
        """Answers when the reading is committed."""
        reading = msgspec.convert(msgspec.to_builtins(data), Reading)
        await monitor.report_durably(name, reading)
        return PingBody(name, iso_millis(monitor.clock.now_ms()))

    return (check, readings)


def _ping_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    async def take(name: str, kind: str, request: Request[Any, Any, Any], exit_code: int | None = None) -> PingBody:
        body = (await request.body())[:10_000]
        message = "".join(c for c in body.decode(errors="replace") if c.isprintable() or c == "\n")
        ping = Ping(at=monitor.clock.now_ms(), kind=kind, exit_code=exit_code, message=message[:1000])
        await monitor.ping(name, ping)
        return PingBody(name, iso_millis(ping.at))

    @_post("/components/{name:str}/ping", role="operator", status_code=202, summary="A sign of life: success")
    async def success(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        """The body, up to 10,000 bytes of text, becomes the message."""
        return await take(name, "success", request)

    @_post("/components/{name:str}/ping/start", role="operator", status_code=202, summary="A job has started")
    async def start(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "start", request)

    @_post("/components/{name:str}/ping/fail", role="operator", status_code=202, summary="A job has failed")
    async def fail(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "fail", request)

    @_post("/components/{name:str}/ping/{code:int}", role="operator", status_code=202, summary="A job has ended")
    async def ended(name: _Name, code: _ExitCode, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "fail" if code else "success", request, code)

    return (success, start, fail, ended)


def api_router(monitor: Monitor) -> Router:
    """The routes below ``/api/v1``."""
    routes = (_reading_routes, _inventory_routes, _acting_routes, _ping_routes)
    handlers = [handler for make in routes for handler in make(monitor)]
    return Router("/api/v1", route_handlers=handlers, tags=["api"])
