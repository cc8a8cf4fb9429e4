"""One delivery in flight."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from auscult.alert import Notification
from auscult.alerts.rows import Envelope
from auscult.errors import DeliveryError
from auscult.kinds import Channel, ChannelContext, Exporter, Source, Unsent
from auscult.options import scrub
from auscult.replies import channel_secrets
from auscult.runtime.attempt import Attempt
from auscult.runtime.deadlines import Deadlines
from auscult.runtime.loop import Loop
from auscult.runtime.readings import failure

__all__ = ["Sending", "in_words"]


class Sending:
    """One envelope on its way through a channel. Cut by `stop`, it is tried again after the next start.

    Calls `ended(sending, error)` once. A channel that can begins without a task, and has `deadlines` to end in; all
    others get an `Attempt`.
    """

    __slots__ = (
        "_attempt",
        "_channel",
        "_ctx",
        "_cut",
        "_deadlines",
        "_ended",
        "_loop",
        "_notification",
        "envelope",
        "marked",
    )

    def __init__(
        self,
        loop: Loop,
        channel: Channel,
        ctx: ChannelContext,
        deadlines: Deadlines,
        envelope: Envelope,
        notification: Notification,
        ended: Callable[[Sending, BaseException | None], None],
    ) -> None:
        self.envelope, self._notification = envelope, notification
        self.marked = False
        """Whether it is on disk that this is in flight."""
        self._loop, self._channel, self._ctx, self._deadlines, self._ended = loop, channel, ctx, deadlines, ended
        self._attempt: Attempt | None = None
        try:
            self._cut = channel.begin(notification, ctx, self._over)
        except Exception:  # a plugin's code: `send` will say what is wrong
            self._cut = None
        if self._cut is None:
            self._attempt_it()
        else:
            deadlines.add(self)

    @property
    def running(self) -> bool:
        """Whether the plugin's code has not come back yet."""
        return self._attempt is not None and self._attempt.running

    def when_back(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when it ends although it was cut."""
        assert self._attempt is not None, "only code of a plugin runs on"
        self._attempt.came_back = callback

    def stop(self) -> None:
        """Cut it without an outcome."""
        if self._attempt is not None:
            self._attempt.stop()
        elif self._deadlines.discard(self):
            self._cut_it()

    def expire(self) -> None:
        """What began without a task has had its time."""
        if self._deadlines.discard(self):
            self._cut_it()
            self._ended(self, DeliveryError(f"no answer within {self._ctx.timeout:g} s"))

    def _attempt_it(self) -> None:
        work = partial(self._channel.send, self._notification, self._ctx)
        what = f"the channel `{self.envelope.channel}`"
        self._attempt = Attempt(self._loop, work, self._ctx.timeout, self._attempted, what)

    def _attempted(self, _: Attempt, error: BaseException | None) -> None:
        self._ended(self, error)

    def _over(self, error: BaseException | None) -> None:
        """What began without a task has ended."""
        if not self._deadlines.discard(self):
            return
        if isinstance(error, Unsent):
            self._attempt_it()
        else:
            self._ended(self, error)

    def _cut_it(self) -> None:
        with suppress(Exception):  # a plugin's code
            if self._cut is not None:
                self._cut()


def in_words(error: BaseException, channel: Channel | Exporter | Source) -> str:
    """What went wrong, in a sentence for people; whatever the exception of a plugin does when it is asked.

    Without what `channel`, an exporter or a source, holds in secret.
    """
    try:
        said = str(error) if isinstance(error, DeliveryError) else failure(error)
        return scrub(said, channel_secrets(channel)).strip() or type(error).__name__
    except BaseException:
        return type(error).__name__
