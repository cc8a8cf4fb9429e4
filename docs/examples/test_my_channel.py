"""The tests of `my_channel.py`: what is sent, what is made of answers, and the contract."""

import json

import httpx
import pytest
from my_channel import LampChannel

from auscult import ChangeKind, DeliveryError
from auscult.testing import assert_channel_contract, deliver_once, make_notification

pytestmark = pytest.mark.anyio


async def test_the_lamp_is_red_while_something_fires():
    """And green again afterwards."""
    states = []

    def lamp(request: httpx.Request) -> httpx.Response:
        states.append(json.loads(request.content))
        return httpx.Response(204)

    channel = LampChannel(url="http://lamp.internal/api/state")
    for kind in (ChangeKind.FIRED, ChangeKind.RESOLVED):
        await deliver_once(channel, make_notification(kind), answer=lamp)
    assert [state["colour"] for state in states] == ["red", "green"]


async def test_a_lamp_that_is_busy_is_asked_again():
    """When it says so."""
    busy = httpx.Response(429, headers={"Retry-After": "3"})
    with pytest.raises(DeliveryError) as caught:
        await deliver_once(LampChannel(url="http://lamp.internal/"), answer=lambda _: busy)
    assert (caught.value.retry, caught.value.retry_after) == (True, 3.0)


def test_the_contract():
    """Nobody listens there: every delivery fails, and in the right way."""
    assert_channel_contract(LampChannel, url="http://127.0.0.1:9/", token="t" * 20)
