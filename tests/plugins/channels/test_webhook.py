"""The `webhook` channel against real receivers: what counts as delivered, what is tried again, and what is kept."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import anyio
import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError
from tests.plugins.channels.made import START, FakeChannelContext, make_notice, make_notification
from tests.plugins.channels.receiver import Cut, Receiver, reply

from auscult import Catalogue, DeliveryError
from auscult.options import convert_options
from auscult.runtime.egress import EgressPolicy
from auscult.testing import ManualClock
from auscult_plugins.webhook import WebhookChannel

pytestmark = pytest.mark.anyio
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazT6F0oMrLU="


@pytest.fixture
def refused(send):
    """``await refused(channel)``: the DeliveryError that sending ends with."""

    async def sending(channel, notification=None, **options) -> DeliveryError:
        with pytest.raises(DeliveryError) as caught:
            await send(channel, notification or make_notification(), **options)
        return caught.value

    return sending


def test_it_is_found_by_its_kind():
    """The entry point offers it, as any plugin's."""
    assert Catalogue.discover().channel("webhook").__name__ == "WebhookChannel"


async def test_the_seed_documents_channel_delivers(send, receiver):
    """`WebhookChannel(webhook_url=…, timeout=10.0, headers={…})`, word for word; the header arrives."""
    channel = WebhookChannel(webhook_url=receiver.url, timeout=10.0, headers={"Authorization": "Bearer your-token"})
    await send(channel, make_notification())
    (arrived,) = receiver.requests
    assert (arrived.method, arrived.path) == ("POST", "/alerts")
    assert arrived.headers["authorization"] == "Bearer your-token"
    assert arrived.headers["content-type"] == "application/json"
    assert arrived.headers["user-agent"].startswith("auscult/")
    assert arrived.json["alerts"][0]["message"] == "Component stt_client is unhealthy: Connection timeout"


async def test_method_path_query_and_login_are_those_of_the_options(send, receiver):
    """A name and password in the address become a login; the path and the query arrive as they were written."""
    url = receiver.url.replace("http://", "http://me:p%40ss@") + "/a%20b?x=1&y=%2F"
    await send(WebhookChannel(webhook_url=url, method="PUT", headers={"User-Agent": "mine"}), make_notification())
    assert (receiver.last.method, receiver.last.path) == ("PUT", "/alerts/a%20b?x=1&y=%2F")
    assert receiver.last.headers["authorization"] == "Basic bWU6cEBzcw=="
    assert receiver.last.headers["user-agent"] == "mine"
    assert receiver.last.headers["host"] == f"127.0.0.1:{receiver.port}"


# Signatures and keys


async def test_the_standards_own_library_verifies_it(send, receiver):
    """Id, time and signature are those of standardwebhooks.com, and no changed body passes."""
    notification = make_notification()
    await send(WebhookChannel(webhook_url=receiver.url, secret=SECRET), notification)
    arrived = receiver.last
    assert arrived.headers["webhook-id"] == notification.key
    assert Webhook(SECRET).verify(arrived.body, arrived.headers) == arrived.json
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(arrived.body.replace(b"high", b"info"), arrived.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(arrived.body, arrived.headers)


async def test_while_a_key_is_replaced_both_verify(send, receiver):
    """Receivers may change over at any time."""
    await send(WebhookChannel(webhook_url=receiver.url, secret=f"{OTHER} {SECRET}"), make_notification())
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(receiver.last.body, receiver.last.headers)


async def test_without_a_secret_the_id_is_there_and_no_signature(send, receiver):
    """Receivers can tell repeats anyway."""
    await send(WebhookChannel(webhook_url=receiver.url), make_notification())
    assert "webhook-id" in receiver.last.headers
    assert "webhook-timestamp" in receiver.last.headers
    assert "webhook-signature" not in receiver.last.headers


@pytest.mark.parametrize("form", ["auscult", "alertmanager"])
async def test_a_repeat_is_the_same_bytes_under_the_same_id(send, receiver, form):
    """Whatever the attempt and the time: only headers tell them apart."""
    channel = WebhookChannel(webhook_url=receiver.url, secret=SECRET, format=form)
    for attempt in (1, 2):
        clock = ManualClock(START + attempt * 60_000)
        await send(channel, make_notification(attempt=attempt), clock=clock)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [each.headers["auscult-attempt"] for each in receiver.requests] == ["1", "2"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 60


async def test_a_key_that_no_header_can_carry_is_escaped(send, receiver):
    """A line break in a key injects nothing."""
    await send(WebhookChannel(webhook_url=receiver.url, secret=SECRET), make_notification(key="a\r\nx-evil: 1/ü"))
    assert receiver.last.headers["webhook-id"] == "a%0D%0Ax-evil:%201/%C3%BC"
    assert "x-evil" not in receiver.last.headers


# Answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_receipt(send, receiver, status):
    """Receivers differ in what they call success."""
    receiver.otherwise = reply(status, b"" if status == 204 else b"thanks")
    await send(WebhookChannel(webhook_url=receiver.url), make_notification())
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_to_be_tried_again(refused, receiver, status):
    """By the core, later: the channel itself asks once."""
    receiver.otherwise = reply(status, b"come back")
    error = await refused(WebhookChannel(webhook_url=receiver.url))
    assert error.retry is True
    assert error.retry_after is None
    assert f"127.0.0.1 answered {status}" in str(error)
    assert "come back" in str(error)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422, 451])
