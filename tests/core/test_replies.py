"""One delivery over HTTP: what is tried again, when, and what nobody may read."""

import logging
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.notices import RealContext, make_notice, notify
from tests.servers.vendor import RESET, Answer, Vendor, serving

from auscult import (
    Channel,
    DeliveryError,
    Exporter,
    Notification,
    SecretStr,
    Snapshot,
    deliver,
    deliver_each,
    deliver_parts,
    mask,
    raise_for_reply,
)
from auscult.replies import LONGEST_WAIT, retry_after
from auscult.runtime.egress import EgressPolicy

pytestmark = pytest.mark.anyio
CANARY = "T0CANARY/B0CANARY/canary-of-the-hook"


class Hook(Channel):
    """A channel whose address is its secret."""

    kind = "hook"

    url: SecretStr
    """The address."""
    token: SecretStr = ""
    """Sent in a header."""

    async def send(self, notification, ctx):
        """Post an object."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        await deliver(self, ctx, self.url, json={"text": "hé"}, headers=headers)


@pytest.fixture
def vendor():
    with serving(lambda request: Answer(200, "ok")) as running:
        yield running


async def send(vendor: Vendor, path: str = f"/services/{CANARY}?wait=1", **options) -> None:
    async with RealContext() as ctx:
        await Hook(url=vendor.url + path, **options).send(None, ctx)


async def test_what_is_sent_arrives(vendor):
    """Path, query, JSON in UTF-8, header."""
    await send(vendor, token="tk_0123456789")
    (request,) = vendor.taken
    assert request.path == f"/services/{CANARY}?wait=1"
    assert request.body == '{"text":"hé"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer tk_0123456789"


async def test_a_login_in_the_address_is_a_header(vendor):
    """As people write it for a proxy in front of the receiver."""
    vendor.url = vendor.url.replace("//", "//bob:pass%20word@")
    await send(vendor, "/")
    assert vendor.taken[0].headers["authorization"] == "Basic Ym9iOnBhc3Mgd29yZA=="


@pytest.mark.parametrize(
    ("status", "retry"),
    [(status, True) for status in (408, 425, 429, 500, 502, 503)]
    + [(status, False) for status in (301, 307, 400, 401, 403, 404, 410, 413)],
)
async def test_what_may_help_is_tried_again(vendor, status, retry):
    """Now and never are told apart by the status."""
    vendor.fail(Answer(status, "channel_is\n\x1barchived", {"Location": "https://elsewhere.example/"}))
    with pytest.raises(DeliveryError, match=f"127.0.0.1 answered {status} .*channel_is archived") as failed:
        await send(vendor)
    assert failed.value.retry is retry
    assert failed.value.retry_after is None
    assert vendor.seen == 1


async def test_a_reset_and_a_closed_port_are_tried_again(vendor):
    """The network may be better later."""
    vendor.fail(RESET)
    with pytest.raises(DeliveryError) as failed:
        await send(vendor)
    assert failed.value.retry
    vendor.url = "http://127.0.0.1:1"
    with pytest.raises(DeliveryError, match="ConnectError") as failed:
        await send(vendor)
    assert failed.value.retry


@pytest.mark.parametrize("url", ["", "hooks.example.com/x", "ftp://x/y", "http://", "http://[::1", "//x"])
async def test_what_is_no_address_is_permanent(url):
    """Nobody has to wait for a day to hear of a typing mistake."""
    async with RealContext() as ctx:
        with pytest.raises(DeliveryError, match="address") as failed:
            await Hook(url=url).send(None, ctx)
    assert not failed.value.retry


async def test_the_egress_policy_holds(vendor):
    """Forbidden is permanent, and nothing is sent."""
    async with RealContext(EgressPolicy(deny=("127.0.0.0/8",))) as ctx:
        with pytest.raises(DeliveryError) as failed:
            await Hook(url=vendor.url).send(None, ctx)
    assert not failed.value.retry
    assert vendor.seen == 0


@pytest.mark.parametrize("token", ["tk_canary\r\nX-Evil: 1", "tk_canary…", "tk_canary\0"])
async def test_a_header_that_cannot_be_is_permanent_and_not_shown(vendor, token):
    """No header can be injected, and the message does not repeat the secret."""
    with pytest.raises(DeliveryError, match="header") as failed:
        await send(vendor, token=token)
    assert not failed.value.retry
    assert "canary" not in str(failed.value)
    assert vendor.seen == 0


@pytest.mark.parametrize("fault", [Answer(404, f"no hook /services/{CANARY} tk_canary_token"), RESET, None])
async def test_secrets_are_in_no_message_and_no_log(vendor, caplog, fault):
    """Neither in ours nor in those of httpx and httpcore at their most talkative."""
    caplog.set_level(logging.DEBUG)
    if fault is not None:
        vendor.fail(fault)
    said = ""
    try:
        await send(vendor, token="tk_canary_token")
    except DeliveryError as failed:
        said = "".join(traceback.format_exception(failed))
    assert bool(said) is (fault is not None)
    assert "HTTP Request" in caplog.text or fault is RESET
    logged = "".join(r.getMessage() for r in caplog.records if not r.name.startswith(("hypothesis", "asyncio")))
    for secret in ("CANARY", "canary-of-the-hook", "tk_canary_token"):
        assert secret not in logged
        assert secret not in said.replace('token="tk_canary_token"', "")  # our own line in the traceback


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_wait_in_the_header_is_obeyed(vendor, as_date):
    """Seconds, or a date that is counted from the vendor's own clock."""
    there = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    text = format_datetime(there + timedelta(seconds=37), usegmt=True) if as_date else "37"
    response = httpx.Response(429, headers={"Retry-After": text, "Date": format_datetime(there, usegmt=True)})
    assert retry_after(response) == 37
    with pytest.raises(DeliveryError) as failed:
        raise_for_reply(response, now=0)
    assert failed.value.retry_after == 37


