"""Channels that begin deliveries without a task: every delivery has one outcome, whatever `begin` does."""

from __future__ import annotations

import pytest
from tests.alerts_live.delivering import Desk

from auscult import Channel, DeliveryError, Unsent
from auscult.alerts.outbox import RowState

pytestmark = pytest.mark.anyio
MANY = [f"a{number}" for number in range(30)]


class Quick(Channel, dict=True):
    """Begins as it was made to, and notes what was told by which way."""

    kind = "quick"
    timeout: float = 0.3

    def delivery_timeout(self):
        return self.timeout

    def does(self, act):
        vars(self).update(act=act, begun=[], sent=[], cut=[])
        return self

    def begin(self, notification, ctx, ended):
        keys = [notice.key for notice in notification.notices]
        vars(self)["begun"] += keys
        return vars(self)["act"](keys, ended)

    async def send(self, notification, ctx):
        vars(self)["sent"] += [notice.key for notice in notification.notices]

    @property
    def begun(self) -> list[str]:
        return vars(self)["begun"]

    @property
    def sent(self) -> list[str]:
        return vars(self)["sent"]


def keys(*idents: str, number: int = 1) -> list[str]:
    return [f"{ident}/{number}/quick" for ident in idents]


def told(desk) -> int:
    return desk.delivery.stats()["quick"].delivered


async def test_what_begins_and_ends_is_delivered_once():
    """No task, no `send`."""
    async with Desk({}) as desk:

        def later(_, ended):
            desk.loop.call_later(0.001, lambda: ended(None))
            return lambda: None

        quick = Quick().does(later)
        desk.delivery.set_channels({"quick": quick})
        for ident in MANY:
            desk.fire(ident, "quick")
        await desk.until(lambda: told(desk) == len(MANY))
        assert sorted(quick.begun) == sorted(keys(*MANY))
        assert not quick.sent


async def test_what_cannot_begin_is_sent():
    """It says so, it raises, or it finds out later."""

    def refuses(_, ended):
        return None

    def raises(_, ended):
        raise RuntimeError("a plugin")

    async with Desk({}) as desk:

        def unsent(_, ended):
            desk.loop.call_later(0.001, lambda: ended(Unsent()))
            return lambda: None

        for number, act in enumerate([refuses, raises, unsent], 1):
            quick = Quick().does(act)
            desk.delivery.set_channels({"quick": quick})
            desk.fire("a", "quick")
            await desk.until(lambda quick=quick: quick.sent)
            assert quick.sent == keys("a", number=number)


async def test_what_never_ends_is_cut_and_tried_again():
    """Within the channel's own time; an end that comes after all changes nothing."""
    async with Desk({}) as desk:
        late = []

        def never(_, ended):
            late.append(ended)
            return lambda: vars(quick)["cut"].append(True)

        quick = Quick().does(never)
        desk.delivery.set_channels({"quick": quick})
        desk.fire("a", "quick")
        await desk.until(lambda: vars(quick)["cut"])
        assert desk.delivery.stats()["quick"].last_error == "no answer within 0.3 s"
        late[0](None)
        assert told(desk) == 0
        assert desk.outbox.counts()["quick"][RowState.PENDING] == 1
        await desk.until(lambda: len(late) == 2)
        late[1](None)
        assert told(desk) == 1


async def test_what_fails_for_good_is_given_up():
    """As with `send`."""
    async with Desk({}) as desk:

        def refused(_, ended):
            desk.loop.call_later(0.001, lambda: ended(DeliveryError("no", retry=False)))
            return lambda: None

        desk.delivery.set_channels({"quick": Quick().does(refused)})
        desk.fire("a", "quick")
        await desk.until(lambda: desk.dead)
        assert desk.dead == keys("a")


async def test_what_is_under_way_is_cut_at_the_end():
    """And not counted as anything: it is told again after the next start."""
    cuts = []
    async with Desk({}) as desk:
        desk.delivery.set_channels({"quick": Quick().does(lambda _, ended: lambda: cuts.append(True))})
        desk.fire("a", "quick")
        await desk.until(lambda: desk.delivery.in_flight == 1)
    assert cuts == [True]
    assert desk.outbox.counts()["quick"][RowState.SENDING] == 1
