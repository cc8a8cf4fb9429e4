"""Dashboards over HTTP: the seed document's fields, ranges, variables, editing, CSV; what is said stays plain data."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from tests.web.helpers import asking, assert_problem, bearer, with_tokens

from auscult import Dashboard, Monitor, Panel, Placed, Reading, Stat, Table, Text, Variable
from auscult.shapes import Column

pytestmark = pytest.mark.anyio

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "<!--",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "\u202egnp.exe",
    "</script><script>alert(1)</script>",
    '=HYPERLINK("http://evil")',
    "\\u003cscript\\u003e",
]
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Says(Panel):
    """Says something."""

    kind = "says"

    text: str = ""

    def show(self, view):
        return [
            Text(title=self.text, text=self.text),
            Table(columns=[Column(name=self.text)], rows=[(self.text,)]),
            Stat(value=1.0, name=self.text, detail=self.text),
        ]


def monitor_of(*dashboards: Dashboard) -> Monitor:
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    for dashboard in dashboards:
        monitor.dashboards.add(dashboard)
    return monitor


async def test_the_list_has_the_seed_documents_fields():
    """Four default dashboards, in its order, with its titles; times in whole seconds."""
    async with asking() as client:
        found = (await client.get("/dashboards")).json()
        assert list(found) == ["dashboards"]
        assert [(each["id"], each["title"]) for each in found["dashboards"]] == [
            ("system_overview", "System Overview"),
            ("api_performance", "API Performance"),
            ("ai_services", "AI Services"),
            ("infrastructure", "Infrastructure"),
        ]
        assert found["dashboards"][0]["description"] == "High-level system health and performance metrics"
        assert found["dashboards"][1]["description"] == "API usage, latency, and error metrics"
        for each in found["dashboards"]:
            assert {"id", "title", "description", "updated_at"} <= set(each)
            assert SECONDS.fullmatch(each["updated_at"])


async def test_one_dashboard_has_the_seed_documents_fields():
    """The panel of its example, field by field."""
    async with asking() as client:
        await client.post("/api/v1/components/a/check")
        found = (await client.get("/dashboard/system_overview")).json()
        assert {"id", "title", "description", "refresh_interval", "created_at", "updated_at", "panels"} <= set(found)
        assert found["refresh_interval"] == 30
        assert isinstance(found["refresh_interval"], int)
        assert SECONDS.fullmatch(found["created_at"])
        assert SECONDS.fullmatch(found["updated_at"])
        panel = found["panels"][0]
        assert {name: panel[name] for name in ("id", "title", "description", "panel_type", "layout")} == {
            "id": "system_health",
            "title": "System Health",
            "description": "Overall system health status",
            "panel_type": "metrics",
            "layout": {"width": 6, "height": 4},
        }
        (metric,) = panel["metrics"]
        assert SECONDS.fullmatch(metric.pop("timestamp"))
        assert metric.pop("value") in (0.0, 100.0)
        assert metric.pop("color") in ("green", "red")
        assert metric == {
            "name": "system_health_percentage",
            "unit": "%",
            "chart_type": "gauge",
            "threshold_warning": 80.0,
            "threshold_critical": 60.0,
        }
        kinds = {"metrics", "timeseries", "table", "timeline", "text", "waterfall"}
        for ident in ("system_overview", "api_performance", "ai_services", "infrastructure"):
            for each in (await client.get(f"/dashboard/{ident}")).json()["panels"]:
                assert each["panel_type"] in kinds
                assert each["error"] is None, each
                assert each["data"], each["id"]


async def test_the_variable_of_the_seed_document_sets_the_pace(monkeypatch):
    """`DASHBOARD_UPDATE_INTERVAL`; a dashboard's own comes first."""
    monkeypatch.setenv("DASHBOARD_UPDATE_INTERVAL", "7.5")
    own = Dashboard(id="own", title="Own", panels=[], refresh_interval=60.0)
    async with asking(monitor_of(own)) as client:
        assert (await client.get("/dashboard/infrastructure")).json()["refresh_interval"] == 7.5
        assert (await client.get("/dashboard/own")).json()["refresh_interval"] == 60


