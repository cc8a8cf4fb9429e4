"""The one thread that writes. Results are collected for up to 200 ms and committed together; whoever waits for a
commit is served at once, and transactions of alerts (`submit`) go first, with a sync to disk.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from msgspec import Struct

from auscult.clock import Clock
from auscult.errors import StoreError
from auscult.model import CheckResult, Ping
from auscult.store.rollups import Retention, forget, roll_up
from auscult.store.rows import Names, encode
from auscult.store.schema import FILE, open_writer

__all__ = ["StoreStats", "Writer"]

log = logging.getLogger("auscult.store")

COLLECT = 0.2
"""Seconds that results wait for company."""
CAPACITY = 50_000
"""Results that may wait; further ones push the oldest out, counted."""
AT_ONCE = 1000
"""Results per transaction: a few milliseconds."""
ROLL_EVERY = 2.0
FORGET_EVERY = 60.0
LOOK_AT_DISK_EVERY = 5.0
RESERVE = 1 << 20
"""Bytes kept aside on the disk for alerts when it is full."""
PINGS_KEPT = 100

_INSERT = (
    "INSERT INTO result (component, at, code, duration, ms, message, shape, numbers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
Done = Callable[[BaseException | None], None]
T = TypeVar("T")


class StoreStats(Struct, frozen=True, kw_only=True):
    """How the store is doing."""

    queue_length: int = 0
    oldest_queued: float = 0.0
    """Seconds that the oldest waiting result has waited, at least."""
    rows_written: int = 0
    batches: int = 0
    dropped: int = 0
    """Results that were not stored: the queue was full, or the disk."""
    last_error: str = ""
    low_on_disk: bool = False
    file_bytes: int = 0
    sqlite_version: str = sqlite3.sqlite_version


class Writer:
    """Owns the writing connection. Every method may be called from any thread and none of them blocks."""

    def __init__(self, directory: Path, clock: Clock, retention: Retention, low_water_bytes: int) -> None:
        self._directory, self._path = directory, directory / FILE
        self._clock, self._retention, self._low_water = clock, retention, low_water_bytes
        self._connection = open_writer(self._path)
        self._names = Names(self._connection)
        self._results: deque[CheckResult] = deque()
        self._durable: deque[tuple[CheckResult | tuple[str, Ping], Done]] = deque()
        self._flushed: deque[threading.Event] = deque()
        self._states: dict[str, tuple[str, int]] = {}
        self._submitted: deque[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]] = deque()
        self._wake, self._urgent, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._since: float | None = None
        self._rolled = self._forgot = self._looked = 0.0
        self._rows = self._batches = self._dropped = 0
        self._error, self._low_on_disk = "", False
        self._unrolled = True
        self._reserve()
        self._thread = threading.Thread(target=self._run, name="auscult-store", daemon=True)
        self._thread.start()

    # From any thread

    def append(self, result: CheckResult) -> None:
        """Have `result` on disk soon."""
        if len(self._results) >= CAPACITY:
            with suppress(IndexError):
                self._results.popleft()
                self._dropped += 1
        self._results.append(result)
        if not self._wake.is_set():
            self._since = monotonic()
            self._wake.set()

    def append_durably(self, item: CheckResult | tuple[str, Ping], done: Done) -> None:
        """Have a result or a sign of life on disk now; `done` is called from the writing thread after the commit."""
        self._durable.append((item, done))
        self._hurry()

    def note_state(self, component: str, status: str, since: int) -> None:
        """Remember since when a component's status is what it is; written with the next results."""
        self._states[component] = (status, since)
        self._wake.set()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `work` in a transaction of its own that is synced to disk, ahead of all results."""
        future: Future[T] = Future()
        self._submitted.append((work, future))
        self._hurry()
        return future

    def drain(self) -> None:
        """Wait until everything appended before is committed; blocks."""
        done = threading.Event()
        self._flushed.append(done)
        self._hurry()
        done.wait(10)

    def close(self) -> None:
        """Write what waits and end; blocks."""
        self._closing.set()
        self._hurry()
        self._thread.join(10)

    def stats(self) -> StoreStats:
        """How the store is doing."""
        since = self._since
        return StoreStats(
            queue_length=len(self._results) + len(self._durable) + len(self._submitted),
            oldest_queued=monotonic() - since if since is not None and self._results else 0.0,
            rows_written=self._rows,
            batches=self._batches,
            dropped=self._dropped,
            last_error=self._error,
            low_on_disk=self._low_on_disk,
            file_bytes=self._path.stat().st_size if self._path.exists() else 0,
        )

    def _hurry(self) -> None:
        self._urgent.set()
        self._wake.set()

    # The thread

    def _run(self) -> None:
        while not self._closing.is_set():
            if self._wake.wait(ROLL_EVERY if self._unrolled else FORGET_EVERY):
                self._urgent.wait(COLLECT)
            self._wake.clear()
            self._urgent.clear()
            self._serve()
        self._serve()
        with suppress(sqlite3.Error):
            while roll_up(self._connection):
                pass
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _serve(self) -> None:
        try:
            self._look_at_disk()
            self._run_submitted()
            self._write_durable()
            while self._results or self._states:
                self._write_batch()
                self._run_submitted()
            while self._flushed:
                self._flushed.popleft().set()
            self._keep_house()
            self._error = "" if not self._low_on_disk else self._error
        except sqlite3.Error as error:
            self._fail(error)
        except Exception as error:
            log.exception("the store's writer stumbled")
            self._error = str(error)

    def _write_batch(self) -> None:
        batch = [self._results.popleft() for _ in range(min(AT_ONCE, len(self._results)))]
        states, self._states = self._states, {}
        if self._low_on_disk:
            self._dropped += len(batch)
            return
        try:
            with self._transaction():
                self._connection.executemany(_INSERT, [encode(result, self._names) for result in batch])
                self._write_states(states)
        except sqlite3.Error:
            self._dropped += len(batch)
            raise
        self._unrolled = True
        self._rows += len(batch)
        self._batches += 1

    def _write_states(self, states: dict[str, tuple[str, int]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?, ?)",
            [(self._names.component(name), status, since) for name, (status, since) in states.items()],
        )

    def _write_durable(self) -> None:
        waiting = [self._durable.popleft() for _ in range(len(self._durable))]
        if not waiting:
            return
        error: BaseException | None = None
        try:
            if self._low_on_disk:
                raise StoreError("the disk is almost full: nothing is stored until there is space again")
            with self._transaction():
                for item, _ in waiting:
                    self._write_item(item)
            self._rows += len(waiting)
        except (sqlite3.Error, StoreError) as caught:
            error = caught if isinstance(caught, StoreError) else StoreError(f"the store cannot write: {caught}")
        for _, done in waiting:
            done(error)
        if error is not None and error.__cause__ is None and isinstance(error.__context__, sqlite3.Error):
            raise error.__context__

    def _write_item(self, item: CheckResult | tuple[str, Ping]) -> None:
        if isinstance(item, CheckResult):
            self._connection.execute(_INSERT, encode(item, self._names))
            return
        name, ping = item
        component = self._names.component(name)
        self._connection.execute(
            "INSERT INTO ping (component, at, kind, exit_code, message) VALUES (?, ?, ?, ?, ?)",
            (component, ping.at, ping.kind, ping.exit_code, ping.message),
        )
        self._connection.execute(
            "DELETE FROM ping WHERE component = ?1 AND id <= "
            "(SELECT id FROM ping WHERE component = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (component, PINGS_KEPT),
        )

    def _run_submitted(self) -> None:
        while self._submitted:
            work, future = self._submitted.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                self._connection.execute("PRAGMA synchronous=FULL")
                if self._low_on_disk:
                    (self._directory / "reserve").unlink(missing_ok=True)
                with self._transaction():
                    answer = work(self._connection)
                future.set_result(answer)
            except BaseException as error:  # the caller decides what it means
                future.set_exception(error)
            finally:
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA synchronous=NORMAL")

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection, self._names)

    def _keep_house(self) -> None:
        """Roll up and forget, a slice at a time, as long as nobody waits."""
        now = monotonic()
        if now - self._rolled >= ROLL_EVERY:
            self._unrolled = True
            while self._unrolled and not self._urgent.is_set():
                self._unrolled = roll_up(self._connection)
            self._rolled = now
        if now - self._forgot >= FORGET_EVERY:
            self._forgot = now
            while forget(self._connection, self._retention, self._clock.now_ms()) and not self._urgent.is_set():
                pass

    # The disk

    def _reserve(self) -> None:
        path = self._directory / "reserve"
        with suppress(OSError):
            if not path.exists():
                path.write_bytes(bytes(RESERVE))

    def _look_at_disk(self) -> None:
        now = monotonic()
        if now - self._looked < LOOK_AT_DISK_EVERY and not self._low_on_disk:
            return
        self._looked = now
        disk = os.statvfs(self._directory)
        low = disk.f_bavail * disk.f_frsize < self._low_water
        if low != self._low_on_disk:
            self._low_on_disk = low
            log.warning(
                "the disk is almost full: results are not stored" if low else "there is space on the disk again"
            )
            if not low:
                self._error = ""
                self._reserve()

    def _fail(self, error: sqlite3.Error) -> None:
        """Remember, and after an I/O error start over with a new connection: the old one cannot be believed."""
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        self._error = f"{error} ({name})"
        log.error("the store cannot write: %s", self._error)
        if name == "SQLITE_FULL":
            self._low_on_disk = True
        with suppress(sqlite3.Error):
            self._connection.close()
        with suppress(sqlite3.Error):
            self._connection = open_writer(self._path)
            self._names = Names(self._connection)


class _Transaction:
    """Committed as a whole, or rolled back with the names it made."""

    def __init__(self, connection: sqlite3.Connection, names: Names) -> None:
        self._connection, self._names = connection, names

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
            return
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._names.reload()
