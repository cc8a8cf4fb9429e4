"""The channel against a receiver that takes what Slack takes, and nothing else."""

import re

import pytest
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, DeliveryError, wording
from auscult_slack import SlackChannel

pytestmark = pytest.mark.anyio
PATH = "/services/T0CANARY0/B0CANARY0/canarycanarycanary"
LINK = re.compile(r"<(https?://[^|<>\s]+)\|[^<>|\n]*>")


def text_object(thing, most, *, kinds=("plain_text",)):
    if set(thing) - {"type", "text", "emoji", "verbatim"} or thing["type"] not in kinds:
        raise Refused(f"no text object: {thing}")
    text = thing["text"]
    if not 1 <= len(text) <= most:
        raise Refused(f"a text of {len(text)} characters, 1 to {most} are allowed")
    if thing["type"] == "mrkdwn" and "emoji" in thing:
        raise Refused("emoji is for plain_text")
    rest = LINK.sub("", text) if thing["type"] == "mrkdwn" else text
    if thing["type"] == "plain_text":
        escaped(rest)


def escaped(text):
    if re.search(r"[<>]|&(?!(amp|lt|gt);)", text):
        raise Refused(f"not escaped: {text[:80]!r}")


def block(thing):
    match thing["type"]:
        case "header":
            text_object(thing["text"], 150)
        case "section":
            if "text" not in thing and not thing.get("fields"):
                raise Refused("a section without text")
            if "text" in thing:
                text_object(thing["text"], 3000, kinds=("plain_text", "mrkdwn"))
            if len(thing.get("fields", [])) > 10:
                raise Refused("more than ten fields")
            for field in thing.get("fields", []):
                text_object(field, 2000)
        case "context":
            if not 1 <= len(thing["elements"]) <= 10:
                raise Refused("one to ten elements")
            for element in thing["elements"]:
                text_object(element, 3000, kinds=("mrkdwn",))
                if not LINK.fullmatch(element["text"]):
                    raise Refused(f"no link: {element['text']!r}")
        case other:
            raise Refused(f"invalid_blocks: {other}")


def judge_message(message):
    if set(message) - {"text", "blocks", "attachments", "unfurl_links", "unfurl_media"}:
        raise Refused("invalid_payload")
    escaped(message["text"])
    if not 1 <= len(message["text"]) <= 4000 or len(message["blocks"]) > 50 or len(message["attachments"]) > 20:
        raise Refused("too much")
    for thing in message["blocks"]:
        block(thing)
    for attachment in message["attachments"]:
        if not re.fullmatch("#[0-9a-f]{6}", attachment["color"]) or not 1 <= len(attachment["blocks"]) <= 50:
            raise Refused("invalid_attachments")
        for thing in attachment["blocks"]:
            block(thing)


def judge(request: Request) -> Answer:
    if request.path != PATH:
        return Answer(404, "no_service")
    if request.headers["content-type"] != "application/json":
        raise Refused("invalid_payload")
    judge_message(request.json)
    return Answer(200, "ok")


@pytest.fixture
def slack():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(slack):
    return SlackChannel(webhook_url=slack.url + PATH)


def texts(message) -> str:
    return str(message["attachments"])


