"""The public status page, its data and its badges; and who writes incidents. Off unless the configuration says so.

One guard option, `status_page`, opens all that is public here, so no badge can be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
import msgspec
from anyio import to_thread
from litestar import Request, Response, delete, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter

from auscult.clock import iso_seconds
from auscult.config.settings import StatusPageSettings
from auscult.errors import ComponentNotFound
from auscult.model import ComponentHealth, Status
from auscult.monitor import Monitor
from auscult.web.alert_bodies import milliseconds
from auscult.web.badges import ShieldBody, badge
from auscult.web.built import BuiltPage
from auscult.web.caller import who
from auscult.web.json_bodies import require_json
from auscult.web.policy import PAGE_POLICY
from auscult.web.problems import BODY_ERRORS, CONFLICT, ERRORS
from auscult.web.public_bodies import (
    DAY_MS,
    DAYS,
    IncidentBody,
    IncidentList,
    IncidentRequest,
    StatusPageBody,
    UpdateRequest,
    page_body,
    shown_components,
)

if TYPE_CHECKING:
    from auscult.config import Settings
    from auscult.store import HistoryPoint

__all__ = ["incident_routes", "status_page_routes"]

SYSTEM = "system"
FRESH = 5.0
"""Seconds for which one page serves everybody."""
_SVG = {
    "Content-Type": "image/svg+xml",
    "Cache-Control": "public, max-age=60",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_Name = Annotated[str, PathParameter(description="A component on the page, or `system`.", max_length=64)]
_What = Annotated[
    Literal["health.svg", "uptime.svg", "response-time.svg", "health.json", "uptime.json", "response-time.json"],
    PathParameter(description="What it is about, and the form."),
]
_Window = Annotated[Literal["1h", "24h", "7d", "30d"], QueryParameter(description="Over which time, for uptime.")]
_Ident = Annotated[str, PathParameter(description="The incident's id.", max_length=64)]
_PUBLIC = {code: ERRORS[code] for code in (400, 401, 403, 404, 429, 503)}
Current = Callable[[], "Settings | None"]


class _Page:
    """The page's data, made once every few seconds however many ask."""

    def __init__(self, monitor: Monitor, current: Current) -> None:
        self._monitor, self._current = monitor, current
        self._made: tuple[float, StatusPageSettings, bytes] | None = None
        self._turn = anyio.Lock()

    def settings(self) -> StatusPageSettings:
        """Raises 404 while the page is switched off."""
        settings = self._current()
        if settings is None or not settings.status_page.enabled:
            raise NotFoundException("The status page is switched off; `[status_page] enabled = true` switches it on")
        return settings.status_page

    async def body(self) -> bytes:
        """The data as JSON."""
        settings = self.settings()
        async with self._turn:
            now = self._monitor.clock.monotonic()
            if self._made is None or now - self._made[0] > FRESH or self._made[1] is not settings:
                self._made = (now, settings, await self._make(settings))
            return self._made[2]

    def forget(self) -> None:
        """Something was told anew."""
        self._made = None

    async def _make(self, settings: StatusPageSettings) -> bytes:
        monitor, now = self._monitor, self._monitor.clock.now_ms()
        views = shown_components(settings, monitor.health.system().components.values())
        incidents = [each for each in monitor.incidents.all() if each.starts_at <= now]
        return await to_thread.run_sync(partial(self._assembled, settings, views, incidents, now))

    def _assembled(
        self, settings: StatusPageSettings, views: Sequence[ComponentHealth], incidents: Sequence[Any], now: int
    ) -> bytes:
        store = self._monitor.store
        history: dict[str, Sequence[HistoryPoint]] = {}
        if store is not None:
            end = (now // DAY_MS + 1) * DAY_MS
            names = [view.component_name for view in views]
            history |= store.histories(names, end - DAYS * DAY_MS, end, DAYS)
        return msgspec.json.encode(page_body(settings, views, history, incidents, now))


def status_page_routes(monitor: Monitor, built: BuiltPage | None, current: Current) -> list[BaseRouteHandler]:
    """What is public while the page is switched on."""
    page = _Page(monitor, current)

    @get("/status", status_page=True, include_in_schema=False, media_type="text/html")
    async def html(request: Request[Any, Any, Any]) -> Response[str]:
        settings = page.settings()
        found = built.page("status.html", request.scope.get("root_path", "")) if built is not None else None
        if found is not None:
            return Response(found, media_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})
        return Response(_rendered(settings, await page.body(), request), media_type="text/html")

    @get(
        "/api/v1/status-page",
        status_page=True,
        operation_id="getStatusPage",
        summary="The public status page's data",
        responses=_PUBLIC | {200: _spec(StatusPageBody, "the page")},
        security=[{}],
        tags=["api"],
    )
    async def data() -> Response[bytes]:
        """Public while the status page is switched on."""
        return Response(await page.body(), media_type="application/json", headers={"Cache-Control": "max-age=5"})

    @get(
        "/badge/{name:str}/{what:str}",
        status_page=True,
        operation_id="getBadge",
        summary="A badge as SVG, or for shields.io",
        responses=_PUBLIC | {200: _spec(ShieldBody, "the badge")},
        security=[{}],
        tags=["api"],
    )
    async def small(name: _Name, what: _What, window: _Window = "24h") -> Response[Any]:
        """Public while the status page is switched on, for what is on it."""
        made = _badge(monitor, page.settings(), name, what.rpartition(".")[0], window)
        if what.endswith(".svg"):
            return Response(made.svg(), headers=_SVG)
        return Response(made.shield(), headers={"Cache-Control": "public, max-age=60"})

    return [html, data, small, *incident_routes(monitor, page.forget)]


