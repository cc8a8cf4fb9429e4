"""The commands that ask a running server: alerts, silence, channels, deliveries; what they print and how they leave."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from tests.plugins.channels.receiver import Receiver, reply
from tests.servers.process import free_port
from tests.web.helpers import TOKENS, cheap_hash
from tests.web.serving import Serving, eventually

from auscult.cli import group

CONFIG = """
[components.stt_client]
check = "push"
failures = 1
[components.other]
check = "push"
failures = 1
[channels.log]
channel = "log"
[channels.broken]
channel = "webhook"
webhook_url = "http://127.0.0.1:{port}/broken"
[[routes]]
match = {{ rule = "Lost" }}
channels = ["broken"]
[[routes]]
channels = ["log"]
[auth.tokens.ann]
role = "operator"
hash = "{operator}"
[auth.tokens.bob]
role = "viewer"
hash = "{viewer}"
"""


@pytest.fixture(scope="module")
def receiver():
    found = Receiver()
    found.otherwise = reply(410)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, receiver):
    hashes = {role: cheap_hash(TOKENS[role]) for role in ("operator", "viewer")}
    with Serving(tmp_path_factory.mktemp("remote"), CONFIG.format(port=receiver.port, **hashes)) as serving:
        yield serving


@pytest.fixture(scope="module")
def client(server):
    with server.client(headers={"Authorization": f"Bearer {TOKENS['operator']}"}) as found:
        yield found


@pytest.fixture
def auscult(server):
    """Calls a command as ann; gives exit code and what it said."""

    def call(*arguments, role="operator", code=0, url=None):
        environ = {"AUSCULT_URL": url or server.url, "AUSCULT_TOKEN": TOKENS.get(role, "")}
        done = CliRunner().invoke(group, arguments, env=environ, prog_name="auscult")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.output
        return done.output

    return call


@pytest.fixture
def broken(client):
    """The alert of a component that fails while the test runs."""
    path = "/api/v1/components/stt_client/readings"
    client.post(path, json={"status": "unhealthy", "message": "no answer"})

    def found():
        return client.get("/alerts", params={"rule": "component_unhealthy"}).json()["alerts"]

    yield eventually(found)[0]
    for _ in range(2):
        client.post(path, json={"status": "healthy"})
    eventually(lambda: not found())


def test_alerts_are_listed_with_what_matters(auscult, broken):
    """One line each: how bad, who has it, since when, which, what; the totals below; JSON as the API has it."""
    said = auscult("alerts")
    line = next(line for line in said.splitlines() if broken["id"] in line)
    assert re.search(r"high +active +\d+ s .*component_unhealthy: stt_client .*is unhealthy", line)
    assert re.search(r"\d alerts? open \(.*1 high", said)
    levels = ["critical", "high", "medium", "low", "info"]
    shown = [levels.index(line.split()[0]) for line in said.splitlines() if line.split()[0] in levels]
    assert shown == sorted(shown)
    assert auscult("alerts", "list", "--severity", "info").startswith("No open alert fits.")
    body = json.loads(auscult("alerts", "--json", "--rule", "component_unhealthy"))
    assert [alert["id"] for alert in body["alerts"]] == [broken["id"]]
    assert set(body) == {"alerts", "summary"}


def test_an_alert_is_taken_on_noted_given_back_and_resolved(auscult, broken, client):
    """By the beginning of its id's second half; what was done shows with who did it."""
    assert re.search(r"'1' fits \d alerts: ", auscult("alerts", "show", broken["id"][:1], code=1))
    short = broken["id"].partition("-")[2][:6]
    assert "is acknowledged by ann until" in auscult("alerts", "ack", short, "--note", "mine", "--for", "2h")
    assert "acknowledged by ann" in auscult("alerts", "list")
    assert "Noted with component_unhealthy" in auscult("alerts", "note", short, "restarted it")
    assert "active again" in auscult("alerts", "unack", short)
    shown = auscult("alerts", "show", short)
    assert re.search(r"acknowledged +ann +mine", shown)
    assert re.search(r"noted +ann +restarted it", shown)
    assert json.loads(auscult("alerts", "show", broken["id"], "--json"))["alert"]["id"] == broken["id"]
    assert "is resolved" in auscult("alerts", "resolve", short, "--note", "done")
    listed = auscult("alerts", "history", "--rule", "component_unhealthy", "--limit", "1")
    assert re.search(rf"resolved .*{broken['id']}", listed)
    assert json.loads(auscult("alerts", "history", "--json", "--limit", "1"))["alerts"]


