"""The seed document's facts at one running `auscult serve`: seven components, its variables, endpoints, names, rules.

The stand-ins of `contrib/auscult-rehearsal` are the agent, a receiver is `ALERT_WEBHOOK_URL`, a real Pushgateway is
`PROMETHEUS_PUSHGATEWAY_URL`. What is expected is written down here, so that the document can be followed without it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families
from tests.need import program
from tests.plugins.channels.receiver import Receiver
from tests.servers.pushgateway import Pushgateway, pushgateway
from tests.web.serving import Serving, eventually

from auscult_rehearsal import API_KEY, LIVEKIT_KEY, LIVEKIT_SECRET
from auscult_rehearsal.client import Control, running_stack

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("seed")]
PATIENCE = 120.0
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

COMPONENTS = {
    "stt_client": "stt_client",
    "llm_client": "llm_client",
    "tts_client": "tts_client",
    "database": "database",
    "redis": "redis",
    "livekit": "livekit",
    "orchestrator": "orchestrator",
}
"""What is checked automatically, each with its `component_type`."""
TIME = "time"
HEALTH = {
    "status": str,
    "timestamp": TIME,
    "healthy_components": int,
    "total_components": int,
    "health_percentage": float,
}
DETAILED = {
    "status": str,
    "last_check": TIME,
    "healthy_components": int,
    "total_components": int,
    "health_percentage": float,
    "components": dict,
}
COMPONENT = {
    "component_type": str,
    "component_name": str,
    "status": str,
    "last_check": TIME,
    "response_time_ms": float,
    "success_rate": float,
    "error_rate": float,
}
ALERT = {
    "id": str,
    "name": str,
    "severity": str,
    "status": str,
    "message": str,
    "component": str,
    "created_at": TIME,
    "updated_at": TIME,
}
SEVERITIES = ["critical", "high", "medium", "low", "info"]
LISTED = {"id": str, "title": str, "description": str, "updated_at": TIME}
DASHBOARD = LISTED | {"refresh_interval": int, "created_at": TIME, "panels": list}
PANEL = {"id": str, "title": str, "description": str, "panel_type": str, "layout": dict, "metrics": list}
METRIC = {
    "name": str,
    "value": float,
    "unit": str,
    "timestamp": TIME,
    "chart_type": str,
    "color": str,
    "threshold_warning": float,
    "threshold_critical": float,
}
METRICS = {"system_health_status": set(), "component_health_response_time_ms": {"component"}}
"""The names that the document shows, with their labels; both are gauges with a time in milliseconds."""
BOARDS = {
    "system_overview": (
        "System Overview",
        ["system_health", "component_status", "active_alerts", "performance_trends"],
    ),
    "api_performance": ("API Performance", ["request_volume", "response_times", "errors", "endpoints"]),
    "ai_services": ("AI Services", ["stt_service", "llm_service", "tts_service", "costs_and_usage"]),
    "infrastructure": ("Infrastructure", ["system_resources", "database", "redis", "livekit", "network"]),
}
RULES = {
    "system_unhealthy": ("critical", 5),
    "system_degraded": ("high", 10),
    "component_unhealthy": ("high", 5),
    "component_high_latency": ("medium", 15),
    "component_low_success_rate": ("medium", 10),
}
TROUBLES = {
    "Health checks failing": "health checks",
    "Alerts not being sent": "alerts",
    "Metrics not exporting": "metrics",
    "Dashboard data not updating": "dashboards",
}
"""Each of the common issues, and the section of `auscult doctor` that answers it."""

CONFIG = """
[defaults.threshold]
response_time_ms = 60000
success_rate_percent = 0
error_rate_percent = 100

[components.stt_client]
check = "stt"
base_url = "{stt}/v1"
api_key = "{key}"

[components.llm_client]
check = "llm"
base_url = "{llm}/v1"
api_key = "{key}"