async def test_what_does_not_pass_is_permanent(refused, receiver, status):
    """A request that is wrong stays wrong."""
    receiver.otherwise = reply(status, b'{"error": "no such hook"}')
    error = await refused(WebhookChannel(webhook_url=receiver.url))
    assert error.retry is False
    assert "no such hook" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_permanent_and_not_followed(refused, receiver, status):
    """Credentials go where the user said and nowhere else."""
    receiver.otherwise = reply(status, Location=f"http://127.0.0.1:{receiver.port}/elsewhere")
    error = await refused(WebhookChannel(webhook_url=receiver.url))
    assert error.retry is False
    assert "redirects are not followed" in str(error)
    assert [each.path for each in receiver.requests] == ["/alerts"]


@pytest.mark.parametrize("status", [429, 503])
async def test_both_forms_of_retry_after_count(refused, receiver, status):
    """Seconds and a date; the date is held against the receiver's own clock where it tells it."""
    channel = WebhookChannel(webhook_url=receiver.url)
    receiver.answers = [
        reply(status, Retry_After="37"),
        reply(status, Retry_After="Mon, 15 Jan 2024 10:26:00 GMT", Date="Mon, 15 Jan 2024 10:25:00 GMT"),
        reply(status, Retry_After="Mon, 15 Jan 2024 10:26:30 GMT"),
        reply(status, Retry_After="Mon, 15 Jan 2024 09:00:00 GMT"),
        reply(status, Retry_After="soon"),
    ]
    clock = ManualClock(START)
    waits = [(await refused(channel, clock=clock)).retry_after for _ in range(5)]
    assert waits == [37.0, 60.0, 90.0, 0.0, None]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_answer_is_to_be_tried_again(refused, receiver, answer):
    """Garbage, half an answer, and none."""
    receiver.otherwise = Cut(answer)
    error = await refused(WebhookChannel(webhook_url=receiver.url))
    assert error.retry is True
    assert str(error).startswith("127.0.0.1: ")


async def test_nobody_listens(refused, closed):
    """A refused connection is to be tried again, and the message says so in words."""
    error = await refused(WebhookChannel(webhook_url=f"http://127.0.0.1:{closed}/secret-path-of-a-hook"))
    assert error.retry is True
    assert "secret-path" not in str(error)
    assert "127.0.0.1" in str(error)


async def test_a_name_that_does_not_resolve(refused):
    error = await refused(WebhookChannel(webhook_url="http://nobody.invalid/x"))
    assert error.retry is True
    assert "nobody.invalid" in str(error)


async def test_an_address_that_the_policy_forbids_is_permanent(refused, receiver):
    """The egress policy is judged at connect time."""
    policy = EgressPolicy(strict=True)
    error = await refused(WebhookChannel(webhook_url=receiver.url), policy=policy)
    assert error.retry is False
    assert not receiver.connections


