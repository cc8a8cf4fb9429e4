"""Channels of plugins that do what plugins do: raise anything, hang, swallow their end, return nonsense. Nobody else is
harmed: the good channel beside them is told of everything, and what the bad one was to tell stays.
"""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest
from tests.alerts_live.delivering import Desk
from tests.core.alerts.making_changes import change

from auscult import Channel, DeliveryError
from auscult.alerts.outbox import RowState
from auscult.runtime import attempt, delivery
from auscult.runtime.channel_context import TIMEOUT, timeout_of

pytestmark = pytest.mark.anyio
MANY = [f"a{number}" for number in range(10)]


class Good(Channel, dict=True):
    """Takes everything."""

    kind = "good"

    async def send(self, notification, ctx):
        vars(self).setdefault("told", []).extend(notice.key for notice in notification.notices)

    @property
    def told(self) -> list[str]:
        return vars(self).get("told", [])


class Bad(Channel, dict=True):
    """Does what it was made with."""

    kind = "bad"
    timeout: float | None = 0.3

    async def send(self, notification, ctx):
        vars(self)["calls"] = self.calls + 1
        return await vars(self)["act"]()

    def delivery_timeout(self):
        return self.timeout

    @property
    def calls(self) -> int:
        return vars(self).get("calls", 0)


def bad(act, **options) -> Bad:
    made = Bad(**options)
    vars(made)["act"] = act
    return made


class Unspeakable(Exception):
    """Its text cannot be had."""

    def __str__(self):
        raise RuntimeError("no")


class Base(BaseException):
    """As a panic in Rust arrives in Python."""


class Bare(DeliveryError):
    """A subclass that never called the class above it."""

    def __init__(self):
        pass


def told_all(desk: Desk, good: Good) -> bool:
    return desk.outbox.waiting("good") == 0 and len(good.told) >= len(MANY)


