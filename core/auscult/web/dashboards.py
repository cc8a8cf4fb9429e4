"""Dashboards over HTTP: the seed document's endpoints, and editing under ``/api/v1``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from litestar import Request, Response, delete, get, post, put
from litestar.exceptions import ClientException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter

from auscult.dashboards.table import as_csv
from auscult.dashboards.view import TimeRange
from auscult.definitions import Definition
from auscult.errors import ConfigurationError
from auscult.monitor import Monitor
from auscult.options import Duration
from auscult.web.board_bodies import (
    DashboardBody,
    DashboardList,
    DashboardShort,
    PanelBody,
    PanelKindList,
    PreviewRequest,
    kind_body,
)
from auscult.web.caller import who
from auscult.web.json_bodies import require_json
from auscult.web.problems import BODY_ERRORS, CONFLICT, ERRORS

__all__ = ["dashboard_api_routes", "dashboard_routes"]

LONGEST = 400 * 86_400
HOURS_6 = 6 * 3_600_000
MAX_TIME = 253_402_300_799_000
_get = partial(get, responses=ERRORS)
_edit: dict[str, Any] = {
    "role": "operator",
    "responses": ERRORS | BODY_ERRORS | CONFLICT,
    "before_request": require_json,
}
_Ident = Annotated[str, PathParameter(description="The dashboard's id.", max_length=64)]
_Panel = Annotated[str, PathParameter(description="The panel's id on the dashboard.", max_length=80)]
_Range = Annotated[
    str | None,
    QueryParameter(
        description="How far back: `1h`, `7d`; default: the dashboard's.",
        max_length=40,
        schema_extra={"pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"},
    ),
]


def _time(description: str) -> QueryParameter:
    bounds = {"minimum": 0, "maximum": MAX_TIME}
    return QueryParameter(description=description, ge=0, le=MAX_TIME, schema_extra=bounds)


_Start = Annotated[int | None, _time("Instead of `range`: where to begin, ms since the epoch.")]
_End = Annotated[int | None, _time("Where to end, ms since the epoch; default: now.")]
_Points = Annotated[int, QueryParameter(description="About how many points a line should have.", ge=10, le=2000)]


def dashboard_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """The seed document's endpoints."""
    book = monitor.dashboards

    @_get("/dashboards", operation_id="getDashboards", summary="All dashboards, in short")
    async def dashboards() -> DashboardList:
        await book.ready()
        return DashboardList([DashboardShort.of(entry) for entry in book.entries()])

    @get(
        "/dashboard/{dashboard_id:str}",
        operation_id="getDashboard",
        summary="One dashboard with the data of its panels",
        responses=ERRORS | {200: _spec(DashboardBody, "the dashboard")},
    )
    async def dashboard(
        dashboard_id: _Ident,
        request: Request[Any, Any, Any],
        range: _Range = None,  # noqa: A002 - as people write it in the address
        start: _Start = None,
        end: _End = None,
        points: _Points = 300,
    ) -> Response[bytes]:
        """Variables are given as `var_NAME`."""
        await book.ready()
        span = _span(monitor, range, start, end)
        drawn = await book.draw(dashboard_id, span=span, points=points, variables=_variables(request))
        body = await to_thread.run_sync(lambda: msgspec.json.encode(DashboardBody.of(drawn, book.refresh_interval)))
        return Response(body, media_type="application/json")

    return [dashboards, dashboard]


def _spec(body: type, text: str) -> ResponseSpec:
    return ResponseSpec(body, generate_examples=False, description=text)


def _variables(request: Request[Any, Any, Any]) -> dict[str, str]:
    given = {name[4:]: str(value) for name, value in request.query_params.items() if name.startswith("var_")}
    if len(given) > 50 or any(len(text) > 200 for pair in given.items() for text in pair):
        raise ClientException("There are too many variables, or one is too long")
    return given


def _span(monitor: Monitor, text: str | None, start: int | None = None, end: int | None = None) -> TimeRange | None:
    """The stretch of time that was asked for; None for the dashboard's own."""
    now = monitor.clock.now_ms()
    if start is not None:
        upto = now if end is None else end
        if start >= upto:
            raise ClientException("`start` must lie before `end`")
        return TimeRange(start=start, end=upto)
    upto = now if end is None else end
    if text is None:
        return None if end is None else TimeRange(start=max(upto - HOURS_6, 0), end=upto)
    try:
        seconds = Duration(text)
    except ValueError as error:
        raise ClientException(f"`range`: {error}") from error
    if not 1 <= seconds <= LONGEST:
        raise ClientException(f"`range`: expected a duration from 1s to 400d, found {text}")
    start = max(upto - int(seconds * 1000), 0)
    return TimeRange(start=start, end=upto, text=str(seconds) if end is None else None)