async def test_a_receiver_that_never_answers_is_cut(send, receiver):
    """At the channel's own timeout; the connection is not used for anybody else."""
    channel = WebhookChannel(webhook_url=receiver.url, timeout=2)
    receiver.otherwise = receiver.hang
    with pytest.raises(TimeoutError):
        await send(channel, make_notification())
    receiver.otherwise = reply()
    await send(WebhookChannel(webhook_url=receiver.url), make_notification())
    await send(channel, make_notification())
    cut, *others = [each.connection for each in receiver.requests]
    assert cut not in others


async def test_a_receipt_counts_before_its_body_ends(send, receiver):
    """A receiver that says 200 and then hangs has the alert."""
    receiver.otherwise = reply(200, b"part", Content_Length="100000")
    await send(WebhookChannel(webhook_url=receiver.url, timeout=5), make_notification())
    await send(WebhookChannel(webhook_url=receiver.url, timeout=5), make_notification())
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply(200),
        reply(200, b"2\r\nok\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end",
        reply(200, b"bye", Connection="close"),
    ],
)
async def test_every_shape_of_answer_is_understood(send, receiver, answer):
    """Interim answers, chunks, and answers that end with their connection."""
    receiver.otherwise = answer
    channel = WebhookChannel(webhook_url=receiver.url, timeout=5)
    for _ in range(3):
        await send(channel, make_notification())
    assert len(receiver.requests) == 3


# Secrets


async def test_no_message_and_no_log_has_a_secret(refused, receiver, closed, caplog):
    """Not even where the receiver repeats all of the request in its refusal."""
    caplog.set_level("DEBUG")
    token, query, password = "T0-path-token-9f3", "q-token-77ab1", "user-password-1"
    url = f"http://me:{password}@127.0.0.1:{receiver.port}/hook/{token}?key={query}"
    options = {"secret": SECRET, "headers": {"X-Api-Key": "header-key-5521", "Authorization": "Bearer bearer-5522"}}
    receiver.otherwise = lambda arrived: reply(403, repr((arrived.path, arrived.headers)).encode())
    channels = [
        WebhookChannel(webhook_url=url, **options),
        WebhookChannel(webhook_url=url.replace(str(receiver.port), str(closed)), **options),
    ]
    said = caplog.text + "".join([str(await refused(channel)) + repr(channel) for channel in channels])
    for secret in (token, query, password, "header-key-5521", "bearer-5522", SECRET, SECRET[6:], url):
        assert secret not in said
        assert secret not in caplog.text


# Connections


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_connections_are_kept(context, receiver):
    """Many deliveries, a handful of connections; never two requests at once on one."""
    channel = WebhookChannel(webhook_url=receiver.url, secret=SECRET)
    async with context(channel) as ctx, anyio.create_task_group() as group:
        limiter = anyio.CapacityLimiter(4)

        async def one(number: int) -> None:
            async with limiter:
                await channel.send(make_notification(make_notice(component=f"c{number}")), ctx)

        for number in range(400):
            group.start_soon(one, number)
    assert sorted(each.json["alerts"][0]["component"] for each in receiver.requests) == sorted(
        f"c{number}" for number in range(400)
    )
    assert receiver.connections <= 8
    channel.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_kept_connection_that_was_closed_is_no_failure(context, receiver):
    """Neither closed while nobody used it, nor at the very moment of the next request."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)
        receiver.drop_connections()
        await channel.send(make_notification(), ctx)
        receiver.answers = [lambda _: None]
        await channel.send(make_notification(), ctx)
    assert receiver.connections == 3
    assert len(receiver.requests) == 4


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_closing_lets_go_of_connections_and_ends_nothing(context, receiver):
    """What is under way goes on; a later delivery opens a new one."""
    channel = WebhookChannel(webhook_url=receiver.url)
    channel.close()
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)
        assert len(channel._kept().open) == 1
        channel.close()
        assert not channel._kept().open
        await channel.send(make_notification(), ctx)
    channel.close()
    assert receiver.connections == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_answers_that_never_end_pile_up_nothing(context, receiver):
    """A receiver that says 200 and then goes on for ever costs a bounded number of connections."""
    receiver.otherwise = reply(200, b"part", Content_Length="100000")
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        for _ in range(150):
            await channel.send(make_notification(), ctx)
        assert len(channel._kept().open) <= 64
    assert len(receiver.requests) == 150


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_unused_connections_are_closed_after_a_while(context, receiver, monkeypatch):
    """A storm leaves no connections behind."""
    monkeypatch.setattr("auscult_plugins.webhook.kept.IDLE", 0.05)
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)
        with anyio.fail_after(5):
            while channel._kept().open:
                await anyio.sleep(0.01)


def test_one_channel_serves_one_loop_after_the_other(receiver, tmp_path):
    """A channel made in code may outlive the loop it was first used on."""
    channel = WebhookChannel(webhook_url=receiver.url)

    async def once() -> None:
        ctx = FakeChannelContext(channel, tmp_path)
        await channel.send(make_notification(), ctx)
        channel.close()
        await ctx.http.aclose()

    for backend in ("asyncio", "asyncio", "trio"):
        anyio.run(once, backend=backend)
    assert len(receiver.requests) == 3


# TLS


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """An authority that the system's default context believes."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


