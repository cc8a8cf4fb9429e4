"""Questions to the history, each over a read-only connection that nobody else uses meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from auscult.errors import StoreError
from auscult.model import CheckResult, Ping
from auscult.store.rollups import SIZES, HistoryPoint, watermark
from auscult.store.rows import COLUMNS, StoredResult, decode
from auscult.store.schema import FILE, open_reader

__all__ = ["Reader"]

SCANNED = 2_000_000
"""Results looked through for those of one component, newest first: results carry no index."""
IDLE = 4
"""Connections kept for later questions."""
UPTIME_WINDOWS = {
    "1h": (3_600_000, "minute"),
    "24h": (86_400_000, "hour"),
    "7d": (7 * 86_400_000, "day"),
    "30d": (30 * 86_400_000, "day"),
}
"""Length in ms, and the roll-up that it is counted from."""

_TAIL = (
    "sum(code / 16 = 0), sum(code / 16 = 1), sum(code / 16 = 2), sum(code / 16 > 2), "
    "count(ms), total(ms), min(ms), max(ms)"
)


class Reader:
    """Opens connections as questions come. Threads come and go, so connections do not belong to them."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._idle: list[sqlite3.Connection] = []
        self._busy: set[sqlite3.Connection] = set()
        self._lock = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Stop questions that are being answered, and close every connection; later questions raise StoreError."""
        with self._lock:
            self._closed = True
            for connection in self._busy:
                connection.interrupt()
            self._lock.wait_for(lambda: not self._busy, timeout=5)
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose answers all come from one moment. Raises StoreError."""
        connection, sound = self._take(), False
        try:
            connection.execute("BEGIN")
            yield connection
            connection.rollback()
            sound = True
        except (sqlite3.Error, UnicodeDecodeError) as error:  # damage makes SQLite's own messages undecodable
            what = "the store is being closed" if self._closed else error
            raise StoreError(f"The history cannot be read: {what}") from error
        finally:
            self._give_back(connection, sound=sound)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("The history cannot be read: the store is closed")
            try:
                connection = self._idle.pop() if self._idle else open_reader(self._path)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise StoreError(f"The history cannot be read: {error}") from error
            self._busy.add(connection)
        return connection

    def _give_back(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if sound and not self._closed and len(self._idle) < IDLE:
                self._idle.append(connection)
            else:
                connection.close()
            self._lock.notify_all()

    def history(self, component: str, start: int, end: int, points: int) -> list[HistoryPoint]:
        """What happened to a component in [start, end), in at most `points` stretches of equal length, oldest first.

        Stretches without results are left out. They are made of whole minutes, hours or days, so the first may begin
        before `start` and the last may end after `end`.
        """
        return self.histories([component], start, end, points).get(component, [])

    def histories(self, components: Sequence[str], start: int, end: int, points: int) -> dict[str, list[HistoryPoint]]:
        """The same for several components; those without any are left out."""
        with self.snapshot() as connection:
            wanted = set(components)
            names = {
                number: name for number, name in connection.execute("SELECT id, name FROM component") if name in wanted
            }
            if not names or end <= start:
                return {}
            table = _table_for(connection, min(names), start, (end - start) // max(points, 1))
            first, last, step, origin = _stretches(start, end, points, SIZES[table])
            marks = ",".join(map(str, names))  # numbers of ours
            # One at a time: what is sorted for grouping stays small, which takes three quarters of the time.
            rolled = {
                number: connection.execute(
                    "SELECT (start - ?3) / ?4 * ?4 + ?3, sum(healthy), sum(degraded), sum(unhealthy), sum(unknown), "  # noqa: S608
                    f"sum(timed), total(ms_sum), min(ms_min), max(ms_max) FROM {table} "
                    "WHERE component = ?5 AND start >= ?1 AND start < ?2 GROUP BY 1",
                    (first, last, origin, step, number),
                ).fetchall()
                for number in names
            }
            tail = connection.execute(
                f"SELECT component, (at - ?3) / ?4 * ?4 + ?3, {_TAIL} FROM result "  # noqa: S608
                f"WHERE id > ?5 AND component IN ({marks}) AND at >= ?1 AND at < ?2 GROUP BY 1, 2",
                (first, last, origin, step, watermark(connection)),
            ).fetchall()
        fresh: dict[int, list[tuple[Any, ...]]] = {number: [] for number in names}
        for number, *row in tail:
            fresh[number].append(tuple(row))
        return {
            name: [_point(row) for row in _merged(rolled[number], fresh[number])]
            for number, name in names.items()
            if rolled[number] or fresh[number]
        }

    def results(self, component: str, *, before: int | None = None, limit: int = 100) -> list[StoredResult]:
        """Results of a component, newest first, with numbers below `before`."""
        with self.snapshot() as connection:
            number = _number_of(connection, component)
            if number is None:
                return []
            (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM result").fetchone()
            top = last if before is None else min(before - 1, last)
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM result WHERE id <= ? AND id > ? AND component = ? ORDER BY id DESC LIMIT ?",  # noqa: S608
                (top, top - SCANNED, number, limit),
            ).fetchall()
            shapes = _shapes(connection)
        return [decode(row, component, shapes) for row in rows]

    def recent(self, *, since: int, limit: int = 100, upto: int = 1 << 62) -> dict[str, list[CheckResult]]:
        """The latest results since a time, oldest first, at most `limit` for each component; `upto` that number."""
        found: dict[int, list[tuple[Any, ...]]] = {}
        with self.snapshot() as connection:
            names = dict(connection.execute("SELECT id, name FROM component"))
            shapes, full = _shapes(connection), 0
            statement = f"SELECT {COLUMNS} FROM result WHERE id <= ? ORDER BY id DESC"  # noqa: S608
            for row in connection.execute(statement, (upto,)):
                if row[2] < since or full == len(names):
                    break
                rows = found.setdefault(row[1], [])
                if len(rows) < limit:
                    rows.append(row)
                    full += len(rows) == limit
        return {
            names[number]: [decode(row, names[number], shapes).result for row in reversed(rows)]
            for number, rows in found.items()
        }

    def uptime(self, now: int) -> dict[str, dict[str, float | None]]:
        """Percent of counted results that did not fail, per component and window, judged on what there is.

        The windows of 1 h and 24 h begin at whole minutes and hours, the longer ones at whole days. Components
        without any result are left out.
        """
        begins = {
            window: (now - length) // SIZES[table] * SIZES[table] for window, (length, table) in UPTIME_WINDOWS.items()
        }
        counted: dict[int, dict[str, tuple[int, int]]] = {}
        with self.snapshot() as connection:
            names = dict(connection.execute("SELECT id, name FROM component"))
            for window, (_, table) in UPTIME_WINDOWS.items():
                # Component by component: what is older than the window is not even looked at.
                for number, up, down in connection.execute(
                    "SELECT id, sum(healthy + degraded), sum(unhealthy) "  # noqa: S608
                    f"FROM component CROSS JOIN {table} ON component = id AND start >= ? GROUP BY id",
                    (begins[window],),
                ):
                    counted.setdefault(number, {})[window] = (up, down)
            for number, *tail in _not_rolled_up(connection, list(begins.values())):
                known = counted.setdefault(number, {})
                for window, up, down in zip(begins, tail[::2], tail[1::2], strict=True):
                    before = known.get(window, (0, 0))
                    known[window] = (before[0] + up, before[1] + down)
        shares = {
            names[number]: tuple([_share(*known.get(window, (0, 0))) for window in UPTIME_WINDOWS])
            for number, known in counted.items()
        }
        # Most of thousands are as much up as each other.
        told = {each: dict(zip(UPTIME_WINDOWS, each, strict=True)) for each in set(shares.values())}
        return {name: told[each] for name, each in shares.items()}

    def pings(self, *, limit: int = 20) -> dict[str, list[Ping]]:
        """The latest signs of life per component, oldest first."""
        pings: dict[str, list[Ping]] = {}
        with self.snapshot() as connection:
            for name, at, kind, exit_code, message in connection.execute(
                "SELECT name, at, kind, exit_code, message FROM ping JOIN component ON component.id = ping.component "
                "ORDER BY ping.id"
            ):
                pings.setdefault(name, []).append(Ping(at, kind, exit_code, message))
        return {name: kept[-limit:] for name, kept in pings.items()}

    def states(self) -> dict[str, tuple[str, int]]:
        """Per component its last known status, and since when (ms)."""
        with self.snapshot() as connection:
            return {
                name: (status, since)
                for name, status, since in connection.execute(
                    "SELECT name, status, since FROM state JOIN component ON component.id = state.component"
                )
            }


def _not_rolled_up(connection: sqlite3.Connection, begins: list[int]) -> sqlite3.Cursor:
    """Per component, for each begin the number of results since then that did not fail, and that did."""
    columns = "".join(
        f", sum(at >= ?{i} AND code / 16 < 2), sum(at >= ?{i} AND code / 16 = 2)" for i in range(2, len(begins) + 2)
    )
    statement = f"SELECT component{columns} FROM result WHERE id > ?1 GROUP BY component"  # noqa: S608
    return connection.execute(statement, (watermark(connection), *begins))


def _share(up: int, down: int) -> float | None:
    return up * 100 / (up + down) if up + down else None


def _table_for(connection: sqlite3.Connection, component: int, start: int, width: int) -> str:
    """The coarsest roll-up that is as fine as `width` ms; a coarser one where that one does not reach back so far."""
    fine = [name for name, size in SIZES.items() if size <= width] or ["minute"]
    candidates = list(SIZES)[len(fine) - 1 :]
    for table, coarser in pairwise(candidates):
        if _oldest(connection, table, component) <= max(
            _oldest(connection, coarser, component) + SIZES[coarser], start
        ):
            return table
    return candidates[-1]


def _oldest(connection: sqlite3.Connection, table: str, component: int) -> int:
    (start,) = connection.execute(
        f"SELECT ifnull(min(start), 1 << 60) FROM {table} WHERE component = ?",  # noqa: S608
        (component,),
    ).fetchone()
    return int(start)


def _stretches(start: int, end: int, points: int, size: int) -> tuple[int, int, int, int]:
    """Where what is asked for begins and ends in whole `size`, and the step and origin of at most `points` stretches.

    Stretches are counted from the epoch, so that they stay where they are while time goes on.
    """
    first, last = start // size * size, -(-end // size) * size
    if points < 2:
        return first, last, last - first, first
    step = max(-(-(end - start) // points // size), 1) * size
    while (last - 1) // step - first // step >= points:
        step += size
    return first, last, step, 0


def _number_of(connection: sqlite3.Connection, component: str) -> int | None:
    row = connection.execute("SELECT id FROM component WHERE name = ?", (component,)).fetchone()
    return row[0] if row else None


def _shapes(connection: sqlite3.Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT id, names FROM shape"))


def _merged(rows: list[tuple[Any, ...]], tail: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Roll-ups and what is not rolled up yet, by start."""
    by_start = {row[0]: row for row in rows}
    for row in tail:
        by_start[row[0]] = _added(by_start[row[0]], row) if row[0] in by_start else row
    return [by_start[start] for start in sorted(by_start)]


def _added(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    counts = [x + y for x, y in zip(a[1:7], b[1:7], strict=True)]
    least = [x for x in (a[7], b[7]) if x is not None]
    most = [x for x in (a[8], b[8]) if x is not None]
    return (a[0], *counts, min(least, default=None), max(most, default=None))


def _point(row: tuple[Any, ...]) -> HistoryPoint:
    at, healthy, degraded, unhealthy, unknown, timed, total, least, most = row
    return HistoryPoint(
        at=at,
        count=healthy + degraded + unhealthy + unknown,
        healthy=healthy,
        degraded=degraded,
        unhealthy=unhealthy,
        unknown=unknown,
        min_ms=least,
        avg_ms=total / timed if timed else None,
        max_ms=most,
    )
