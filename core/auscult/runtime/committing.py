"""Commits what the alert book decided, in order and together, and says when it is on disk."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial

import anyio

from auscult.alerts.batch import Batch
from auscult.alerts.rows import Row
from auscult.errors import StoreError
from auscult.runtime.loop import Handle, Loop
from auscult.store import Store
from auscult.store.alerts import write_batches

__all__ = ["Committer"]

log = logging.getLogger("auscult.alerts")

AGAIN = (0.1, 0.5, 2.0, 5.0)
"""Seconds between attempts to commit; the last one for ever."""
GATHER = 0.02
"""Seconds that rows wait for company which only say what has become of a delivery: nobody waits for those."""
AT_ONCE = 2000
"""Changes per transaction: a few tens of milliseconds."""

Committed = Callable[[Batch, int, list[int]], None]


class Waiting:
    """One batch that is not on disk yet."""

    __slots__ = ("batch", "done", "only_rows", "order")

    def __init__(self, batch: Batch, order: int, done: Callable[[], None] | None, *, only_rows: bool) -> None:
        self.batch, self.order = batch, order
        self.done = [done] if done is not None else []
        self.only_rows = only_rows


class Committer:
    """Batches go in with `submit`; `committed(batch, order, ids)` is called on the loop for each, in their order.

    While one transaction is being synced the next batches gather and become one as well, so that a burst costs few
    syncs. What cannot be committed stays and is tried again: nobody is told of it before. Without a store everything
    is committed at once.
    """

    def __init__(self, committed: Committed) -> None:
        self._committed = committed
        self._at_once = False
        self._waiting: deque[Waiting] = deque()
        self._busy = False
        self._taken = 0
        """Batches in the transaction that runs."""
        self._failures = 0
        self._loop: Loop | None = None
        self._store: Store | None = None
        self._timer: Handle | None = None
        """Rings when gathering is over."""
        self._number = 0
        self._one_by_one = 0
        self.last_error = ""
        self.left_out = 0
        """Batches that could not be stored for a reason of their own, and never will be."""

    def open(self, loop: Loop, store: Store | None) -> None:
        """Begin to commit; what was submitted before comes first."""
        self._loop, self._store = loop, store
        self._go_on()

    def at_once(self) -> None:
        """Count everything as committed from now on, without a loop and without a store."""
        self._at_once = True
        self._go_on()

    @property
    def pending(self) -> int:
        """Batches that are not on disk yet."""
        return len(self._waiting)

    def submit(self, batch: Batch, order: int, done: Callable[[], None] | None = None) -> None:
        """Commit `batch`; `order` is the outbox's after it, `done` is called after `committed`."""
        self._waiting.append(Waiting(batch, order, done, only_rows=False))
        if not self._busy:
            self._go_on()

    def submit_rows(self, rows: Iterable[Row], order: int, done: Callable[[], None] | None = None) -> None:
        """The same for rows of the outbox alone; those that wait at the same time become one batch."""
        last = self._waiting[-1] if len(self._waiting) > self._taken else None
        if last is None or not last.only_rows:
            last = Waiting(Batch(), order, None, only_rows=True)
            last.batch.add_rows(rows)
            if not last.batch:
                return
            self._waiting.append(last)
        else:
            last.batch.add_rows(rows)
            last.order = order
        if done is not None:
            last.done.append(done)
        if not self._busy:
            self._gather()

    async def drain(self, seconds: float) -> None:
        """Wait until everything submitted is on disk, or that long."""
        end = anyio.current_time() + seconds
        while self._waiting and self._loop is not None and anyio.current_time() < end:  # noqa: ASYNC110 - rare, short
            await anyio.sleep(0.005)

    def close(self) -> None:
        """Commit no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._store = self._timer = None

    def _gather(self) -> None:
        """Go on at once where somebody waits for what is to be committed, else in a moment."""
        if self._loop is None or self._store is None or not all(waiting.only_rows for waiting in self._waiting):
            self._go_on()
        elif self._timer is None:
            self._timer = self._loop.call_later(GATHER, self._gathered)

    def _gathered(self) -> None:
        self._timer = None
        if not self._busy:
            self._go_on()

    def _go_on(self) -> None:
        if self._loop is None and not self._at_once:
            return
        if self._loop is None or self._store is None:
            while self._waiting:
                self._finish(self._waiting.popleft(), None)
            return
        if not self._waiting:
            return
        self._busy = True
        count, changes = 0, 0
        for waiting in self._waiting:
            count, changes = count + 1, changes + len(waiting.batch.changes) + len(waiting.batch.rows)
            if changes >= AT_ONCE or self._one_by_one:
                break
        self._one_by_one = max(self._one_by_one - 1, 0)
        self._taken = count
        group = [self._waiting[at].batch for at in range(count)]
        future = self._store.submit(partial(write_batches, batches=group))
        future.add_done_callback(partial(self._back, self._loop, count))

    def _back(self, loop: Loop, count: int, future: Future[list[list[int]]]) -> None:
        """On the writing thread."""
        try:
            loop.call_soon_threadsafe(partial(self._written, count, future))
        except RuntimeError:  # the loop is gone: what is on disk is found there at the next start
            return

    def _written(self, count: int, future: Future[list[list[int]]]) -> None:
        self._busy, self._taken = False, 0
        if (error := future.exception()) is not None:
            if isinstance(error, StoreError | sqlite3.OperationalError | sqlite3.DatabaseError | MemoryError):
                self._again(error)
            else:
                self._do_without(count, error)
            return
        self._failures, self.last_error = 0, ""
        group = [self._waiting.popleft() for _ in range(count)]
        if self._waiting:
            self._gather()
        for waiting, ids in zip(group, future.result(), strict=True):
            self._finish(waiting, ids)

    def _finish(self, waiting: Waiting, ids: list[int] | None) -> None:
        batch = waiting.batch
        if ids is None:
            ids = list(range(self._number + 1, self._number + len(batch.changes) + 1))
            self._number += len(batch.changes)
        self._committed(batch, waiting.order, ids)
        for done in waiting.done:
            done()

    def _do_without(self, count: int, error: BaseException) -> None:
        """Something in one of these batches cannot be stored at all: find it, and let the others through."""
        if count > 1:
            self._one_by_one = count
        else:
            waiting = self._waiting.popleft()
            log.error("what cannot be stored is left out: %s (%s)", _what_is_in(waiting.batch), error)
            self.left_out += 1
            waiting.batch = Batch()
            self._finish(waiting, [])
        self._go_on()

    def _again(self, error: BaseException) -> None:
        if not self._failures:
            log.error("alerts cannot be committed, and nobody is told of them until they are: %s", error)
        self.last_error = str(error) or type(error).__name__
        delay = AGAIN[min(self._failures, len(AGAIN) - 1)]
        self._failures += 1
        if self._loop is not None:
            self._busy = True
            self._loop.call_later(delay, self._retry)

    def _retry(self) -> None:
        self._busy = False
        self._go_on()


def _what_is_in(batch: Batch) -> str:
    names = sorted({alert.rule for alert in batch.alerts.values()})[:3]
    return f"{len(batch.changes)} change(s) of alerts of {', '.join(names)}" if names else "no alerts"
