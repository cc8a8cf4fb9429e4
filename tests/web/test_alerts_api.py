"""Alerts over HTTP: the seed document's answer, what people do and who did it, history, restarts, escalation."""

from __future__ import annotations

import json
import re
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.plugins.channels.receiver import Receiver, reply
from tests.web.helpers import TOKENS, asking, assert_problem, bearer, cheap_hash, with_tokens
from tests.web.serving import Serving, eventually

from auscult import Monitor
from auscult.alerts.external import ExternalAlert

pytestmark = pytest.mark.anyio

SEED_FIELDS = {"id", "name", "severity", "status", "message", "component", "created_at", "updated_at"}
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
CONFIG = f"""
[components.pushed]
check = "push"
failures = 1
[auth.tokens.ann]
role = "operator"
hash = "{cheap_hash(TOKENS["operator"])}"
"""
ANN = {"Authorization": f"Bearer {TOKENS['operator']}"}


def failing():
    monitor = Monitor()
    monitor.health.register("stt_client", check=lambda: False, failures=1)
    return monitor


def soon(**more):
    return (datetime.now(UTC) + timedelta(**more)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_the_seed_documents_answer():
    """Its fields with its types and times, its summary, its rule and severity; ours besides."""
    async with asking(failing()) as client:
        await client.post("/api/v1/components/stt_client/check")
        body = (await client.get("/alerts")).json()
        assert set(body) == {"alerts", "summary"}
        (alert,) = [alert for alert in body["alerts"] if alert["name"] == "component_unhealthy"]
        assert set(alert) >= SEED_FIELDS
        assert alert["severity"] == "high"
        assert alert["status"] == "active"
        assert alert["component"] == "stt_client"
        assert alert["message"].startswith("Component stt_client is unhealthy")
        assert SECONDS.fullmatch(alert["created_at"])
        assert SECONDS.fullmatch(alert["updated_at"])
        summary = body["summary"]
        assert list(summary["active_by_severity"]) == ["critical", "high", "medium", "low", "info"]
        assert summary["total_active"] == len(body["alerts"]) == sum(summary["active_by_severity"].values())
        assert summary["total_resolved"] == 0
        await client.post(f"/api/v1/alerts/{alert['id']}/resolve", json={})
        assert (await client.get("/alerts")).json()["summary"]["total_resolved"] == 1


async def test_what_people_do_is_seen_and_who_did_it():
    """Acknowledge, note, unacknowledge, resolve: the alert, its life, and the audit name the token."""
    async with asking(failing(), settings=with_tokens()) as client:
        ann = bearer("operator")
        await client.post("/api/v1/components/stt_client/check", headers=ann)
        alerts = (await client.get("/alerts", params={"rule": "component_unhealthy"}, headers=ann)).json()["alerts"]
        path = f"/api/v1/alerts/{alerts[0]['id']}"
        taken = await client.post(f"{path}/acknowledge", json={"note": "mine", "until": soon(hours=1)}, headers=ann)
        assert taken.json()["status"] == "acknowledged"
        assert taken.json()["acknowledged"]["author"] == "operator"
        assert taken.json()["acknowledged"]["note"] == "mine"
        await client.post(f"{path}/note", json={"note": "restarted it"}, headers=ann)
        assert (await client.post(f"{path}/unacknowledge", json={}, headers=ann)).json()["status"] == "active"
        assert (await client.post(f"{path}/resolve", json={"note": "done"}, headers=ann)).json()["status"] == "resolved"
        changes = (await client.get(path, headers=ann)).json()["changes"]
        told = [(change["kind"], change["by"], change["note"]) for change in changes]
        assert told == [
            ("fired", "", ""),
            ("acknowledged", "operator", "mine"),
            ("noted", "operator", "restarted it"),
            ("unacknowledged", "operator", ""),
            ("resolved", "operator", "done"),
        ]
        assert_problem(await client.post(f"{path}/resolve", json={}, headers=ann), 404)
        late = await client.post(f"{path}/acknowledge", json={"until": "2020-01-01T00:00:00Z"}, headers=ann)
        assert late.status_code in (400, 404)


async def test_wrong_requests_get_a_sentence():
    """Unknown channels, silences, alerts; a silence without a reason, an end or in the past."""
    async with asking(failing()) as client:
        assert_problem(await client.post("/api/v1/channels/nobody/test"), 404)
        assert_problem(await client.delete("/api/v1/silences/none"), 404)
        assert_problem(await client.post("/api/v1/deliveries/resend", json={"key": "none"}), 404)
        good = {"matchers": [{"name": "rule", "value": "x"}], "ends_at": soon(hours=1), "comment": "why"}
        assert (await client.post("/api/v1/silences", json=good)).status_code == 200
        for wrong in (
            {"comment": ""},
            {"matchers": []},
            {"ends_at": "2020-01-01T00:00:00Z"},
            {"ends_at": "tomorrow"},
            {"starts_at": soon(hours=2)},
            {"matchers": [{"name": "rule", "value": "a*b*c*d*e*f*"}]},
        ):
            assert_problem(await client.post("/api/v1/silences", json=good | wrong), 400)


async def test_history_is_paged_without_loss():
    """Many alerts of one millisecond: each on exactly one page."""
    monitor = Monitor()
    async with asking(monitor) as client:
        await monitor.alerts.post([ExternalAlert(labels={"alertname": f"A{number}"}) for number in range(25)])
        names, before = [], {}
        while True:
            page = (await client.get("/api/v1/alerts", params={"limit": 10, **before})).json()
            names += [alert["name"] for alert in page["alerts"]]
            if page["next_before"] is None:
                break
            at = datetime.fromisoformat(page["next_before"])
            before = {"before": round(at.timestamp() * 1000), "before_id": page["next_before_id"]}
        assert sorted(name for name in names if name.startswith("A")) == sorted(f"A{number}" for number in range(25))


async def test_what_is_not_committed_is_not_confirmed(tmp_path, monkeypatch):
    """The disk does not answer: 503 after a while, and nobody sees the change before it is on disk."""
    monkeypatch.setattr("auscult.alert_manager.PATIENCE", 0.3)
    monitor = Monitor(state_dir=tmp_path)
    monitor.health.register("stt_client", check=lambda: False, failures=1)
    async with asking(monitor) as client:
        await client.post("/api/v1/components/stt_client/check")
        await client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Lamp"}}])
        (alert,) = (await client.get("/alerts", params={"rule": "Lamp"})).json()["alerts"]
        submit, held = monitor.store.submit, []
        monkeypatch.setattr(monitor.store, "submit", lambda work: held.append((work, Future())) or held[-1][1])
        refused = await client.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={})
        assert "not committed yet" in assert_problem(refused, 503)["detail"]
        assert refused.headers["retry-after"]
        assert (await client.get("/alerts", params={"rule": "Lamp"})).json()["alerts"][0]["status"] == "active"
        assert_problem(await client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Other"}}]), 503)
        assert (await client.get("/alerts", params={"rule": "Other"})).json()["alerts"] == []
        monkeypatch.setattr(monitor.store, "submit", submit)
        for work, future in held:
            submit(work).add_done_callback(lambda done, future=future: future.set_result(done.result()))
        with anyio.fail_after(20):
            while (await client.get("/alerts", params={"rule": "Lamp"})).json()["alerts"][0]["status"] == "active":
                await anyio.sleep(0.02)


def test_everything_survives_a_restart(tmp_path):
    """Alerts with their life, acknowledgements, silences and the audit are there again, and still hold."""
    with Serving(tmp_path, CONFIG) as server, server.client(headers=ANN) as client:
        bad = {"status": "unhealthy", "message": "no answer"}
        assert client.post("/api/v1/components/pushed/readings", json=bad).status_code == 202
        alert = eventually(lambda: client.get("/alerts", params={"rule": "component_unhealthy"}).json()["alerts"])[0]
        client.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"note": "on it"})
        matchers = [{"name": "alertname", "value": "x"}, {"name": "rule", "value": "Quiet*"}]
        wanted = {"matchers": matchers[1:], "comment": "known", "ends_at": soon(hours=2)}
        silence = client.post("/api/v1/silences", json=wanted).json()
        ended = client.post("/api/v1/silences", json=wanted | {"comment": "short"}).json()
        assert client.delete(f"/api/v1/silences/{ended['id']}").json()["ended_by"] == "ann"
        client.post("/api/v2/alerts", json=[{"labels": {"alertname": "QuietOne"}}, {"labels": {"alertname": "Loud"}}])
        before = client.get("/api/v1/alerts").json()["alerts"]
        audit = client.get("/api/v1/audit").json()["rows"]
        assert [(row["who"], row["action"]) for row in audit] == [
            ("ann", "end silence"),
            ("ann", "silence"),
            ("ann", "silence"),
            ("ann", "acknowledge"),
        ]
        assert audit[-1]["target"] == alert["id"]
        assert audit[-1]["details"] == "on it"
        assert server.end()[0] == 0
    with Serving(tmp_path, CONFIG) as server, server.client(headers=ANN) as client:
        found = {alert["id"]: alert for alert in client.get("/api/v1/alerts").json()["alerts"]}
        for alert in before:
            if alert["name"] in ("component_unhealthy", "QuietOne", "Loud"):
                assert found[alert["id"]] == alert
        assert {alert["name"]: alert["status"] for alert in found.values()}["QuietOne"] == "suppressed"
        assert client.get("/api/v1/silences").json()["silences"] == [silence]
        assert client.get("/api/v1/audit").json()["rows"] == audit
        assert client.get("/api/v1/audit", params={"limit": 2}).json()["next_before"] == audit[1]["id"]
        rest = client.get("/api/v1/audit", params={"before": audit[1]["id"]}).json()
        assert rest["rows"] == audit[2:]
        client.delete(f"/api/v1/silences/{silence['id']}")
        eventually(
            lambda: client.get("/api/v1/alerts", params={"rule": "QuietOne", "status": "active"}).json()["alerts"]
        )


