"""``auscult doctor`` finds each problem of the seed document's troubleshooting section, and says what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.servers.process import free_port

from auscult.config.tokens import hash_token


class Patient:
    """A server that answers as a sick auscult would; `url` to `(status, body)`."""

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Any]] = {"a": {"status": "healthy"}}
        self.last_check: str | None = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.metrics = 200
        self.said = "up 1\n"
        """At /metrics."""
        self.detailed = 200
        self.ready = 200
        self.channels: list[dict[str, Any]] = []
        self.dead: list[dict[str, str]] = []
        self.answers: dict[str, object] = {}
        """Further ones, by path."""
        self.port = 0

    def answer(self, path: str) -> tuple[int, object]:
        """What a path answers."""
        match path:
            case "/-/ready":
                return self.ready, {}
            case "/metrics":
                return self.metrics, self.said
            case "/health/detailed":
                body = {"status": "degraded", "last_check": self.last_check, "components": self.components}
                return self.detailed, body
            case "/api/v1/channels":
                return 200, {"channels": self.channels}
            case "/api/v1/deliveries?state=dead&limit=1000":
                return 200, {"deliveries": self.dead}
            case _ if path in self.answers:
                return 200, self.answers[path]
        return 404, {}


@pytest.fixture
def patient() -> Iterator[Patient]:
    """Listening on loopback."""
    sick = Patient()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = sick.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        sick.port = running.server_address[1]
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield sick
        running.shutdown()


@pytest.fixture
def examine(auscult, patient):
    """What the doctor finds at that patient: section, level and message with remedy."""

    def look(*arguments: str, port: int | None = None, environ: Any = ()) -> list[tuple[str, str, str]]:
        port = port or patient.port
        done = auscult("doctor", "--json", *arguments, AUSCULT_SERVER__PORT=str(port), **dict(environ))
        found = [(f["section"], f["level"], f"{f['message']} → {f['remedy']}") for f in done.json()]
        assert done.code == (1 if any(level == "problem" for _, level, _ in found) else 0)
        assert all(text.rpartition(" → ")[2] for _, level, text in found if level == "problem"), "no remedy"
        return found

    return look


def said(found: list[tuple[str, str, str]], section: str, level: str = "problem") -> str:
    """What was found in that section at that level."""
    return "\n".join(text for s, l, text in found if (s, l) == (section, level))  # noqa: E741


def test_nothing_is_wrong(auscult, patient, examine):
    """Exit code 0, and each section says that it looked."""
    auscult.configure(a="healthy")
    found = examine()
    assert [text for _, level, text in found if level == "problem"] == []
    assert {section for section, _, _ in found} >= {"configuration", "plugins", "state", "server", "health checks"}
    assert said(found, "health checks", "ok").startswith("1 component is healthy")


def test_the_state_is_looked_for_where_the_running_server_keeps_it(auscult, patient, examine, tmp_path):
    """It may have been started with another directory than ours; one that is not to be seen here is not looked at."""
    auscult.configure(a="healthy")
    with_server = tmp_path / "elsewhere"
    with_server.mkdir()
    patient.answers["/api/v1/config"] = {"store": {"state_dir": str(with_server)}}
    assert f"{with_server}, where the running server keeps its state: " in said(examine(), "state", "ok")
    patient.answers["/api/v1/config"] = {"store": {"state_dir": str(tmp_path / "in a container")}}
    assert "running server" not in said(examine(), "state", "ok")
    configured = tmp_path / "configured"
    assert str(configured) in said(examine(port=1, environ={"AUSCULT_STATE_DIR": str(configured)}), "state", "ok")


def test_warnings_of_the_configuration_are_said_once(auscult, patient):
    """Among what was found, and not on standard error as well."""
    path = auscult.configure(a="healthy")
    path.write_text(path.read_text() + "[rules.slow]\ncondition = 'response_time_ms > 1'\ncomponents = ['b']\n")
    done = auscult("doctor", AUSCULT_SERVER__PORT=str(patient.port))
    assert done.out.count("there is no component `b`") == 1
    assert "there is no component `b`" not in done.err


# 1. Health checks failing


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("cannot connect to 127.0.0.1:6379: Connection refused", "is it running, and is the address right?"),
        ("[Errno -2] Name or service not known", "is it running, and is the address right?"),
        ("no answer within 10 s", "is it overloaded, or does a firewall swallow the connection?"),
        ("401 Unauthorized for /v1/models", "check the credentials"),
        ('password authentication failed for user "app"', "check the credentials"),
        ("response time 6000 ms is above 5000 ms", "compare the threshold in the configuration"),
        ("success rate 80 % is below 95 %", "compare the threshold in the configuration"),
        ("the audio is silence: 2.4 s at -120 dBFS, where speech is above -55", "its work is bad"),
        ("out of cheese", "read its own log"),
    ],
)
def test_health_checks_fail(auscult, patient, examine, message, advice):
    """Connectivity, thresholds, the component's own log; and how to look again."""
    auscult.configure(a="healthy")
    patient.components = {"a": {"status": "unhealthy", "message": message}}
    text = said(examine(), "health checks")
    assert f"a is unhealthy: {message}" in text
    assert advice in text
    assert "auscult check a" in text


