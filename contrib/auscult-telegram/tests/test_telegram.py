"""The channel against a receiver that takes what the Bot API takes, and nothing else."""

import html
import re

import pytest
from msgspec import structs
from tests.channel_proofs import prove_faults, prove_hostile_texts, prove_installed, prove_secrecy
from tests.notices import RUNBOOK, given_hostile, make_notice, notify
from tests.servers.vendor import Answer, Refused, Request, serving

from auscult import AlertStatus, ChangeKind, DeliveryError, wording
from auscult_telegram import TelegramChannel

pytestmark = pytest.mark.anyio
TOKEN = "1234567890:CANARYcanary-canary_CANARYcanary"
FIELDS = {"chat_id", "text", "parse_mode", "link_preview_options", "message_thread_id", "disable_notification"}
TAG = re.compile(r'<(/?)(b|a)(?: href="([^"<>]*)")?>')


def rendered(text):
    """What Telegram shows, and the addresses of links. Raises for markup that it would not parse."""
    stack, links = [], []
    for slash, tag, href in TAG.findall(text):
        if slash:
            if not stack or stack.pop() != tag:
                raise Refused("can't parse entities: unmatched end tag")
        else:
            stack.append(tag)
            if tag == "a":
                links.append(html.unescape(href))
    plain = TAG.sub("", text)
    if stack or re.search("[<>]", plain):
        raise Refused("can't parse entities: unsupported start tag")
    if re.search(r"&(?!(lt|gt|amp|quot);)", plain):
        raise Refused("a bare ampersand")
    return html.unescape(plain), links


def judge_message(message):
    if set(message) - FIELDS or message["parse_mode"] != "HTML":
        raise Refused("unknown field or mode")
    shown, links = rendered(message["text"])
    if not shown.strip():
        raise Refused("message text is empty")
    if wording.utf16_length(shown) > 4096:
        raise Refused("message is too long")
    return shown, links


def judge(request: Request) -> Answer:
    if request.path != f"/bot{TOKEN}/sendMessage":
        return Answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
    if request.json["chat_id"] not in (-1001, "@ops"):
        return Answer(400, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"})
    judge_message(request.json)
    return Answer(200, {"ok": True, "result": {"message_id": 1}})


@pytest.fixture
def telegram():
    with serving(judge) as running:
        yield running


@pytest.fixture
def channel(telegram):
    return TelegramChannel(bot_token=TOKEN, chat_id=-1001, url=telegram.url)


async def test_a_firing_alert(telegram, channel, ctx):
    """Headline, what the rule says, facts, links."""
    await channel.send(notify(), ctx)
    shown, links = judge_message(telegram.last)
    assert shown.splitlines()[:3] == [
        "🔴 [FIRING high] component_unhealthy: stt_client",
        "Component stt_client is unhealthy: Connection timeout",
        "Severity: high",
    ]
    assert links == [RUNBOOK, "https://auscult.example.com"]
    assert telegram.last["text"].startswith("🔴 <b>[FIRING high] component_unhealthy: stt_client</b>\n")
    assert telegram.last["link_preview_options"] == {"is_disabled": True}


async def test_an_end_and_an_acknowledgement_look_so(telegram, channel, ctx):
    """By the first sign; an end is quiet where that is wanted."""
    quiet = structs.replace(channel, quiet_ends=True)
    await quiet.send(notify(make_notice(ChangeKind.RESOLVED, first=False)), ctx)
    assert telegram.last["text"].startswith("✅ <b>[RESOLVED high]")
    assert telegram.last["disable_notification"] is True
    await quiet.send(notify(make_notice(ChangeKind.ACKNOWLEDGED, status=AlertStatus.ACKNOWLEDGED)), ctx)
    assert telegram.last["text"].startswith("👀 <b>[ACKNOWLEDGED high]")
    assert "disable_notification" not in telegram.last


async def test_a_named_channel_and_a_topic(telegram, channel, ctx):
    """Both forms of a chat's address."""
    await structs.replace(channel, chat_id="@ops", thread_id=7).send(notify(), ctx)
    assert (telegram.last["chat_id"], telegram.last["message_thread_id"]) == ("@ops", 7)


@pytest.mark.parametrize("count", [2, 10, 50, 2000])
async def test_many_alerts_are_one_message(telegram, channel, ctx, count):
    """All are named as long as that is possible, and counted beyond."""
    notices = [make_notice(rule=f"rule {number};", message="m" * 900) for number in range(count)]
    await channel.send(notify(*notices), ctx)
    assert len(telegram.taken) == 1
    shown, _ = judge_message(telegram.last)
    left = re.search(r"… and (\d+) more", shown)
    named = len(set(re.findall(r"rule \d+;", shown)))
    assert named + int(left[1] if left else 0) == count
    assert named >= min(count, 50)


@given_hostile(most=6)
def test_no_limit_is_exceeded_and_nothing_escapes(notification):
    """Whatever the texts are, Telegram can parse the message, and the only links are ours."""
    _, links = judge_message(TelegramChannel(bot_token=TOKEN, chat_id=1).message(notification))
    assert set(links) <= {url for notice in notification.notices for _, url in wording.links(notice, notification)}


async def test_hostile_texts_arrive(telegram, channel, ctx):
    """As JSON in UTF-8."""
    await prove_hostile_texts(channel, telegram, ctx)


async def test_faults_are_told_apart(telegram, channel, ctx):
    """Now or never, and when."""
    await prove_faults(channel, telegram, ctx)


async def test_the_token_is_secret(telegram, channel, ctx, caplog):
    """It stands in the address."""
    await prove_secrecy(channel, telegram, ctx, caplog, TOKEN, TOKEN.partition(":")[2])


@pytest.mark.parametrize(
    ("change", "says"), [({"chat_id": 5}, "chat not found"), ({"bot_token": "1:x"}, "Unauthorized")]
)
async def test_telegrams_own_words_are_passed_on(channel, ctx, change, says):
    """They say what to mend."""
    with pytest.raises(DeliveryError, match=says) as failed:
        await structs.replace(channel, **change).send(notify(), ctx)
    assert not failed.value.retry


def test_it_is_installed_and_documented():
    """By its entry point."""
    prove_installed(TelegramChannel, "auscult-telegram", __file__)
