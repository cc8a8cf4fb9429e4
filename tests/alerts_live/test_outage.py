"""A webhook and a mail server that are down for an hour and come back, on a clock that runs 450 times as fast."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from email import message_from_bytes
from email.utils import formatdate

import pytest
from aiosmtpd.controller import Controller
from tests.alerts_live.delivering import Desk
from tests.plugins.channels.receiver import Receiver, reply

from auscult.runtime.backoff import FIRST, LONGEST, PATIENCE
from auscult.runtime.delivery import PARALLEL
from auscult_plugins.email import EmailChannel
from auscult_plugins.webhook import WebhookChannel

FASTER = 450.0
HOUR = 3600.0
ALERTS = [f"a{number}" for number in range(12)]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """The mail client and the webhook's connections know asyncio."""
    return "asyncio"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Webhook:
    """A receiver that can be switched off and on again at the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.keys: list[str] = []
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    def channel(self, **more) -> WebhookChannel:
        return Watched(webhook_url=f"http://127.0.0.1:{self.port}/", timeout=500, **more)

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def down(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader, writer) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.keys += [alert["key"] for alert in body["alerts"]]
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Watched(WebhookChannel):
    """Notes when it was asked to send."""

    kind = "watched"

    async def send(self, notification, ctx):
        vars(self).setdefault("tries", []).append(ctx.clock.monotonic())
        await super().send(notification, ctx)


class Mail:
    """The same for SMTP."""

    def __init__(self) -> None:
        self.port = free_port()
        self.keys: list[str] = []
        self._controller: Controller | None = None

    def channel(self) -> EmailChannel:
        return EmailChannel(
            host="127.0.0.1",
            port=self.port,
            sender="auscult@example.com",
            to=("ops@example.com",),
            security="none",
            timeout=500,
        )

    def up(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def down(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, server, session, envelope):
        self.keys.append(message_from_bytes(envelope.content)["X-Auscult-Key"])
        return "250 OK"


@pytest.mark.slow
async def test_down_for_an_hour_and_back():
    """Fault F4: everything is delivered within ten minutes of the return, one notice per key, in order; meanwhile at
    most one attempt per step of the back-off."""
    webhook, mail = Webhook(), Mail()
    await webhook.up()
    await asyncio.to_thread(mail.up)
    hook = webhook.channel()
    async with Desk({"hook": hook, "mail": mail.channel()}, factor=FASTER) as desk:
        for ident in ALERTS[:4]:
            desk.fire(ident)
        await desk.until(lambda: desk.outbox.waiting("hook") + desk.outbox.waiting("mail") == 0)
        await webhook.down()
        await asyncio.to_thread(mail.down)
        down_at = desk.clock.monotonic()
        for number, ident in enumerate(ALERTS):
            await desk.pass_(HOUR / len(ALERTS) / 2)
            if number >= 4:
                desk.fire(ident)
            await desk.pass_(HOUR / len(ALERTS) / 2)
            if number % 2:
                desk.resolve(ident)
        tries = [at - down_at for at in vars(hook)["tries"] if at >= down_at]
        back_at = desk.clock.monotonic()
        assert back_at - down_at >= HOUR
        assert len(webhook.keys) == len(set(webhook.keys)) == 4
        await webhook.up()
        await asyncio.to_thread(mail.up)
        await desk.until(lambda: desk.outbox.waiting("hook") + desk.outbox.waiting("mail") == 0)
        took = desk.clock.monotonic() - back_at
        print(f"\ndown for {back_at - down_at:.0f} s: {len(tries)} attempts; all told {took:.0f} s after the return")
        assert took <= 2 * LONGEST
        assert desk.dead == []
        for receiver, name in ((webhook, "hook"), (mail, "mail")):
            assert len(receiver.keys) == len(set(receiver.keys)), "a notice came twice"
            for ident in ALERTS:
                numbers = [int(key.split("/")[1]) for key in receiver.keys if key.startswith(f"{ident}/")]
                assert numbers == sorted(numbers)
                assert numbers[-1] == desk.numbers[ident], f"{name} was not told of the latest of {ident}"
    alone = tries[PATIENCE + PARALLEL :]
    gaps = [later - earlier for earlier, later in itertools.pairwise(alone)]
    for step, gap in enumerate(gaps):
        bound = min(LONGEST, FIRST * 2.0 ** max(step - PARALLEL, 0))
        assert gap >= 0.1 * bound * 0.5, "more than one attempt in a step of the back-off"


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_holds_the_whole_channel(form):
    """Told to come back in two minutes, in either form, no notice of any alert is tried before that."""
    receiver = Receiver()

    def refuse(_):
        now = desk.clock.now_ms() / 1000
        wait = "120" if form == "seconds" else formatdate(now + 120, usegmt=True)
        return reply(429, Retry_After=wait, Date=formatdate(now, usegmt=True))

    receiver.answers.append(refuse)
    try:
        hook = Watched(webhook_url=receiver.url, timeout=500)
        async with Desk({"hook": hook}, factor=100.0) as desk:
            desk.fire("a")
            await desk.until(lambda: desk.delivery.stats()["hook"].failed == 1)
            refused_at = desk.clock.monotonic()
            for number in range(10):
                desk.fire(f"b{number}")
                await desk.pass_(5)
            assert len(receiver.requests) == 1
            await desk.until(lambda: desk.outbox.waiting("hook") == 0)
            later = [at - refused_at for at in vars(hook)["tries"][1:]]
            assert min(later) >= 110
            assert len(receiver.requests) == 12
    finally:
        receiver.close()