def test_a_component_is_not_registered(auscult, patient, examine):
    """The file was edited, and the server has not read it since."""
    auscult.configure(a="healthy", b="healthy", c={"status": "healthy", "enabled": False})
    text = said(examine(), "health checks")
    assert "the running server does not know `b` → " in text
    assert "SIGHUP" in text


# 2. Alerts not being sent


def test_no_channel(auscult, examine):
    """Nobody would be told."""
    auscult.configure(a="healthy")
    text = said(examine(), "alerts", "note")
    assert "no channel is configured: alerts go to the log, and nowhere else" in text
    assert "ALERT_WEBHOOK_URL" in text


def test_a_channel_of_a_kind_that_is_not_installed(auscult, examine):
    """Named, with where to look for those there are."""
    path = auscult.configure(a="healthy")
    path.write_text(path.read_text() + '[channels.ops]\nchannel = "carrier-pigeon"\n')
    found = examine()
    text = said(found, "alerts") + said(found, "configuration")
    assert "carrier-pigeon" in text
    assert "ops" in text


def channel(name: str, **more: Any) -> dict[str, Any]:
    """A channel as the API describes it."""
    return {"name": name, "failing_since": None, "delivered": 0, "waiting": 0, "last_error": ""} | more


def test_channels_that_do_not_deliver(auscult, patient, examine):
    """One that is down and one that refuses, with the reason and how to send again; the third is fine."""
    auscult.configure(a="healthy")
    patient.channels = [
        channel("chat", failing_since="2024-01-15T10:30:00Z", waiting=3, last_error="Connection refused"),
        channel("desk", last_error="404 Not Found"),
        channel("log", delivered=2),
    ]
    patient.dead = [{"channel": "desk", "error": "404 Not Found"}]
    found = examine()
    text = said(found, "alerts")
    assert "the channel `chat` has failed for" in text
    assert "3 notices wait: Connection refused → mend that, then try it: auscult channels test chat" in text
    assert "1 notice was given up by the channel `desk`: 404 Not Found" in text
    assert "auscult deliveries resend --all --channel desk" in text
    assert "the channel `log` delivers" in said(found, "alerts", "ok")


