"""Channels sending as in production: with a context of their own, cut at their time limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from tests.plugins.channels.made import FakeChannelContext
from tests.plugins.channels.receiver import Receiver

from auscult import Channel, Notification

Send = Callable[[Channel, Notification], Awaitable[None]]


@pytest.fixture
def context(tmp_path) -> Callable[..., object]:
    """``async with context(channel) as ctx``."""

    @asynccontextmanager
    async def giving(channel: Channel, **options) -> AsyncIterator[FakeChannelContext]:
        ctx = FakeChannelContext(channel, tmp_path, **options)
        try:
            yield ctx
        finally:
            channel.close()
            with anyio.CancelScope(shield=True):
                await ctx._client.aclose()
                await anyio.sleep(0)  # asyncio closes at the loop's next turn

    return giving


@pytest.fixture
def send(context) -> Send:
    """``await send(channel, notification)``: deliver once, cut as the core cuts it."""

    async def once(channel: Channel, notification: Notification, **options) -> None:
        async with context(channel, **options) as ctx:
            with anyio.fail_after(ctx.timeout):
                await channel.send(notification, ctx)

    return once


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    receiving = Receiver()
    yield receiving
    receiving.close()