PLANNED = """
[components.pushed]
check = "push"
[maintenance.now]
match = { rule = "Planned*" }
start = "2020-01-01T00:00:00Z"
end = "2098-01-01T00:00:00Z"
comment = "a long one"
[maintenance.nightly]
cron = "30 2 * * *"
timezone = "Europe/Berlin"
duration = "1h"
[maintenance.over]
start = "2020-01-01T00:00:00Z"
end = "2021-01-01T00:00:00Z"
"""


def test_maintenance_is_shown_and_holds(tmp_path):
    """Which windows there are, whether they hold, when they next begin or end; an alert says which keeps it quiet."""
    with Serving(tmp_path, PLANNED) as server, server.client() as client:
        windows = {each["name"]: each for each in client.get("/api/v1/maintenance").json()["windows"]}
        assert windows["now"]["in_force"]
        assert windows["now"]["next_change"] == "2098-01-01T00:00:00.000Z"
        assert windows["now"]["matchers"] == [{"name": "rule", "value": "Planned*", "negative": False}]
        assert windows["over"]["in_force"] is False
        assert windows["over"]["next_change"] is None
        assert datetime.fromisoformat(windows["nightly"]["next_change"]) - datetime.now(UTC) < timedelta(hours=26)
        assert windows["nightly"]["duration"] == 3600
        client.post("/api/v2/alerts", json=[{"labels": {"alertname": "PlannedWork"}}])
        (alert,) = client.get("/alerts", params={"status": "suppressed"}).json()["alerts"]
        assert alert["suppressed_by"] == "maintenance now"