def in_(seconds: float) -> str:
    """A time of the API, that far ahead."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def test_what_is_kept_quiet(auscult, patient, examine):
    """Alerts that go on unheard, by what keeps them quiet; silences that have begun; maintenance in force."""
    auscult.configure(a="healthy")
    matchers = [{"name": "rule", "value": "late", "negative": False}]
    quiet = {"matchers": matchers, "author": "ann", "comment": "known", "ends_at": in_(7300)}
    patient.answers |= {
        "/api/v1/alerts?status=suppressed&limit=1000": {
            "alerts": [
                {"suppressed_by": "silence s1"},
                {"suppressed_by": "silence s1"},
                {"suppressed_by": "dependency redis"},
            ]
        },
        "/api/v1/silences": {
            "silences": [
                quiet | {"id": "s1", "starts_at": in_(-60)},
                quiet | {"id": "s2", "starts_at": in_(3600)},
            ]
        },
        "/api/v1/maintenance": {
            "windows": [
                {"name": "nights", "matchers": [], "in_force": True, "next_change": in_(610)},
                {"name": "days", "matchers": [], "in_force": False, "next_change": in_(60)},
            ]
        },
    }
    text = said(examine(), "alerts", "note")
    assert "2 alerts go on and are told nobody: silence s1 → " in text
    assert "1 alert goes on and is told nobody: dependency redis → that component's alert tells it" in text
    assert "a silence keeps quiet rule=late for another 2 h (ann: known) → " in text
    assert "auscult silence end s1" in text
    assert "the maintenance `nights` keeps quiet every alert for another 10 min" in text
    assert "s2" not in text, "it has not begun"
    assert "days" not in text


def test_routes_that_tell_nobody(auscult, examine):
    """One without a channel, and what happens to what no route matches."""
    path = auscult.configure(a="healthy")
    path.write_text(
        path.read_text() + '[channels.ops]\nchannel = "log"\n'
        '[[routes]]\nmatch = { severity = ["low", "info"] }\n'
        '[[routes]]\nmatch = { severity = "high" }\nchannels = ["ops"]\n'
    )
    text = said(examine(), "alerts", "note")
    assert "routes[0] sends alerts with severity=low|info to no channel" in text
    assert "routes[1]" not in text
    assert "an alert that no route matches is told nobody → end the list with" in text
    path.write_text(path.read_text() + '[[routes]]\nchannels = ["ops"]\n')
    assert "no route matches" not in said(examine(), "alerts", "note")


# 3. Metrics not exporting


def test_metrics_are_refused(auscult, patient, examine):
    """Prometheus would need a token."""
    auscult.configure(a="healthy")
    patient.metrics = 401
    text = said(examine(), "metrics")
    assert "/metrics answers 401" in text
    assert "public_metrics" in text


def test_metrics_answer(auscult, examine):
    """With how many samples."""
    auscult.configure(a="healthy")
    assert "/metrics answers with 1 sample " in said(examine(), "metrics", "ok")


def test_an_exporter_of_a_kind_that_is_not_installed(auscult, examine):
    """Named, with where to look for those there are."""
    path = auscult.configure(a="healthy")
    path.write_text(path.read_text() + '[exporters.tape]\nexporter = "punched-tape"\n')
    found = examine()
    text = said(found, "metrics") + said(found, "configuration")
    assert "punched-tape" in text
    assert "tape" in text


# 4. Dashboards not updating


def test_no_server_is_running(auscult, examine):
    """The first thing to look at."""
    auscult.configure(a="healthy")
    port = free_port()
    text = said(examine(port=port), "server")
    assert f"no server answers on 127.0.0.1:{port}" in text
    assert "auscult serve" in text


def test_something_else_answers(auscult, patient, examine):
    """The port is taken by another program."""
    auscult.configure(a="healthy")
    patient.detailed = 404
    patient.answer = lambda _: (404, "<html>nginx</html>")
    text = said(examine(), "server")
    assert "something else than auscult answers there" in text
    assert "--port" in text


def test_results_are_old(auscult, patient, examine):
    """The monitor runs and its results do not change."""
    auscult.configure(a="healthy")
    patient.last_check = "2024-01-15T10:30:00Z"
    text = said(examine(), "dashboards")
    assert "the latest result is" in text
    assert "`auscult`" in text


def test_one_component_s_data_is_old(auscult, patient, examine):
    """The others are checked, so the newest result of all says nothing of it."""
    auscult.configure(a={"status": "healthy", "interval": 5}, b={"status": "healthy", "interval": 5})
    now = datetime.now(UTC).isoformat(timespec="seconds")
    old = (datetime.now(UTC) - timedelta(seconds=100)).isoformat(timespec="seconds")
    patient.components = {
        "a": {"status": "healthy", "last_check": now},
        "b": {"status": "healthy", "last_check": old},
    }
    text = said(examine(), "dashboards")
    assert "the latest result of b is 10" in text
    assert "its interval is 5 s → " in text
    assert "auscult check b" in text
    assert "the latest result of a" not in text


@pytest.mark.parametrize(
    ("metrics", "level", "says"),
    [
        ("auscult_store_low_on_disk 1\n", "problem", "the disk is almost full → free some space"),
        ("auscult_store_results_dropped_total 3\n", "note", "3 results were not stored"),
    ],
)
def test_nothing_is_stored(auscult, patient, examine, metrics, level, says):
    """What is not written cannot be drawn."""
    auscult.configure(a="healthy")
    patient.said = metrics
    assert says in said(examine(), "dashboards", level)


def test_panels_that_fail_and_boards_that_are_slow(auscult, patient, examine):
    """Which panel of which dashboard, and why; the fine ones are counted."""
    auscult.configure(a="healthy")
    patient.answers |= {
        "/dashboards": {"dashboards": [{"id": "good"}, {"id": "bad"}, {"id": "gone"}]},
        "/dashboard/good?range=1h&points=10": {"panels": [{"id": "p", "error": None}], "refresh_interval": 30},
        "/dashboard/bad?range=1h&points=10": {
            "panels": [{"id": "p", "error": "KeyError: 'x'"}],
            "refresh_interval": 3600,
        },
    }
    found = examine()
    assert "the panel `p` of `bad` cannot be drawn: KeyError: 'x' → " in said(found, "dashboards")
    assert "the dashboard `gone` answers 404 → " in said(found, "dashboards")
    assert "`bad` is drawn anew every 3600 s only" in said(found, "dashboards", "note")
    assert "1 dashboard is drawn without a fault" in said(found, "dashboards", "ok")


def test_no_results_yet(auscult, patient, examine):
    """Just started."""
    auscult.configure(a="healthy")
    patient.last_check, patient.ready = None, 503
    found = examine()
    assert "no component has been checked yet" in said(found, "dashboards")
    assert "the server is not ready" in said(found, "server", "note")


def test_nothing_is_configured(auscult, examine):
    """An empty file monitors nothing."""
    auscult.configure()
    assert "no component is configured, so nothing is checked" in said(examine(), "configuration")


# What lies below all of these


def test_a_broken_configuration(auscult, examine):
    """Every finding is one of the doctor's, and nothing else is looked at."""
    auscult.configure(a={"stauts": "healthy"}, b={"status": "healthy", "interval": "soon"})
    found = examine()
    assert {section for section, _, _ in found} == {"configuration"}
    assert "components.a.stauts" in said(found, "configuration")
    assert "components.b.interval" in said(found, "configuration")


