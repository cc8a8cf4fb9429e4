"""`RequestMetrics` around real applications of three frameworks."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from litestar import Litestar, get
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from auscult import RequestMetrics

pytestmark = pytest.mark.anyio


def starlette_app():
    async def room(request):
        if request.path_params["name"] == "broken":
            raise LookupError("broken")
        return PlainTextResponse("ok")

    async def down(request):
        return PlainTextResponse("down", status_code=503)

    inner = [Route("/{number:int}", room_number)]
    return Starlette(routes=[Route("/rooms/{name}", room), Route("/down", down), Mount("/inner", routes=inner)])


async def room_number(request):
    return PlainTextResponse("ok")


def fastapi_app():
    app = FastAPI()

    @app.get("/rooms/{name}")
    async def room(name: str) -> str:
        if name == "broken":
            raise LookupError("broken")
        return "ok"

    return app


def litestar_app():
    @get("/rooms/{name:str}")
    async def room(name: str) -> str:
        if name == "broken":
            raise LookupError("broken")
        return "ok"

    return Litestar([room], openapi_config=None, logging_config=None)


async def ask(app, *paths, **options):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, **options)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return [(await client.get(path)).status_code for path in paths]


@pytest.fixture
def registry():
    """One of the test's own."""
    return CollectorRegistry()


@pytest.mark.parametrize(
    ("make", "template"),
    [(starlette_app, "/rooms/{name}"), (fastapi_app, "/rooms/{name}"), (litestar_app, "/rooms/{name}")],
)
async def test_requests_are_counted_by_template(registry, make, template):
    """Many paths, one series; exceptions by type; what matches nothing is told apart from what does."""
    app = RequestMetrics(make(), registry)
    assert await ask(app, "/rooms/a", "/rooms/b", "/rooms/broken", "/nowhere/1", "/nowhere/2") == [
        200,
        200,
        500,
        404,
        404,
    ]

    def count(**labels):
        return registry.get_sample_value("http_server_requests_total", {"method": "GET", **labels})

    assert count(route=template, status="200") == 2
    assert count(route=template, status="500") == 1
    assert count(route="unmatched", status="404") == 2
    duration = {"method": "GET", "route": template}
    assert registry.get_sample_value("http_server_request_duration_seconds_count", duration) == 3
    errors = [s for f in registry.collect() if f.name == "http_server_request_errors" for s in f.samples]
    assert {s.labels["type"] for s in errors if s.name.endswith("_total")} <= {"LookupError", "500"}
    assert sum(s.value for s in errors if s.name.endswith("_total")) == 1
    assert registry.get_sample_value("http_server_active_requests") == 0


async def test_answers_of_500_and_more_are_errors_without_an_exception(registry):
    """By their status."""
    await ask(RequestMetrics(starlette_app(), registry), "/down")
    labels = {"method": "GET", "route": "/down", "type": "503"}
    assert registry.get_sample_value("http_server_request_errors_total", labels) == 1


async def test_mounts_and_proxies(registry):
    """What is mounted keeps its place; what a proxy puts in front does not show."""
    app = RequestMetrics(starlette_app(), registry)
    assert await ask(app, "/inner/7") == [200]
    assert await ask(app, "/proxy/inner/7", root_path="/proxy") == [200]
    labels = {"method": "GET", "route": "/inner/{number:int}", "status": "200"}
    assert registry.get_sample_value("http_server_requests_total", labels) == 2


async def test_odd_methods_and_many_routes_are_bounded(registry):
    """Neither floods labels."""
    app = RequestMetrics(starlette_app(), registry, route=lambda scope: scope["path"], max_routes=3)
    await ask(app, *(f"/{number}" for number in range(10)))
    routes = {s.labels["route"] for f in registry.collect() for s in f.samples if "route" in s.labels}
    assert routes == {"/0", "/1", "/2", "other"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        await client.request("BREW", "/0")
    assert (
        registry.get_sample_value("http_server_request_duration_seconds_count", {"method": "other", "route": "/0"}) == 1
    )


async def test_other_connections_pass_through(registry):
    """Lifespan and websockets are none of its business."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await RequestMetrics(app, registry)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
    assert registry.get_sample_value("http_server_active_requests") == 0