async def test_range_points_and_variables():
    """In the address; wrong ones are refused with a sentence."""
    variables = [Variable(name="component", title="Which", query="components")]
    board = Dashboard(id="b", title="B", panels=[Says(text="$component")], variables=variables)
    async with asking(monitor_of(board)) as client:
        found = (await client.get("/dashboard/b?range=1h&points=50&var_component=a")).json()
        span = found["time_range"]
        assert (span["range"], span["points"], span["end_ms"] - span["start_ms"]) == ("1h", 50, 3_600_000)
        assert found["variables"] == [
            {"name": "component", "title": "Which", "value": "a", "options": ["a", "auscult"]},
        ]
        found = (await client.get("/dashboard/b?start=1000&end=2000")).json()
        assert found["time_range"] == {"range": None, "start_ms": 1000, "end_ms": 2000, "points": 300}
        assert (await client.get("/dashboard/b")).json()["time_range"]["range"] == "6h"
        for wrong in (
            "range=soon",
            "range=0s",
            "range=9999d",
            "start=5&end=5",
            "points=3",
            "points=99999",
            "start=-1",
            f"var_component={'x' * 300}",
        ):
            assert_problem(await client.get(f"/dashboard/b?{wrong}"), 400)
        assert "did you mean `b`" in assert_problem(await client.get("/dashboard/bb"), 404)["detail"]
        assert_problem(await client.get("/api/v1/dashboards/b/panels/nope"), 404)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_are_plain_data(text):
    """Wherever a text can come in; answers are JSON or CSV and say so, and no browser may guess otherwise."""
    board = Dashboard(
        id="b", title=text, description=text, panels=[Placed(panel=Says(text=text), title=text, description=text)]
    )
    monitor = monitor_of(board)
    async with asking(monitor) as client:
        monitor.report("a", Reading.degraded(text))
        for path in (
            "/dashboards",
            "/dashboard/b",
            "/dashboard/system_overview",
            "/api/v1/dashboards/b",
            "/api/v1/changes",
        ):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("application/json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            json.loads(answer.text)
        shapes = (await client.get("/dashboard/b")).json()["panels"][0]["data"]
        assert [shapes[0]["text"], shapes[1]["rows"][0][0], shapes[2]["detail"]] == [text] * 3
        answer = await client.get("/api/v1/dashboards/b/panels/says/csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="b-says.csv"'
        rows = [row for row in csv.reader(io.StringIO(answer.text, newline="")) if row]
        assert ["text"] in rows
        guarded = f"'{text}" if text.startswith("=") else text
        assert [guarded] in rows


async def test_a_dashboard_is_made_exported_imported_changed_and_removed():
    """Over the API alone, by an operator; a viewer may look and export."""
    async with asking(settings=with_tokens()) as client:
        made = {"title": "Voice", "panels": [{"panel": "text", "options": {"text": "hi"}}]}
        refused = await client.post("/api/v1/dashboards", json=made, headers=bearer("viewer"))
        assert_problem(refused, 403)
        created = await client.post("/api/v1/dashboards", json=made, headers=bearer("operator"))
        assert created.status_code == 201
        definition = created.json()
        assert (definition["id"], definition["revision"], definition["time_range"]) == ("voice", 1, "6h")
        shown = (await client.get("/dashboard/voice", headers=bearer("viewer"))).json()
        assert shown["panels"][0]["data"][0]["text"] == "hi"
        assert (shown["origin"], shown["editable"], shown["revision"]) == ("custom", True, 1)
        exported = (await client.get("/api/v1/dashboards/voice", headers=bearer("viewer"))).json()
        assert exported == definition
        copied = {**exported, "id": "copy"}
        assert (await client.post("/api/v1/dashboards", json=copied, headers=bearer("operator"))).status_code == 201
        assert_problem(await client.post("/api/v1/dashboards", json=copied, headers=bearer("operator")), 409)
        changed = {**exported, "title": "Voice agents"}
        answer = await client.put("/api/v1/dashboards/voice", json=changed, headers=bearer("operator"))
        assert (answer.status_code, answer.json()["revision"]) == (200, 2)
        stale = await client.put("/api/v1/dashboards/voice", json=changed, headers=bearer("operator"))
        assert_problem(stale, 409)
        assert (await client.delete("/api/v1/dashboards/voice", headers=bearer("operator"))).status_code == 204
        assert_problem(await client.get("/dashboard/voice", headers=bearer("viewer")), 404)


async def test_a_shipped_dashboard_is_changed_and_taken_back():
    """Whoever edits System Overview can have it back as it was."""
    async with asking() as client:
        definition = (await client.get("/api/v1/dashboards/system_overview")).json()
        definition["panels"] = definition["panels"][:1]
        assert (await client.put("/api/v1/dashboards/system_overview", json=definition)).status_code == 200
        found = (await client.get("/dashboard/system_overview")).json()
        assert (found["changed"], len(found["panels"])) == (True, 1)
        assert (await client.delete("/api/v1/dashboards/system_overview")).status_code == 204
        assert len((await client.get("/dashboard/system_overview")).json()["panels"]) > 1
        assert_problem(await client.delete("/api/v1/dashboards/system_overview"), 409)


async def test_mistakes_are_told_with_their_place():
    """One entry each, as for a configuration."""
    async with asking() as client:
        wrong = {
            "title": "X",
            "panels": [
                {"panel": "txt"},
                {"panel": "text"},
                {"panel": "text", "options": {"text": "a", "tone": "loud"}},
            ],
        }
        told = assert_problem(await client.post("/api/v1/dashboards", json=wrong), 400)["errors"]
        assert [error["key"] for error in told] == ["panels.0.panel", "panels.1.options", "panels.2.options.tone"]
        assert "did you mean `text`" in told[0]["message"]
        for body in (
            {},
            {"title": "X"},
            {"title": "X", "panels": [{"panel": "text", "width": 13}]},
            {"title": "", "panels": []},
        ):
            assert_problem(await client.post("/api/v1/dashboards", json=body), 400)
        assert_problem(await client.post("/api/v1/dashboards", content=b"x=1"), 415)


async def test_a_panel_is_looked_at_before_it_is_saved():
    """By an operator; its options are checked as when it is saved."""
    async with asking(settings=with_tokens()) as client:
        asked = {"panel": {"panel": "text", "title": "T", "options": {"text": "now"}}, "range": "1h"}
        assert_problem(await client.post("/api/v1/dashboards/preview", json=asked, headers=bearer("viewer")), 403)
        found = await client.post("/api/v1/dashboards/preview", json=asked, headers=bearer("operator"))
        assert found.json()["data"][0]["text"] == "now"
        asked["panel"]["options"] = {}
        answer = await client.post("/api/v1/dashboards/preview", json=asked, headers=bearer("operator"))
        assert assert_problem(answer, 400)["errors"][0]["key"] == "panel.options"


async def test_kinds_of_panels_have_a_schema_for_a_form():
    """Every option with its description; no references, which only a file may hold."""
    async with asking() as client:
        kinds = {kind["kind"]: kind for kind in (await client.get("/api/v1/panels")).json()["panels"]}
        assert {"system-health", "components", "alerts", "text", "measurement", "stages"} <= set(kinds)
        for kind in kinds.values():
            assert kind["title"]
            assert kind["description"]
            assert kind["schema"]["type"] == "object"
            assert "$ref" not in json.dumps(kind["schema"])
            for name, option in kind["schema"]["properties"].items():
                assert option.get("description"), (kind["kind"], name)


async def test_our_own_requests_are_counted_by_template():
    """Never by path: what somebody makes up is one line, and errors show as what they are."""
    async with asking() as client:
        for name in ("a", "nobody", "nobody2"):
            await client.get(f"/api/v1/components/{name}")
        for number in range(5):
            await client.get(f"/made/up/{number}")
        await client.head("/health")
        table = next(
            shape
            for panel in (await client.get("/dashboard/api_performance")).json()["panels"]
            for shape in panel["data"]
            if panel["id"] == "endpoints" and shape["shape"] == "table"
        )
        names = [column["name"] for column in table["columns"]]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in table["rows"]}
        assert rows["GET /api/v1/components/{name}"]["requests"] == 3
        assert rows["GET /api/v1/components/{name}"]["refused_rate"] == pytest.approx(100 * 2 / 3)
        assert rows["GET (no such address)"]["requests"] == 5
        assert rows["HEAD /health"]["requests"] == 1
        assert not [name for name in rows if "made" in name]
