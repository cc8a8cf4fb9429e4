"""One delivery in flight: whatever a channel's code does, it ends in exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from auscult.alert import Notification
from auscult.alerts.rows import Envelope
from auscult.errors import DeliveryError
from auscult.kinds import Channel, ChannelContext, Exporter, Source
from auscult.options import scrub
from auscult.replies import channel_secrets
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import failure

__all__ = ["Sending", "in_words"]

GRACE = 1.0
"""Seconds that a cancelled delivery has to end before it counts as hung."""


class Sending:
    """Calls `ended(sending, error)` once: at the end of the delivery, or when its time is over.

    A task of its own, cancelled once and then left alone: code that swallows cancellation harms nobody else.
    """

    def __init__(
        self,
        loop: Loop,
        channel: Channel,
        ctx: ChannelContext,
        envelope: Envelope,
        notification: Notification,
        ended: Callable[[Sending, BaseException | None], None],
    ) -> None:
        self.envelope = envelope
        self.hung = False
        """It was cut a while ago, and still runs."""
        self.marked = False
        """Whether it is on disk that this is in flight."""
        self.came_back: Callable[[], None] | None = None
        """Called when it ends although it was cut."""
        self._channel, self._ctx, self._notification = channel, ctx, notification
        self._ended = ended
        self._open = True
        self.running = True
        """Whether the channel's code has not come back yet."""
        self._loop = loop
        self._timer: Handle = loop.call_later(ctx.timeout, self._cut)
        self._task: Handle = loop.spawn(self._run)

    def stop(self) -> None:
        """Cut it without an outcome: it is tried again after the next start."""
        self._open = False
        self._timer.cancel()
        self._task.cancel()

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            await self._channel.send(self._notification, self._ctx)
        except BaseException as raised:
            if self._is_our_cancellation(raised):
                if self.came_back is not None:
                    self._loop.call_later(0.0, self.came_back)
                raise
            error = raised
        finally:
            self.running = self.hung = False
        if self._open:
            self._tell(error)
        elif self.came_back is not None:
            self.came_back()

    def _is_our_cancellation(self, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            return not self._open  # one that nobody asked for is the channel's own failure
        return type(error).__module__.startswith("trio") and type(error).__name__ == "Cancelled"

    def _tell(self, error: BaseException | None) -> None:
        self._open = False
        self._timer.cancel()
        self._ended(self, error)

    def _cut(self) -> None:
        if self._open:
            self._tell(DeliveryError(f"no answer within {self._ctx.timeout:g} s"))
            self._task.cancel()
            self._loop.call_later(GRACE, self._check_ended)

    def _check_ended(self) -> None:
        self.hung = self.running


def in_words(error: BaseException, channel: Channel | Exporter | Source) -> str:
    """What went wrong, in a sentence for people; whatever the exception of a plugin does when it is asked.

    Without what `channel`, an exporter or a source, holds in secret.
    """
    try:
        said = str(error) if isinstance(error, DeliveryError) else failure(error)
        return scrub(said, channel_secrets(channel)).strip() or type(error).__name__
    except BaseException:
        return type(error).__name__