@contextmanager
def _findings() -> Iterator[None]:
    """What is wrong with a definition, as the API tells it: 400 with each mistake and its place."""
    try:
        yield
    except ConfigurationError as error:
        extra = [{"key": finding.key, "message": finding.message} for finding in error.findings]
        raise ValidationException("The definition has mistakes", extra=extra) from error


def dashboard_api_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """What lies below ``/api/v1``."""
    return [*_editing_routes(monitor), *_panel_routes(monitor)]


def _editing_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    book = monitor.dashboards

    @_get("/dashboards/{dashboard_id:str}", operation_id="exportDashboard", summary="A dashboard's definition")
    async def export(dashboard_id: _Ident) -> Definition:
        await book.ready()
        return book.get(dashboard_id).definition

    @post("/dashboards", operation_id="createDashboard", summary="Make a dashboard, or import one", **_edit)
    async def create(data: JSONBody[Definition], request: Request[Any, Any, Any]) -> Definition:
        await book.ready()
        with _findings():
            return (await book.create(data, by=who(request))).definition

    @put("/dashboards/{dashboard_id:str}", operation_id="changeDashboard", summary="Change a dashboard", **_edit)
    async def change(dashboard_id: _Ident, data: JSONBody[Definition], request: Request[Any, Any, Any]) -> Definition:
        """With a `revision`, only if it is the current one."""
        await book.ready()
        with _findings():
            return (await book.change(dashboard_id, data, by=who(request))).definition

    @delete(
        "/dashboards/{dashboard_id:str}",
        operation_id="deleteDashboard",
        role="operator",
        summary="Remove a custom dashboard, or the changes to a shipped one",
        responses=ERRORS | CONFLICT,
    )
    async def remove(dashboard_id: _Ident, request: Request[Any, Any, Any]) -> None:
        await book.ready()
        await book.delete(dashboard_id, by=who(request))

    return (export, create, change, remove)


def _panel_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    book = monitor.dashboards

    @get(
        "/dashboards/{dashboard_id:str}/panels/{panel_id:str}",
        operation_id="getPanel",
        summary="One panel with its data",
        responses=ERRORS | {200: _spec(PanelBody, "the panel")},
    )
    async def panel(
        dashboard_id: _Ident,
        panel_id: _Panel,
        request: Request[Any, Any, Any],
        range: _Range = None,  # noqa: A002
        start: _Start = None,
        end: _End = None,
        points: _Points = 300,
    ) -> Response[bytes]:
        await book.ready()
        span = _span(monitor, range, start, end)
        drawn = await book.draw(dashboard_id, span=span, points=points, variables=_variables(request), panel=panel_id)
        return Response(msgspec.json.encode(PanelBody.of(drawn.panels[0])), media_type="application/json")

    @get(
        "/dashboards/{dashboard_id:str}/panels/{panel_id:str}/csv",
        operation_id="getPanelAsCsv",
        media_type="text/csv",
        summary="One panel's data as CSV",
        responses=ERRORS,
    )
    async def table(
        dashboard_id: _Ident,
        panel_id: _Panel,
        request: Request[Any, Any, Any],
        range: _Range = None,  # noqa: A002
        start: _Start = None,
        end: _End = None,
        points: _Points = 300,
    ) -> Response[str]:
        await book.ready()
        span = _span(monitor, range, start, end)
        drawn = (
            await book.draw(dashboard_id, span=span, points=points, variables=_variables(request), panel=panel_id)
        ).panels[0]
        text = await to_thread.run_sync(lambda: as_csv(drawn.shapes))
        # Both ids consist of harmless characters; see `auscult.component.NAME`.
        headers = {"Content-Disposition": f'attachment; filename="{dashboard_id}-{panel_id}.csv"'}
        return Response(text, media_type="text/csv", headers=headers)

    @post(
        "/dashboards/preview",
        operation_id="previewPanel",
        status_code=200,
        summary="Look at a panel before it is saved",
        role="operator",
        responses=ERRORS | BODY_ERRORS | {200: _spec(PanelBody, "the panel")},
        before_request=require_json,
    )
    async def preview(data: JSONBody[PreviewRequest]) -> Response[bytes]:
        await book.ready()
        span = _span(monitor, data.range)
        with _findings():
            drawn = await book.preview(data.panel, span=span, variables=data.variables)
        return Response(msgspec.json.encode(PanelBody.of(drawn)), media_type="application/json")

    @_get("/panels", operation_id="listPanels", summary="The kinds of panels there are, and their options")
    async def kinds() -> PanelKindList:
        await book.ready()
        return await to_thread.run_sync(
            lambda: PanelKindList([kind_body(cls, _plugin(monitor, cls)) for _, cls in sorted(book.classes.items())])
        )

    return (panel, table, preview, kinds)


def _plugin(monitor: Monitor, cls: type) -> str:
    info = monitor.catalogue.of(cls) if monitor.catalogue is not None else None
    return info.name if info is not None else ""
