"""The OpenAPI document: complete, stable, usable offline; and schemathesis over all of it."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.web.helpers import asking, routes_of
from tests.web.test_page import assert_harmless

from auscult import Monitor, create_app

pytestmark = pytest.mark.anyio

OPERATIONS = {
    "acknowledgeAlert",
    "addIncident",
    "addSilence",
    "changeDashboard",
    "checkNow",
    "createDashboard",
    "deleteDashboard",
    "deleteIncident",
    "endSilence",
    "exportDashboard",
    "getAlert",
    "getAlerts",
    "getAlertsV2",
    "getBadge",
    "getComponent",
    "getConfig",
    "getCosts",
    "getDashboard",
    "getDashboards",
    "getEvents",
    "getHealth",
    "getHealthDetailed",
    "getHistory",
    "getLiveness",
    "getMetrics",
    "getPanel",
    "getPanelAsCsv",
    "getPercentiles",
    "getReadiness",
    "getRenderedMetrics",
    "getSession",
    "getStatusPage",
    "getStatusV2",
    "getSystem",
    "listAlerts",
    "listAudit",
    "listChanges",
    "listChannels",
    "listComponents",
    "listDeliveries",
    "listExporters",
    "listIncidents",
    "listMaintenance",
    "listMetricEvents",
    "listMetrics",
    "listPanels",
    "listPlugins",
    "listRecent",
    "listResults",
    "listRules",
    "listSilences",
    "listSources",
    "login",
    "logout",
    "noteAlert",
    "ping",
    "pingExitCode",
    "pingFail",
    "pingStart",
    "planReload",
    "postAlerts",
    "previewPanel",
    "previewSilence",
    "pushReading",
    "queryMetrics",
    "reload",
    "resendDelivery",
    "resolveAlert",
    "testChannel",
    "unacknowledgeAlert",
    "updateIncident",
}
"""Clients are generated from these: they stay what they are."""
PAGES = {
    "/in/{source:str}",
    "/in/{source:str}/{path:path}",
    "/v1/{what:str}",
    "/",
    "/login",
    "/status",
    "/login/oidc",
    "/login/oidc/callback",
    "/fragment",
    "/static/style.css",
    "/static/live.js",
    "/static/login.js",
    "/static/ui/{name:str}",
    "/api/docs",
    "/api/openapi.json",
}
"""For people and browsers; not part of the API."""
PUBLIC = {"getHealth", "getLiveness", "getReadiness", "getSession", "login", "getStatusPage", "getBadge"}
"""Operations that need no token, the last two while the status page is switched on."""


async def document():
    async with asking() as client:
        answer = await client.get("/api/openapi.json")
        assert answer.status_code == 200
        return answer.json()


def operations_of(found):
    return {operation["operationId"]: operation for path in found["paths"].values() for operation in path.values()}


async def test_operation_ids_are_stable_and_every_route_is_described():
    """Nothing that is served is left out, but pages."""
    found = await document()
    assert found["openapi"].startswith("3.1")
    assert set(operations_of(found)) == OPERATIONS
    described = {(method.upper(), path) for path, item in found["paths"].items() for method in item}
    served = {
        (method, re.sub(r":\w+}", "}", path)) for method, path in routes_of(create_app(Monitor())) if path not in PAGES
    }
    assert described == served


async def test_every_operation_says_what_it_is_and_how_it_fails():
    """Summary, security, problem documents for every error."""
    found = await document()
    assert found["security"] == [{"bearer": []}]
    assert found["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, operation in operations_of(found).items():
        assert operation["summary"], name
        if operation.get("security") == [{}]:
            assert name in PUBLIC
            continue
        assert {"400", "401", "403", "429"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status.startswith("4"):
                assert set(response["content"]) == {"application/problem+json"}, (name, status)


async def test_the_page_and_the_document_work_offline():
    """No address of anybody else in them, and every operation on the page."""
    async with asking() as client:
        page, raw = await client.get("/api/docs"), await client.get("/api/openapi.json")
        for text in (page.text, raw.text):
            assert not re.search(r"(?i)https?://|//cdn|//unpkg", text)
        assert_harmless(page.text)
        for path in raw.json()["paths"]:
            assert path in page.text


async def test_below_another_application_the_document_names_that_path():
    """`servers` is where the API really is."""
    transport = httpx.ASGITransport(create_app(Monitor()), root_path="/monitoring", client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        found = (await client.get("/monitoring/api/openapi.json")).json()
        assert found["servers"] == [{"url": "/monitoring"}]


async def test_the_framework_warns_of_nothing(recwarn):
    """No deprecated style in our handlers."""
    create_app(Monitor())
    await document()
    assert [str(warning.message) for warning in recwarn if "litestar" in str(warning.category).lower()] == []
