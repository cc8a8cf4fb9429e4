"""The writer's part that keeps metrics: samples and events in, compaction and forgetting in between."""

from __future__ import annotations

import sqlite3
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from auscult.families import Event, Samples, Snapshot
from auscult.store.metric_compaction import Compactor, forget_metrics
from auscult.store.metric_log import MetricLog
from auscult.store.rollups import Retention

__all__ = ["MetricStats", "MetricWriting"]

SNAPSHOTS = 8
"""Snapshots that may wait; further ones push the oldest out, counted."""
EVENTS = 50_000
"""Events that may wait, likewise."""
AT_ONCE = 500
"""Rows of the log, and events, per transaction: a few milliseconds."""
NUMBERED_AT_ONCE = 200
"""New series per transaction, likewise."""

_INSERT = "INSERT INTO metric_log (block, at, numbers) VALUES (?, ?, ?)"


class MetricStats(Struct, frozen=True, kw_only=True):
    """Counts since the start."""

    samples: int = 0
    events: int = 0
    dropped: int = 0
    """Snapshots and events that were not stored: too many waited, or the disk was full."""
    waiting: int = 0


class MetricWriting:
    """`offer`, `offer_event` and `stats` from any thread, the rest on the writing one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._log = MetricLog()
        self._compactor = Compactor(connection)
        self._snapshots: deque[Snapshot] = deque()
        self._events: deque[Event] = deque()
        self._rows: deque[tuple[int, int, bytes]] = deque()
        self._samples = self._recorded = self._dropped = 0

    def offer(self, snapshot: Snapshot) -> None:
        """Have it written soon."""
        if len(self._snapshots) >= SNAPSHOTS:
            with suppress(IndexError):
                self._snapshots.popleft()
                self._dropped += 1
        self._snapshots.append(snapshot)

    def offer_event(self, event: Event) -> None:
        """Have it written soon."""
        if len(self._events) >= EVENTS:
            with suppress(IndexError):
                self._events.popleft()
                self._dropped += 1
        self._events.append(event)

    def stats(self) -> MetricStats:
        """How it is doing."""
        return MetricStats(
            samples=self._samples,
            events=self._recorded,
            dropped=self._dropped,
            waiting=len(self._snapshots) + len(self._events) + len(self._rows),
        )

    def reopen(self, connection: sqlite3.Connection) -> None:
        """Start over on a new connection: what was committed is there, nothing else."""
        self._log = MetricLog()
        self._compactor = Compactor(connection)
        self._rows.clear()

    def write(self, connection: sqlite3.Connection, *, low: bool, between: Callable[[], None]) -> None:
        """Everything that waits, in transactions of a few milliseconds; `between` lets others go first."""
        if low:
            self._drop()
            return
        while self._events:
            self._transact(connection, lambda: self._write_events(connection))
            between()
        while self._snapshots or self._rows:
            if not self._rows:
                snapshot = self._snapshots.popleft()
                for samples in self._log.unknown(snapshot):
                    self._log.learn(samples, self._numbers(connection, samples, between))
                self._rows.extend(self._log.rows(snapshot))
                self._samples += len(snapshot)
            self._transact(connection, lambda: self._write_rows(connection))
            between()

    def _numbers(self, connection: sqlite3.Connection, samples: Samples, between: Callable[[], None]) -> array[int]:
        """The numbers of its series, looked up or given out a few at a time."""
        numbers = array("q")
        for start in range(0, len(samples.series), NUMBERED_AT_ONCE):
            few = samples.series[start : start + NUMBERED_AT_ONCE]
            self._transact(
                connection,
                lambda few=few: numbers.extend(self._log.numbers(connection, samples.family, few)),  # type: ignore[misc]
            )
            between()
        return numbers

    def _drop(self) -> None:
        self._dropped += len(self._snapshots) + len(self._events)
        self._snapshots.clear()
        self._events.clear()
        self._rows.clear()

    def _write_rows(self, connection: sqlite3.Connection) -> None:
        rows = [self._rows.popleft() for _ in range(min(AT_ONCE, len(self._rows)))]
        if rows:
            connection.executemany(_INSERT, rows)
            (last,) = connection.execute("SELECT max(id) FROM metric_log").fetchone()
            self._compactor.note(last - len(rows) + 1, rows)

    def _write_events(self, connection: sqlite3.Connection) -> None:
        events = [self._events.popleft() for _ in range(min(AT_ONCE, len(self._events)))]
        self._log.add_events(connection, events)
        self._recorded += len(events)

    def _transact(self, connection: sqlite3.Connection, work: Callable[[], object]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            work()
            connection.execute("COMMIT")
        except BaseException:
            self._log.forget()
            self._dropped += 1
            self._rows.clear()
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise

    def compact(self, connection: sqlite3.Connection, now: int) -> bool:
        """A few milliseconds of compaction; whether more waits."""
        return self._compactor.step(connection, now)

    def forget(self, connection: sqlite3.Connection, retention: Retention, now: int) -> bool:
        """Delete one slice of what is too old; whether more waits."""
        return forget_metrics(connection, retention, now)
