"""The channel against a receiver that takes what ntfy takes, and nothing else."""

import base64
import re

import pytest
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, DeliveryError, wording
from auscult_ntfy import NtfyChannel

pytestmark = pytest.mark.anyio
TOPIC = "canary-topic_0123456789"
TOKEN = "tk_canarycanarycanarycanary"
LOGINS = {"", f"Bearer {TOKEN}", "Basic " + base64.b64encode(b"ann:canary-password").decode()}


def judge_message(message):
    if set(message) - {"topic", "title", "message", "tags", "priority", "click", "actions"}:
        raise Refused("unknown field")
    if not re.fullmatch("[-_A-Za-z0-9]{1,64}", message["topic"]):
        raise Refused("topic invalid")
    if not message["message"] or len(message["message"].encode()) > 4096 or len(message["title"].encode()) > 250:
        raise Refused("message too long, it would become an attachment")
    if message["priority"] not in (1, 2, 3, 4, 5) or not all(isinstance(tag, str) for tag in message["tags"]):
        raise Refused("priority or tags invalid")
    if len(message.get("actions", [])) > 3:
        raise Refused("actions invalid: too many")
    for action in message.get("actions", []):
        if action["action"] != "view" or not action["label"] or not action["url"].startswith("http"):
            raise Refused("actions invalid")


def judge(request: Request) -> Answer:
    if request.headers.get("authorization", "") not in LOGINS:
        return Answer(401, {"code": 40101, "http": 401, "error": "unauthorized"})
    if request.path != "/":
        return Answer(404, {"code": 40401, "http": 404, "error": "page not found"})
    judge_message(request.json)
    return Answer(200, {"id": "x", "event": "message"})


@pytest.fixture
def ntfy():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(ntfy):
    return NtfyChannel(topic=TOPIC, url=ntfy.url)


async def test_a_firing_alert(ntfy, channel, ctx):
    """Title, what the rule says, facts, buttons, an alarm."""
    await channel.send(notify(), ctx)
    said = ntfy.last
    assert said["title"] == "[FIRING high] component_unhealthy: stt_client"
    assert said["message"].startswith("Component stt_client is unhealthy: Connection timeout\nSeverity: high\n")
    assert (said["tags"], said["priority"], said["click"]) == (["rotating_light"], 4, "https://auscult.example.com")
    assert said["actions"][0] == {"action": "view", "label": "Runbook", "url": RUNBOOK}


async def test_priorities(ntfy, channel, ctx):
    """By severity while it goes on; an end and an acknowledgement do not shout."""
    for severity in AlertSeverity:
        await channel.send(notify(make_notice(severity=severity)), ctx)
    await channel.send(notify(make_notice(ChangeKind.RESOLVED, severity=AlertSeverity.CRITICAL)), ctx)
    taken = make_notice(ChangeKind.ACKNOWLEDGED, severity=AlertSeverity.CRITICAL, status=AlertStatus.ACKNOWLEDGED)
    await channel.send(notify(taken), ctx)
    await channel.send(notify(taken, make_notice(rule="other", severity=AlertSeverity.MEDIUM)), ctx)
    said = [(request.json["priority"], request.json["tags"][0]) for request in ntfy.taken]
    assert [priority for priority, _ in said] == [5, 4, 3, 2, 2, 3, 2, 3]
    assert [tag for _, tag in said[4:]] == ["rotating_light", "white_check_mark", "eyes", "rotating_light"]


@pytest.mark.parametrize("login", [{"token": TOKEN}, {"username": "ann", "password": "canary-password"}])
async def test_logins(ntfy, channel, ctx, caplog, login):
    """By token and by password, both secret."""
    await structs.replace(channel, **login).send(notify(), ctx)
    header = ntfy.taken[-1].headers["authorization"]
    assert header in LOGINS - {""}
    await prove_secrecy(structs.replace(channel, **login), ntfy, ctx, caplog, header.partition(" ")[2])


async def test_a_wrong_token_is_permanent(channel, ctx):
    """With what the server said."""
    with pytest.raises(DeliveryError, match=r"401 Unauthorized: .*unauthorized") as failed:
        await structs.replace(channel, token="tk_wrong").send(notify(), ctx)
    assert not failed.value.retry


@pytest.mark.parametrize("count", [2, 10, 50, 2000])
async def test_many_alerts_are_one_message(ntfy, channel, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    notices = [make_notice(rule=f"rule {number};", message="m" * 900) for number in range(count)]
    await channel.send(notify(*notices), ctx)
    assert len(ntfy.taken) == 1
    assert ntfy.last["title"].endswith(f"and {count - 1} more")
    left = re.search(r"… and (\d+) more", ntfy.last["message"])
    named = len(set(re.findall(r"rule \d+;", ntfy.last["message"])))
    assert named + int(left[1] if left else 0) == count
    assert named >= min(count, 50)


@given_hostile(most=6)
def test_no_limit_is_exceeded(notification):
    """Whatever the texts are: bytes, not characters, are what ntfy counts."""
    message = NtfyChannel(topic=TOPIC).message(notification)
    judge_message(message)
    allowed = {url for notice in notification.notices for _, url in wording.links(notice, notification)}
    assert {action["url"] for action in message.get("actions", [])} <= allowed


async def test_hostile_texts_arrive(ntfy, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, ntfy, ctx)


async def test_faults_are_told_apart(ntfy, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, ntfy, ctx)


async def test_the_topic_is_secret(ntfy, channel, ctx, caplog):
    """It is the password where there are no logins."""
    await prove_secrecy(channel, ntfy, ctx, caplog, TOPIC)


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(NtfyChannel, "auscult-ntfy", __file__)