def test_a_date_without_a_date_counts_from_now():
    """A vendor whose clock we do not know."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    text = format_datetime(now + timedelta(minutes=2), usegmt=True)
    assert retry_after(httpx.Response(503, headers={"Retry-After": text}), int(now.timestamp() * 1000)) == 120


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"message": "You are being rate limited.", "retry_after": 1.337, "global": False}, 1.337),
        ({"ok": False, "error_code": 429, "parameters": {"retry_after": 35}}, 35),
        ({"retry_after": "5"}, None),
        ({"retry_after": True}, None),
        ({"retry_after": -3}, 0),
        ({"parameters": [1]}, None),
        ([1], None),
    ],
)
def test_a_wait_in_the_body_is_obeyed(body, wait):
    """Discord's and Telegram's; other things of those names are not taken for waits."""
    assert retry_after(httpx.Response(429, json=body)) == wait


def test_the_longer_wait_wins():
    """Discord rounds in one place and not in the other."""
    assert retry_after(httpx.Response(429, json={"retry_after": 1.5}, headers={"Retry-After": "2"})) == 2


@pytest.mark.parametrize("text", ["1e400", "nan", "inf", "-5", "soon", "99999999999999", "Wed, 99 Foo 2026", ""])
def test_nonsense_never_makes_a_channel_wait_for_ever(text):
    """Between nothing and a day."""
    wait = retry_after(httpx.Response(429, headers={"Retry-After": text}), 0)
    assert wait is None or 0 <= wait <= LONGEST_WAIT


@given(st.binary(max_size=300), st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40))
def test_no_reply_breaks_the_judging(body, header):
    """Whatever a vendor answers becomes one short printable line and a wait that is a number."""
    response = httpx.Response(429, content=body, headers=[(b"Retry-After", header.encode("latin-1"))])
    with pytest.raises(DeliveryError) as failed:
        raise_for_reply(response, now=0)
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 300
    assert failed.value.retry_after is None or 0 <= failed.value.retry_after <= LONGEST_WAIT


async def test_an_endless_refusal_is_cut(vendor):
    """A megabyte of apology is not read to its end into a message."""
    vendor.fail(Answer(500, b"sorry " * 200_000))
    with pytest.raises(DeliveryError) as failed:
        await send(vendor)
    assert len(str(failed.value)) < 300


class OneByOne(Channel, dict=True):
    """A channel whose receiver takes one alert a request."""

    kind = "one-by-one"

    url: str
    """The address."""

    async def send(self, notification, ctx):
        """Post the rule's name."""
        await deliver_each(self, notification, lambda n: deliver(self, ctx, self.url, json=n.alert.rule))


def envelope(*rules: str, **fields) -> Notification:
    return notify(*(make_notice(rule=rule) for rule in rules), **fields)


