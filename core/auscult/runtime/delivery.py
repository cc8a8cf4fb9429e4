"""Carries what the outbox holds to the channels: one queue and one worker each, so that none waits for another."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import anyio
from msgspec import Struct

from auscult.alert import Notice, Notification
from auscult.alerts.outbox import LEASE, Outbox
from auscult.alerts.rows import Envelope, Row, RowState
from auscult.clock import Clock
from auscult.errors import DeliveryError
from auscult.kinds import Channel
from auscult.runtime.backoff import Breaker, wait_before
from auscult.runtime.channel_context import DeliveryContext
from auscult.runtime.context import Services
from auscult.runtime.deadlines import Deadlines
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import clean_text
from auscult.runtime.renewing import Renewal, renewal_of
from auscult.runtime.sending import Sending, in_words

__all__ = ["ChannelStats", "Delivery"]

log = logging.getLogger("auscult.delivery")

WINDOW_MS = 86_400_000
"""How long after its first attempt a delivery is tried again; afterwards it is given up."""
PARALLEL = 8
"""Deliveries in flight per channel, for different alerts."""
UNSETTLED = 1000
"""Envelopes per channel that have arrived while that is not on disk yet: all that a crash can have told again, beside
what is in flight."""
MARK_AFTER = 0.25
"""Seconds after which a delivery in flight is on disk as such."""
LOOK_AGAIN = 5.0
"""Seconds between looks at a channel whose every place is taken by deliveries that do not end."""
RENEWED = 1000
"""Alerts in one renewal."""
STALLED_MS = 30_000
"""How long something may be due before somebody takes it."""


class ChannelStats(Struct, frozen=True, kw_only=True):
    """How one channel is doing."""

    delivered: int = 0
    failed: int = 0
    """Attempts that failed."""
    given_up: int = 0
    """Notices that became dead letters."""
    in_flight: int = 0
    hung: int = 0
    """Deliveries that ignored their cancellation and still run."""
    waiting: int = 0
    last_error: str = ""
    failing_since: int | None = None
    open: bool = False
    """Whether the breaker leaves it in peace between single attempts."""


class _Worker:
    """One channel's deliveries."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        services: Services,
        loop: Loop,
        parallel: int,
        ended: Callable[[_Worker, Sending, BaseException | None], None],
        settled: Callable[[_Worker], None],
    ) -> None:
        self.name, self.channel = name, channel
        self.ended, self.settled = partial(ended, self), partial(settled, self)
        self.ctx = DeliveryContext(name, channel, services)
        self.deadlines = Deadlines(loop, services.clock, self.ctx.timeout)
        self.lease = max(LEASE, int(self.ctx.timeout * 1000) + 10_000)
        """Nobody else gets an envelope before its time to be delivered is over."""
        self.breaker = Breaker()
        self.flying: set[Sending] = set()
        self.hung: set[Sending] = set()
        self.parallel = parallel
        self.unsettled = 0
        """Envelopes that have arrived while that is not on disk yet."""
        self.timer: Handle | None = None
        self.renewal: Renewal | None = None
        self.marking: Handle | None = None
        """Rings when what is in flight is to be written down as such."""
        self.delivered = self.failed = self.given_up = 0
        self.last_error = ""
        self.lost = True
        """Something may have been given up since the last success, in an earlier run for all we know."""

    @property
    def room(self) -> int:
        """How many more may start; a hung one takes up its place until it ends."""
        if self.hung:
            self.hung = {sending for sending in self.hung if sending.running}
        if self.unsettled >= UNSETTLED or (self.renewal is not None and self.renewal.busy):
            return 0
        limit = 1 if self.breaker.is_open else self.parallel
        return max(limit - len(self.flying) - len(self.hung), 0)

    def let_go(self) -> None:
        """Have the channel close what it keeps; its code may raise anything."""
        try:
            self.channel.close()
        except BaseException as error:  # of a plugin, and nobody waits for anything here
            log.warning("channel %s: closing failed: %s", self.name, clean_text(in_words(error, self.channel)))


