"""``/api/v2``: what an Alertmanager's senders post, and a real Prometheus that takes us for one."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.need import program
from tests.servers.process import Server, free_port
from tests.web.helpers import asking, assert_problem, bearer, with_tokens
from tests.web.serving import Serving, eventually

from auscult import Monitor
from auscult.alerts.external import Externals
from auscult.alerts.posted import decode_posted, moment_of

pytestmark = pytest.mark.anyio

ENDS = "2099-01-01T00:00:00.123456789Z"
OVER = "2020-01-01T00:00:00Z"


def posted(name="HostDown", *, ends=ENDS, summary="it is gone", **labels):
    return {
        "labels": {"alertname": name, "severity": "critical", "instance": "db1:9100", **labels},
        "annotations": {"summary": summary, "runbook_url": "https://wiki/HostDown"},
        "startsAt": "2026-11-26T04:00:00Z",
        "endsAt": ends,
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    }


async def open_alerts(client, **params):
    return (await client.get("/alerts", params=params)).json()["alerts"]


async def test_a_posted_alert_is_an_alert_like_any_other():
    """Rule, severity, message, labels, runbook and origin come from what was posted; its end resolves it."""
    async with asking() as client:
        answer = await client.post("/api/v2/alerts", json=[posted(component="database")])
        assert (answer.status_code, answer.content) == (200, b"")
        (alert,) = await open_alerts(client, rule="HostDown")
        assert alert["severity"] == "critical"
        assert alert["status"] == "active"
        assert alert["message"] == "it is gone"
        assert alert["component"] == "database"
        assert alert["labels"] == {"severity": "critical", "instance": "db1:9100"}
        assert alert["runbook"] == "https://wiki/HostDown"
        assert alert["generator"].startswith("http://prometheus:9090")
        assert (await client.post("/api/v2/alerts", json=[posted(component="database", ends=OVER)])).status_code == 200
        assert await open_alerts(client, rule="HostDown") == []
        detail = (await client.get(f"/api/v1/alerts/{alert['id']}")).json()
        assert detail["alert"]["status"] == "resolved"


async def test_repeats_change_nothing_and_differences_are_seen():
    """The same again, in the same or in other bytes, is one alert; with any other label, severity included, it is
    another one, as in Prometheus: a warning may go on while the critical one is over.
    """
    async with asking() as client:
        for _ in range(3):
            await client.post("/api/v2/alerts", json=[posted()])
        shuffled = dict(reversed(posted()["labels"].items()))
        await client.post("/api/v2/alerts", json=[posted() | {"labels": shuffled}])
        (alert,) = await open_alerts(client, rule="HostDown")
        assert alert["number"] == 1
        await client.post("/api/v2/alerts", json=[posted(instance="db2:9100"), posted(severity="warning")])
        found = {(a["labels"]["instance"], a["severity"]) for a in await open_alerts(client, rule="HostDown")}
        assert found == {("db1:9100", "critical"), ("db1:9100", "medium"), ("db2:9100", "critical")}
        await client.post("/api/v2/alerts", json=[posted(ends=OVER)])
        found = {(a["labels"]["instance"], a["severity"]) for a in await open_alerts(client, rule="HostDown")}
        assert found == {("db1:9100", "medium"), ("db2:9100", "critical")}


async def test_what_somebody_resolved_stays_so_until_it_begins_anew():
    """Prometheus goes on posting it every minute; only after its end there it fires here again."""
    async with asking() as client:
        await client.post("/api/v2/alerts", json=[posted()])
        (alert,) = await open_alerts(client, rule="HostDown")
        await client.post(f"/api/v1/alerts/{alert['id']}/resolve", json={})
        await client.post("/api/v2/alerts", json=[posted()])
        await client.post("/api/v2/alerts", json=[posted(summary="still gone")])
        assert await open_alerts(client, rule="HostDown") == []
        await client.post("/api/v2/alerts", json=[posted(ends=OVER)])
        await client.post("/api/v2/alerts", json=[posted()])
        assert len(await open_alerts(client, rule="HostDown")) == 1


async def test_nobody_outside_moves_the_alerts_of_our_own_rules():
    """Somebody posts what looks like an alert of ours, and its end: ours goes on."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: False, failures=1)
    async with asking(monitor) as client:
        await client.post("/api/v1/components/a/check")
        (ours,) = await open_alerts(client, rule="component_unhealthy")
        copy = {"labels": {"alertname": "component_unhealthy", "component": "a", **ours["labels"]}}
        for ends in (ENDS, OVER):
            await client.post("/api/v2/alerts", json=[copy | {"endsAt": ends}])
            (still,) = await open_alerts(client, rule="component_unhealthy")
            assert (still["id"], still["number"]) == (ours["id"], ours["number"])


