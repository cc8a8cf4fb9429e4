"""The channel against a real Alertmanager, and against a receiver that takes what its API takes and fails on demand."""

import json
import re
import time
import urllib.request
from datetime import UTC, datetime

import anyio
import pytest
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.need import program
from tests.notices import NASTY, RUNBOOK, START, given_hostile, make_notice, notify
from tests.servers.process import Server, accepts, directory, free_port
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import (
    AlertSeverity,
    ChangeKind,
    Check,
    Component,
    DeliveryError,
    Duration,
    Measurement,
    Monitor,
    Reading,
)
from auscult.options import convert_options
from auscult.rules.rule import AlertRule
from auscult_alertmanager import AlertmanagerChannel

pytestmark = pytest.mark.anyio
NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
CONFIGURATION = """
route: {receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "%s/hook"}]}]
"""


def judge_alerts(alerts):
    for alert in alerts:
        if set(alert) - {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}:
            raise Refused("unknown field")
        if not alert["labels"] or not all(alert["labels"].values()):
            raise Refused("at least one label pair required")
        for pairs in (alert["labels"], alert["annotations"]):
            if wrong := [name for name in pairs if not NAME.fullmatch(name)]:
                raise Refused(f"invalid label name {wrong[0]!r}")
        begin, end = datetime.fromisoformat(alert["startsAt"]), datetime.fromisoformat(alert["endsAt"])
        if begin.tzinfo is None or end < begin:
            raise Refused("start time must be before end time")


def judge(request: Request) -> Answer:
    if request.path == "/hook":
        return Answer(200)
    if request.path not in ("/api/v2/alerts", "/am/api/v2/alerts"):
        return Answer(404, "page not found")
    judge_alerts(request.json)
    return Answer(200)


@pytest.fixture
def vendor():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(vendor):
    return AlertmanagerChannel(url=vendor.url)


@pytest.fixture(scope="module")
def hook():
    with serving(judge) as running:
        yield running


@pytest.fixture(scope="module")
def real(hook):
    """A real Alertmanager that tells `hook` whatever it has to tell."""
    binary = program("prometheus-alertmanager", "prometheus-alertmanager")
    with directory() as path:
        (path / "config.yml").write_text(CONFIGURATION % hook.url)
        port = free_port()
        options = [f"--config.file={path}/config.yml", f"--storage.path={path}/data", "--cluster.listen-address="]
        command = [binary, *options, f"--web.listen-address=127.0.0.1:{port}"]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port))
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop()


def listed(url, rule):
    """The alerts of a rule that Alertmanager takes for active, by what it lists."""
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=10) as reply:
        return [alert for alert in json.load(reply) if alert["labels"]["alertname"] == rule]