class Delivery:
    """Runs on a loop.

    `write` gets rows that changed, and what to call when they are on disk; `gave_up` an envelope and why; `failing` a
    channel and since when (ms), at each further failure; `recovered` a channel that has delivered again after
    something was given up. `going_on` gives what a channel was told of and goes on, for channels that want it renewed.
    """

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        outbox: Outbox,
        services: Services,
        *,
        write: Callable[[Iterable[Row], Callable[[], None] | None], None],
        gave_up: Callable[[Envelope, str], None],
        failing: Callable[[str, int], None],
        recovered: Callable[[str], None],
        going_on: Callable[[str], Sequence[Notice]] = lambda _: (),
        sender: str = "auscult",
        url: str = "",
        parallel: int = PARALLEL,
        rng: random.Random | None = None,
    ) -> None:
        self._loop, self._clock, self._outbox, self._services = loop, clock, outbox, services
        self._write, self._gave_up = write, gave_up
        self._failing, self._recovered, self._going_on = failing, recovered, going_on
        self._sender, self._url, self._parallel = sender, url, parallel
        self._rng = rng or random.Random()
        self._workers: dict[str, _Worker] = {}
        self._leaving: list[_Worker] = []
        self._stopped = False

    def set_channels(self, channels: Mapping[str, Channel]) -> None:
        """Deliver through these; a channel that stays the same object keeps its state."""
        for name, worker in list(self._workers.items()):
            if channels.get(name) is not worker.channel:
                self._workers.pop(name)
                self._leaving.append(worker)
                if worker.timer is not None:
                    worker.timer.cancel()
                if worker.renewal is not None:
                    worker.renewal.stop()
                worker.let_go()
        for name, channel in channels.items():
            if name not in self._workers:
                self._workers[name] = worker = _Worker(
                    name, channel, self._services, self._loop, self._parallel, self._ended, self._settled
                )
                worker.renewal = self._renewal(worker)
        self.wake()

    def introduce(self, sender: str, url: str) -> None:
        """Whom notifications say they come from, and where people find it."""
        self._sender, self._url = sender, url

    def wake(self, channels: Iterable[str] | None = None) -> None:
        """Look at these channels' queues, or at all."""
        for name in list(self._workers) if channels is None else channels:
            if (worker := self._workers.get(name)) is not None:
                self._pump(worker)

    def stop(self) -> None:
        """Cut what is in flight: it is sent again, under the same key, after the next start."""
        self._stopped = True
        for worker in [*self._workers.values(), *self._leaving]:
            for timer in (worker.timer, worker.marking):
                if timer is not None:
                    timer.cancel()
            if worker.renewal is not None:
                worker.renewal.stop()
            for sending in worker.flying:
                sending.stop()
            worker.deadlines.stop()
            worker.let_go()

    async def drain(self, seconds: float) -> None:
        """Take nothing more, and let what is in flight end, for that long: less is told twice after a restart."""
        self._stopped = True
        end = anyio.current_time() + seconds
        while self.in_flight and anyio.current_time() < end:  # noqa: ASYNC110 - rare, short
            await anyio.sleep(0.005)

    @property
    def in_flight(self) -> int:
        """Deliveries under way."""
        return sum(len(worker.flying) for worker in [*self._workers.values(), *self._leaving])

    def stalled(self) -> list[str]:
        """Channels with something that has been due for long, could leave, and does not: nobody sees to them."""
        since = self._clock.now_ms() - STALLED_MS
        return [
            name
            for name, worker in sorted(self._workers.items())
            if self._stopped
            or (
                (due := self._outbox.next_due(name)) is not None
                and due < since
                and worker.room > 0
                and worker.breaker.until <= self._clock.monotonic()
            )
        ]

    def stats(self) -> dict[str, ChannelStats]:
        """How each channel is doing."""
        waiting = self._outbox.counts()
        return {
            name: ChannelStats(
                delivered=worker.delivered,
                failed=worker.failed,
                given_up=worker.given_up,
                in_flight=len(worker.flying),
                hung=len(worker.hung),
                waiting=waiting.get(name, {}).get(RowState.PENDING, 0),
                last_error=worker.last_error,
                failing_since=worker.breaker.failing_since,
                open=worker.breaker.is_open,
            )
            for name, worker in self._workers.items()
        }

    # One channel

    def _pump(self, worker: _Worker) -> None:
        """Start what may start, and come back when there is more."""
        if self._stopped:
            return
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None
        room, now = worker.room, self._clock.now_ms()
        if not room and worker.hung:
            self._on_stuck(worker)
        for _ in range(room):  # whoever ends pumps again
            rest = worker.breaker.until - self._clock.monotonic() if worker.breaker.until else 0.0
            if rest > 0:
                self._come_back(worker, rest)
                return
            envelope = self._outbox.take(worker.name, now, lease=worker.lease)
            if envelope is None:
                self._wait_for_next(worker)
                return
            self._send(worker, envelope)

    def _on_stuck(self, worker: _Worker) -> None:
        """Deliveries that do not end take up every place: the channel is as good as down."""
        if not worker.flying and self._outbox.waiting(worker.name):
            if worker.breaker.failing_since is None:
                worker.breaker.failing_since = self._clock.now_ms()
                worker.last_error = f"{len(worker.hung)} deliveries were cut and do not end; no further one is started"
                log.warning("channel %s: %s", worker.name, worker.last_error)
            self._failing(worker.name, worker.breaker.failing_since)
            self._come_back(worker, LOOK_AGAIN)

    def _wait_for_next(self, worker: _Worker) -> None:
        due = self._outbox.next_due(worker.name)
        if due is not None:
            self._come_back(worker, max((due - self._clock.now_ms()) / 1000, 0.001))

    def _come_back(self, worker: _Worker, delay: float) -> None:
        worker.timer = self._loop.call_later(min(delay, 60.0), partial(self._pump, worker))

    def _send(self, worker: _Worker, envelope: Envelope) -> None:
        notification = envelope.notification(sender=self._sender, url=self._url)
        if worker.marking is None:
            worker.marking = self._loop.call_later(MARK_AFTER, partial(self._mark, worker))
        worker.flying.add(
            Sending(self._loop, worker.channel, worker.ctx, worker.deadlines, envelope, notification, worker.ended)
        )

    def _renewal(self, worker: _Worker) -> Renewal | None:
        """Begin to say again what goes on, where the channel wants that."""
        if (interval := renewal_of(worker.channel)) is None:
            return None
        return Renewal(
            self._loop,
            worker.ctx,
            worker.channel,
            worker.deadlines,
            interval,
            tell=partial(self._renewed, worker.name),
            is_idle=lambda: not worker.flying and not any(sending.running for sending in worker.hung),
            is_well=lambda: not self._stopped and not worker.breaker.is_open,
            over=partial(self._pump_current, worker),
        )

    def _renewed(self, channel: str) -> list[Notification]:
        now, notices = self._clock.now_ms(), self._going_on(channel)
        return [
            Notification(
                key=f"renewal-{now:x}-{start}",
                channel=channel,
                notices=tuple(notices[start : start + RENEWED]),
                created_at=now,
                sender=self._sender,
                url=self._url,
            )
            for start in range(0, len(notices), RENEWED)
        ]

    def _mark(self, worker: _Worker) -> None:
        """Have on disk what has been in flight for a while; what is over sooner is written once, as that."""
        worker.marking = None
        for sending in worker.flying:
            if not sending.marked:
                sending.marked = True
                self._write(sending.envelope.rows, None)

    def _ended(self, worker: _Worker, sending: Sending, error: BaseException | None) -> None:
        worker.flying.discard(sending)
        if error is not None and sending.running:
            worker.hung.add(sending)
            sending.when_back(partial(self._pump_current, worker))
        if error is None:
            self._arrived(worker, sending.envelope)
        else:
            self._failed(worker, sending.envelope, error, self._clock.now_ms())
        self._pump_current(worker)

    def _arrived(self, worker: _Worker, envelope: Envelope) -> None:
        worker.breaker.succeeded()
        rows = self._outbox.done(envelope, self._clock.now_ms())
        worker.delivered += len(rows)
        if rows:
            worker.unsettled += 1
            self._write(rows, worker.settled)
        if worker.lost:
            worker.lost = False
            self._recovered(worker.name)

    def _settled(self, worker: _Worker) -> None:
        """That an envelope has arrived is on disk."""
        was_full = worker.unsettled >= UNSETTLED
        worker.unsettled -= 1
        if was_full:
            self._pump_current(worker)

    def _pump_current(self, worker: _Worker) -> None:
        """Go on with the channel of that name; another worker may have taken over meanwhile."""
        if worker in self._leaving and not worker.flying:
            self._leaving.remove(worker)
        current = self._workers.get(worker.name)
        if current is not None:
            self._pump(current)

    def _failed(self, worker: _Worker, envelope: Envelope, error: BaseException, now: int) -> None:
        reason = clean_text(in_words(error, worker.channel))
        worker.failed += 1
        refused = isinstance(error, DeliveryError) and not getattr(error, "retry", True)
        if reason != worker.last_error or worker.breaker.failures == 0:
            end = " (not tried again)" if refused and len(envelope.rows) == 1 else ""
            log.warning("channel %s: %s%s", worker.name, reason, end)
        worker.last_error = reason
        if refused:
            if len(envelope.rows) > 1:
                self._write(self._outbox.split(envelope, now, reason), None)
            else:
                self._give_up(worker, envelope, now, reason)
            return
        worker.breaker.failed(self._clock.monotonic(), now, self._rng, error)
        first = min((row.since for row in envelope.rows if row.since), default=now)
        if now - first > WINDOW_MS:
            self._give_up(worker, envelope, now, reason)
            return
        wait = wait_before(envelope.attempt, error, self._rng)
        self._write(self._outbox.failed(envelope, now, now + int(wait * 1000), reason), None)
        if worker.breaker.failing_since is not None:
            self._failing(worker.name, worker.breaker.failing_since)

    def _give_up(self, worker: _Worker, envelope: Envelope, now: int, reason: str) -> None:
        rows = self._outbox.dead(envelope, now, reason)
        if rows:
            worker.given_up += len(rows)
            worker.lost = True
            self._write(rows, None)
            self._gave_up(envelope, reason)
