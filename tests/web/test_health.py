"""The seed document's health endpoints: exactly its fields and more, the right status, the IETF's shape on demand."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.web.helpers import asking

from auscult import Component, Monitor, Reading, create_app
from auscult.runtime.function import FunctionCheck

pytestmark = pytest.mark.anyio

SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

SEED_SHORT = {
    "status": str,
    "timestamp": str,
    "healthy_components": int,
    "total_components": int,
    "health_percentage": float,
}
SEED_DETAILED = {
    "status": str,
    "last_check": str,
    "healthy_components": int,
    "total_components": int,
    "health_percentage": float,
    "components": dict,
}
SEED_COMPONENT = {
    "component_type": str,
    "component_name": str,
    "status": str,
    "last_check": str,
    "response_time_ms": float,
    "success_rate": float,
    "error_rate": float,
}
MORE = {"message", "p50_ms", "p95_ms", "p99_ms", "trend", "uptime", "stages", "since", "reasons", "measurements"}


def assert_fields(document, fields):
    for name, kind in fields.items():
        assert name in document, name
        value = document[name]
        assert isinstance(value, kind) or (kind is float and type(value) is int), (name, value)
        if name in ("timestamp", "last_check"):
            assert SECONDS.fullmatch(value), (name, value)


def speaking(*readings: Reading, critical: bool = True, **keys) -> Monitor:
    """A monitor with the components ``c0``, ``c1``, … that say these readings, once is enough for a verdict."""
    monitor = Monitor()
    for number, reading in enumerate(readings):
        monitor.health.register(f"c{number}", check=lambda reading=reading: reading, critical=critical, **keys)
    return monitor


async def probed(client: httpx.AsyncClient, times: int = 2) -> None:
    for component in (await client.get("/api/v1/components")).json()["components"]:
        for _ in range(times):
            await client.post(f"/api/v1/components/{component['name']}/check")


async def test_the_seed_documents_example_in_short():
    """`GET /health` has exactly the document's fields, with its types, and more."""
    async with asking(speaking(Reading.healthy("fine"))) as client:
        await probed(client)
        answer = await client.get("/health")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert_fields(body, SEED_SHORT)
        assert (body["status"], body["healthy_components"], body["total_components"]) == ("healthy", 1, 1)
        assert body["health_percentage"] == 100.0
        assert {"message", "trend", "health_score", "last_check"} <= set(body)


async def test_the_seed_documents_example_in_detail():
    """`GET /health/detailed` likewise, component by component; `auscult` is listed and not counted."""
    async with asking(speaking(Reading(response_time_ms=150.5, stages={"connect": 0.1}))) as client:
        await probed(client)
        body = (await client.get("/health/detailed")).json()
        assert_fields(body, SEED_DETAILED)
        assert set(body["components"]) == {"c0", "auscult"}
        assert body["total_components"] == 1
        component = body["components"]["c0"]
        assert_fields(component, SEED_COMPONENT)
        assert set(component) >= MORE
        assert (component["component_name"], component["response_time_ms"]) == ("c0", 150.5)
        assert (component["success_rate"], component["error_rate"]) == (100.0, 0.0)
        assert set(component["uptime"]) == {"1h", "24h", "7d", "30d"} or component["uptime"] == {}
        assert SECONDS.fullmatch(component["since"])


@pytest.mark.parametrize(
    ("readings", "critical", "code", "status", "percentage"),
    [
        ((Reading.healthy(), Reading.healthy()), True, 200, "healthy", 100.0),
        ((Reading.healthy(), Reading.degraded("slow")), True, 200, "degraded", 50.0),
        ((Reading.healthy(), Reading.unhealthy("down")), True, 503, "unhealthy", 50.0),
        ((Reading.healthy(), Reading.healthy(), Reading.unhealthy("down")), False, 200, "degraded", 200 / 3),
    ],
)
async def test_200_for_healthy_and_degraded_503_for_unhealthy(readings, critical, code, status, percentage):
    """The status code tells a balancer what the body tells people; the percentage is healthy / total exactly."""
    async with asking(speaking(*readings, critical=critical)) as client:
        await probed(client)
        for path in ("/health", "/health/detailed"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["status"]) == (code, status)
            assert answer.json()["health_percentage"] == percentage
            assert (await client.head(path)).status_code == code


