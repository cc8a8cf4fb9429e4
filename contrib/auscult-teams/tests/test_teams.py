"""The channel against a receiver that takes what a Teams workflow takes, and nothing else."""

import re

import pytest
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, wording
from auscult_teams import TeamsChannel

pytestmark = pytest.mark.anyio
PATH = "/workflows/0123456789/triggers/manual/paths/invoke"
QUERY = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=CANARYcanaryCANARYcanary-signature"
STYLES = {"default", "emphasis", "good", "attention", "warning", "accent"}


def judge_element(element):
    kind = element["type"]
    if kind == "Container":
        if set(element) - {"type", "style", "items"} or element["style"] not in STYLES or not element["items"]:
            raise Refused("Container")
        for item in element["items"]:
            judge_element(item)
    elif kind == "RichTextBlock":
        if set(element) - {"type", "inlines", "spacing"} or not element["inlines"]:
            raise Refused("RichTextBlock")
        for run in element["inlines"]:
            if run["type"] != "TextRun" or set(run) - {"type", "text", "weight", "size"} or not run["text"]:
                raise Refused(f"TextRun: {run}")
    else:
        raise Refused(f"these tests allow no {kind}: it reads Markdown")


def judge_message(message):
    if set(message) != {"type", "attachments"} or message["type"] != "message" or len(message["attachments"]) != 1:
        raise Refused("no message")
    attachment = message["attachments"][0]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        raise Refused("contentType")
    card = attachment["content"]
    if card["type"] != "AdaptiveCard" or tuple(map(int, card["version"].split("."))) > (1, 5) or not card["body"]:
        raise Refused("no card that Teams draws")
    for element in card["body"]:
        judge_element(element)
    if len(card.get("actions", [])) > 6:
        raise Refused("Teams draws six actions")
    for action in card.get("actions", []):
        if action["type"] != "Action.OpenUrl" or not action["url"].startswith("http") or not action["title"]:
            raise Refused("action")


def judge(request: Request) -> Answer:
    if request.path != PATH + QUERY:
        return Answer(401, {"error": {"code": "DirectApiAuthorizationRequired"}})
    if len(request.body) > 28 * 1024:
        raise Refused("RequestEntityTooLarge")
    judge_message(request.json)
    return Answer(202)


@pytest.fixture
def teams():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(teams):
    return TeamsChannel(webhook_url=teams.url + PATH + QUERY)


def card(message):
    return message["attachments"][0]["content"]


def said(element):
    if element["type"] == "Container":
        return "\n".join(map(said, element["items"]))
    return "".join(run["text"] for run in element["inlines"])


async def test_a_firing_alert(teams, channel, ctx):
    """Headline, what the rule says, facts, buttons."""
    await channel.send(notify(), ctx)
    (container,) = card(teams.last)["body"]
    assert container["style"] == "attention"
    assert said(container).splitlines()[:3] == [
        "[FIRING high] component_unhealthy: stt_client",
        "Component stt_client is unhealthy: Connection timeout",
        "Severity: high",
    ]
    assert [(a["title"], a["url"]) for a in card(teams.last)["actions"]] == [
        ("Runbook", RUNBOOK),
        ("auscult", "https://auscult.example.com"),
    ]
    assert card(teams.last)["fallbackText"].startswith("[FIRING high]")


async def test_styles_say_the_state(teams, channel, ctx):
    """Loud, less loud, taken on, over."""
    notices = [
        make_notice(rule="a", severity=AlertSeverity.CRITICAL),
        make_notice(rule="b", severity=AlertSeverity.MEDIUM),
        make_notice(ChangeKind.ACKNOWLEDGED, rule="c", severity=AlertSeverity.LOW, status=AlertStatus.ACKNOWLEDGED),
        make_notice(ChangeKind.RESOLVED, rule="d", severity=AlertSeverity.CRITICAL),
    ]
    await channel.send(notify(*notices), ctx)
    title, *containers = card(teams.last)["body"]
    assert said(title) == "[FIRING 3, RESOLVED 1, critical] a: stt_client and 3 more"
    assert [container["style"] for container in containers] == ["attention", "warning", "default", "good"]


@pytest.mark.parametrize("count", [2, 10, 60, 3000])
async def test_many_alerts_are_one_card(teams, channel, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    notices = [make_notice(rule=f"rule {number};", message="m" * 900) for number in range(count)]
    await channel.send(notify(*notices), ctx)
    assert len(teams.taken) == 1
    text = "\n".join(map(said, card(teams.last)["body"][1:]))
    left = re.search(r"… and (\d+) more", text)
    named = len(set(re.findall(r"rule \d+;", text)))
    assert named + int(left[1] if left else 0) == count
    assert named >= min(count, 100)


async def test_a_test_is_marked(teams, channel, ctx):
    """So that nobody runs."""
    await channel.send(notify(test=True), ctx)
    assert said(card(teams.last)["body"][0]).startswith("[TEST] ")


def test_it_says_that_it_cannot_know():
    """A workflow answers before it posts."""
    assert TeamsChannel.best_effort


@given_hostile(most=6)
def test_no_limit_is_exceeded_and_no_markdown_is_read(notification):
    """Whatever the texts are, the card is small enough, and the only links are ours."""
    message = TeamsChannel(webhook_url="https://x.example/y").message(notification)
    judge_message(message)
    assert len(str(message).encode()) < 40_000
    allowed = {url for notice in notification.notices for _, url in wording.links(notice, notification)}
    assert {action["url"] for action in card(message).get("actions", [])} <= allowed


async def test_hostile_texts_arrive(teams, channel, ctx):
    """As JSON in UTF-8, within 28 kB."""
    await prove_hostile_texts(channel, teams, ctx)


async def test_faults_are_told_apart(teams, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, teams, ctx)


async def test_the_signature_is_secret(teams, channel, ctx, caplog):
    """It stands in the address."""
    await prove_secrecy(channel, teams, ctx, caplog, "CANARYcanaryCANARYcanary-signature")


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(TeamsChannel, "auscult-teams", __file__)
