"""The channel against a receiver that takes what Datadog's events API takes, and nothing else."""

import re
import time

import pytest
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, START, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, DeliveryError, wording
from auscult_datadog import DatadogChannel

pytestmark = pytest.mark.anyio
KEY = "canary0123456789canary0123456789"
FIELDS = {"title", "text", "alert_type", "priority", "aggregation_key", "tags", "date_happened"}


def judge_event(event, links=()):
    if set(event) - FIELDS:
        raise Refused("unknown field")
    if not 1 <= len(event["title"]) <= 100 or not 1 <= len(event["text"]) <= 4000:
        raise Refused("title or text too long")
    if event["alert_type"] not in ("error", "warning", "info", "success") or event["priority"] not in ("normal", "low"):
        raise Refused("alert_type or priority")
    if not 1 <= len(event["aggregation_key"]) <= 100 or len(event["tags"]) > 100:
        raise Refused("aggregation_key or tags")
    for tag in event["tags"]:
        if not 1 <= len(tag) <= 200 or not tag[0].isalpha() or re.search(r"[^\w:./-]", tag):
            raise Refused(f"Datadog would change the tag {tag!r}")
    if "date_happened" in event and not time.time() - 18 * 3600 < event["date_happened"] < time.time() + 60:
        raise Refused("date_happened is older than 18 h")
    own = event["text"]
    for url in links:
        own = own.replace(url, "")
    if own.lstrip().startswith("%%%") or re.search(r"@[\w.-]", own):
        raise Refused("Markdown, or somebody is mentioned")


def judge(request: Request) -> Answer:
    if request.headers.get("dd-api-key") != KEY:
        return Answer(403, {"errors": ["Forbidden"]})
    if request.path != "/api/v1/events":
        return Answer(404, {"errors": ["Not Found"]})
    judge_event(request.json)
    return Answer(202, {"status": "ok"})


@pytest.fixture
def datadog():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(datadog):
    return DatadogChannel(api_key=KEY, url=datadog.url)


async def test_a_firing_alert(datadog, channel, ctx):
    """Title, text, tags, and the key that joins it to its end."""
    await structs.replace(channel, tags=("env:production",)).send(notify(), ctx)
    event = datadog.last
    assert event["title"] == "[FIRING high] component_unhealthy: stt_client"
    assert event["alert_type"] == "error"
    assert event["aggregation_key"] == make_notice().alert.id
    assert event["tags"] == [
        "env:production",
        "rule:component_unhealthy",
        "component:stt_client",
        "severity:high",
        "status:active",
        "team:voice",
    ]
    assert event["text"].splitlines()[:2] == [event["title"], "Component stt_client is unhealthy: Connection timeout"]
    assert f"Runbook: {RUNBOOK}" in event["text"]


async def test_types(datadog, channel, ctx):
    """Loud, less loud, not at all; over is a success."""
    for severity in AlertSeverity:
        await channel.send(notify(make_notice(severity=severity)), ctx)
    await channel.send(notify(make_notice(ChangeKind.RESOLVED)), ctx)
    await channel.send(notify(make_notice(ChangeKind.ACKNOWLEDGED, status=AlertStatus.ACKNOWLEDGED)), ctx)
    await channel.send(notify(test=True), ctx)
    said = [request.json["alert_type"] for request in datadog.taken]
    assert said == ["error", "error", "warning", "warning", "info", "success", "info", "info"]
    assert datadog.last["title"].startswith("[TEST] ")


@pytest.mark.parametrize(("hours", "dated"), [(-1, False), (0, True), (16, True), (18, False), (24, False)])
def test_dates(hours, dated):
    """When it happened, unless Datadog would not take that: told a day late it is dated when it is told."""
    notification = notify()
    event = DatadogChannel(api_key=KEY).event(notification, notification.notices[0], START + hours * 3_600_000)
    assert event.get("date_happened") == (START // 1000 if dated else None)


async def test_nobody_is_mentioned(datadog, channel, ctx):
    """An address in an error message calls nobody."""
    await channel.send(notify(make_notice(message="user ann@example.com failed, @pagerduty")), ctx)
    assert "ann@\u200bexample.com" in datadog.last["text"]
    assert "@pagerduty" not in datadog.last["text"]


def test_labels_are_made_tags():
    """As Datadog would write them; ours keep their names."""
    notice = make_notice(labels={"Team EU": "Voice & Chat", "9": "x", "severity": "theirs", "a": ""})
    tags = DatadogChannel(api_key=KEY).event(notify(notice), notice, START)["tags"]
    assert {"team_eu:voice___chat", "label_9:x", "severity:high", "severity_:theirs"} <= set(tags)


async def test_a_group_is_an_event_each(datadog, channel, ctx):
    """Slowed down in the middle, the next attempt goes on there."""
    group = notify(*(make_notice(rule=f"rule-{number}") for number in range(4)))
    datadog.fail(Answer(202), Answer(429))
    with pytest.raises(DeliveryError):
        await channel.send(group, ctx)
    await channel.send(structs.replace(group, attempt=2), ctx)
    assert [request.json["tags"][0] for request in datadog.taken] == ["rule:rule-1", "rule:rule-2", "rule:rule-3"]


@given_hostile(most=3)
def test_no_limit_is_exceeded_and_nothing_escapes(notification):
    """Whatever the texts are."""
    channel = DatadogChannel(api_key=KEY, tags=("env:x",))
    for notice in notification.notices[:5]:
        links = [url for _, url in wording.links(notice, notification)]
        judge_event(channel.event(notification, notice, START + 24 * 3_600_000), links)


async def test_hostile_texts_arrive(datadog, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, datadog, ctx)


async def test_faults_are_told_apart(datadog, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, datadog, ctx)


async def test_the_key_is_secret(datadog, channel, ctx, caplog):
    """It goes into a header."""
    await prove_secrecy(channel, datadog, ctx, caplog, KEY)


async def test_a_wrong_key_is_permanent(channel, ctx):
    """With what Datadog said."""
    with pytest.raises(DeliveryError, match=r"403 Forbidden: .*Forbidden") as failed:
        await structs.replace(channel, api_key="wrong").send(notify(), ctx)
    assert not failed.value.retry


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(DatadogChannel, "auscult-datadog", __file__)
