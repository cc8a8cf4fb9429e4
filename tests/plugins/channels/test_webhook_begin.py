"""The `webhook` channel without a task for each delivery: `begin` ends as `send` does, over the same connections."""

from __future__ import annotations

import anyio
import pytest
from tests.plugins.channels.made import make_notification
from tests.plugins.channels.receiver import Cut, reply

from auscult import DeliveryError, Unsent
from auscult_plugins.webhook import WebhookChannel

pytestmark = pytest.mark.anyio
SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Told:
    """What `begin` says in the end."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []

    def __call__(self, error: BaseException | None) -> None:
        self.errors.append(error)

    async def result(self) -> BaseException | None:
        with anyio.fail_after(10):
            while not self.errors:
                await anyio.sleep(0.005)
        (error,) = self.errors
        return error


async def begun(channel, ctx, answer, receiver):
    """What comes of one that begins while a connection is open."""
    await channel.send(make_notification(), ctx)
    receiver.answers = [answer]
    told = Told()
    cut = channel.begin(make_notification(key="second"), ctx, told)
    assert cut is not None
    assert not told.errors, "never before it has returned"
    return await told.result()


async def test_without_an_open_connection_it_does_not_begin(context, receiver):
    """Connecting takes a task: `send` does it."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        assert channel.begin(make_notification(), ctx, Told()) is None
    assert not receiver.requests


async def test_a_receipt_ends_it_and_the_request_is_as_any_other(context, receiver):
    """Same head, same body, same signature, same connection."""
    channel = WebhookChannel(webhook_url=receiver.url, secret=SECRET)
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)
        told = Told()
        channel.begin(make_notification(), ctx, told)
        assert await told.result() is None
    first, second = receiver.requests
    passing = {"webhook-timestamp", "webhook-signature"}
    assert {k: v for k, v in first.headers.items() if k not in passing} == {
        k: v for k, v in second.headers.items() if k not in passing
    }
    assert first.body == second.body
    assert "webhook-signature" in second.headers
    assert receiver.connections == 1


@pytest.mark.parametrize(
    "answer", [reply(), reply(204, b""), reply(200, b"ok", Connection="close"), reply(202, b"x" * 9000)]
)
async def test_any_2xx_is_a_receipt(context, receiver, answer):
    """In whatever shape it comes."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        assert await begun(channel, ctx, answer, receiver) is None


async def test_refusals_say_what_send_would_say(context, receiver):
    """For good, for now, and for how long."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        gone = await begun(channel, ctx, reply(410, b"no such hook"), receiver)
        busy = await begun(channel, ctx, reply(429, b"", Retry_After="7"), receiver)
    assert isinstance(gone, DeliveryError)
    assert not gone.retry
    assert "410" in str(gone)
    assert isinstance(busy, DeliveryError)
    assert busy.retry
    assert busy.retry_after == 7


async def test_a_connection_that_turns_out_to_be_closed_is_no_failure(context, receiver):
    """Nothing was answered: `send` tries it over a new one."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        assert isinstance(await begun(channel, ctx, None, receiver), Unsent)


async def test_half_an_answer_is_a_failure(context, receiver):
    """It may have arrived: it is tried again, later and under the same key."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        error = await begun(channel, ctx, Cut(b"HTTP/1.1 20"), receiver)
    assert isinstance(error, DeliveryError)
    assert error.retry


async def test_one_that_was_cut_leaves_its_connection_to_nobody(context, receiver):
    """Its answer would be taken for that of the next one."""
    channel = WebhookChannel(webhook_url=receiver.url)
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)
        receiver.answers = [receiver.hang]
        cut = channel.begin(make_notification(), ctx, Told())
        assert cut is not None
        cut()
        assert channel.begin(make_notification(), ctx, Told()) is None
        await channel.send(make_notification(), ctx)
    assert receiver.connections == 2


async def test_one_begins_as_soon_as_the_other_has_ended(context, receiver):
    """From within the end of the last one, over its very connection."""
    channel = WebhookChannel(webhook_url=receiver.url)
    ended: list[BaseException | None] = []
    async with context(channel) as ctx:
        await channel.send(make_notification(), ctx)

        def on(error: BaseException | None) -> None:
            ended.append(error)
            if len(ended) < 50:
                assert channel.begin(make_notification(), ctx, on) is not None

        channel.begin(make_notification(), ctx, on)
        with anyio.fail_after(10):
            while len(ended) < 50:
                await anyio.sleep(0.005)
    assert ended == [None] * 50
    assert receiver.connections == 1
