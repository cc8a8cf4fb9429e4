"""Sources of metrics: asked on an interval, listening, or taking in requests; one worker each."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from auscult.errors import DeliveryError
from auscult.kinds import Answer, Received, Receiver, Source
from auscult.model import Reading
from auscult.runtime.attempt import Attempt
from auscult.runtime.backoff import wait_before
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import clean_text
from auscult.runtime.sending import in_words
from auscult.runtime.source_context import IntakeContext

__all__ = ["DEFAULT_INTERVAL", "Asking", "NoReceiver", "SourceStats"]

log = logging.getLogger("auscult.sources")

DEFAULT_INTERVAL = 15.0
"""Seconds between looks of a source that says nothing else."""
FOREVER = 10.0 * 365 * 86_400
STEADY = 60.0
"""Seconds that a listening source has to run before its next end counts as the first one."""
TELL_EVERY = 5.0
"""Seconds between results of a source that takes in requests: they may come by the thousand."""

Tell = Callable[[str, Reading], None]


class NoReceiver(Exception):
    """No source takes in requests there."""


class SourceStats(Struct, frozen=True, kw_only=True):
    """How one source is doing."""

    looks: int = 0
    """Looks that succeeded."""
    received: int = 0
    """Requests taken in."""
    failed: int = 0
    """Looks, runs and requests that failed."""
    last_success: int | None = None
    """Wall clock, ms."""
    last_error: str = ""
    """Empty when all is well."""


class Asking:
    """Runs on a loop. `context` gives what a source is given; `tell` hears how each is."""

    def __init__(
        self, loop: Loop, context: Callable[[str], IntakeContext], tell: Tell, *, rng: random.Random | None = None
    ) -> None:
        self._loop, self._context, self._tell = loop, context, tell
        self._rng = rng or random.Random()
        self._workers: dict[str, _Worker] = {}

    def set_sources(self, sources: Mapping[str, Source], interval_of: Callable[[str], float]) -> None:
        """Take in from these; one that stays the same object, at the same interval, goes on undisturbed."""
        for name, worker in list(self._workers.items()):
            if sources.get(name) is not worker.source or interval_of(name) != worker.interval:
                self._workers.pop(name).stop()
        for name, source in sources.items():
            if name not in self._workers:
                self._workers[name] = worker = _Worker(self, name, source, interval_of(name))
                worker.start()

    def stop(self) -> None:
        """Take in no more."""
        while self._workers:
            self._workers.popitem()[1].stop()

    def receiver(self, name: str, path: str) -> Receiver:
        """Where that source takes in requests. Raises NoReceiver."""
        worker = self._workers.get(name)
        for receiver in worker.receivers if worker is not None else ():
            if receiver.path.strip("/") == path.strip("/"):
                return receiver
        raise NoReceiver

    def well_known(self, path: str) -> tuple[str, Receiver]:
        """The one source that takes in what is sent to that path by itself. Raises NoReceiver: none, or several."""
        found = [
            (worker.name, receiver)
            for worker in self._workers.values()
            for receiver in worker.receivers
            if receiver.well_known and receiver.path.strip("/") == path.strip("/")
        ]
        if len(found) != 1:
            raise NoReceiver
        return found[0]

    async def receive(self, name: str, request: Received) -> Answer:
        """Have that source take in a request; its failure is an answer, too. Raises NoReceiver."""
        if (worker := self._workers.get(name)) is None:
            raise NoReceiver
        return await worker.receive(request)

    def stats(self) -> dict[str, SourceStats]:
        """How each source is doing."""
        return {name: worker.stats() for name, worker in self._workers.items()}


class _Worker:
    """One source."""

    def __init__(self, asking: Asking, name: str, source: Source, interval: float) -> None:
        self.name, self.source, self.interval = name, source, interval
        self._what = f"the source `{name}`"
        self._loop, self._rng, self._tell = asking._loop, asking._rng, asking._tell
        self.ctx = asking._context(name)
        self._clock = self.ctx.clock
        self.receivers = _receivers_of(source)
        self._attempts: dict[str, Attempt] = {}
        self._timers: dict[str, Handle] = {}
        self._due = 0.0
        self._ends = 0
        self._told = float("-inf")
        self.looks = self.received = self.failed = 0
        self.last_success: int | None = None
        self.last_error = ""
        self._stopped = False

    def start(self) -> None:
        """Begin to ask and to listen."""
        if self.source.collects():
            self._due = self._clock.monotonic()
            self._set_timer("look", 0.2, self._look)
        if self.source.runs():
            self._run()

    def stop(self) -> None:
        """Cut what is in flight, and have the source let go of what it keeps."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        for attempt in self._attempts.values():
            attempt.stop()
        try:
            self.source.close()
        except Exception as error:
            log.warning("source %s: closing failed: %s", self.name, self._said(error))

    def stats(self) -> SourceStats:
        """How it is doing."""
        return SourceStats(
            looks=self.looks,
            received=self.received,
            failed=self.failed,
            last_success=self.last_success,
            last_error=self.last_error,
        )

    def _set_timer(self, what: str, delay: float, callback: Callable[[], None]) -> None:
        if what in self._timers:
            self._timers[what].cancel()
        self._timers[what] = self._loop.call_later(max(delay, 0.001), callback)

    # Asking

    def _look(self) -> None:
        """Start to start, one look at a time, none while one that was cut still runs."""
        if self._stopped:
            return
        now = self._clock.monotonic()
        while self._due <= now:
            self._due += self.interval
        self._set_timer("look", self._due - now, self._look)
        before = self._attempts.get("look")
        if before is None or not before.running:
            work = partial(self.source.collect, self.ctx)
            self._attempts["look"] = Attempt(self._loop, work, self.ctx.timeout, partial(self._looked, now), self._what)

    def _looked(self, begun: float, _: Attempt, error: BaseException | None) -> None:
        took = self._clock.monotonic() - begun
        if error is None:
            self.looks += 1
        self._settle(error, took)

    # Listening

    def _run(self) -> None:
        if self._stopped:
            return
        begun = self._clock.monotonic()
        self._attempts["run"] = Attempt(
            self._loop, partial(self.source.run, self.ctx), FOREVER, partial(self._ran, begun), self._what
        )

    def _ran(self, begun: float, _: Attempt, error: BaseException | None) -> None:
        if self._stopped:
            return
        self._ends = 1 if self._clock.monotonic() - begun > STEADY else self._ends + 1
        error = error if error is not None else DeliveryError("it stopped listening")
        self._settle(error, 0.0)
        self._set_timer("run", wait_before(self._ends, error, self._rng), self._run)

    # Taking in

    async def receive(self, request: Received) -> Answer:
        """See `Asking.receive`."""
        try:
            answer = await self.source.receive(request, self.ctx)
            if not isinstance(answer, Answer):
                raise TypeError(f"`receive` gives an auscult.Answer, not {type(answer).__name__}")
        except Exception as error:
            self._settle(error, 0.0)
            return Answer(status=500, body=b'{"title":"the source failed"}')
        self.received += 1
        if answer.status < 400:
            self._settle(None, 0.0, rarely=True)
        else:
            self.failed += 1
        return answer

    # What came of it

    def _settle(self, error: BaseException | None, took: float, *, rarely: bool = False) -> None:
        if error is None:
            self.last_success = self._clock.now_ms()
            was, self.last_error = self.last_error, ""
            now = self._clock.monotonic()
            if rarely and not was and now - self._told < TELL_EVERY:
                return
            self._told = now
            series = len(self.ctx.intake)
            self._say(Reading.healthy(f"{series} series", series=float(series)), took)
            return
        reason = self._said(error)
        self.failed += 1
        if reason != self.last_error:
            log.warning("source %s: %s", self.name, reason)
        self.last_error = reason
        self._say(Reading.unhealthy(reason), took)

    def _say(self, reading: Reading, took: float) -> None:
        timed = took * 1000 if took else None
        self._tell(self.name, Reading(reading.status, reading.message, reading.measurements, {}, timed))

    def _said(self, error: BaseException) -> str:
        return clean_text(in_words(error, self.source))


def _receivers_of(source: Source) -> tuple[Receiver, ...]:
    try:
        return tuple(each for each in source.receivers() if isinstance(each, Receiver))
    except Exception as error:  # a plugin's method
        log.warning("a source `%s` does not say where it takes in requests: %s", source.kind, error)
        return ()