def test_a_broken_plugin(auscult, examine):
    """With its remedy."""
    auscult.configure(a="healthy")
    auscult.write("says.py", (auscult.directory / "says.py").read_text() + "\n@hookimpl\ndef auscult_check(): pass\n")
    text = said(examine(), "plugins")
    assert "`auscult_check` is not a hook; did you mean `auscult_checks`?" in text
    assert "rename it to `auscult_checks`" in text


def test_the_server_asks_for_a_token(auscult, patient, examine):
    """Which can be given; that is no problem of the server's."""
    auscult.configure(a="healthy")
    patient.detailed = 401
    found = examine()
    assert "--token or AUSCULT_TOKEN" in said(found, "server", "note")
    assert said(found, "server") == ""


def test_a_state_directory_that_cannot_be_one(auscult, patient):
    """A file stands where a directory has to be."""
    auscult.configure(a="healthy")
    done = auscult(
        "doctor",
        "--json",
        AUSCULT_SERVER__PORT=str(patient.port),
        AUSCULT_STATE_DIR=str(auscult.directory / "says.py" / "state"),
    )
    assert done.code == 1
    assert "says.py" in " ".join(f["message"] for f in done.json() if f["level"] == "problem")


def test_text_for_people(auscult, patient):
    """Sections, signs, and arrows before what to do."""
    auscult.configure(a="healthy")
    patient.components = {"a": {"status": "unhealthy", "message": "Connection refused"}}
    done = auscult("doctor", AUSCULT_SERVER__PORT=str(patient.port))
    assert done.code == 1
    assert "\nhealth checks\n  ✗ a is unhealthy: Connection refused\n    → is it running" in done.out


def test_at_a_real_server(auscult):
    """A server with tokens, a failing component and one that is fine; the doctor comes with a token."""
    port, token = free_port(), "a-viewer-token-for-this-test-only"
    path = auscult.configure(good="healthy", bad={"status": "raises", "message": "Connection refused by nobody"})
    path.write_text(
        f'{path.read_text()}[server]\nport = {port}\n[auth.tokens.me]\nrole = "viewer"\nhash = "{hash_token(token)}"\n'
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "auscult", "serve"],
        env=auscult.environ(),
        cwd=auscult.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(port)
        stranger = auscult("doctor", "--json").json()
        assert any("the server asks for a token" in found["message"] for found in stranger)
        done = auscult("doctor", "--json", AUSCULT_TOKEN=token)
        messages = [found["message"] for found in done.json() if found["level"] == "problem"]
        assert done.code == 1
        assert any(message.startswith("bad is ") and "Connection refused" in message for message in messages), messages
        assert not any("good" in message for message in messages)
        fine = [found["message"] for found in done.json() if found["level"] == "ok"]
        assert any(message.startswith("/metrics answers") for message in fine)
        assert "4 dashboards are drawn without a fault" in fine
    finally:
        server.terminate()
        assert server.wait(60) == 0


def wait_until_ready(port: int) -> None:
    """Until the server's first verdicts are there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=60).close()
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, "the server did not get ready"
            time.sleep(0.05)
        else:
            return
