"""History on disk: one SQLite file, one writer, many readers.

May import: the contract, and the words of `alerts` and `rules`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import auscult
from auscult.clock import Clock
from auscult.errors import StoreError
from auscult.model import CheckResult, Ping
from auscult.store.alert_reader import AlertReader
from auscult.store.changes import ChangeReader
from auscult.store.documents import Document, Documents
from auscult.store.lock import DirectoryLock
from auscult.store.metric_reader import MetricReader
from auscult.store.posted import keep_posted
from auscult.store.reader import Reader
from auscult.store.rollups import HistoryPoint, Retention
from auscult.store.rows import StoredResult
from auscult.store.runs import note_run
from auscult.store.sampling import Sampling, TimedPoint
from auscult.store.schema import FILE, migrate, open_writer
from auscult.store.writer import Done, StoreStats, Writer

__all__ = ["Document", "HistoryPoint", "Retention", "Store", "StoreStats", "StoredResult", "TimedPoint"]

LOW_WATER = 64 << 20
"""Bytes of free disk below which results are not stored."""
T = TypeVar("T")


class Store:
    """Writes without blocking, from any thread; reads block, in whatever thread asks."""

    def __init__(self, lock: DirectoryLock, writer: Writer, reader: Reader) -> None:
        self._lock, self._writer, self._reader = lock, writer, reader
        self.append = writer.append
        """Have a `CheckResult` on disk within 250 ms; never blocks."""
        self.note_state = writer.note_state
        self.note_change = writer.note_change
        self.stats = writer.stats
        self.history = reader.history
        self.histories = reader.histories
        self.results = reader.results
        self.recent = reader.recent
        self.uptime = reader.uptime
        self.pings = reader.pings
        self.states = reader.states
        self.append_snapshot = writer.append_snapshot
        """Have all samples of a `Snapshot` on disk soon; never blocks."""
        self.append_event = writer.append_event
        """Have an `Event` on disk soon; never blocks."""
        self.metric_stats = writer.metrics.stats
        self.metrics = MetricReader(reader.snapshot)
        self.alerts = AlertReader(reader.snapshot)
        self.changes = ChangeReader(reader.snapshot)
        self.sampling = Sampling(reader.snapshot)
        self.documents = Documents(reader.snapshot, writer.submit)

    def keep_posted(self, at: int, body: bytes) -> Future[int]:
        """Have a body that somebody posted on disk; the future gives its number once it is."""
        return self.submit(partial(keep_posted, at=at, body=body))

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        clock: Clock,
        retention: Retention | None = None,
        low_water_bytes: int = LOW_WATER,
    ) -> Self:
        """Open or make the store in `directory`; blocks. Raises StateDirectoryLocked, StoreError."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock(directory)
        except OSError as error:
            raise StoreError(f"The state directory {directory} cannot be used: {error}") from error
        try:
            _prepare(directory)
            writer = Writer(directory, clock, retention or Retention(), low_water_bytes)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged file makes SQLite's own messages undecodable
            lock.release()
            raise StoreError(
                f"The history in {directory / FILE} cannot be read ({error}): "
                "move the file away and start again, or restore a copy"
            ) from error
        except BaseException:
            lock.release()
            raise
        return cls(lock, writer, Reader(directory))

    def append_durably(self, result: CheckResult, done: Done) -> None:
        """Commit `result` now; `done` is called from the writing thread afterwards, with what went wrong or None."""
        self._writer.append_durably(result, done)

    def append_ping(self, component: str, ping: Ping, done: Done) -> None:
        """Commit a sign of life now; see `append_durably`."""
        self._writer.append_ping(component, ping, done)

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `work` in a transaction of its own, synced to disk, ahead of all results."""
        return self._writer.submit(work)

    def note_run(self, at: int, *, settings: str, starts: bool = True) -> Future[None]:
        """A run begins, or goes on with other settings: a replay starts from here."""
        return self.submit(partial(note_run, at=at, version=auscult.__version__, settings=settings, starts=starts))

    def flush(self) -> None:
        """Wait until everything appended before is committed; blocks."""
        self._writer.drain()

    def close(self) -> None:
        """Write what waits and close; blocks."""
        self._reader.close()  # first: a reader would keep the write-ahead log from being emptied
        self._writer.close()
        self._lock.release()


def _prepare(directory: Path) -> None:
    """Check what an unclean end may have left, and bring the schema up to date."""
    path = directory / FILE
    unclean = path.with_name(FILE + "-wal").exists()
    with contextlib.closing(open_writer(path)) as connection:
        if unclean:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        migrate(connection)