ROUTED = """
[components.pushed]
check = "push"
failures = 1
successes = 1

[channels.first]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/first"
[channels.second]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/second"
[channels.broken]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/broken"

[[routes]]
match = {{ rule = "component_unhealthy" }}
channels = ["first"]
repeat = "1s"
[[routes.escalate]]
after = "2s"
channels = ["second"]

[[routes]]
match = {{ rule = "Lost" }}
channels = ["broken"]
"""


@pytest.fixture
def receiver():
    found = Receiver()
    found.otherwise = lambda arrived: reply(410 if arrived.path == "/broken" else 200)
    try:
        yield found
    finally:
        found.close()


def kinds(receiver, path):
    return [arrived.json["alerts"][0]["change"] for arrived in receiver.requests if arrived.path == path]


def test_reminders_and_escalation_from_the_configuration(tmp_path, receiver):
    """Reminded every second, escalated after two; not once it is acknowledged; whoever was told hears of the end."""
    config = ROUTED.format(port=receiver.port)
    with Serving(tmp_path, config) as server, server.client() as client:
        client.post("/api/v1/components/pushed/readings", json={"status": "unhealthy"})
        eventually(lambda: "reminded" in kinds(receiver, "/first"))
        assert kinds(receiver, "/first")[0] == "fired"
        eventually(lambda: kinds(receiver, "/second"))
        assert kinds(receiver, "/second")[0] == "escalated"
        (alert,) = client.get("/alerts", params={"rule": "component_unhealthy"}).json()["alerts"]
        client.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={})
        client.post("/api/v1/components/pushed/readings", json={"status": "healthy"})
        eventually(lambda: "resolved" in kinds(receiver, "/first") and "resolved" in kinds(receiver, "/second"))
        told = kinds(receiver, "/first")
        assert "reminded" not in told[told.index("resolved") :]
        deliveries = client.get("/api/v1/deliveries", params={"alert": alert["id"], "limit": 2}).json()
        older = client.get(
            "/api/v1/deliveries", params={"alert": alert["id"], "before": deliveries["next_before"]}
        ).json()
        both = [row["key"] for row in deliveries["deliveries"] + older["deliveries"]]
        assert len(both) == len(set(both)) >= 4