async def test_one_by_one_goes_on_where_it_stopped(vendor):
    """A receiver that takes two a minute is told of five alerts in three attempts, of each once."""
    channel = OneByOne(url=vendor.url)
    five = envelope(*"abcde")
    async with RealContext() as ctx:
        for attempt in (1, 2):
            vendor.fail(Answer(200), Answer(200), Answer(429))
            with pytest.raises(DeliveryError) as failed:
                await channel.send(structs.replace(five, attempt=attempt), ctx)
            assert failed.value.retry
        await channel.send(structs.replace(five, attempt=3), ctx)
        assert vendor.seen == 7
        assert [request.json for request in vendor.taken] == ["e"]
        await channel.send(five, ctx)
        assert [request.json for request in vendor.taken] == [*"eabcde"]


async def test_one_refused_alert_keeps_no_other_back(vendor):
    """It is reported at the end, also when another had to be tried again in between."""
    channel = OneByOne(url=vendor.url)
    async with RealContext() as ctx:
        vendor.fail(Answer(400, "bad label"), RESET)
        with pytest.raises(DeliveryError) as failed:
            await channel.send(envelope(*"abc"), ctx)
        assert failed.value.retry
        with pytest.raises(DeliveryError, match=r"400 Bad Request: bad label \(1 of 3 alerts\)") as failed:
            await channel.send(envelope(*"abc", attempt=2), ctx)
        assert not failed.value.retry
        assert [request.json for request in vendor.taken] == ["b", "c"]


async def test_another_envelope_begins_anew(vendor):
    """What was told of one is not taken for told of the next."""
    channel = OneByOne(url=vendor.url)
    async with RealContext() as ctx:
        vendor.fail(Answer(200), Answer(500))
        with pytest.raises(DeliveryError):
            await channel.send(envelope(*"ab", key="x"), ctx)
        await channel.send(envelope(*"ab", key="y", attempt=2), ctx)
    assert [request.json for request in vendor.taken] == ["a", "b"]


def test_what_another_library_says_is_masked():
    """Whole and in pieces, as they are and as they were quoted."""
    said = f"cannot reach https://hooks.example/services/{CANARY}: B0CANARY gone, canary of%20the%20hook"
    shown = mask(Hook(url=f"https://hooks.example/services/{CANARY}/canary%20of%20the%20hook", token="tk_0123"), said)
    assert "CANARY" not in shown
    assert "canary" not in mask(Hook(url="x", token="a-canary/of-mine"), "a-canary/of-mine a-canary")


class InParts(Exporter, dict=True):
    """An exporter whose receiver takes one number a request."""

    kind = "in-parts"

    url: str
    """The address."""

    async def push(self, snapshot, ctx):
        """Post numbers up to the snapshot's time."""

        async def make():
            return range(snapshot.at)

        await deliver_parts(self, snapshot.at, make, lambda part: deliver(self, ctx, self.url, json=part))


async def test_parts_go_on_where_they_stopped(vendor):
    """No part arrives twice, however often the destination asks to wait; another snapshot begins anew."""
    exporter = InParts(url=vendor.url)
    async with RealContext() as ctx:
        for _ in range(2):
            vendor.fail(Answer(200), Answer(429))
            with pytest.raises(DeliveryError) as failed:
                await exporter.push(Snapshot(4, []), ctx)
            assert failed.value.retry
        await exporter.push(Snapshot(4, []), ctx)
        assert [request.json for request in vendor.taken] == [2, 3]
        await exporter.push(Snapshot(1, []), ctx)
        assert [request.json for request in vendor.taken] == [2, 3, 0]


async def test_a_refused_part_keeps_no_other_back(vendor):
    """It is final for that part, and told at the end."""
    exporter = InParts(url=vendor.url)
    async with RealContext() as ctx:
        vendor.fail(Answer(413, "too large"))
        with pytest.raises(DeliveryError, match=r"too large \(1 of 3 parts\)") as failed:
            await exporter.push(Snapshot(3, []), ctx)
        assert not failed.value.retry
        assert [request.json for request in vendor.taken] == [1, 2]


async def test_what_a_receipt_says_can_be_asked_for(vendor):
    """Some receivers take a request and say in the answer what of it they did not take."""
    exporter = InParts(url=vendor.url)
    async with RealContext() as ctx:
        vendor.fail(Answer(200, {"rejected": 3}), Answer(200, {"rejected": 3}))
        assert (await deliver(exporter, ctx, vendor.url, json=1, answer=True)).json() == {"rejected": 3}
        assert (await deliver(exporter, ctx, vendor.url, json=1)).is_success