async def test_a_firing_alert(slack, channel, ctx):
    """Title, what the rule says, facts, the runbook; red."""
    await channel.send(notify(), ctx)
    title = "[FIRING high] component_unhealthy: stt_client"
    assert slack.last["text"] == title
    assert slack.last["blocks"] == [{"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}]
    (attachment,) = slack.last["attachments"]
    said, facts, links = attachment["blocks"]
    assert said["text"]["text"] == "Component stt_client is unhealthy: Connection timeout"
    assert "Since\n2024-01-15 10:25:00 UTC" in [field["text"] for field in facts["fields"]]
    assert [element["text"] for element in links["elements"]] == [
        f"<{RUNBOOK.replace('&', '&amp;')}|Runbook>",
        "<https://auscult.example.com|auscult>",
    ]


async def test_colours_say_the_state(slack, channel, ctx):
    """Every severity has its own; resolved and acknowledged look so whatever the severity."""
    seen = set()
    for severity in AlertSeverity:
        await channel.send(notify(make_notice(severity=severity)), ctx)
        seen.add(slack.last["attachments"][0]["color"])
    assert len(seen) == len(AlertSeverity)
    for kind, status in [(ChangeKind.RESOLVED, None), (ChangeKind.ACKNOWLEDGED, AlertStatus.ACKNOWLEDGED)]:
        colours = set()
        for severity in (AlertSeverity.CRITICAL, AlertSeverity.INFO):
            notice = make_notice(kind, severity=severity, **({"status": status} if status else {}))
            await channel.send(notify(notice), ctx)
            colours.add(slack.last["attachments"][0]["color"])
        assert len(colours) == 1
        assert colours.isdisjoint(seen)


async def test_a_resolved_alert(slack, channel, ctx):
    """Says so, after how long, and mentions nobody."""
    await SlackChannel(webhook_url=channel.webhook_url, mention="<!here>").send(
        notify(make_notice(ChangeKind.RESOLVED, first=False)), ctx
    )
    assert slack.last["text"].startswith("[RESOLVED high]")
    assert "after 1m30s (recovered)" in texts(slack.last)
    assert "<!here>" not in str(slack.last)


async def test_a_mention_is_the_users_own(slack, channel, ctx):
    """It stands as it was configured; the same in an alert's text mentions nobody."""
    hooked = SlackChannel(webhook_url=channel.webhook_url, mention="<!here>")
    await hooked.send(notify(make_notice(message="<!channel> look")), ctx)
    assert slack.last["blocks"][0]["text"] == {"type": "mrkdwn", "text": "<!here>"}
    assert "&lt;!channel&gt; look" in texts(slack.last)


@pytest.mark.parametrize("count", [2, 4, 10, 11, 60, 2000])
async def test_many_alerts_are_one_message(slack, channel, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    notices = [make_notice(rule=f"rule-{number}") for number in range(count)]
    await channel.send(notify(*notices), ctx)
    assert len(slack.taken) == 1
    assert slack.last["text"].endswith(f"and {count - 1} more")
    named = len(set(re.findall(r"rule-\d+: ", texts(slack.last))))
    left = re.search(r"… and (\d+) more", texts(slack.last))
    assert named + int(left[1] if left else 0) == count
    assert named >= min(count, 40)


async def test_a_test_is_marked(slack, channel, ctx):
    """So that nobody runs."""
    await channel.send(notify(test=True), ctx)
    assert slack.last["text"].startswith("[TEST] ")


@given_hostile(most=12)
def test_no_limit_is_exceeded_and_nothing_escapes(notification):
    """Whatever the texts are, Slack takes the message, and only our own links are links."""
    message = SlackChannel(webhook_url="https://hooks.slack.com/services/x", mention="<!here>").message(notification)
    judge_message(message)
    allowed = {url for notice in notification.notices for _, url in wording.links(notice, notification)}
    for attachment in message["attachments"]:
        for thing in attachment["blocks"]:
            for element in thing.get("elements", []):
                assert LINK.fullmatch(element["text"])[1].replace("&amp;", "&") in allowed


async def test_hostile_texts_arrive(slack, channel, ctx):
    """As JSON in UTF-8, lone surrogates and all."""
    await prove_hostile_texts(channel, slack, ctx)


async def test_faults_are_told_apart(slack, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, slack, ctx)


async def test_the_hook_is_secret(slack, channel, ctx, caplog):
    """Its path is the password."""
    await prove_secrecy(channel, slack, ctx, caplog, "canarycanarycanary", "B0CANARY0")


async def test_slacks_own_words_are_passed_on(slack, ctx):
    """`no_service` says more than 404."""
    with pytest.raises(DeliveryError, match="404 Not Found: no_service"):
        await SlackChannel(webhook_url=slack.url + "/services/wrong").send(notify(), ctx)


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(SlackChannel, "auscult-slack", __file__)