[components.tts_client]
check = "tts"
base_url = "{tts}/v1"
api_key = "{key}"

[components.database]
check = "database"
url = "{database}"

[components.redis]
check = "redis"
url = "{redis}"

[components.livekit]
check = "livekit"
url = "{livekit}"
api_key = "{livekit_key}"
api_secret = "{livekit_secret}"

[components.orchestrator]
check = "orchestrator"
url = "{orchestrator}"

[components.quiet]
check = "push"
interval = "1h"
critical = false

[rules.nobody_reports]
absent = "2s"
components = ["quiet"]
severity = "low"
message_template = "{{component}} is quiet"
"""


class Agent(Struct):
    """All there is to look at."""

    server: Serving
    control: Control
    receiver: Receiver
    gateway: Pushgateway

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        with self.server.client() as client:
            answer = client.get(path)
            return answer.status_code, answer.json()

    def becomes(self, status: str) -> dict[str, Any]:
        """`GET /health/detailed`, once the system is that."""
        return eventually(lambda: (said := self.get("/health/detailed")[1])["status"] == status and said, PATIENCE)

    def told(self, name: str, component: str) -> list[str]:
        """What the webhook was told of an alert: the changes, in order."""
        alerts = [alert for request in self.receiver.requests for alert in request.json["alerts"]]
        return [each["change"] for each in alerts if (each["name"], each["component"]) == (name, component)]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """A served monitor that knows of webhook, gateway and intervals by the document's variables alone."""
    program("redis-server", "redis-server")
    directory = tmp_path_factory.mktemp("seed")
    receiver = Receiver()
    with pushgateway() as gateway, running_stack(directory / "stack", clips_only=True) as control:
        known = {"key": API_KEY, "livekit_key": LIVEKIT_KEY, "livekit_secret": LIVEKIT_SECRET}
        found = {name: each["url"] for name, each in control.status()["components"].items()}
        variables = {
            "ALERT_WEBHOOK_URL": receiver.url,
            "PROMETHEUS_PUSHGATEWAY_URL": gateway.url,
            "HEALTH_CHECK_INTERVAL": "1",
            "ALERT_CHECK_INTERVAL": "1",
            "METRICS_EXPORT_INTERVAL": "2",
            "DASHBOARD_UPDATE_INTERVAL": "7",
        }
        with Serving(directory, CONFIG.format(**found, **known), **variables) as server:
            yield Agent(server, control, receiver, gateway)
    receiver.close()


@pytest.fixture
def well(agent: Agent) -> Agent:
    """Everything works, and the last alert about a component is over."""
    agent.control.mend()
    agent.server.client().post("/api/v1/components/quiet/readings", json={"status": "healthy"})
    agent.becomes("healthy")
    return agent


def assert_fields(document: dict[str, Any], fields: dict[str, Any]) -> None:
    """Every field is there, of its type; a time in whole seconds, in UTC."""
    for name, kind in fields.items():
        assert name in document, (name, document)
        value = document[name]
        if kind is TIME:
            assert SECONDS.fullmatch(value), (name, value)
        else:
            assert type(value) is kind, (name, value)


def test_health(well):
    """`GET /health`: 200, its five fields, all of the components healthy."""
    status, said = well.get("/health")
    assert status == 200
    assert_fields(said, HEALTH)
    assert (said["status"], said["health_percentage"]) == ("healthy", 100.0)
    assert said["healthy_components"] == said["total_components"] == len(COMPONENTS) + 1


def test_health_in_detail(well):
    """`GET /health/detailed`: the seven components, each with its type and its seven fields."""
    said = well.becomes("healthy")
    assert_fields(said, DETAILED)
    for name, kind in COMPONENTS.items():
        assert_fields(said["components"][name], COMPONENT)
        assert (said["components"][name]["component_name"], said["components"][name]["component_type"]) == (name, kind)
        assert said["components"][name]["success_rate"] + said["components"][name]["error_rate"] == pytest.approx(100)


