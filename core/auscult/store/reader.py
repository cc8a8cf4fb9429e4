"""Questions to the history. Each thread that asks has a read-only connection of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auscult.model import CheckResult, Ping
from auscult.store.rollups import SIZES, HistoryPoint, watermark
from auscult.store.rows import COLUMNS, StoredResult, decode
from auscult.store.schema import FILE, open_reader

__all__ = ["Reader"]

SCANNED = 2_000_000
"""Results looked through for those of one component, newest first: results carry no index."""
UPTIME_WINDOWS = {"1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}

_TAIL = (
    "sum(code / 16 = 0), sum(code / 16 = 1), sum(code / 16 = 2), sum(code / 16 > 2), "
    "count(ms), total(ms), min(ms), max(ms)"
)


class Reader:
    """Opens connections as threads come, closes them all in `close`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Close every connection; later questions find nothing."""
        with self._lock:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose answers all come from one moment."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_reader(self._path)
            with self._lock:
                self._all.append(connection)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()

    def history(self, component: str, start: int, end: int, points: int) -> list[HistoryPoint]:
        """What happened to a component in [start, end), in at most `points` stretches of equal length, oldest first.

        Stretches without results are left out. They are whole minutes, hours or days, so the first may begin
        before `start`.
        """
        width = max((end - start) // max(points, 1), 1)
        size = next((size for size in reversed(SIZES.values()) if size <= width), SIZES["minute"])
        table = next(name for name, value in SIZES.items() if value == size)
        step = -(-width // size) * size
        with self._snapshot() as connection:
            number = _number_of(connection, component)
            if number is None:
                return []
            rows = connection.execute(
                f"SELECT start / ?4 * ?4, sum(healthy), sum(degraded), sum(unhealthy), sum(unknown), sum(timed), "  # noqa: S608
                f"total(ms_sum), min(ms_min), max(ms_max) FROM {table} "
                "WHERE component = ?1 AND start >= ?2 AND start < ?3 GROUP BY 1",
                (number, start // size * size, end, step),
            ).fetchall()
            tail = connection.execute(
                f"SELECT at / ?4 * ?4, {_TAIL} FROM result "  # noqa: S608
                "WHERE id > ?5 AND component = ?1 AND at >= ?2 AND at < ?3 GROUP BY 1",
                (number, start // size * size, end, step, watermark(connection)),
            ).fetchall()
        return [_point(row) for row in _merged(rows, tail)]

    def results(self, component: str, *, before: int | None = None, limit: int = 100) -> list[StoredResult]:
        """Results of a component, newest first, with numbers below `before`."""
        with self._snapshot() as connection:
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

    def recent(self, *, since: int, limit: int = 100) -> dict[str, list[CheckResult]]:
        """The latest results since a time, oldest first, at most `limit` for each component."""
        found: dict[int, list[tuple[Any, ...]]] = {}
        with self._snapshot() as connection:
            names = dict(connection.execute("SELECT id, name FROM component"))
            shapes, full = _shapes(connection), 0
            for row in connection.execute(f"SELECT {COLUMNS} FROM result ORDER BY id DESC"):  # noqa: S608
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
        """Percent of counted results that did not fail, per component and window.

        The windows of 1 h and 24 h begin at whole minutes and hours, the longer ones at whole days.
        """
        uptime: dict[str, dict[str, float | None]] = {}
        with self._snapshot() as connection:
            names = dict(connection.execute("SELECT id, name FROM component"))
            for window, length in UPTIME_WINDOWS.items():
                table = "minute" if length <= SIZES["hour"] else "hour" if length <= SIZES["day"] else "day"
                size = SIZES[table]
                for number, up, down in connection.execute(
                    f"SELECT component, sum(healthy + degraded), sum(unhealthy) FROM {table} "  # noqa: S608
                    "WHERE start >= ? GROUP BY component",
                    ((now - length) // size * size,),
                ):
                    share = up / (up + down) * 100 if up + down else None
                    uptime.setdefault(names[number], dict.fromkeys(UPTIME_WINDOWS))[window] = share
        return uptime

    def pings(self, *, limit: int = 20) -> dict[str, list[Ping]]:
        """The latest signs of life per component, oldest first."""
        pings: dict[str, list[Ping]] = {}
        with self._snapshot() as connection:
            for name, at, kind, exit_code, message in connection.execute(
                "SELECT name, at, kind, exit_code, message FROM ping JOIN component ON component.id = ping.component "
                "ORDER BY ping.id"
            ):
                pings.setdefault(name, []).append(Ping(at, kind, exit_code, message))
        return {name: kept[-limit:] for name, kept in pings.items()}

    def states(self) -> dict[str, tuple[str, int]]:
        """Per component its last known status, and since when (ms)."""
        with self._snapshot() as connection:
            return {
                name: (status, since)
                for name, status, since in connection.execute(
                    "SELECT name, status, since FROM state JOIN component ON component.id = state.component"
                )
            }


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
