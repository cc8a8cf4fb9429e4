"""Role by route, over everything that is registered: a route that nobody has thought about fails here."""

from __future__ import annotations

import re

import pytest
from litestar import Litestar
from tests.web.helpers import ELSEWHERE, TOKENS, asking, bearer, client_of, routes_of, with_tokens

from auscult import AuscultPlugin, Monitor, create_app
from auscult.config.settings import ServerSettings, Settings
from auscult.web.built import BuiltPage

pytestmark = pytest.mark.anyio

ROLES = ("anonymous", "viewer", "operator", "admin")
NEEDS = {
    ("GET", "/health"): "anonymous",
    ("GET", "/-/healthy"): "anonymous",
    ("GET", "/-/ready"): "anonymous",
    ("GET", "/static/style.css"): "anonymous",
    ("GET", "/static/live.js"): "anonymous",
    ("GET", "/static/login.js"): "anonymous",
    ("GET", "/static/ui/{name:str}"): "anonymous",
    ("GET", "/"): "anonymous" if BuiltPage().exists else "viewer",
    ("GET", "/login"): "anonymous",
    ("GET", "/login/oidc"): "anonymous",
    ("GET", "/login/oidc/callback"): "anonymous",
    ("GET", "/api/v1/session"): "anonymous",
    ("POST", "/api/v1/login"): "anonymous",
    ("POST", "/api/v1/logout"): "viewer",
    ("GET", "/dashboards"): "viewer",
    ("GET", "/dashboard/{dashboard_id:str}"): "viewer",
    ("GET", "/api/v1/dashboards/{dashboard_id:str}"): "viewer",
    ("POST", "/api/v1/dashboards"): "operator",
    ("PUT", "/api/v1/dashboards/{dashboard_id:str}"): "operator",
    ("DELETE", "/api/v1/dashboards/{dashboard_id:str}"): "operator",
    ("GET", "/api/v1/dashboards/{dashboard_id:str}/panels/{panel_id:str}"): "viewer",
    ("GET", "/api/v1/dashboards/{dashboard_id:str}/panels/{panel_id:str}/csv"): "viewer",
    ("POST", "/api/v1/dashboards/preview"): "operator",
    ("GET", "/api/v1/panels"): "viewer",
    ("GET", "/status"): "viewer",
    ("GET", "/api/v1/status-page"): "viewer",
    ("GET", "/badge/{name:str}/{what:str}"): "viewer",
    ("GET", "/api/v1/incidents"): "viewer",
    ("POST", "/api/v1/incidents"): "operator",
    ("POST", "/api/v1/incidents/{ident:str}/updates"): "operator",
    ("DELETE", "/api/v1/incidents/{ident:str}"): "operator",
    ("GET", "/api/v1/changes"): "viewer",
    ("GET", "/api/v1/components/{name:str}/percentiles"): "viewer",
    ("GET", "/api/v1/config/changes"): "admin",
    ("GET", "/fragment"): "viewer",
    **{
        (method, path): "operator"
        for method in ("GET", "POST", "PUT")
        for path in ("/in/{source:str}", "/in/{source:str}/{path:path}")
    },
    ("POST", "/v1/{what:str}"): "operator",
    ("GET", "/health/detailed"): "viewer",
    ("GET", "/metrics"): "viewer",
    ("GET", "/metrics/{name:str}"): "viewer",
    ("GET", "/api/docs"): "viewer",
    ("GET", "/api/openapi.json"): "viewer",
    ("GET", "/api/v1/metrics"): "viewer",
    ("GET", "/api/v1/exporters"): "viewer",
    ("GET", "/api/v1/sources"): "viewer",
    ("GET", "/api/v1/metrics/query"): "viewer",
    ("GET", "/api/v1/metrics/events"): "viewer",
    ("GET", "/api/v1/system"): "viewer",
    ("GET", "/api/v1/components"): "viewer",
    ("GET", "/api/v1/components/{name:str}"): "viewer",
    ("GET", "/api/v1/components/{name:str}/results"): "viewer",
    ("GET", "/api/v1/components/{name:str}/history"): "viewer",
    ("GET", "/api/v1/recent"): "viewer",
    ("GET", "/api/v1/costs"): "viewer",
    ("GET", "/api/v1/plugins"): "viewer",
    ("GET", "/api/v1/config"): "viewer",
    ("POST", "/api/v1/components/{name:str}/check"): "operator",
    ("POST", "/api/v1/components/{name:str}/readings"): "operator",
    ("POST", "/api/v1/components/{name:str}/ping"): "operator",
    ("POST", "/api/v1/components/{name:str}/ping/start"): "operator",
    ("POST", "/api/v1/components/{name:str}/ping/fail"): "operator",
    ("POST", "/api/v1/components/{name:str}/ping/{code:int}"): "operator",
    ("POST", "/-/reload"): "admin",
    ("GET", "/alerts"): "viewer",
    ("GET", "/api/v1/alerts"): "viewer",
    ("GET", "/api/v1/alerts/{ident:str}"): "viewer",
    ("POST", "/api/v1/alerts/{ident:str}/acknowledge"): "operator",
    ("POST", "/api/v1/alerts/{ident:str}/unacknowledge"): "operator",
    ("POST", "/api/v1/alerts/{ident:str}/resolve"): "operator",
    ("POST", "/api/v1/alerts/{ident:str}/note"): "operator",
    ("GET", "/api/v1/rules"): "viewer",
    ("GET", "/api/v1/events"): "viewer",
    ("GET", "/api/v1/audit"): "operator",
    ("GET", "/api/v1/silences"): "viewer",
    ("GET", "/api/v1/maintenance"): "viewer",
    ("POST", "/api/v1/silences"): "operator",
    ("POST", "/api/v1/silences/preview"): "viewer",
    ("DELETE", "/api/v1/silences/{ident:str}"): "operator",
    ("GET", "/api/v1/deliveries"): "viewer",
    ("POST", "/api/v1/deliveries/resend"): "operator",
    ("GET", "/api/v1/channels"): "viewer",
    ("POST", "/api/v1/channels/{name:str}/test"): "operator",
    ("POST", "/api/v2/alerts"): "operator",
    ("GET", "/api/v2/alerts"): "viewer",
    ("GET", "/api/v2/status"): "viewer",
}
"""The least role for each route; two of the public ones are also answered in front of the router."""