def test_metrics(well):
    """`GET /metrics`: plain text with HELP and TYPE, the names of the document, times in milliseconds."""
    with well.server.client() as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    for name, labels in METRICS.items():
        assert families[name].type == "gauge"
        assert f"# HELP {name} " in answer.text
        assert all(set(sample.labels) == labels and sample.timestamp for sample in families[name].samples)
    assert re.search(r"^system_health_status 1(\.0)? \d{13}$", answer.text, re.MULTILINE)
    assert re.search(
        r'^component_health_response_time_ms\{component="stt_client"\} [\d.]+ \d{13}$', answer.text, re.MULTILINE
    )
    measured = {sample.labels["component"] for sample in families["component_health_response_time_ms"].samples}
    assert measured >= set(COMPONENTS)


def test_a_component_fails_and_is_told_of(well):
    """503, the alert with its eight fields and its summary, the webhook; acknowledged and resolved besides active."""
    before = len(well.told("component_unhealthy", "tts_client"))
    resolved = well.get("/alerts")[1]["summary"]["total_resolved"]
    well.control.break_("tts", "down")
    said = well.becomes("unhealthy")
    assert well.get("/health")[0] == 503
    assert said["components"]["tts_client"]["status"] == "unhealthy"

    def alerts() -> dict[str, Any]:
        return {f"{each['name']} {each['component']}": each for each in well.get("/alerts")[1]["alerts"]}

    alert = eventually(lambda: alerts().get("component_unhealthy tts_client"), PATIENCE)
    assert_fields(alert, ALERT)
    assert (alert["severity"], alert["status"]) == ("high", "active")
    assert alert["message"].startswith("Component tts_client is unhealthy: ")
    eventually(lambda: any(name.startswith("system_unhealthy ") for name in alerts()), PATIENCE)
    said = well.get("/alerts")[1]
    assert list(said) == ["alerts", "summary"]
    assert list(said["summary"]["active_by_severity"]) == SEVERITIES
    assert said["summary"]["total_active"] == sum(said["summary"]["active_by_severity"].values()) >= 2
    eventually(lambda: "fired" in well.told("component_unhealthy", "tts_client")[before:], PATIENCE)
    with well.server.client() as client:
        taken = client.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"note": "looking"})
    assert taken.json()["status"] == "acknowledged"
    assert alerts()["component_unhealthy tts_client"]["status"] == "acknowledged"
    well.control.mend()
    eventually(lambda: "resolved" in well.told("component_unhealthy", "tts_client")[before:], PATIENCE)
    well.becomes("healthy")
    assert well.get("/alerts")[1]["summary"]["total_resolved"] > resolved


def test_the_rules_of_the_document_are_in_force(agent):
    """Five of them without any configuration, with their severities and cooldowns."""
    rules = {rule["name"]: rule for rule in agent.get("/api/v1/rules")[1]["rules"]}
    for name, (severity, minutes) in RULES.items():
        assert (rules[name]["severity"], rules[name]["cooldown_minutes"]) == (severity, minutes), name


def test_dashboards(agent):
    """`GET /dashboards`: the four default ones, in order, by title, with four fields each."""
    said = agent.get("/dashboards")[1]["dashboards"]
    assert [(each["id"], each["title"]) for each in said] == [(ident, title) for ident, (title, _) in BOARDS.items()]
    for each in said:
        assert_fields(each, LISTED)


@pytest.mark.parametrize("ident", BOARDS)
def test_dashboard(well, ident):
    """`GET /dashboard/{id}`: every field; the panels that the document lists for it, each with something to see."""
    status, said = well.get(f"/dashboard/{ident}")
    assert status == 200
    assert_fields(said, DASHBOARD)
    panels = {panel["id"]: panel for panel in said["panels"]}
    assert list(panels)[: len(BOARDS[ident][1])] == BOARDS[ident][1] or set(panels) >= set(BOARDS[ident][1])
    for panel in panels.values():
        assert_fields(panel, PANEL)
        assert_fields(panel["layout"], {"width": int, "height": int})
        assert panel["error"] is None
        assert panel["data"], panel["id"]