def test_a_silence_says_what_it_keeps_quiet(auscult, broken):
    """Previewed, set, listed, ended."""
    assert "1 open alert matches" in auscult("silence", "preview", "component=stt_client", "severity=high")
    assert "No open alert matches now" in auscult("silence", "preview", "component=nobody")
    made = auscult("silence", "add", "component=stt_*", "severity!=low", "--for", "2h", "-m", "a new version")
    assert "component_unhealthy: stt_client" in made
    ident = re.search(r"Silence (\w+) until", made)[1]
    assert re.search(rf"{ident} +1 h +ann +component=stt_\* severity!=low +a new version", auscult("silence"))
    assert "suppressed (silence" in auscult("alerts", "--status", "suppressed")
    assert broken["id"] not in auscult("alerts")
    assert "has ended" in auscult("silence", "end", ident)
    assert auscult("silence", "list").startswith("There are no silences")
    later = json.loads(auscult("silence", "add", "a=b", "--in", "1h", "--for", "30m", "-m", "x", "--json"))
    assert later["starts_at"] < later["ends_at"]
    assert json.loads(auscult("silence", "--json"))["silences"][0]["id"] == later["id"]
    auscult("silence", "end", later["id"])


def test_channels_are_listed_and_tested(auscult):
    """What came back is printed; the exit code says whether it arrived."""
    assert re.search(r"broken +webhook", auscult("channels"))
    said = auscult("channels", "test", "broken", code=1)
    assert "not delivered" in said
    assert "410" in said
    assert "delivered in" in auscult("channels", "test", "log")
    assert json.loads(auscult("channels", "test", "log", "--json"))["delivered"] is True
    assert "There is no channel `lgo`; did you mean `log`?" in auscult("channels", "test", "lgo", code=1)
    assert {each["name"] for each in json.loads(auscult("channels", "--json"))["channels"]} == {"log", "broken"}


def test_what_was_given_up_is_listed_and_sent_again(auscult, client, receiver):
    """With the reason, one by one or all at once."""
    client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Lost", "n": str(number)}} for number in range(2)])
    eventually(lambda: len(client.get("/api/v1/deliveries", params={"state": "dead"}).json()["deliveries"]) == 2)
    assert "nothing arrived yet" in auscult("channels")
    said = auscult("deliveries", "dead")
    assert re.search(r"dead +\d+ s ago +1 +broken +Lost: n=0 fired +\S+/1/broken +.*410", said)
    assert "auscult deliveries resend KEY" in said
    lost = json.loads(auscult("deliveries", "dead", "--json"))["deliveries"]
    assert {(row["rule"], row["component"], row["change"], row["severity"]) for row in lost} == {
        ("Lost", "", "fired", "medium")
    }
    keys = [row["key"] for row in lost]
    receiver.otherwise = reply()
    assert "1 notice is tried again" in auscult("deliveries", "resend", keys[0])
    eventually(lambda: len(client.get("/api/v1/deliveries", params={"state": "dead"}).json()["deliveries"]) == 1)
    assert "1 notice is tried again" in auscult("deliveries", "resend", "--all", "--channel", "broken")
    eventually(lambda: not client.get("/api/v1/deliveries", params={"state": "dead"}).json()["deliveries"])
    assert auscult("deliveries", "dead").startswith("Nothing was given up")
    assert keys[0] in auscult("deliveries", "list", "--channel", "broken", "--state", "done")
    auscult("deliveries", "resend", code=2)
    auscult("deliveries", "resend", "--all", keys[0], code=2)
    receiver.otherwise = reply(410)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("alerts", "ack", "nothing"), 1, "no open alert"),
        (("alerts", "ack", "x", "--for", "soon"), 2, "expected a duration such as"),
        (("alerts", "ack", "x", "--for", "10ms"), 2, "at least 1s"),
        (("silence", "add", "redis", "--for", "2h", "-m", "x"), 2, "is not a matcher such as"),
        (("silence", "add", "a=b", "-m", "x"), 2, "--for"),
        (("silence", "add", "a=b", "--for", "2h"), 2, "--comment"),
        (("silence", "add", "a=b", "--for", "999999999d", "-m", "x"), 2, "9999"),
        (("silence", "end", "nothing"), 1, "no silence"),
        (("deliveries", "resend", "no/1/key"), 1, "no open alert"),
        (("alerts", "list", "--url", "nowhere"), 2, "expected an address such as http://127.0.0.1:8420"),
        (("alerts", "list", "--url", "http://[::"), 2, "cannot be used"),
        (("alerts", "list", "--token", "\u2028"), 2, "cannot be used"),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(auscult, arguments, code, words):
    """1 what is not there, 2 what was called wrongly."""
    assert words in auscult(*arguments, code=code)