def concrete(path: str) -> str:
    if path == "/api/v1/events":
        return f"{path}?since=no-id"  # else it would never end
    return re.sub(r"\{\w+:(\w+)\}", lambda found: "0" if found[1] == "int" else "a", path)


def test_every_route_is_in_the_table():
    """Whoever adds a route decides here who may use it."""
    assert set(routes_of(create_app(Monitor()))) == set(NEEDS)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reaches_what_it_may_and_nothing_else(role):
    """Without a token 401, with too little a role 403, otherwise whatever the route itself says."""
    async with asking(settings=with_tokens()) as client:
        for (method, path), needed in NEEDS.items():
            answer = await client.request(method, concrete(path), headers=bearer(role))
            if ROLES.index(role) >= ROLES.index(needed):
                assert answer.status_code not in (401, 403, 429, 500), (method, path, answer.text)
            else:
                assert answer.status_code == (401 if role == "anonymous" else 403), (method, path, answer.text)


async def test_head_and_options_are_no_way_around():
    """HEAD is judged as GET; OPTIONS tells strangers nothing, on public routes neither."""
    async with asking(settings=with_tokens()) as client:
        for (method, path), needed in NEEDS.items():
            assert (await client.options(concrete(path))).status_code == 401
            if method == "GET":
                shown = await client.head(concrete(path), headers=bearer("viewer"))
                assert shown.status_code == (await client.get(concrete(path), headers=bearer("viewer"))).status_code
                assert not shown.content
                hidden = (await client.head(concrete(path))).status_code
                assert (hidden == 401) == (needed != "anonymous")


async def test_options_and_405_name_head():
    """What works is told completely."""
    async with asking() as client:
        assert set((await client.options("/metrics")).headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        refused = await client.delete("/metrics")
        assert refused.status_code == 405
        assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


async def test_without_tokens_only_this_machine_may_ask():
    """Everything is open to a caller on loopback, and nothing but what is public to any other."""
    async with asking(settings=Settings()) as client:
        for method, path in NEEDS:
            answer = await client.request(method, concrete(path))
            assert answer.status_code not in (401, 403), (method, path, answer.text)
    for caller in (ELSEWHERE, None, ("testclient", 1), ("2001:db8::1", 1)):
        async with asking(settings=Settings(), caller=caller) as client:
            for (method, path), needed in NEEDS.items():
                answer = await client.request(method, concrete(path))
                assert (answer.status_code == 403) == (needed != "anonymous"), (caller, method, path, answer.text)


async def test_metrics_may_be_made_public():
    """`server.public_metrics` opens that one route, and only once it is set."""
    async with asking(settings=with_tokens(public_metrics=True), caller=ELSEWHERE) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/health/detailed")).status_code == 401
    async with asking(settings=with_tokens(), caller=ELSEWHERE) as client:
        assert (await client.get("/metrics")).status_code == 401


@pytest.mark.parametrize("role", ROLES)
async def test_the_plugin_and_the_mount_judge_alike(role):
    """Below another application's path the same table holds."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    monitor.settings = with_tokens()
    host = Litestar(plugins=[AuscultPlugin(monitor, path="/mon/itor")], openapi_config=None)
    async with client_of(host) as client, host.lifespan():
        for (method, path), needed in NEEDS.items():
            answer = await client.request(method, f"/mon/itor{concrete(path)}", headers=bearer(role))
            if ROLES.index(role) >= ROLES.index(needed):
                assert answer.status_code not in (401, 403, 405, 500), (method, path, answer.text)
                assert "nothing at this address" not in answer.text, (method, path)
            else:
                assert answer.status_code == (401 if role == "anonymous" else 403), (method, path, answer.text)


async def test_trust_host_leaves_access_to_the_host():
    """An application with its own guards may say so; then ours ask nothing."""
    monitor = Monitor()
    async with asking(monitor, settings=with_tokens(), caller=ELSEWHERE, trust_host=True) as client:
        assert (await client.get("/health/detailed", headers={"Host": "anything.example"})).status_code in (200, 503)


async def test_the_schemes_word_is_case_insensitive_and_nothing_else_will_do():
    """`bearer` as `Bearer`; a token as password, cookie or query is no token."""
    async with asking(settings=with_tokens()) as client:
        token = TOKENS["viewer"]
        assert (await client.get("/metrics", headers={"Authorization": f"bearer {token}"})).status_code == 200
        for headers in (
            {"Authorization": token},
            {"Authorization": f"Basic {token}"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer  "},
            {"Cookie": f"token={token}"},
        ):
            refused = await client.get("/metrics", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/metrics", params={"token": token})).status_code == 401
        assert (await client.get("/metrics", auth=("", token))).status_code == 401


def test_settings_without_server_table_are_the_safe_ones():
    """What is not said is not open."""
    assert not ServerSettings().public_metrics