async def test_https_is_verified(send, refused, authority):
    """A certificate for the name passes; one from a stranger is a failure that may be mended."""
    for issuer in (authority, trustme.CA()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert("localhost").configure_cert(context)
        receiving = Receiver(context)
        channel = WebhookChannel(webhook_url=receiving.url.replace("127.0.0.1", "localhost"), secret=SECRET)
        try:
            if issuer is authority:
                await send(channel, make_notification())
                Webhook(SECRET).verify(receiving.last.body, receiving.last.headers)
            else:
                error = await refused(channel)
                assert error.retry is True
                assert "certificate" in str(error).lower()
                assert not receiving.requests
        finally:
            channel.close()
            receiving.close()


# Options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"webhook_url": "ftp://example.com"}, "is no address"),
        ({"webhook_url": "https://"}, "is no address"),
        ({"webhook_url": "http://a:99999/"}, "is no address"),
        ({"webhook_url": "http://a/\r\nx: y"}, "is no address"),
        ({"webhook_url": ""}, "is no address"),
        ({"headers": {"X": "a\r\nY: b"}}, "holds a character"),
        ({"headers": {"X": "a\0"}}, "holds a character"),
        ({"headers": {"X": "snow ☃"}}, "holds a character"),
        ({"headers": {"X: Y": "a"}}, "no name of a header"),
        ({"headers": {"": "a"}}, "no name of a header"),
        ({"headers": {"Content-Length": "1"}}, "made for each request"),
        ({"headers": {"webhook-id": "1"}}, "made for each request"),
        ({"content_type": "a\r\nb: c"}, "holds a character"),
        ({"secret": "not-base64!"}, "is no key"),
        ({"secret": "whsec_c2hvcnQ="}, "is no key"),
        ({"timeout": 0}, "longer than nothing"),
        ({"template": "{}"}, "go together"),
        ({"format": "template"}, "go together"),
    ],
)
def test_mistakes_are_found_when_it_is_made(options, sentence):
    """In a file and in code alike; no message repeats a value that is a secret."""
    whole = {"webhook_url": "https://example.com/hook-5c1f"} | options
    for make in (lambda: convert_options(whole, WebhookChannel), lambda: WebhookChannel(**whole)):
        with pytest.raises(ValueError, match=sentence) as caught:
            make()
        assert "5c1f" not in str(caught.value)
        assert "not-base64" not in str(caught.value)


def test_the_timeout_is_the_cores_limit():
    """`timeout` reads as every duration."""
    assert convert_options({"webhook_url": "http://a/", "timeout": "2s"}, WebhookChannel).delivery_timeout() == 2.0


def test_a_date_of_retry_after_is_as_http_writes_it():
    """The dates used above are real."""
    at = datetime.fromtimestamp(START / 1000, UTC) + timedelta(minutes=1)
    assert at.strftime("%a, %d %b %Y %H:%M:%S GMT") == "Mon, 15 Jan 2024 10:26:00 GMT"
