"""The channel against a receiver that takes what the Events API v2 takes, and keeps incidents as PagerDuty does."""

from datetime import datetime

import pytest
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, ChangeKind, DeliveryError
from auscult_pagerduty import PagerDutyChannel

pytestmark = pytest.mark.anyio
KEY = "canary0routing0key0canary0123456"
TOP = {"routing_key", "event_action", "dedup_key", "client", "client_url", "payload", "links", "images"}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def judge_event(event):
    if set(event) - TOP:
        raise Refused(f"unknown fields {set(event) - TOP}")
    if len(event["routing_key"]) != 32 or not 1 <= len(event["dedup_key"]) <= 255:
        raise Refused("Length of 'routing_key' is incorrect")
    if event["event_action"] in ("acknowledge", "resolve"):
        return
    if event["event_action"] != "trigger":
        raise Refused("event_action")
    payload = event["payload"]
    if set(payload) - PAYLOAD or not all(isinstance(payload[name], str) for name in set(payload) - {"custom_details"}):
        raise Refused("payload")
    if not 1 <= len(payload["summary"]) <= 1024 or not payload["source"]:
        raise Refused("'payload.summary' is missing or blank")
    if payload["severity"] not in ("critical", "error", "warning", "info"):
        raise Refused("'payload.severity' is invalid (must be one of [critical, warning, error, info])")
    if not isinstance(payload["custom_details"], dict):
        raise Refused("custom_details")
    datetime.fromisoformat(payload.get("timestamp", "2024-01-15T10:25:00+00:00"))
    for link in event.get("links", []):
        if set(link) - {"href", "text"} or not link["href"].startswith("http"):
            raise Refused("links")


class Incidents:
    """What PagerDuty makes of the events: an incident per open key."""

    def __init__(self):
        self.state = {}
        self.opened = []

    def judge(self, request: Request) -> Answer:
        if request.path != "/v2/enqueue" or len(request.body) > 512_000:
            raise Refused("path or size")
        event = request.json
        judge_event(event)
        key, action = event["dedup_key"], event["event_action"]
        if action == "trigger" and self.state.get(key) in (None, "resolved"):
            self.state[key] = "triggered"
            self.opened.append(key)
        elif action == "acknowledge" and self.state.get(key) == "triggered":
            self.state[key] = "acknowledged"
        elif action == "resolve" and key in self.state:
            self.state[key] = "resolved"
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})


@pytest.fixture
def incidents():
    return Incidents()


@pytest.fixture
def pagerduty(incidents):
    with serving(incidents.judge) as running:
        yield running


@pytest.fixture
def channel(pagerduty):
    return PagerDutyChannel(routing_key=KEY, url=pagerduty.url + "/v2/enqueue")


async def test_an_alert_lives(pagerduty, channel, incidents, ctx):
    """Fired, reminded, acknowledged, resolved, fired again: one incident each time, by one key."""
    alert = make_notice().alert.id
    steps = [
        (ChangeKind.FIRED, "triggered"),
        (ChangeKind.REMINDED, "triggered"),
        (ChangeKind.ACKNOWLEDGED, "acknowledged"),
        (ChangeKind.ESCALATED, "acknowledged"),
        (ChangeKind.RESOLVED, "resolved"),
        (ChangeKind.REOPENED, "triggered"),
        (ChangeKind.RESOLVED, "resolved"),
    ]
    for number, (kind, state) in enumerate(steps):
        await channel.send(notify(make_notice(kind, first=number == 0, number=number + 1)), ctx)
        assert incidents.state == {alert: state}
    assert incidents.opened == [alert, alert]
    assert len(pagerduty.taken) == len(steps)


async def test_what_a_trigger_says(pagerduty, channel, ctx):
    """Summary, source, severity, when it began, details, links."""
    await channel.send(notify(), ctx)
    event = pagerduty.last
    assert event["client"] == "auscult"
    assert event["client_url"] == "https://auscult.example.com"
    assert event["links"][0] == {"href": RUNBOOK, "text": "Runbook"}
    payload = event["payload"]
    assert payload["summary"] == (
        "[FIRING high] component_unhealthy: stt_client: Component stt_client is unhealthy: Connection timeout"
    )
    assert (payload["source"], payload["severity"], payload["group"]) == ("stt_client", "error", "component_unhealthy")
    assert payload["timestamp"] == "2024-01-15T10:25:00+00:00"
    assert payload["custom_details"]["Labels"] == "team=voice"