async def test_the_good_ones_are_taken_and_the_bad_ones_named():
    """As Alertmanager does it: 400 for the request, and everything that can be taken is taken."""
    async with asking() as client:
        bad = [
            {"labels": {}},
            {"labels": {"a": 1}},
            {"labels": {"a\n": "b"}},
            {"labels": {"a": ""}},
            posted(ends="soon"),
        ]
        body = assert_problem(await client.post("/api/v2/alerts", json=[*bad, posted()]), 400)
        assert [error["key"] for error in body["errors"]] == ["[0]", "[1]", "[2]", "[3]", "[4]"]
        assert "the others were" in body["detail"]
        assert len(await open_alerts(client, rule="HostDown")) == 1


@pytest.mark.parametrize(
    "body", [b"{}", b"[1]", b'[{"labels":', b"\xff", b'[{"labels":{"a":"b"},"endsAt":1}]', b"null"]
)
async def test_what_is_no_list_of_alerts_is_refused(body):
    """One sentence, nothing taken."""
    async with asking() as client:
        headers = {"Content-Type": "application/json"}
        assert_problem(await client.post("/api/v2/alerts", content=body, headers=headers), 400)
        assert len(await open_alerts(client)) == 0
        assert_problem(await client.post("/api/v2/alerts", content=b"[]"), 415)


async def test_large_bodies_are_taken_and_larger_ones_are_not():
    """More than the API's usual limit: a sender that was cut off has much to say."""
    async with asking() as client:
        many = [posted(instance=f"host-{number}", summary="x" * 400) for number in range(3000)]
        bad = assert_problem(await client.post("/api/v2/alerts", json=[*many[:1500], {"labels": {}}]), 400)
        assert bad["errors"][0]["key"] == "[1500]"
        assert len(json.dumps(many)) > 1 << 20
        assert (await client.post("/api/v2/alerts", json=many)).status_code == 200
        assert len(await open_alerts(client, rule="HostDown")) == 3000
        assert (await client.post("/api/v2/alerts", json=[posted(summary="x" * (9 << 20))])).status_code == 413


async def test_it_is_ended_by_silence_as_alertmanager_does():
    """Without an end, five minutes after it was last posted."""

    class Book:
        fired, ended = 0, 0

        def fire(self, firing, now, print_=""):
            self.fired += 1
            return type("A", (), {"id": f"{print_}-1"})

        def clear_print(self, print_, now):
            self.ended += 1

    book = Book()
    externals = Externals(book)

    def posted_at(now, body):
        tasks, refused = externals.take(decode_posted(body), now)
        assert not refused
        for task in tasks:
            externals.do(task, now)

    posted_at(0, b'[{"labels":{"alertname":"x"}}]')
    posted_at(200_000, b'[{"labels":{"alertname":"x"}}]')
    externals.sweep(300_000)
    assert (book.fired, book.ended) == (1, 0)
    assert externals.next_due() == 500_000
    externals.sweep(500_000)
    assert (book.fired, book.ended, len(externals), externals.next_due()) == (1, 1, 0, None)
    # An end that comes nearer is kept to as well.
    posted_at(600_000, b'[{"labels":{"a":"b"},"endsAt":"1970-01-01T01:00:00Z"}]')
    posted_at(600_000, b'[{"labels":{"a":"b"},"endsAt":"1970-01-01T00:20:00Z"}]')
    externals.sweep(1_200_000)
    assert (book.fired, book.ended) == (2, 2)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.datetimes().map(lambda at: at.isoformat() + "Z")))
def test_any_text_is_a_time_or_a_sentence(text):
    """Never another error."""
    try:
        found = moment_of(text)
    except ValueError as error:
        found = None if "endsAt" in str(error) else error
    assert found is None or isinstance(found, int)