def _spec(body: type, text: str) -> ResponseSpec:
    return ResponseSpec(body, generate_examples=False, description=text)


def _badge(monitor: Monitor, settings: StatusPageSettings, name: str, what: str, window: str) -> Any:
    shown = shown_components(settings, monitor.health.system().components.values())
    if name == SYSTEM:
        statuses = {view.status for view in shown}
        order = (Status.UNHEALTHY, Status.DEGRADED, Status.HEALTHY)
        worst = next((status for status in order if status in statuses), Status.UNKNOWN)
        ups = [up for view in shown if (up := view.uptime.get(window)) is not None]
        times = [view.response_time_ms for view in shown if view.response_time_ms is not None]
        return badge(
            what,
            settings.title,
            status=worst,
            uptime=sum(ups) / len(ups) if ups else None,
            window=window,
            response_ms=max(times, default=None),
        )
    view = next((view for view in shown if view.component_name == name), None)
    if view is None:
        raise ComponentNotFound(name, [view.component_name for view in shown])
    return badge(
        what,
        settings.names.get(name, name),
        status=view.status,
        uptime=view.uptime.get(window),
        window=window,
        response_ms=view.response_time_ms,
    )


def _rendered(settings: StatusPageSettings, body: bytes, request: Request[Any, Any, Any]) -> str:
    """The page without any script, where the other one has not been built."""
    found = msgspec.json.decode(body, type=StatusPageBody)
    root = escape(request.scope.get("root_path", ""), quote=True)
    groups = "".join(
        f"<section><h2>{escape(group.name)}</h2><table><tbody>"
        + "".join(
            f'<tr class="{each.status}"><th scope="row">{escape(each.name)}</th><td class="state">{each.status}</td>'
            f"<td>{'–' if each.uptime_90d is None else f'{each.uptime_90d:.4g} % in 90 days'}</td></tr>"
            for each in group.components
        )
        + "</tbody></table></section>"
        for group in found.groups
    )
    told = "".join(
        f"<section><h2>{escape(each.title)}</h2><p>{escape(text)}</p></section>"
        for each, text in [(a, a.text) for a in found.announcements]
        + [(i, f"{i.state}: {i.updates[0].text}" if i.updates else i.state) for i in found.incidents]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(settings.title)}</title>'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{root}/static/style.css">'
        f'<meta http-equiv="refresh" content="30"></head><body><main><header class="{found.status}"><div>'
        f"<h1>{escape(found.title)}</h1><p>{escape(found.message)}</p></div></header>{told}{groups}</main>"
        f"<footer><span>{escape(iso_seconds(_moment(found.updated_at)))}</span></footer></body></html>"
    )


def _moment(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp() * 1000)


def incident_routes(monitor: Monitor, changed: Callable[[], None]) -> list[BaseRouteHandler]:
    """For those who write incidents and announcements."""
    acting = {"role": "operator", "responses": ERRORS | BODY_ERRORS | CONFLICT, "before_request": require_json}
    options: dict[str, Any] = {**acting, "tags": ["api"]}

    @get(
        "/api/v1/incidents",
        operation_id="listIncidents",
        summary="Incidents and announcements",
        responses=ERRORS,
        tags=["api"],
    )
    async def incidents() -> IncidentList:
        return IncidentList([IncidentBody.of(each) for each in monitor.incidents.all()])

    @post("/api/v1/incidents", operation_id="addIncident", summary="Tell the public something", **options)
    async def add(data: JSONBody[IncidentRequest], request: Request[Any, Any, Any]) -> IncidentBody:
        for name in data.components:
            if name not in monitor.components():
                raise ClientException(str(ComponentNotFound(name, monitor.components())))
        try:
            starts_at, ends_at = milliseconds(data.starts_at), milliseconds(data.ends_at)
        except (ValueError, OverflowError) as error:
            raise ClientException(str(error)) from error
        added = await monitor.incidents.add(
            kind=data.kind,
            title=data.title,
            text=data.text,
            components=data.components,
            starts_at=starts_at,
            ends_at=ends_at,
            by=who(request),
        )
        changed()
        return IncidentBody.of(added)

    @post(
        "/api/v1/incidents/{ident:str}/updates", operation_id="updateIncident", summary="Say how it goes on", **options
    )
    async def update(ident: _Ident, data: JSONBody[UpdateRequest], request: Request[Any, Any, Any]) -> IncidentBody:
        """`resolved` ends it."""
        updated = await monitor.incidents.update(ident, state=data.state, text=data.text, by=who(request))
        changed()
        return IncidentBody.of(updated)

    @delete(
        "/api/v1/incidents/{ident:str}",
        operation_id="deleteIncident",
        role="operator",
        summary="Take an incident or announcement back",
        responses=ERRORS,
        tags=["api"],
    )
    async def remove(ident: _Ident, request: Request[Any, Any, Any]) -> None:
        await monitor.incidents.delete(ident, by=who(request))
        changed()

    return [incidents, add, update, remove]
