"""Exporters that push: one worker each, so that a slow destination delays no other."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import anyio
from anyio import to_thread
from msgspec import Struct

from auscult.errors import DeliveryError
from auscult.families import Snapshot
from auscult.kinds import Exporter
from auscult.model import Reading
from auscult.runtime.attempt import Attempt
from auscult.runtime.backlog import Backlog
from auscult.runtime.backoff import asked_for, wait_before
from auscult.runtime.context import Services
from auscult.runtime.exporter_context import PushContext
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.readings import clean_text
from auscult.runtime.sending import in_words

__all__ = ["ExporterStats", "Pushing"]

log = logging.getLogger("auscult.exporters")

FIRST = 2.0
"""Seconds from the start to the first push, at most: whoever sets an exporter up wants to see it work."""
GOODBYE = 1.0
"""Seconds that `Exporter.ended` may take for all exporters together; the server has to end within two."""

Take = Callable[[int], Awaitable[Snapshot]]
"""The metrics as they are now, from a time (ms) later than the given one."""
Tell = Callable[[str, Reading], None]


class ExporterStats(Struct, frozen=True, kw_only=True):
    """How one exporter is doing."""

    pushed: int = 0
    """Snapshots that arrived."""
    failed: int = 0
    """Pushes that failed."""
    dropped: int = 0
    """Snapshots that will never arrive."""
    waiting: int = 0
    """Snapshots on disk."""
    waiting_bytes: int = 0
    last_success: int | None = None
    """Wall clock, ms."""
    last_error: str = ""
    """Empty when the latest push arrived."""


class Pushing:
    """Runs on a loop. `take` gives the metrics as they are now; `tell` hears how each destination is."""

    def __init__(
        self, loop: Loop, services: Services, take: Take, tell: Tell, *, rng: random.Random | None = None
    ) -> None:
        self._loop, self._services, self._take, self._tell = loop, services, take, tell
        self._rng = rng or random.Random()
        self._workers: dict[str, _Worker] = {}

    def set_exporters(self, exporters: Mapping[str, Exporter], interval_of: Callable[[str], float]) -> None:
        """Push through these; one that stays the same object, at the same interval, goes on undisturbed."""
        for name, worker in list(self._workers.items()):
            if exporters.get(name) is not worker.exporter or interval_of(name) != worker.interval:
                del self._workers[name]
                worker.stop()
                worker.goodbye()
        for name, exporter in exporters.items():
            if name not in self._workers and exporter.pushes():
                worker = _Worker(self, name, exporter, interval_of(name))
                self._workers[name] = worker
                self._loop.spawn(worker.start)

    async def stop(self) -> None:
        """Push no more; exporters say goodbye where they have something to tidy up."""
        workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.stop()
        left, done = len(workers), anyio.Event()

        def one_less() -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()

        for worker in workers:
            worker.goodbye(one_less)
        if workers:
            await done.wait()

    def stats(self) -> dict[str, ExporterStats]:
        """How each exporter is doing."""
        return {name: worker.stats() for name, worker in self._workers.items()}


class _Push:
    """One push: what was pushed, from where, and how long it took."""

    __slots__ = ("begun", "from_disk", "size", "snapshot", "took")

    def __init__(self, snapshot: Snapshot | None, begun: float, *, from_disk: bool = False) -> None:
        self.snapshot, self.begun, self.from_disk = snapshot, begun, from_disk
        self.size = len(snapshot) if snapshot is not None else 0
        self.took = 0.0


class _Worker:
    """One exporter. At most one push is in flight, and none starts while one that was cut still runs."""

    def __init__(self, pushing: Pushing, name: str, exporter: Exporter, interval: float) -> None:
        self.name, self.exporter, self.interval = name, exporter, interval
        self._what = f"the exporter `{name}`"
        self._pushing, self._loop, self._rng = pushing, pushing._loop, pushing._rng
        self._clock = pushing._services.clock
        self.ctx = PushContext(name, exporter, pushing._services)
        self._backlog: Backlog | None = None
        self._disk = anyio.Lock()
        self._attempt: Attempt | None = None
        self._timers: dict[str, Handle] = {}
        self._due = 0.0
        self._pending = False
        """A push is on its way, from the look at what there is to the last trace on disk."""
        self._retrying = False
        """A timer will push again; ticks leave it alone."""
        self._failures = 0
        self._taken_at = 0
        self._dropped = 0
        self.pushed = self.failed = 0
        self.last_success: int | None = None
        self.last_error = ""
        self._stopped = False

    # Life

    async def start(self) -> None:
        """Look at what an earlier run left, then push on the interval."""
        if self.exporter.buffers:
            backlog = Backlog(self.ctx.state_dir / "backlog")
            try:
                await to_thread.run_sync(backlog.open)
                self._backlog = backlog
            except OSError as error:
                log.warning("exporter %s: what its destination misses cannot be kept: %s", self.name, error)
        first = min(FIRST, self.interval)
        self._due = self._clock.monotonic() + first
        self._set_timer("tick", first, self._tick)

    def stop(self) -> None:
        """Cut what is in flight."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        if self._attempt is not None:
            self._attempt.stop()

    def goodbye(self, done: Callable[[], None] = lambda: None) -> None:
        """Have the exporter tidy up, then let go; its code may raise anything. Calls `done` in the end."""

        def ended(_: Attempt, error: BaseException | None) -> None:
            if error is not None:
                log.warning("exporter %s: its goodbye failed: %s", self.name, self._said(error))
            try:
                self.exporter.close()
            except Exception as raised:
                log.warning("exporter %s: closing failed: %s", self.name, self._said(raised))
            done()

        Attempt(self._loop, partial(self.exporter.ended, self.ctx), GOODBYE, ended, self._what)

    def stats(self) -> ExporterStats:
        """How it is doing."""
        backlog = self._backlog
        return ExporterStats(
            pushed=self.pushed,
            failed=self.failed,
            dropped=self._dropped + (backlog.dropped if backlog is not None else 0),
            waiting=len(backlog) if backlog is not None else 0,
            waiting_bytes=backlog.bytes if backlog is not None else 0,
            last_success=self.last_success,
            last_error=self.last_error,
        )

    # Time

    def _set_timer(self, what: str, delay: float, callback: Callable[[], None]) -> None:
        if what in self._timers:
            self._timers[what].cancel()
        self._timers[what] = self._loop.call_later(max(delay, 0.001), callback)

    def _tick(self) -> None:
        """The interval has passed: start to start, whatever the push took."""
        if self._stopped:
            return
        now = self._clock.monotonic()
        while self._due <= now:
            self._due += self.interval
        self._set_timer("tick", self._due - now, self._tick)
        if not self._is_busy and not self._retrying:
            self._push()
        elif self._backlog is not None:
            # The destination has enough to do with what there was before: what is true now must not be lost.
            self._loop.spawn(partial(self._quietly, self._keep_now))

    @property
    def _is_busy(self) -> bool:
        return self._pending or (self._attempt is not None and self._attempt.running)

    def _push(self) -> None:
        self._pending = True
        self._loop.spawn(self._begin)

    def _retry(self) -> None:
        if self._stopped:
            return
        if self._is_busy:  # it was cut, and has not come back
            self._set_timer("retry", 1.0, self._retry)
            return
        self._retrying = False
        self._push()

    # One push

    async def _begin(self) -> None:
        try:
            kept = await self._oldest()
            snapshot = kept if kept is not None else await self._now()
        except Exception as error:
            self._failed(error, _Push(None, self._clock.monotonic()), final=False)
            return
        if self._stopped:
            return
        push = _Push(snapshot, self._clock.monotonic(), from_disk=kept is not None)
        work = partial(self.exporter.push, snapshot, self.ctx)
        self._attempt = Attempt(self._loop, work, self.ctx.timeout, partial(self._ended, push), self._what)

    def _ended(self, push: _Push, _: Attempt, error: BaseException | None) -> None:
        push.took = self._clock.monotonic() - push.begun
        self._loop.spawn(partial(self._settle, push, error))

    async def _settle(self, push: _Push, error: BaseException | None) -> None:
        final = isinstance(error, DeliveryError) and not error.retry
        if push.from_disk and (error is None or final):
            await self._quietly(self._remove_first)
        elif error is not None and not final and self._backlog is not None and not push.from_disk:
            await self._quietly(partial(self._keep, push.snapshot))
        elif error is not None and not push.from_disk:
            self._dropped += 1
        if error is None:
            self._succeeded(push)
        else:
            self._dropped += push.from_disk and final
            self._failed(error, push, final=final)

    def _succeeded(self, push: _Push) -> None:
        if self.last_error:
            log.info("exporter %s: delivers again", self.name)
        self.pushed += 1
        self._pending = False
        self._failures, self.last_error = 0, ""
        self.last_success = self._clock.now_ms()
        self._say(Reading.healthy(f"took {push.size} samples", **self._numbers(push)), push)
        self._go_on()

    def _failed(self, error: BaseException, push: _Push, *, final: bool) -> None:
        reason = self._said(error)
        self.failed += 1
        self._failures += 1
        self._pending = False
        if reason != self.last_error:
            log.warning("exporter %s: %s", self.name, reason)
        self.last_error = reason
        self._say(Reading.unhealthy(reason, **self._numbers(push)), push)
        if final:
            self._go_on()
            return
        wait = min(wait_before(self._failures, error, self._rng), max(self.interval, asked_for(error) * 1.1))
        self._retrying = True
        self._set_timer("retry", wait, self._retry)

    def _go_on(self) -> None:
        """What waits on disk goes out one after the other, oldest first."""
        if self._backlog is not None and len(self._backlog) and not self._stopped:
            self._retrying = True
            self._set_timer("retry", 0.0, self._retry)

    async def _now(self) -> Snapshot:
        snapshot = await self._pushing._take(self._taken_at)
        self._taken_at = snapshot.at
        return snapshot

    # The disk

    async def _oldest(self) -> Snapshot | None:
        if self._backlog is None or not len(self._backlog):
            return None
        async with self._disk:
            return await to_thread.run_sync(self._backlog.first, self._clock.now_ms())

    async def _keep_now(self) -> None:
        await self._keep(await self._now())

    async def _keep(self, snapshot: Snapshot | None) -> None:
        if self._backlog is None or snapshot is None:
            return
        async with self._disk:
            await to_thread.run_sync(partial(self._backlog.append, snapshot))

    async def _remove_first(self) -> None:
        assert self._backlog is not None
        async with self._disk:
            await to_thread.run_sync(self._backlog.remove_first)

    async def _quietly(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._dropped += 1
            log.warning("exporter %s: a snapshot is lost: %s", self.name, self._said(error))

    # Saying how it is

    def _said(self, error: BaseException) -> str:
        return clean_text(in_words(error, self.exporter))

    def _numbers(self, push: _Push) -> dict[str, float]:
        stats = self.stats()
        return {
            "samples": float(push.size),
            "waiting_snapshots": float(stats.waiting),
            "dropped_snapshots": float(stats.dropped),
        }

    def _say(self, reading: Reading, push: _Push) -> None:
        timed = Reading(reading.status, reading.message, reading.measurements, {}, push.took * 1000)
        self._pushing._tell(self.name, timed)
