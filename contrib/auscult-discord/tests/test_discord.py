"""The channel against a receiver that takes what Discord takes, and nothing else."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, hostile_texts, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertSeverity, AlertStatus, ChangeKind, DeliveryError, wording
from auscult_discord import DiscordChannel, _escape

pytestmark = pytest.mark.anyio
PATH = "/api/webhooks/123456789012345678/canarycanary-token_0123456789"
LINK = re.compile(r"^[A-Za-z0-9 .-]+: <(https?://[^<>\s]+)>$", re.MULTILINE)


def text(value, most):
    size = wording.utf16_length(value)
    if not value.strip() or size > most:
        raise Refused(f"BASE_TYPE_MAX_LENGTH: {size} of {most}")
    return size


def unescaped(value):
    """What would format, mention or link: everything special that has no backslash before it, but our own links."""
    return re.findall(
        r"[*_~`|<>\[\]()]|^[^\S\n]*[#+-]|^[^\S\n]*\d+[.)]", re.sub(r"\\[^0-9A-Za-z\s]", "x", value), re.MULTILINE
    )


def judge_embed(embed):
    if set(embed) - {"title", "description", "color", "fields", "timestamp", "url", "footer"}:
        raise Refused("unknown field")
    if not 0 <= embed["color"] <= 0xFFFFFF or len(embed.get("fields", [])) > 25:
        raise Refused("color or fields")
    if "timestamp" in embed:
        datetime.fromisoformat(embed["timestamp"])
    size = text(embed["title"], 256) if "title" in embed else 0
    size += text(embed["description"], 4096) if "description" in embed else 0
    for field in embed.get("fields", []):
        size += text(field["name"], 256) + text(field["value"], 1024)
    return size


def judge_message(message):
    if set(message) - {"content", "embeds", "allowed_mentions", "username", "avatar_url"}:
        raise Refused("unknown field")
    if "content" in message:
        text(message["content"], 2000)
    if not 1 <= len(message["embeds"]) <= 10 or sum(map(judge_embed, message["embeds"])) > 6000:
        raise Refused("Embed size exceeds maximum size of 6000")
    if message["allowed_mentions"]["parse"]:
        raise Refused("these tests allow no mentions out of texts")
    for embed in message["embeds"]:
        texts = [embed.get("title", ""), LINK.sub("", embed.get("description", ""))]
        texts += [part for field in embed.get("fields", []) for part in (field["name"], field["value"])]
        if found := [each for each in texts if unescaped(each)]:
            raise Refused(f"not escaped: {found[0][:200]!r}: {unescaped(found[0])[:3]}")


def judge(request: Request) -> Answer:
    path, _, query = request.path.partition("?")
    if path != PATH:
        return Answer(404, {"message": "Unknown Webhook", "code": 10015})
    if query and not re.fullmatch(r"thread_id=\d+", query):
        raise Refused("query")
    judge_message(request.json)
    return Answer(204)


@pytest.fixture
def discord():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(discord):
    return DiscordChannel(webhook_url=discord.url + PATH)


async def test_a_firing_alert(discord, channel, ctx):
    """Title, what the rule says, the runbook, facts, a colour, when."""
    await channel.send(notify(), ctx)
    assert "content" not in discord.last
    (embed,) = discord.last["embeds"]
    assert embed["title"].replace("\\", "") == "[FIRING high] component_unhealthy: stt_client"
    assert embed["description"].splitlines() == [
        "Component stt\\_client is unhealthy: Connection timeout",
        f"Runbook: <{RUNBOOK}>",
        "auscult: <https://auscult.example.com>",
    ]
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    assert (fields["Severity"], fields["Since"]) == ("high", "2024-01-15 10:25:00 UTC")
    assert embed["timestamp"] == "2024-01-15T10:25:00+00:00"


async def test_colours_say_the_state(discord, channel, ctx):
    """Every severity has its own; resolved and acknowledged look so."""
    notices = [make_notice(rule=severity.value, severity=severity) for severity in AlertSeverity]
    notices.append(make_notice(ChangeKind.RESOLVED, severity=AlertSeverity.CRITICAL))
    notices.append(make_notice(ChangeKind.ACKNOWLEDGED, rule="taken", status=AlertStatus.ACKNOWLEDGED))
    await channel.send(notify(*notices), ctx)
    assert len({embed["color"] for embed in discord.last["embeds"]}) == 7


async def test_mentions_are_the_users_own(discord, channel, ctx):
    """Roles that were configured, when something fires; never out of an alert's text, and not for an end."""
    mentioning = structs.replace(channel, mention_roles=("42",))
    await mentioning.send(notify(make_notice(message="@everyone <@&7>")), ctx)
    assert discord.last["content"] == "<@&42>"
    assert discord.last["allowed_mentions"] == {"parse": [], "roles": ["42"]}
    await mentioning.send(notify(make_notice(ChangeKind.RESOLVED)), ctx)
    assert "content" not in discord.last
    assert discord.last["allowed_mentions"] == {"parse": [], "roles": []}


async def test_a_thread(discord, channel, ctx):
    """Posted to by its id."""
    await structs.replace(channel, thread_id="99").send(notify(), ctx)
    assert discord.taken[-1].path == PATH + "?thread_id=99"


@pytest.mark.parametrize("count", [2, 4, 10, 11, 60, 2000])
async def test_many_alerts_are_one_message(discord, channel, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    notices = [make_notice(rule=f"rule {number};", message="m" * 900) for number in range(count)]
    await channel.send(notify(*notices), ctx)
    assert len(discord.taken) == 1
    assert discord.last["content"].endswith(f"and {count - 1} more")
    said = str(discord.last["embeds"])
    left = re.search(r"… and (\d+) more", said)
    named = len(set(re.findall(r"rule \d+;", said)))
    assert named + int(left[1] if left else 0) == count
    assert named >= min(count, 60)


async def test_a_test_is_marked(discord, channel, ctx):
    """So that nobody runs."""
    await channel.send(notify(test=True), ctx)
    assert "[TEST]" in discord.last["content"].replace("\\", "")


@given(st.one_of(hostile_texts, st.text("\\*_~`|<>[]()#-+1. \n", max_size=30)))
def test_escaping_says_the_same(text):
    """Without the backslashes that Discord hides, the text is what it was."""
    escaped = _escape(text)
    assert re.sub(r"\\([^0-9A-Za-z\s])", r"\1", escaped) == text
    assert not unescaped(escaped)


@given_hostile(most=12)
def test_no_limit_is_exceeded_and_nothing_escapes(notification):
    """Whatever the texts are, Discord takes the message, and the only links are ours."""
    message = DiscordChannel(webhook_url="https://discord.com/x", mention_roles=("1",)).message(notification)
    judge_message(message)
    allowed = {url for notice in notification.notices for _, url in wording.links(notice, notification)}
    for embed in message["embeds"]:
        assert set(LINK.findall(embed.get("description", ""))) <= allowed


async def test_hostile_texts_arrive(discord, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, discord, ctx)


async def test_faults_are_told_apart(discord, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, discord, ctx)


async def test_the_hook_is_secret(discord, channel, ctx, caplog):
    """Its path is the password."""
    await prove_secrecy(channel, discord, ctx, caplog, "canarycanary-token_0123456789")


async def test_a_deleted_webhook_is_named(discord, ctx):
    """Discord's own words are passed on."""
    with pytest.raises(DeliveryError, match=r"404 Not Found: .*Unknown Webhook"):
        await DiscordChannel(webhook_url=discord.url + "/api/webhooks/1/gone").send(notify(), ctx)


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(DiscordChannel, "auscult-discord", __file__)