def test_the_gauge_of_the_example(well):
    """`system_health` of the overview: its metric with its eight fields, 80 and 60 as levels."""
    panel = well.get("/dashboard/system_overview")[1]["panels"][0]
    (metric,) = panel["metrics"]
    assert_fields(metric, METRIC)
    assert (panel["id"], panel["panel_type"], panel["layout"]) == (
        "system_health",
        "metrics",
        {"width": 6, "height": 4},
    )
    assert (metric["name"], metric["value"], metric["unit"]) == ("system_health_percentage", 100.0, "%")
    assert (metric["chart_type"], metric["color"]) == ("gauge", "green")
    assert (metric["threshold_warning"], metric["threshold_critical"]) == (80.0, 60.0)


def test_health_check_interval(well):
    """A component without an interval of its own is checked as often as the variable says, not every 30 s."""

    def checked() -> list[str]:
        return [each["time"] for each in well.get("/api/v1/components/database/results?limit=100")[1]["results"]]

    first = checked()[0]
    eventually(lambda: sum(time > first for time in checked()) >= 3, 25)


def test_alert_check_interval(agent):
    """What time alone brings is noticed: nothing comes from a component, and its rule fires."""
    eventually(
        lambda: any(each["name"] == "nobody_reports" for each in agent.get("/alerts?rule=nobody_reports")[1]["alerts"]),
        PATIENCE,
    )
    eventually(lambda: "fired" in agent.told("nobody_reports", "quiet"), PATIENCE)


def test_the_pushgateway_is_pushed_to_at_the_export_interval(agent):
    """The variable's address and METRICS_EXPORT_INTERVAL are enough; the destination is a component of its own."""
    eventually(lambda: "system_health_status{" in agent.gateway.text(), PATIENCE)

    def pushed() -> float:
        return float(re.search(r"^push_time_seconds\{.*\} (\S+)$", agent.gateway.text(), re.MULTILINE)[1])

    first = pushed()
    eventually(lambda: pushed() > first, PATIENCE)
    eventually(lambda: agent.get("/api/v1/components/exporter.prometheus")[1]["status"] == "healthy", PATIENCE)


def test_dashboard_update_interval(agent):
    """Every dashboard says it."""
    assert {agent.get(f"/dashboard/{ident}")[1]["refresh_interval"] for ident in BOARDS} == {7}


def test_every_variable_has_its_default(tmp_path):
    """Without them: 30, 60, 30, 30, no webhook, no gateway."""
    said = _auscult(tmp_path, "config", "show", "--json")
    shown = json.loads(said.stdout)
    wanted = {
        "interval": "30s",
        "alert_check_interval": "1m",
        "metrics_export_interval": "30s",
        "dashboard_update_interval": "30s",
    }
    assert {name: shown["defaults"][name] for name in wanted} == wanted
    assert list(shown["channels"]) == ["log"], "alerts go to the log where nobody says where else"
    assert not shown.get("exporters")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_troubleshooting(agent, tmp_path, trouble):
    """`auscult doctor` looks at the running server and has an answer to each common issue."""
    port = agent.server.url.rstrip("/").rpartition(":")[2]
    said = _auscult(tmp_path, "doctor", "--json", "--config", str(agent.server.file), AUSCULT_SERVER__PORT=port)
    assert said.returncode in (0, 1), said.stderr
    found = [each for each in json.loads(said.stdout) if each["section"] == TROUBLES[trouble]]
    assert found, said.stdout
    assert all(each["remedy"] for each in found if each["level"] == "problem")


def _auscult(directory: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command in an environment that names nothing."""
    return subprocess.run(
        [sys.executable, "-m", "auscult", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8", **environ},
        cwd=directory,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
