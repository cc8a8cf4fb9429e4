"""The one thread that writes. Results are collected for up to 200 ms and committed together; whoever waits for a
commit is served at once, and transactions of alerts (`submit`) go first, with a sync to disk.
"""

from __future__ import annotations

import logging
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
from auscult.engine.health import Change
from auscult.errors import StoreError
from auscult.families import Event, Snapshot
from auscult.model import CheckResult, Ping
from auscult.store.alerts import forget_alerts
from auscult.store.changes import forget_changes, write_changes
from auscult.store.disk import Disk
from auscult.store.metric_writing import MetricWriting
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
HOUSEKEEPING = 0.03
"""Seconds at a time for rolling up and forgetting, so that results are on disk in time."""
ROLLING_AT_CLOSE = 0.5
PINGS_KEPT = 100
CHANGES_WAITING = 10_000
"""Changes of status that wait while nothing can be written; further ones push the oldest out."""

_INSERT = (
    "INSERT INTO result (component, at, code, duration, ms, message, shape, numbers) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SICK = ("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN")
"""Errors after which a connection cannot be believed."""
FULL_DISK = "the disk is almost full: nothing is stored until there is space again"
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


class _Awaited:
    """A result whose commit somebody waits for; it stands among the others, so that they are stored in their order."""

    __slots__ = ("done", "result")

    def __init__(self, result: CheckResult, done: Done) -> None:
        self.result, self.done = result, done


class Writer:
    """Owns the writing connection. Every method may be called from any thread and none of them blocks."""

    def __init__(self, directory: Path, clock: Clock, retention: Retention, low_water_bytes: int) -> None:
        self._path = directory / FILE
        self._clock, self._retention = clock, retention
        self._disk = Disk(directory, low_water_bytes)
        self._connection: sqlite3.Connection | None = open_writer(self._path)
        self._names = Names(self._connection)
        self.metrics = MetricWriting(self._connection)
        self._results: deque[CheckResult | _Awaited] = deque()
        self._pings: deque[tuple[str, Ping, Done]] = deque()
        self._flushed: deque[threading.Event] = deque()
        self._states: dict[str, tuple[str, int]] = {}
        self._changes: deque[Change] = deque(maxlen=CHANGES_WAITING)
        self._submitted: deque[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]] = deque()
        self._wake, self._urgent, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._ended = False
        self._since: float | None = None
        self._rolled = self._forgot = 0.0
        self._rows = self._batches = self._dropped = 0
        self._error = ""
        self._unrolled = self._behind = True
        self._thread = threading.Thread(target=self._run, name="auscult-store", daemon=True)
        self._thread.start()

    # From any thread

    def append(self, result: CheckResult) -> None:
        """Have `result` on disk soon."""
        self._append(result)

    def append_durably(self, result: CheckResult, done: Done) -> None:
        """Have `result` on disk now; `done` is called from the writing thread after the commit."""
        self._append(_Awaited(result, done))
        self._hurry()

    def append_ping(self, component: str, ping: Ping, done: Done) -> None:
        """Have a sign of life on disk now; see `append_durably`."""
        self._pings.append((component, ping, done))
        self._hurry()

    def _append(self, item: CheckResult | _Awaited) -> None:
        if len(self._results) >= CAPACITY:
            with suppress(IndexError):
                self._drop(self._results.popleft(), "too many results wait to be stored")
        self._results.append(item)
        if self._since is None:
            self._since = monotonic()
            self._wake.set()

    def _drop(self, item: CheckResult | _Awaited, why: str) -> None:
        self._dropped += 1
        if isinstance(item, _Awaited):
            _tell(item.done, StoreError(why))

    def note_state(self, component: str, status: str, since: int) -> None:
        """Remember since when a component's status is what it is; written with the next results."""
        self._states[component] = (status, since)
        self._wake.set()

    def note_change(self, change: Change) -> None:
        """Remember a change of status, and since when the status is so; written with the next results."""
        self._changes.append(change)
        self.note_state(change.component, change.new, change.at)

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
            queue_length=len(self._results) + len(self._pings) + len(self._submitted),
            oldest_queued=monotonic() - since if since is not None and self._results else 0.0,
            rows_written=self._rows,
            batches=self._batches,
            dropped=self._dropped,
            last_error=self._error,
            low_on_disk=self._disk.low,
            file_bytes=self._path.stat().st_size if self._path.exists() else 0,
        )

    def _hurry(self) -> None:
        self._urgent.set()
        self._wake.set()
        if self._ended:
            self._refuse(StoreError("the store is closed"))

    def _refuse(self, error: StoreError) -> None:
        """Tell everybody who waits that it will not be."""
        for item in [item for item in self._results if isinstance(item, _Awaited)]:
            with suppress(ValueError):
                self._results.remove(item)
                _tell(item.done, error)
        with suppress(IndexError):
            while True:
                _tell(self._pings.popleft()[2], error)
        with suppress(IndexError):
            while True:
                future = self._submitted.popleft()[1]
                if future.set_running_or_notify_cancel():
                    future.set_exception(error)
        with suppress(IndexError):
            while True:
                self._flushed.popleft().set()

    def append_snapshot(self, snapshot: Snapshot) -> None:
        """Have all samples of `snapshot` on disk soon."""
        self.metrics.offer(snapshot)
        self._wake.set()

    def append_event(self, event: Event) -> None:
        """Have `event` on disk soon."""
        self.metrics.offer_event(event)
        self._wake.set()

    # The thread

    def _run(self) -> None:
        while not self._closing.is_set():
            if self._wake.wait(0 if self._behind else ROLL_EVERY if self._unrolled else FORGET_EVERY):
                waited = monotonic() - self._since if self._since is not None else 0.0
                self._urgent.wait(max(COLLECT - waited, 0.0))
            self._wake.clear()
            self._urgent.clear()
            self._since = None
            self._serve()
        self._serve()
        with suppress(sqlite3.Error):
            if self._connection is not None:
                until = monotonic() + ROLLING_AT_CLOSE
                while monotonic() < until and roll_up(self._connection):
                    pass
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.close()
        self._ended = True
        self._refuse(StoreError("the store is closed"))

    def _serve(self) -> None:
        flushed = [self._flushed.popleft() for _ in range(len(self._flushed))]
        try:
            self._disk.look()
            connection = self._reopen() if self._connection is None else self._connection
            self._write_all(connection)
            self.metrics.write(connection, low=self._disk.low, between=lambda: self._write_all(connection))
            self._keep_house(connection)
            self._error = ""
        except sqlite3.Error as error:
            self._fail(error)
        except Exception as error:
            log.exception("the store's writer stumbled")
            self._error = str(error) or type(error).__name__
        for done in flushed:
            done.set()
        if self._results:  # what an error left waiting
            self._wake.set()

    def _write_all(self, connection: sqlite3.Connection) -> None:
        """Everything that waits, whoever is waited for first."""
        while True:
            self._run_submitted(connection)
            self._write_pings(connection)
            if self._disk.low:
                self._drop_results()
                return
            if not self._results and not self._states:
                return
            self._write_batch(connection)

    def _drop_results(self) -> None:
        for _ in range(len(self._results)):
            self._drop(self._results.popleft(), FULL_DISK)

    def _write_batch(self, connection: sqlite3.Connection) -> None:
        batch = [self._results.popleft() for _ in range(min(AT_ONCE, len(self._results)))]
        states = dict([self._states.popitem() for _ in range(len(self._states))])
        changes = [self._changes.popleft() for _ in range(len(self._changes))]
        try:
            try:
                with _Transaction(connection, self._names):
                    connection.executemany(_INSERT, [encode(_result_of(item), self._names) for item in batch])
                    self._write_states(connection, states, changes)
                self._rows += len(batch)
            except Exception as error:
                if _is_environmental(error):
                    raise
                batch = self._write_singly(connection, batch, lambda: self._write_states(connection, states, changes))
        except sqlite3.Error as error:
            # Not the results' fault: they wait, as long as there is room for them and nobody waits for them.
            self._results.extendleft(item for item in reversed(batch) if isinstance(item, CheckResult))
            for name, state in states.items():
                self._states.setdefault(name, state)
            self._changes.extendleft(reversed(changes))
            _tell_all(batch, StoreError(f"the store cannot write: {error}"))
            raise
        _tell_all(batch, None)
        self._unrolled = True
        self._batches += 1
        self._disk.wrote()

    def _write_singly(
        self, connection: sqlite3.Connection, batch: list[CheckResult | _Awaited], besides: Callable[[], None]
    ) -> list[CheckResult | _Awaited]:
        """A batch with something unfit in it: that is dropped, the others are written and returned."""
        written: list[CheckResult | _Awaited] = []
        unfit: list[tuple[CheckResult | _Awaited, Exception]] = []
        with _Transaction(connection, self._names):
            for item in batch:
                try:
                    connection.execute(_INSERT, encode(_result_of(item), self._names))
                    written.append(item)
                except Exception as error:
                    if _is_environmental(error):
                        raise
                    unfit.append((item, error))
            besides()
        for item, reason in unfit:
            log.error("a result of %r cannot be stored: %s", _result_of(item).component, reason)
            self._drop(item, f"it cannot be stored: {reason}")
        self._rows += len(written)
        return written

    def _write_states(
        self, connection: sqlite3.Connection, states: dict[str, tuple[str, int]], changes: list[Change]
    ) -> None:
        write_changes(connection, self._names, changes)
        if states:
            connection.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?, ?)",
                [(self._names.component(name), status, since) for name, (status, since) in states.items()],
            )

    def _write_pings(self, connection: sqlite3.Connection) -> None:
        waiting = [self._pings.popleft() for _ in range(len(self._pings))]
        if not waiting:
            return
        errors: list[StoreError | None] = []
        try:
            if self._disk.low:
                raise StoreError(FULL_DISK)
            with _Transaction(connection, self._names):
                errors = [self._try_ping(connection, name, ping) for name, ping, _ in waiting]
            self._rows += errors.count(None)
            self._disk.wrote()
        except StoreError as error:
            errors = [error] * len(waiting)
        except Exception as error:
            errors = [StoreError(f"the store cannot write: {error}")] * len(waiting)
            raise
        finally:
            for (_, _, done), failure in zip(waiting, errors, strict=True):
                _tell(done, failure)

    def _try_ping(self, connection: sqlite3.Connection, name: str, ping: Ping) -> StoreError | None:
        """Write it; what went wrong where it alone is to blame."""
        try:
            self._write_ping(connection, name, ping)
        except Exception as error:
            if _is_environmental(error):
                raise
            return StoreError(f"it cannot be stored: {error}")
        return None

    def _write_ping(self, connection: sqlite3.Connection, name: str, ping: Ping) -> None:
        component = self._names.component(name)
        connection.execute(
            "INSERT INTO ping (component, at, kind, exit_code, message) VALUES (?, ?, ?, ?, ?)",
            (component, ping.at, ping.kind, ping.exit_code, ping.message),
        )
        connection.execute(
            "DELETE FROM ping WHERE component = ?1 AND id <= "
            "(SELECT id FROM ping WHERE component = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (component, PINGS_KEPT),
        )

    def _run_submitted(self, connection: sqlite3.Connection) -> None:
        while self._submitted:
            work, future = self._submitted.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                connection.execute("PRAGMA synchronous=FULL")
                if self._disk.tight:
                    self._disk.release_reserve()
                with _Transaction(connection, self._names):
                    answer = work(connection)
                future.set_result(answer)
            except BaseException as error:  # the caller decides what it means
                future.set_exception(error)
                if isinstance(error, sqlite3.Error) and _name_of(error).startswith(_SICK):
                    raise
            finally:
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA synchronous=NORMAL")

    def _keep_house(self, connection: sqlite3.Connection) -> None:
        """Roll up and forget, a slice at a time, for a moment and as long as nobody waits."""
        now = monotonic()
        if self._behind or now - self._rolled >= ROLL_EVERY:
            self._unrolled = self._behind = self._while_there_is_time(lambda: roll_up(connection), now)
            self._rolled = now
        wall = self._clock.now_ms()
        if not self._disk.low and self._while_there_is_time(lambda: self.metrics.compact(connection, wall), now):
            self._behind = True
        if now - self._forgot >= FORGET_EVERY:
            if self._while_there_is_time(lambda: self._forget(connection, wall), now):
                self._behind = True
            else:
                self._forgot = now

    def _forget(self, connection: sqlite3.Connection, now: int) -> bool:
        """One slice of results and one of alerts; whether more waits."""
        more = forget(connection, self._retention, now)
        more = self.metrics.forget(connection, self._retention, now) or more
        more = forget_changes(connection, now - int(self._retention.hours * 1000)) or more
        return forget_alerts(connection, now) or more

    def _while_there_is_time(self, work: Callable[[], bool], started: float) -> bool:
        """Repeat `work` until it says that nothing waits; True when something still does."""
        while work():
            if self._urgent.is_set() or monotonic() - started > HOUSEKEEPING:
                return True
        return False

    def _fail(self, error: sqlite3.Error) -> None:
        """Remember, and start over with a new connection: the old one cannot be believed."""
        text = f"{error} ({_name_of(error)})"
        if text != self._error:
            log.error("the store cannot write: %s", text)
        self._error = text
        self._behind = False  # no hurry to fail again
        if _name_of(error) == "SQLITE_FULL":
            self._disk.found_full()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _reopen(self) -> sqlite3.Connection:
        try:
            connection = open_writer(self._path)
            self._names = Names(connection)
            self.metrics.reopen(connection)
        except sqlite3.Error as error:
            self._refuse(StoreError(f"the store cannot write: {error}"))
            raise
        self._connection = connection
        return connection


def _name_of(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


def _is_environmental(error: Exception) -> bool:
    """Whether the file or the disk is to blame, and not what was to be written."""
    return isinstance(error, sqlite3.OperationalError) or type(error) in (sqlite3.DatabaseError, sqlite3.InternalError)


def _result_of(item: CheckResult | _Awaited) -> CheckResult:
    return item.result if isinstance(item, _Awaited) else item


def _tell_all(batch: list[CheckResult | _Awaited], error: StoreError | None) -> None:
    for item in batch:
        if isinstance(item, _Awaited):
            _tell(item.done, error)


def _tell(done: Done, error: BaseException | None) -> None:
    try:
        done(error)
    except Exception:
        log.debug("nobody waits any more for what was stored", exc_info=True)


class _Transaction:
    """Committed as a whole, or rolled back with the names it made."""

    def __init__(self, connection: sqlite3.Connection, names: Names) -> None:
        self._connection, self._names = connection, names

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._undo()
                raise
        else:
            self._undo()

    def _undo(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._names.reload()