def test_who_may_not_is_told_so_and_a_dead_server_is_unknown(auscult):
    """No token and an unknown one: 2, with what to do; too little a role: 2; nobody there: 3."""
    assert "--token or AUSCULT_TOKEN" in auscult("alerts", role="nobody", code=2)
    assert "needs the role `operator`" in auscult("channels", "test", "log", role="viewer", code=2)
    assert auscult("alerts", role="viewer")
    said = auscult("alerts", url=f"http://127.0.0.1:{free_port()}", code=3)
    assert "no server answers at" in said
    assert len(said.strip().splitlines()) == 1


def test_something_else_that_answers_is_no_auscult(auscult, receiver):
    """A page, or JSON of another service: unknown, not a traceback."""
    receiver.otherwise = reply(200, b"<html>")
    assert "no JSON" in auscult("alerts", url=f"http://127.0.0.1:{receiver.port}", code=3)
    receiver.otherwise = reply(418, b"[1]")
    assert "is that an auscult server?" in auscult("alerts", url=f"http://127.0.0.1:{receiver.port}", code=3)
    receiver.otherwise = reply(410)


def test_nothing_from_outside_commands_the_terminal(auscult, client):
    """Escape sequences and line breaks of alerts, labels and notes are not printed."""
    evil = "\x1b]0;owned\x07\x1b[2J\r\nHEAD \u202eevil"
    labels = {"alertname": "Evil" + evil, "team": evil}
    assert client.post("/api/v2/alerts", json=[{"labels": labels, "annotations": {"summary": evil}}]).status_code == 200
    (alert,) = [each for each in client.get("/alerts").json()["alerts"] if each["name"].startswith("Evil")]
    for arguments in (
        ("alerts",),
        ("alerts", "show", alert["id"]),
        ("alerts", "history"),
        ("silence", "preview", "rule=Evil*"),
    ):
        said = auscult(*arguments)
        assert "Evil" in said
        assert not set("\x1b\x07\r\u202e") & set(said)
    client.post(f"/api/v1/alerts/{alert['id']}/resolve", json={})


@pytest.mark.parametrize("command", ["alerts", "silence", "channels", "deliveries"])
def test_every_command_explains_itself(auscult, command):
    """Help of the group and of each of its commands."""
    said = auscult(command, "--help")
    for name in re.findall(r"^  (\w+) ", said.partition("Commands:")[2], re.MULTILINE):
        text = auscult(command, name, "--help")
        assert "--url" in text
        assert "AUSCULT_TOKEN" in text
