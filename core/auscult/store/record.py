"""`Record`: what is stored of earlier runs, to be replayed. Only reads, also while a server runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import msgpack
from msgspec.structs import replace

from auscult.alert import Alert, AlertChange
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import Row, RowState
from auscult.errors import StoreError
from auscult.model import CheckResult
from auscult.store.alert_reader import REMEMBERED_MS, ROW, Kept, noticed, row_of
from auscult.store.documents import Document, read_documents
from auscult.store.reader import Reader
from auscult.store.rows import COLUMNS, StoredResult, decode
from auscult.store.runs import COLUMNS as RUN_COLUMNS
from auscult.store.runs import Run, run_of
from auscult.store.schema import FILE, MIGRATIONS

__all__ = ["Record", "recorded"]

PAGE = 5000


@contextmanager
def recorded(directory: Path) -> Iterator[Record]:
    """The record in a state directory. Raises StoreError where there is none that this version understands."""
    path = directory / FILE
    if not path.is_file():
        raise StoreError(f"There is no history in {directory}: no monitor has run with this state directory")
    reader = Reader(directory)
    try:
        with reader.snapshot() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != len(MIGRATIONS):
            raise StoreError(
                f"The history in {directory} has schema {version}, this auscult reads {len(MIGRATIONS)}: "
                "start the monitor of this version with it once"
            )
        yield Record(reader)
    finally:
        reader.close()


class Record:
    """Each question is answered from one moment; what is appended later comes with a later page."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.recent = reader.recent
        """The latest results up to a number; see `Reader.recent`."""

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        statement = f"SELECT {RUN_COLUMNS} FROM run ORDER BY id"  # noqa: S608
        with self._reader.snapshot() as connection:
            return [run_of(row) for row in connection.execute(statement)]

    def documents(self, kind: str) -> list[Document]:
        """What people have made of that kind, such as ``dashboard``, the oldest first."""
        with self._reader.snapshot() as connection:
            return read_documents(connection, kind)

    def reach(self) -> tuple[int, int, int] | None:
        """Number and time of the oldest result that is kept, and the number of the latest; None without any."""
        with self._reader.snapshot() as connection:
            first = connection.execute("SELECT id, at FROM result ORDER BY id LIMIT 1").fetchone()
            last = connection.execute("SELECT max(id) FROM result").fetchone()
        return (*first, *last) if first else None

    def first_since(self, at: int) -> int | None:
        """The number of the first result at or after that time (ms)."""
        with self._reader.snapshot() as connection:
            found = connection.execute("SELECT id FROM result WHERE at >= ? ORDER BY id LIMIT 1", (at,)).fetchone()
        return found[0] if found else None

    def results(self, after: int, upto: int) -> Iterator[StoredResult]:
        """Results with larger numbers, in the order in which they were taken in."""
        while page := self._page(after, upto):
            yield from page
            after = page[-1].id

    def _page(self, after: int, upto: int) -> list[StoredResult]:
        statement = f"SELECT {COLUMNS} FROM result WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"  # noqa: S608
        with self._reader.snapshot() as connection:
            names = dict(connection.execute("SELECT id, name FROM component"))
            shapes = dict(connection.execute("SELECT id, names FROM shape"))
            rows = connection.execute(statement, (after, upto, PAGE)).fetchall()
        return [decode(row, names[row[1]], shapes) for row in rows]

    def kept(self, run: Run, silences: list[Silence]) -> Kept:
        """What a run found of earlier ones when it began."""
        now = run.at
        with self._reader.snapshot() as connection:
            alerts = self._alerts_at(connection, now, run.change)
            wanted = {alert.id: alert.number for alert in alerts}
            changes = [
                found
                for (body,) in connection.execute(
                    "SELECT body FROM alert_change WHERE id <= ? ORDER BY id", (run.change,)
                )
                if (found := msgpack.decode(body, type=AlertChange)).alert.id in wanted
            ]
            every = map(row_of, connection.execute(f"SELECT {ROW} FROM delivery ORDER BY id"))  # noqa: S608
            at = {(each.alert.id, each.alert.number): each.at for each in changes}
            rows = [
                _as_of(row, now, run.dues.get(row.key, at[row.alert, row.number]))
                for row in every
                if (row.alert, row.number) in at
            ]
        return Kept(
            alerts=alerts,
            changes=changes,
            rows=rows,
            noticed=noticed(changes, rows, now),
            silences=silences,
            rule_states=run.rule_states,
        )

    def rows(self) -> dict[str, Row]:
        """All rows of the outbox that are kept, by key."""
        with self._reader.snapshot() as connection:
            found = map(row_of, connection.execute(f"SELECT {ROW} FROM delivery ORDER BY id"))  # noqa: S608
            return {row.key: row for row in found}

    def _alerts_at(self, connection: sqlite3.Connection, now: int, change: int) -> list[Alert]:
        latest = connection.execute(
            "SELECT body FROM alert_change WHERE id IN (SELECT max(id) FROM alert_change WHERE id <= ? GROUP BY alert)",
            (change,),
        )
        alerts = [msgpack.decode(body, type=AlertChange).alert for (body,) in latest]
        kept = [each for each in alerts if each.resolved_at is None or each.resolved_at > now - REMEMBERED_MS]
        return sorted(kept, key=lambda alert: (alert.created_at, alert.id))

    def changes(self, after: int = 0) -> list[AlertChange]:
        """What happened to alerts, oldest first."""
        with self._reader.snapshot() as connection:
            found = connection.execute("SELECT body FROM alert_change WHERE id > ? ORDER BY id", (after,))
            return [msgpack.decode(body, type=AlertChange) for (body,) in found]

    def changes_before(self, at: int) -> int:
        """The number of the last change of an alert before that time (ms)."""
        with self._reader.snapshot() as connection:
            (number,) = connection.execute("SELECT ifnull(max(id), 0) FROM alert_change WHERE at < ?", (at,)).fetchone()
        return int(number)

    def silences(self) -> list[Silence]:
        """All silences that are kept, in the order in which they were made."""
        with self._reader.snapshot() as connection:
            found = [msgpack.decode(body, type=Silence) for (body,) in connection.execute("SELECT body FROM silence")]
        return sorted(found, key=lambda silence: (silence.created_at, silence.id))

    def restored(self, now: int, limit: int, upto: int) -> dict[str, list[CheckResult]]:
        """The results that a run found which began at `now` (ms), after result number `upto`."""
        return self._reader.recent(since=now - 3_600_000, limit=limit, upto=upto)


def _as_of(row: Row, now: int, due: int) -> Row:
    """A row of the outbox as it was at that time (ms); `due` is when it was to be tried, should it not have been."""
    if row.done_at is not None and row.done_at <= now:
        return row
    row = replace(row, state=RowState.PENDING, done_at=None, into="", error="")
    # A due time is overwritten when an attempt fails: that of the first one says nothing of what came later.
    return row if 0 < row.since <= now else replace(row, since=0, attempts=0, fence=0, due=due)
