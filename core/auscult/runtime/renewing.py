"""Says again what goes on, for receivers that forget what they are not told again: see `Channel.renewal`.

Nothing else is on its way meanwhile: an end is never overtaken by what was said before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from auscult.alert import Notification
from auscult.alerts.rows import Envelope
from auscult.kinds import Channel, ChannelContext
from auscult.runtime.deadlines import Deadlines
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import clean_text
from auscult.runtime.sending import Sending, in_words

__all__ = ["Renewal", "renewal_of"]

log = logging.getLogger("auscult.delivery")

FIRST = 5.0
"""Seconds after the start: whoever was down meanwhile may have forgotten everything."""
SHORTEST = 1.0
AGAIN = 30.0
"""Seconds, at most, after which a renewal that failed is tried again."""
POLL = 0.05
"""Seconds between looks whether what was on its way has arrived."""


def renewal_of(channel: Channel) -> float | None:
    """Seconds between the renewals that a channel wants; None for none."""
    try:
        wanted = channel.renewal()
    except Exception:  # a plugin's method
        return None
    return max(float(wanted), SHORTEST) if wanted else None


class Renewal:
    """Of one channel. `tell` gives what goes on; `is_idle`: nothing is on its way; `over` is called after each one."""

    def __init__(
        self,
        loop: Loop,
        ctx: ChannelContext,
        channel: Channel,
        deadlines: Deadlines,
        interval: float,
        *,
        tell: Callable[[], list[Notification]],
        is_idle: Callable[[], bool],
        is_well: Callable[[], bool],
        over: Callable[[], None],
    ) -> None:
        self.busy = False
        """Nothing else may be sent."""
        self.count = 0
        """Renewals that arrived."""
        self._loop, self._ctx, self._channel, self._deadlines = loop, ctx, channel, deadlines
        self._interval = interval
        self._tell, self._is_idle, self._is_well, self._over = tell, is_idle, is_well, over
        self._waiting: list[Notification] = []
        self._sending: Sending | None = None
        self._stopped = False
        self._timer: Handle = loop.call_later(min(FIRST, interval), self._begin)

    def stop(self) -> None:
        """No more, from now on."""
        self._stopped = True
        self._timer.cancel()
        if self._sending is not None:
            self._sending.stop()

    def _begin(self) -> None:
        if self._stopped:
            return
        if not self._is_well():
            self._end(AGAIN)
            return
        self.busy = True
        if not self._is_idle():
            self._timer = self._loop.call_later(POLL, self._begin)
            return
        self._waiting = self._tell()
        self._next()

    def _next(self) -> None:
        if not self._waiting:
            self.count += 1
            self._end(self._interval)
            return
        told = self._waiting.pop(0)
        nothing = Envelope(channel=told.channel, rows=(), notices=told.notices, fence=0, until=0)
        self._sending = Sending(self._loop, self._channel, self._ctx, self._deadlines, nothing, told, self._ended)

    def _ended(self, sending: Sending, error: BaseException | None) -> None:
        self._sending = None
        if error is None:
            self._next()
            return
        reason = clean_text(in_words(error, self._channel))
        log.warning("channel %s: what goes on could not be said again: %s", self._ctx.channel, reason)
        self._waiting.clear()
        if sending.running:  # it was cut and does not end: nothing may overtake it yet
            sending.when_back(self._after_failure)
        else:
            self._after_failure()

    def _after_failure(self) -> None:
        self._end(AGAIN)

    def _end(self, wait: float) -> None:
        self.busy = False
        if not self._stopped:
            self._timer = self._loop.call_later(min(wait, self._interval), self._begin)
            self._over()
