"""`Intake`: alerts that others post. What is taken is on disk before it is answered; a flood is worked off afterwards.

Few alerts at once, as Prometheus posts them, are judged and committed right away. Very many at once are kept as they
were posted, in one row, and answered; then they are worked off a slice at a time, and the row goes in the transaction
of its last alert. After a crash, rows that are still there are worked off again: alerts that are known stay one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial

import anyio
import anyio.lowlevel
import msgspec

from auscult.alerts.external import Externals, Task
from auscult.alerts.posted import Posted, decode_posted
from auscult.clock import Clock
from auscult.errors import StoreError
from auscult.runtime.loop import Handle, Loop
from auscult.store import Store

__all__ = ["AT_ONCE", "MOST_WAITING", "Intake"]

log = logging.getLogger("auscult.alerts")

AT_ONCE = 200
"""New alerts of one request that are judged before it is answered."""
LOOKED_AT = 1000
"""Alerts looked through before the loop gets a turn."""
SLICE = 200
"""Alerts judged before the loop gets a turn: a few milliseconds."""
QUIET = 0.02
"""Seconds without a request after which the rest is worked off; more urgent is to take what comes."""
LONGEST = 1.0
"""Seconds after which it is worked off all the same."""
UNCOMMITTED = 20
"""Batches on their way to the disk beyond which no further one is made."""
MOST_WAITING = 200_000
"""Alerts that may wait to be judged; further ones are refused until there is room."""
PATIENCE = 10.0
"""Seconds that a request waits to be on disk."""


class _Lot:
    """The new alerts of one request."""

    def __init__(self, tasks: Sequence[Task], since: float) -> None:
        self.tasks = deque(tasks)
        self.since = since
        self.row: int | None = None
        """Where it is kept."""
        self.settled = anyio.Event()
        """It is kept, or it is known that it cannot be."""
        self.error: BaseException | None = None


class Intake:
    """`commit(rows)` has what was decided committed, and these rows deleted in the same transaction."""

    def __init__(self, clock: Clock, externals: Externals, commit: Callable[[list[int]], None]) -> None:
        self._clock, self._externals, self._commit = clock, externals, commit
        self._lots: deque[_Lot] = deque()
        self._loop: Loop | None = None
        self._store: Store | None = None
        self._timer: Handle | None = None
        self._pending: Callable[[], int] = lambda: 0
        self._latest = 0.0
        self.waiting = 0
        """Alerts that are still to be judged."""

    def open(self, loop: Loop, store: Store | None, pending: Callable[[], int]) -> None:
        """Begin; `pending` says how many batches are on their way to the disk."""
        self._loop, self._store, self._pending = loop, store, pending
        self._come_back(0.01)

    def close(self) -> None:
        """What is left is there at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._store = self._timer = None
        self._lots.clear()
        self.waiting = 0

    def restore(self, kept: Iterable[tuple[int, int, bytes]]) -> None:
        """Rows of an earlier run: number, time (ms), body."""
        for row, at, body in kept:
            lot = _Lot(self._tasks_of(body, at), 0.0)
            lot.row = row
            lot.settled.set()
            self._append(lot)

    def _tasks_of(self, body: bytes, at: int) -> list[Task]:
        try:
            return self._externals.take(decode_posted(body), at)[0]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # it could be read when it came: the disk lies
            log.error("posted alerts of an earlier run cannot be read and are left out: %s", error)
            return []

    async def post(self, posted: Sequence[Posted], body: bytes) -> tuple[bool, list[tuple[int, str]]]:
        """Take in a request. Whether everything of it is judged, and place and reason of what was refused.

        Raises StoreError when it is not on disk: then it may or may not be taken.
        """
        if self.waiting + len(posted) > MOST_WAITING:
            raise StoreError(f"{self.waiting} alerts wait to be judged, more than enough; post these again later")
        self._latest = self._clock.monotonic()
        now = self._clock.now_ms()
        tasks, refused = await self._take(posted, now)
        if not self._lots and (len(tasks) <= AT_ONCE or self._store is None or self._loop is None):
            for task in tasks:
                self._externals.do(task, now)
            return True, refused
        if tasks:
            await self._wait_for(self._keep(tasks, body, now))
        elif self._lots:  # what was posted before by somebody else is perhaps not on disk yet
            await self._wait_for(self._lots[-1])
        return False, refused

    async def _take(self, posted: Sequence[Posted], now: int) -> tuple[list[Task], list[tuple[int, str]]]:
        """Look through a request, however large, without holding up everybody else."""
        tasks, refused = self._externals.take(posted[:LOOKED_AT], now)
        for begin in range(LOOKED_AT, len(posted), LOOKED_AT):
            await anyio.lowlevel.checkpoint()
            more, bad = self._externals.take(posted[begin : begin + LOOKED_AT], now)
            tasks += more
            refused += [(begin + at, reason) for at, reason in bad]
        return tasks, refused

    async def _wait_for(self, lot: _Lot) -> None:
        with anyio.move_on_after(PATIENCE):
            await lot.settled.wait()
        if not lot.settled.is_set() or lot.error is not None:
            raise StoreError(f"The alerts are not on disk: {lot.error or 'the store does not answer'}")

    def _keep(self, tasks: Sequence[Task], body: bytes, now: int) -> _Lot:
        assert self._loop is not None
        assert self._store is not None
        lot = _Lot(tasks, self._clock.monotonic())
        self._append(lot)
        self._store.keep_posted(now, body).add_done_callback(partial(self._back, self._loop, lot))
        self._come_back(QUIET)
        return lot

    def _append(self, lot: _Lot) -> None:
        self._lots.append(lot)
        self.waiting += len(lot.tasks)

    def _back(self, loop: Loop, lot: _Lot, future: Future[int]) -> None:
        """On the writing thread."""
        try:
            loop.call_soon_threadsafe(partial(self._kept, lot, future))
        except RuntimeError:  # the loop is gone: what is on disk is found there at the next start
            return

    def _kept(self, lot: _Lot, future: Future[int]) -> None:
        lot.error = future.exception()
        lot.row = future.result() if lot.error is None else None
        lot.settled.set()

    # Working off

    def _come_back(self, delay: float) -> None:
        if self._timer is None and self._loop is not None and self._lots:
            self._timer = self._loop.call_later(delay, self._turn)

    def _turn(self) -> None:
        self._timer = None
        if self._lots and self._may_go_on():
            self._work()
        self._come_back(0.001 if self._lots and self._may_go_on() else 0.02)

    def _may_go_on(self) -> bool:
        """Whether now is the time: not while others wait to be taken in, nor before it is on disk."""
        now, lot = self._clock.monotonic(), self._lots[0]
        urgent = now - lot.since > LONGEST
        return lot.settled.is_set() and (urgent or now - self._latest > QUIET) and self._pending() < UNCOMMITTED

    def _work(self) -> None:
        now, done, budget = self._clock.now_ms(), list[int](), SLICE
        while budget and self._lots and self._lots[0].settled.is_set():
            lot = self._lots[0]
            for _ in range(min(budget, len(lot.tasks))):
                self._externals.do(lot.tasks.popleft(), now)
                budget, self.waiting = budget - 1, self.waiting - 1
            if not lot.tasks:
                self._lots.popleft()
                if lot.row is not None:
                    done.append(lot.row)
        self._commit(done)