def test_dead_letters_are_seen_tested_and_sent_again(tmp_path, receiver):
    """Refused for good: a dead letter, an alert of its own; the test says why; sent again, it arrives."""
    config = ROUTED.format(port=receiver.port)
    with Serving(tmp_path, config) as server, server.client() as client:
        client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Lost"}}])

        def dead():
            return client.get("/api/v1/deliveries", params={"state": "dead"}).json()["deliveries"]

        (row,) = eventually(dead)
        assert row["channel"] == "broken"
        assert "410" in row["error"]
        eventually(lambda: client.get("/alerts", params={"rule": "delivery_failed"}).json()["alerts"])
        tested = client.post("/api/v1/channels/broken/test").json()
        assert not tested["delivered"]
        assert "410" in tested["error"]
        channel = {each["name"]: each for each in client.get("/api/v1/channels").json()["channels"]}["broken"]
        assert channel["given_up"] == 1
        receiver.otherwise = reply()
        assert client.post("/api/v1/channels/broken/test").json()["delivered"]
        assert client.post("/api/v1/deliveries/resend", json={"key": row["key"]}).status_code == 200
        eventually(lambda: not dead())
        eventually(lambda: not client.get("/alerts", params={"rule": "delivery_failed"}).json()["alerts"])
        lost = [
            a for a in receiver.requests if a.path == "/broken" and json.loads(a.body)["alerts"][0]["name"] == "Lost"
        ]
        assert len(lost) == 2
        actions = [(row["action"], row["target"]) for row in client.get("/api/v1/audit").json()["rows"]]
        assert actions == [("resend", row["key"])]