RAISED = [
    ValueError("x"),
    RecursionError(),
    MemoryError(),
    SystemExit(1),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopAsyncIteration(),
    Base("panic"),
    ExceptionGroup("several", [ValueError("a"), OSError("b")]),
    BaseExceptionGroup("worse", [Base("a")]),
    Unspeakable(),
    Bare(),
    DeliveryError("soon", retry_after=float("nan")),
    DeliveryError("soon", retry_after="later"),
    DeliveryError("soon", retry_after=-5),
    DeliveryError("\ud800 \x00 nonsense"),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_whatever_is_raised_is_a_failure_of_that_channel(error):
    """Every class of exception, those that end programs included, is contained, counted, shown, and tried again."""

    async def act():
        raise error

    good, wrong = Good(), bad(act)
    async with Desk({"good": good, "bad": wrong}) as desk:
        for ident in MANY:
            desk.fire(ident)
        await desk.until(lambda: told_all(desk, good) and desk.delivery.stats()["bad"].failed >= 4)
        stats = desk.delivery.stats()
        assert stats["good"].failed == 0
        assert stats["bad"].last_error
        assert desk.outbox.waiting("bad") == len(MANY), "nothing is lost"


async def test_what_is_refused_for_good_is_a_dead_letter_and_takes_no_other_with_it():
    """One of an envelope of many is refused: each is tried on its own, only that one is given up."""

    class Picky(Good):
        kind = "picky"

        async def send(self, notification, ctx):
            if any(notice.alert.id == "a3" for notice in notification.notices):
                raise DeliveryError("400: too long", retry=False)
            await super().send(notification, ctx)

    picky = Picky()
    async with Desk({"picky": picky}) as desk:
        for ident in MANY:
            made = desk.numbers[ident] = 1
            desk.outbox.offer(change(ident, number=made), "picky", due=desk.clock.now_ms(), group="g")
        desk.delivery.wake()
        await desk.until(lambda: desk.outbox.waiting("picky") == 0)
        assert desk.dead == ["a3/1/picky"]
        assert len(picky.told) == len(MANY) - 1
        assert desk.outbox.counts()["picky"][RowState.DEAD] == 1


@pytest.mark.parametrize("value", [None, 7, "ok", b"", [], object()], ids=lambda value: type(value).__name__)
async def test_what_is_returned_means_nothing(value):
    """A channel that came back has delivered, whatever it gave back."""

    async def act():
        return value

    async with Desk({"bad": bad(act)}) as desk:
        desk.fire("a")
        await desk.until(lambda: desk.outbox.waiting("bad") == 0)


async def test_a_channel_that_hangs_is_cut_and_tried_again():
    """At its time limit; the good one beside it does not wait."""
    good, wrong = Good(), bad(anyio.sleep_forever)
    async with Desk({"good": good, "bad": wrong}) as desk:
        begin = time.monotonic()
        for ident in MANY:
            desk.fire(ident)
        await desk.until(lambda: told_all(desk, good))
        assert time.monotonic() - begin < 5
        await desk.until(lambda: desk.delivery.stats()["bad"].failed >= 2)
        assert "no answer within 0.3 s" in desk.delivery.stats()["bad"].last_error


async def test_a_channel_that_swallows_its_end_gets_no_more_than_its_places(monkeypatch, anyio_backend):
    """It is cut, does not end, and takes up a place; with none left it counts as failing, and goes on when they end."""
    if anyio_backend == "trio":
        return  # there cancellation comes at every step: a plugin that swallows it for long is a busy loop
    monkeypatch.setattr(attempt, "GRACE", 0.05)
    monkeypatch.setattr(delivery, "LOOK_AGAIN", 0.1)
    free = anyio.Event()

    async def act():
        while not free.is_set():
            try:
                await free.wait()
            except BaseException:
                continue

    good, wrong = Good(), bad(act)
    async with Desk({"good": good, "bad": wrong}) as desk:
        for ident in MANY:
            desk.fire(ident)
        await desk.until(lambda: told_all(desk, good) and desk.delivery.stats()["bad"].hung == delivery.PARALLEL)
        await desk.until(lambda: "bad" in desk.failing)
        assert wrong.calls == delivery.PARALLEL
        free.set()
        await desk.until(lambda: desk.outbox.waiting("bad") == 0)


async def test_one_that_blocks_delays_and_harms_nobody():
    """A synchronous sleep in a channel holds up everything while it lasts; afterwards all are told."""

    async def act():
        time.sleep(0.05)

    good = Good()
    async with Desk({"bad": bad(act), "good": good}) as desk:
        for ident in MANY:
            desk.fire(ident)
        await desk.until(lambda: told_all(desk, good) and desk.outbox.waiting("bad") == 0)


async def test_a_slow_channel_slows_no_other():
    """A receiver that takes its time: the good one has everything long before."""

    async def act():
        await anyio.sleep(0.2)

    good, slow = Good(), bad(act, timeout=5.0)
    async with Desk({"slow": slow, "good": good}) as desk:
        for number in range(100):
            desk.fire(f"a{number}")
        await desk.until(lambda: desk.outbox.waiting("good") == 0)
        assert desk.outbox.waiting("slow") > 0


@pytest.mark.parametrize("value", ["soon", float("nan"), -1, object(), [1]], ids=lambda value: type(value).__name__)
def test_a_time_limit_that_makes_no_sense_is_the_default(value):
    """Whatever `delivery_timeout` gives back."""
    assert timeout_of(bad(None, timeout=value)) == TIMEOUT


async def test_closing_may_raise_anything():
    """A channel that leaves the configuration, or the monitor that stops, does not care how its `close` ends."""

    class Sticky(Good):
        kind = "sticky"

        def close(self):
            raise SystemExit("no")

    good = Good()
    async with Desk({"good": good, "sticky": Sticky()}) as desk:
        desk.delivery.set_channels({"good": good})
        desk.fire("a", "good")
        await desk.until(lambda: good.told == ["a/1/good"])


async def test_a_channel_that_is_replaced_while_it_sends_hands_over():
    """After a reload the new object goes on; the old one ends what it has begun and gets nothing more."""
    free = anyio.Event()
    old, new = bad(free.wait, timeout=10.0), Good()
    async with Desk({"ops": old}) as desk:
        for number in range(8):
            desk.fire(f"a{number}")
        await desk.until(lambda: old.calls == delivery.PARALLEL)
        desk.delivery.set_channels({"ops": new})
        free.set()
        await desk.until(lambda: desk.outbox.waiting("ops") == 0)
        assert old.calls == delivery.PARALLEL
        assert len(new.told) == 8 - delivery.PARALLEL
        assert desk.delivery._leaving == []
