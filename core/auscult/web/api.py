"""``/api/v1``: components, their results and history, probing now, pushing readings and signs of life."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, PathParameter, QueryParameter

from auscult import __version__
from auscult.clock import iso_millis
from auscult.config import show
from auscult.model import Ping, Reading, Status
from auscult.monitor import Monitor
from auscult.web.alerts import alert_api_routes
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
from auscult.web.costs import cost_routes
from auscult.web.dashboards import dashboard_api_routes
from auscult.web.events import event_routes
from auscult.web.flows import flow_routes
from auscult.web.json_bodies import require_json
from auscult.web.metric_history import metric_history_routes
from auscult.web.parameters import number
from auscult.web.past import past_routes
from auscult.web.problems import BODY_ERRORS, ERRORS
from auscult.web.recent import recent_routes
from auscult.web.reloading import Reload
from auscult.web.stream import EventStream

__all__ = ["api_router"]

DAY_MS = 86_400_000
MAX_TIME = 253_402_300_799_000
"""The last millisecond of the year 9999."""

_get = partial(get, responses=ERRORS)
_post = partial(post, responses=ERRORS)
_ping = partial(post, role="operator", status_code=202, responses=ERRORS | {413: BODY_ERRORS[413]})

_Name = Annotated[str, PathParameter(description="The component's name.", max_length=64)]
_Time = Annotated[int | None, number("Milliseconds since the epoch, UTC.", 0, MAX_TIME)]
_Limit = Annotated[int, QueryParameter(description="At most this many.", ge=1, le=1000)]
_Before = Annotated[int | None, number("Only results with smaller ids.", 1, 2**62)]
_Group = Annotated[str | None, QueryParameter(description="Only components of this group.")]
_Status = Annotated[Status | None, QueryParameter(description="Only components in this state.")]
_ExitCode = Annotated[int, PathParameter(description="0 is success, anything else a failure.", ge=0, le=255)]


def _reading_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/system", operation_id="getSystem", summary="The verdict over all components")
    async def system() -> SystemBody:
        return SystemBody.of(
            monitor.summary(),
            time=iso_millis(monitor.clock.now_ms()),
            started_at=None if monitor.started_at is None else iso_millis(monitor.started_at),
            ready=monitor.ready,
            version=__version__,
        )

    @_get("/components", operation_id="listComponents", summary="All components")
    async def components(group: _Group = None, status: _Status = None) -> ComponentList:
        views = monitor.system_health().components.values()
        return ComponentList(
            [
                ComponentBody.of(view)
                for view in views
                if (group is None or view.group == group) and (status is None or view.status == status)
            ]
        )

    @_get("/components/{name:str}", operation_id="getComponent", summary="One component")
    async def component(name: _Name) -> ComponentBody:
        return ComponentBody.of(monitor.component_health(name))

    @_get("/components/{name:str}/results", operation_id="listResults", summary="A component's results, newest first")
    async def results(name: _Name, before: _Before = None, limit: _Limit = 100) -> ResultList:
        return ResultList.of(await monitor.results(name, before=before, limit=limit), limit)

    @_get("/components/{name:str}/history", operation_id="getHistory", summary="A component's past, summed up")
    async def history(name: _Name, start: _Time = None, end: _Time = None, points: _Limit = 500) -> HistoryBody:
        upto = monitor.clock.now_ms() if end is None else end
        since = max(upto - DAY_MS, 0) if start is None else start
        return HistoryBody.of(name, since, upto, await monitor.history(name, since, upto, points))

    return (system, components, component, results, history)


def _inventory_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/plugins", operation_id="listPlugins", summary="Installed plugins and their problems")
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

    @_get("/config", operation_id="getConfig", summary="The configuration in force, secrets masked")
    async def config() -> dict[str, Any]:
        return show(monitor.settings) if monitor.settings is not None else {}

    return (plugins, config)


def _acting_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_post(
        "/components/{name:str}/check",
        operation_id="checkNow",
        role="operator",
        status_code=200,
        summary="Probe now and tell the result",
    )
    async def check(name: _Name) -> ResultBody:
        return ResultBody.of(await monitor.check_now(name))

    @_post(
        "/components/{name:str}/readings",
        operation_id="pushReading",
        role="operator",
        status_code=202,
        summary="Push a reading",
        before_request=require_json,
        responses=ERRORS | BODY_ERRORS,
    )
    async def readings(name: _Name, data: JSONBody[ReadingBody]) -> PingBody:
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

    @_ping("/components/{name:str}/ping", operation_id="ping", summary="A sign of life: success")
    async def success(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        """The body, up to 10,000 bytes of text, becomes the message."""
        return await take(name, "success", request)

    @_ping("/components/{name:str}/ping/start", operation_id="pingStart", summary="A job has started")
    async def start(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "start", request)

    @_ping("/components/{name:str}/ping/fail", operation_id="pingFail", summary="A job has failed")
    async def fail(name: _Name, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "fail", request)

    @_ping("/components/{name:str}/ping/{code:int}", operation_id="pingExitCode", summary="A job has ended")
    async def ended(name: _Name, code: _ExitCode, request: Request[Any, Any, Any]) -> PingBody:
        return await take(name, "fail" if code else "success", request, code)

    return (success, start, fail, ended)


def api_router(monitor: Monitor, stream: EventStream, reload: Reload | None = None) -> Router:
    """The routes below ``/api/v1``."""
    routes = (_reading_routes, _inventory_routes, _acting_routes, _ping_routes)
    handlers = [handler for make in routes for handler in make(monitor)]
    handlers += alert_api_routes(monitor)
    handlers += metric_history_routes(monitor)
    handlers += flow_routes(monitor)
    handlers += dashboard_api_routes(monitor)
    handlers += past_routes(monitor, reload)
    handlers += event_routes(monitor, stream)
    handlers += recent_routes(monitor)
    handlers += cost_routes(monitor)
    return Router("/api/v1", route_handlers=handlers, tags=["api"])