def until(condition, seconds=20):
    """Whatever true thing it gives within that time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


async def test_a_real_alertmanager_is_told_of_beginning_and_end(real, hook, ctx, anyio_backend):
    """It lists the alert, tells its own receiver, and tells it of the end."""
    channel, rule = AlertmanagerChannel(url=real + "/"), f"real-{anyio_backend}"

    def told(status):
        bodies = [r.json for r in hook.taken if r.json["groupLabels"].get("alertname") == rule]
        return [body for body in bodies if body["status"] == status]

    await channel.send(notify(make_notice(rule=rule)), ctx)
    (alert,) = until(lambda: listed(real, rule))
    assert alert["labels"]["component"] == "stt_client"
    assert alert["annotations"]["runbook_url"] == RUNBOOK
    assert datetime.fromisoformat(alert["startsAt"]) == datetime.fromtimestamp(START / 1000, UTC)
    ends = datetime.fromisoformat(alert["endsAt"]).timestamp()
    assert 0.8 * 3600 < ends - time.time() < 1.2 * 3600
    until(lambda: told("firing"))
    await channel.send(notify(make_notice(ChangeKind.RESOLVED, rule=rule, first=False)), ctx)
    (body,) = until(lambda: told("resolved"))
    assert [a["labels"]["severity"] for a in body["alerts"]] == ["high"]
    until(lambda: not listed(real, rule))


async def test_a_real_alertmanager_is_kept_from_forgetting(real, anyio_backend, monkeypatch):
    """What goes on is sent again while it goes on, acknowledged or not; when nobody repeats it, it ends by itself."""
    monkeypatch.setattr("auscult.runtime.renewing.FIRST", 0.5)
    rule = f"kept-{anyio_backend}"
    monitor = Monitor([Component(name="a", check=Flag(), interval=0.2)], interval=0.2)
    monitor.alerts.add_rule(AlertRule(name=rule, condition="flag > 0", severity=AlertSeverity.HIGH))
    channel = AlertmanagerChannel(url=real, resend=Duration("1s"), firing_for=Duration("6s"))
    monitor.alerts.add_channel("alertmanager", channel)
    await monitor.run()
    try:
        with anyio.fail_after(30):
            while not (first := listed(real, rule)):
                await anyio.sleep(0.05)
            (alert,) = [alert for alert in monitor.alerts.alerts() if alert.rule == rule]
            await monitor.alerts.acknowledge(alert.id, by="ann")
            end, seen = anyio.current_time() + 8, set()
            while anyio.current_time() < end:
                seen.update(alert["endsAt"] for alert in listed(real, rule))
                assert listed(real, rule), "it was forgotten although it goes on"
                await anyio.sleep(0.1)
    finally:
        await monitor.stop()
    assert len(seen) > 2
    assert first[0]["startsAt"] == listed(real, rule)[0]["startsAt"]
    until(lambda: not listed(real, rule), 20)


class Flag(Check):
    """Flies."""

    kind = "flag"
    measurements = (Measurement("flag", "", "Whether it flies."),)

    async def probe(self, ctx):
        """Look."""
        return Reading.healthy(flag=1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"resend": "1h"}, "at least twice"), ({"resend": 0.5}, "at least 1s"), ({"firing_for": "9m"}, "at least twice")],
)
def test_times_that_make_no_sense(options, sentence):
    """Alertmanager would forget between two renewals."""
    with pytest.raises(ValueError, match=sentence):
        convert_options({"url": "http://h", **options}, AlertmanagerChannel)


async def test_a_real_alertmanager_sees_one_severity_at_a_time(real, ctx, anyio_backend):
    """The old one ends where the new one begins, also where only a later notice tells of the change."""
    channel, rule = AlertmanagerChannel(url=real), f"changing-{anyio_backend}"

    async def post(kind, severity, **fields):
        await channel.send(notify(make_notice(kind, rule=rule, severity=severity, **fields)), ctx)
        return [alert["labels"]["severity"] for alert in listed(real, rule)]

    assert await post(ChangeKind.FIRED, AlertSeverity.MEDIUM) == ["medium"]
    assert await post(ChangeKind.UPDATED, AlertSeverity.CRITICAL, first=False) == ["critical"]
    assert await post(ChangeKind.REMINDED, AlertSeverity.LOW, first=False, covers=(3,)) == ["low"]
    assert await post(ChangeKind.RESOLVED, AlertSeverity.INFO, first=False, covers=(5,)) == []


async def test_a_real_alertmanager_takes_hostile_texts(real, ctx):
    """Whatever stands in names, labels, links."""
    channel = AlertmanagerChannel(url=real)
    for text in NASTY:
        notice = make_notice(
            rule=text, component=text, message=text, labels={text: text, "2": "x"}, runbook=text, generator=text
        )
        await channel.send(notify(notice, make_notice(ChangeKind.RESOLVED, rule=text), url=text), ctx)


@pytest.mark.parametrize(
    "url", ["http://h/%zz", "http://h:port/", "http://h:99999x/", "https://h/%2Fok", "http://h_1:80"]
)
async def test_a_real_alertmanager_takes_every_address(real, ctx, url):
    """What we take for an address, it takes."""
    await AlertmanagerChannel(url=real).send(notify(make_notice(rule="address", generator=url)), ctx)


async def test_what_is_posted(vendor, channel, ctx):
    """Labels, annotations, times, where it comes from."""
    await channel.send(notify(), ctx)
    (alert,) = vendor.last
    assert alert["labels"] == {
        "alertname": "component_unhealthy",
        "severity": "high",
        "component": "stt_client",
        "component_type": "stt_client",
        "team": "voice",
    }
    assert alert["annotations"]["summary"] == "[FIRING high] component_unhealthy: stt_client"
    assert alert["startsAt"] == "2024-01-15T10:25:00.000+00:00"
    assert alert["generatorURL"] == "https://auscult.example.com"


async def test_labels_are_made_fit(vendor, channel, ctx):
    """Two that become the same stay two; ours are not overwritten."""
    labels = {"team/eu": "a", "team-eu": "b", "9": "c", "severity": "d", "": "e", "empty": ""}
    await channel.send(notify(make_notice(labels=labels)), ctx)
    said = vendor.last[0]["labels"]
    assert said["severity"] == "high"
    assert said["exported_severity"] == "d"
    assert {said["team_eu"], said["exported_team_eu"]} == {"a", "b"}
    assert (said["_9"], said["_"]) == ("c", "e")
    assert "empty" not in said


async def test_an_end_has_its_time(vendor, channel, ctx):
    """That of the end, and never before the beginning; one that was never told of is told with both."""
    for first in (True, False):
        await channel.send(notify(make_notice(ChangeKind.RESOLVED, first=first)), ctx)
        assert [alert["endsAt"] for alert in vendor.last] == ["2024-01-15T10:26:30.000+00:00"]
    await channel.send(notify(make_notice(ChangeKind.RESOLVED, resolved_at=START - 5)), ctx)
    assert [alert["endsAt"] for alert in vendor.last] == ["2024-01-15T10:25:00.001+00:00"]


async def test_a_test_ends_by_itself(vendor, channel, ctx):
    """Nobody has to clean up after it."""
    await channel.send(notify(test=True), ctx)
    assert datetime.fromisoformat(vendor.last[0]["endsAt"]).timestamp() - time.time() < 3600
    assert vendor.last[0]["annotations"]["summary"].startswith("[TEST] ")


async def test_many_alerts_are_one_post(vendor, channel, ctx):
    """Nothing is cut: Alertmanager groups on its own."""
    await channel.send(notify(*(make_notice(rule=f"rule-{number}") for number in range(500))), ctx)
    assert len(vendor.taken) == 1
    assert len(vendor.last) == 500


async def test_a_prefix_and_a_login(vendor, channel, ctx, caplog):
    """Behind a proxy; both secrets stay secret."""
    guarded = structs.replace(channel, url=vendor.url + "/am/", username="ann", password="canary-password")
    await prove_secrecy(guarded, vendor, ctx, caplog, "YW5uOmNhbmFyeS1wYXNzd29yZA==")
    await prove_secrecy(structs.replace(channel, token="canary-token"), vendor, ctx, caplog, "canary-token")


@given_hostile(most=4)
def test_no_alert_is_refused_for_its_texts(notification):
    """Whatever they are, names and times are valid."""
    judge_alerts(AlertmanagerChannel(url="http://x").alerts(notification, START))


async def test_hostile_texts_arrive(vendor, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, vendor, ctx)


async def test_faults_are_told_apart(vendor, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, vendor, ctx)


async def test_a_wrong_address_is_permanent(real, ctx):
    """A real Alertmanager's 404 is not tried for a day."""
    with pytest.raises(DeliveryError, match="404") as failed:
        await AlertmanagerChannel(url=real + "/no").send(notify(), ctx)
    assert not failed.value.retry


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(AlertmanagerChannel, "auscult-alertmanager", __file__)