async def test_before_the_first_verdict():
    """503, `unknown` and `last_check: null`, never an invented time; liveness is 200 all the same."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    transport = httpx.ASGITransport(create_app(monitor), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        short, detailed = await client.get("/health"), await client.get("/health/detailed")
        for answer in (short, detailed):
            assert answer.status_code == 503
            assert (answer.json()["status"], answer.json()["last_check"]) == ("unknown", None)
            assert answer.json()["healthy_components"] == 0
        assert detailed.json()["components"]["a"]["last_check"] is None
        assert detailed.json()["components"]["a"]["success_rate"] is None
        assert (await client.get("/-/healthy")).status_code == 200
        ready = await client.get("/-/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "starting"})


async def test_ready_with_the_first_verdicts():
    """Readiness turns 200 once every component has been judged."""
    async with asking(speaking(Reading.healthy())) as client:
        await probed(client)
        ready = await client.get("/-/ready")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("path", ["/health", "/health/detailed", "/-/healthy", "/-/ready", "/metrics"])
async def test_head_says_what_get_says(path):
    """Same status and same headers, no body."""
    async with asking(speaking(Reading.healthy())) as client:
        await probed(client)
        client.headers["Accept-Encoding"] = "identity"
        get, head = await client.get(path), await client.head(path)
        assert head.status_code == get.status_code
        assert not head.content
        assert head.headers["content-type"] == get.headers["content-type"]
        if "content-length" in get.headers:  # what is streamed has none
            length = int(head.headers["content-length"])
            assert abs(length - len(get.content)) < 500  # a first result may have come meanwhile


@pytest.mark.parametrize("path", ["/health", "/-/healthy"])
async def test_what_stands_in_front_of_the_router_only_reads(path):
    """Other methods go to the router and are refused there; a slash behind changes nothing."""
    async with asking() as client:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (await client.request(method, path)).status_code == 405
        assert (await client.get(path + "/")).status_code == (await client.get(path)).status_code


IETF = {"pass", "warn", "fail"}


@pytest.mark.parametrize(
    ("reading", "code", "status"),
    [
        (Reading.healthy(), 200, "pass"),
        (Reading.degraded("slow <b>"), 200, "warn"),
        (Reading.unhealthy("down"), 503, "fail"),
        (Reading.unknown("cannot tell"), 503, "fail"),
    ],
)
@pytest.mark.parametrize(
    "accept",
    ["application/health+json", "text/html, application/health+json;q=0.9, */*;q=0.1", "Application/Health+JSON"],
)
async def test_the_ietfs_shape_by_accept(accept, reading, code, status):
    """draft-inadarei-api-health-check-06: status, output, checks by `component:measurement`, each a list of objects."""
    async with asking(speaking(reading)) as client:
        await probed(client)
        answer = await client.get("/health", headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/health+json"
        assert answer.headers["vary"] == "Accept"
        body = answer.json()
        assert (answer.status_code, body["status"]) == (code, status)
        assert isinstance(body["output"], str)
        (check,) = body["checks"]["c0:responseTime"]
        assert check["status"] in IETF
        assert check["componentId"] == "c0"
        assert SECONDS.fullmatch(check["time"])
        assert (await client.get("/health", headers={"Accept": "*/*"})).headers["content-type"] == "application/json"


async def test_the_api_tells_milliseconds():
    """Under /api/v1 times have milliseconds (decision 12)."""
    async with asking(speaking(Reading.healthy())) as client:
        await probed(client)
        component = (await client.get("/api/v1/components/c0")).json()
        assert MILLIS.fullmatch(component["last_check"])
        assert MILLIS.fullmatch((await client.get("/api/v1/system")).json()["time"])


async def test_a_component_from_configuration_names_its_type():
    """`component_type` is the check's, or the component's own."""
    check = FunctionCheck(function=lambda: True)
    monitor = Monitor([Component(name="mine", check=check, type="stt_client")])
    async with asking(monitor) as client:
        assert (await client.get("/health/detailed")).json()["components"]["mine"]["component_type"] == "stt_client"
