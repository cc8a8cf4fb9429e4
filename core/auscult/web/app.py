"""The application: raw ASGI in front for what is asked most, Litestar behind it for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Litestar, Response, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp

from auscult import __version__
from auscult.definitions import Definition
from auscult.monitor import Monitor
from auscult.web.access import Access
from auscult.web.alert_bodies import TAKEN
from auscult.web.alerts import alert_routes
from auscult.web.answers import HealthAnswers
from auscult.web.api import api_router
from auscult.web.asked_once import asked_once
from auscult.web.board_bodies import PreviewRequest
from auscult.web.bodies import ReadingBody
from auscult.web.built import BuiltPage, built_routes
from auscult.web.control import control_routes
from auscult.web.dashboards import dashboard_routes
from auscult.web.front import Front
from auscult.web.health import health_routes
from auscult.web.inbound import inbound_routes
from auscult.web.login import LoginBody, login_routes
from auscult.web.metrics import metrics_routes
from auscult.web.oidc import oidc_routes
from auscult.web.openapi_page import openapi_routes
from auscult.web.page import page_routes
from auscult.web.policy import POLICY
from auscult.web.problems import MAX_BODY, problem_handlers
from auscult.web.public_bodies import IncidentRequest, UpdateRequest
from auscult.web.receiving import receiving_routes
from auscult.web.reloading import Reload
from auscult.web.status_page import status_page_routes
from auscult.web.stream import EventStream

if TYPE_CHECKING:
    from auscult.config import Settings

__all__ = ["create_app", "make_litestar"]

_SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


_TAKEN = (Definition, PreviewRequest, LoginBody, IncidentRequest, UpdateRequest)
"""Bodies that dashboards, login and incidents take."""


def create_app(
    monitor: Monitor,
    *,
    settings: Settings | None = None,
    reload: Reload | None = None,
    trust_host: bool = False,
    built_page: bool = True,
) -> ASGIApp:
    """The ASGI application for `monitor`, to serve or to mount. It neither starts nor stops the monitor.

    Tokens and other rules of access are those of the monitor's settings at the time of each request, or of `settings`
    where the monitor has none; without both, this machine alone may ask. `trust_host` leaves access to the
    application it is mounted in. `reload` is what ``POST /-/reload`` calls. Without `built_page` the server-rendered
    page is shown, as it is where the other one has not been built.
    """
    answers = HealthAnswers(monitor)
    app = make_litestar(
        monitor, answers, settings=settings, reload=reload, trust_host=trust_host, built_page=built_page
    )
    front = Front(lambda: app, answers)
    front.prepare()
    return front


def make_litestar(
    monitor: Monitor,
    answers: HealthAnswers,
    *,
    settings: Settings | None = None,
    reload: Reload | None = None,
    trust_host: bool = False,
    built_page: bool = True,
) -> Litestar:
    """The application behind the `Front`; see `create_app`."""

    def current() -> Settings | None:
        return monitor.settings if monitor.settings is not None else settings

    access = Access(monitor, current, trust_host=trust_host)
    built = BuiltPage()
    shown = built if built_page and built.exists else None
    stream = EventStream(monitor)

    def root() -> Router:
        return Router(
            "/",
            route_handlers=[
                *health_routes(monitor, answers),
                *alert_routes(monitor),
                *dashboard_routes(monitor),
                *login_routes(monitor, access, current),
                *oidc_routes(monitor, access, current),
                *inbound_routes(monitor),
                *metrics_routes(monitor),
                *receiving_routes(monitor),
                *control_routes(reload),
                *openapi_routes(lambda: _describe(root())),
                *page_routes(monitor, shown),
                *built_routes(built),
                *status_page_routes(monitor, shown, current),
                api_router(monitor, stream, reload),
            ],
            guards=[access.guard, asked_once],
            after_request=_secure,
        )

    return _litestar(root(), None)


def _litestar(root: Router, openapi: OpenAPIConfig | None) -> Litestar:
    return Litestar(
        route_handlers=[root],
        exception_handlers=problem_handlers,
        openapi_config=openapi,
        logging_config=None,
        debug=False,  # whatever LITESTAR_DEBUG says: tracebacks are for the log
        request_max_body_size=MAX_BODY,
    )


def _describe(root: Router) -> dict[str, Any]:
    """The OpenAPI document, made by an application that serves nothing: Litestar would add pages of its own to ours."""
    bearer = SecurityScheme(type="http", scheme="bearer", description="A token that `auscult token NAME` made.")
    config = OpenAPIConfig(
        title="auscult",
        version=__version__,
        description="A monitor for voice AI agents and everything else.",
        render_plugins=[JsonRenderPlugin()],
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}],
    )
    document = _litestar(root, config).openapi_schema.to_schema()
    # Litestar's own leaves out the names of measurements, and that anything unknown is refused.
    _, schemas = msgspec.json.schema_components(
        [ReadingBody, *TAKEN, *_TAKEN], ref_template="#/components/schemas/{name}"
    )
    document["components"]["schemas"].update(schemas)
    return document


def _secure(response: Response[Any]) -> Response[Any]:
    for name, value in {**_SECURITY, "Cache-Control": "no-store"}.items():
        response.headers.setdefault(name, value)
    return response