@pytest.mark.parametrize(
    ("severity", "theirs"), [*zip(AlertSeverity, ["critical", "error", "warning", "info", "info"], strict=True)]
)
async def test_severities(pagerduty, channel, ctx, severity, theirs):
    """Five of ours, four of theirs."""
    await channel.send(notify(make_notice(severity=severity)), ctx)
    assert pagerduty.last["payload"]["severity"] == theirs


async def test_an_alert_of_no_component_has_a_source(pagerduty, channel, ctx):
    """PagerDuty insists on one."""
    await channel.send(notify(make_notice(component="", component_type=""), sender="ops-eu"), ctx)
    assert pagerduty.last["payload"]["source"] == "ops-eu"


async def test_acknowledged_before_it_was_told(channel, incidents, ctx):
    """There is an incident to look at, and nobody is called."""
    await channel.send(notify(make_notice(ChangeKind.ACKNOWLEDGED, first=True)), ctx)
    assert list(incidents.state.values()) == ["acknowledged"]


@pytest.mark.parametrize("record", [True, False])
async def test_ended_before_it_was_told(pagerduty, channel, incidents, ctx, record):
    """On record, without urgency, and over; or left out, where the user wants that."""
    ended = notify(make_notice(ChangeKind.RESOLVED, first=True, severity=AlertSeverity.CRITICAL))
    await structs.replace(channel, record_ended=record).send(ended, ctx)
    assert list(incidents.state.values()) == ["resolved"] * record
    if record:
        payload = pagerduty.taken[0].json["payload"]
        assert payload["severity"] == "info"
        assert payload["summary"].startswith("[FIRED AND RESOLVED critical]")


async def test_a_test_leaves_nothing_open(pagerduty, channel, incidents, ctx):
    """It can be seen in PagerDuty, marked, and is over."""
    await channel.send(notify(make_notice(severity=AlertSeverity.CRITICAL), test=True), ctx)
    assert list(incidents.state.values()) == ["resolved"]
    assert pagerduty.taken[0].json["payload"]["summary"].startswith("[TEST] ")
    assert pagerduty.taken[0].json["payload"]["severity"] == "info"


async def test_a_group_is_an_incident_each(pagerduty, channel, incidents, ctx):
    """Each alert is resolved on its own; slowed down in the middle, the next attempt goes on there."""
    group = notify(*(make_notice(rule=f"rule-{number}") for number in range(5)))
    pagerduty.fail(Answer(202), Answer(202), Answer(429, "", {"Retry-After": "2"}))
    with pytest.raises(DeliveryError) as failed:
        await channel.send(group, ctx)
    assert failed.value.retry_after == 2
    await channel.send(structs.replace(group, attempt=2), ctx)
    assert [request.json["payload"]["group"] for request in pagerduty.taken] == ["rule-2", "rule-3", "rule-4"]
    await channel.send(notify(make_notice(ChangeKind.RESOLVED, rule="rule-3", first=False)), ctx)
    assert sorted(incidents.state.values()) == ["resolved", "triggered", "triggered"]


def test_it_is_told_of_acknowledgements():
    """And of everything else that every channel is told of."""
    assert PagerDutyChannel.tells >= {ChangeKind.ACKNOWLEDGED, ChangeKind.FIRED, ChangeKind.RESOLVED}


@given_hostile(most=3)
def test_no_limit_is_exceeded(notification):
    """Whatever the texts are, PagerDuty takes every event."""
    channel = PagerDutyChannel(routing_key=KEY)
    for notice in notification.notices:
        for event in channel.events(notification, notice):
            judge_event(event)


async def test_hostile_texts_arrive(pagerduty, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, pagerduty, ctx)


async def test_faults_are_told_apart(pagerduty, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, pagerduty, ctx)


async def test_the_key_is_secret(pagerduty, channel, ctx, caplog):
    """It goes into the body only."""
    await prove_secrecy(channel, pagerduty, ctx, caplog, KEY)


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(PagerDutyChannel, "auscult-pagerduty", __file__)