async def test_open_alerts_are_shown_as_alertmanager_shows_them():
    """Labels, state, silences, receivers, filters; ours and those of others."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: False, failures=1)
    async with asking(monitor) as client:
        await client.post("/api/v1/components/a/check")
        await client.post("/api/v2/alerts", json=[posted(), posted("Quiet")])
        silence = {"matchers": [{"name": "rule", "value": "Quiet"}], "comment": "known", "ends_at": ENDS[:19] + "Z"}
        ident = (await client.post("/api/v1/silences", json=silence)).json()["id"]
        shown = {alert["labels"]["alertname"]: alert for alert in (await client.get("/api/v2/alerts")).json()}
        assert {"HostDown", "Quiet", "component_unhealthy"} <= set(shown)
        assert shown["HostDown"]["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
        assert shown["Quiet"]["status"]["silencedBy"] == [ident]
        assert shown["HostDown"]["annotations"]["summary"] == "it is gone"
        assert shown["HostDown"]["endsAt"].startswith("2099")
        assert shown["component_unhealthy"]["labels"]["component"] == "a"
        for params, names in (
            ({"silenced": "false"}, {"HostDown", "component_unhealthy"}),
            ({"filter": ['alertname="HostDown"']}, {"HostDown"}),
            ({"filter": ["severity=critical", "alertname!=Quiet"]}, {"HostDown"}),
        ):
            found = (await client.get("/api/v2/alerts", params=params)).json()
            assert names <= {alert["labels"]["alertname"] for alert in found}
            assert "Quiet" not in {alert["labels"]["alertname"] for alert in found}
        assert_problem(await client.get("/api/v2/alerts", params={"filter": "nothing"}), 400)
        status = (await client.get("/api/v2/status")).json()
        assert status["cluster"]["status"] == "disabled"
        assert status["versionInfo"]["version"]


async def test_posting_is_for_operators():
    """A viewer may look; only an operator raises alarms."""
    async with asking(settings=with_tokens()) as client:
        assert_problem(await client.post("/api/v2/alerts", json=[posted()], headers=bearer("viewer")), 403)
        assert_problem(await client.post("/api/v2/alerts", json=[posted()]), 401)
        assert (await client.post("/api/v2/alerts", json=[posted()], headers=bearer("operator"))).status_code == 200
        assert len((await client.get("/api/v2/alerts", headers=bearer("viewer"))).json()) == 1


def test_amtool_can_read_us(tmp_path):
    """Alertmanager's own command line lists and adds alerts here."""
    amtool = program("amtool", "prometheus-alertmanager")
    with Serving(tmp_path, '[components.p]\ncheck = "push"\n') as server:
        run = [amtool, f"--alertmanager.url={server.url}", "--output=json"]
        added = subprocess.run(
            [*run, "alert", "add", "FromAmtool", "severity=warning", "--annotation=summary=hello"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert added.returncode == 0, added.stderr
        listed = subprocess.run([*run, "alert", "query"], capture_output=True, text=True, check=False)
        assert listed.returncode == 0, listed.stderr
        (alert,) = json.loads(listed.stdout)
        assert alert["labels"]["alertname"] == "FromAmtool"
        assert alert["annotations"]["summary"] == "hello"


# A real Prometheus

RULES = """
groups:
  - name: proof
    rules:
      - alert: LampIsOn
        expr: lamp == 1
        labels: {severity: warning, component: lamp}
        annotations: {summary: "The lamp {{ $labels.instance }} is on"}
"""


@contextmanager
def lamp():
    """A target whose one metric can be set."""
    state = {"value": 0}

    class Target(BaseHTTPRequestHandler):
        def do_GET(self):
            text = f"# TYPE lamp gauge\nlamp {state['value']}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Target)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], lambda value: state.update(value=value)
    finally:
        server.shutdown()
        server.server_close()


def test_a_real_prometheus_takes_us_for_its_alertmanager(tmp_path):
    """Its rule fires: the alert is here. It holds no more: the alert is resolved here."""
    prometheus = program("prometheus", "prometheus")
    port = free_port()
    with lamp() as (target, turn), Serving(tmp_path, '[components.p]\ncheck = "push"\n') as server:
        (tmp_path / "rules.yml").write_text(RULES)
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
            f"rule_files: [{tmp_path}/rules.yml]\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{server.url[7:]}']}}]}}]}}\n"
            f"scrape_configs: [{{job_name: lamp, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
        )
        running = Server(
            [
                prometheus,
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            port=port,
            log=tmp_path / "prometheus.log",
            ready=lambda: _answers(port),
        )
        running.start()
        try:
            with server.client() as client:

                def shown():
                    return client.get("/alerts", params={"rule": "LampIsOn"}).json()["alerts"]

                time.sleep(2)
                assert shown() == []
                turn(1)
                (alert,) = eventually(shown, 60)
                assert alert["severity"] == "medium"
                assert alert["component"] == "lamp"
                assert alert["message"] == f"The lamp 127.0.0.1:{target} is on"
                turn(0)
                eventually(lambda: not shown(), 60)
                detail = client.get(f"/api/v1/alerts/{alert['id']}").json()
                assert [change["kind"] for change in detail["changes"]] == ["fired", "resolved"]
        finally:
            running.stop()


def _answers(port):
    import httpx

    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
