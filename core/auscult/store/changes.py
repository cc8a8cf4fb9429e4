"""Changes of status: what each component was held to be, and since when, as far back as hours are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from auscult.engine.health import Change
from auscult.model import Status
from auscult.store.rows import Names

__all__ = ["TABLES", "ChangeReader", "forget_changes", "write_changes"]

KEPT = 200_000
"""Changes at most: a component that flaps for weeks must not fill the disk."""
AT_ONCE = 50_000
"""Changes that one question reads; the oldest are left out."""
SLICE = 1000
_MESSAGE = 300
"""Characters of a message that are kept."""

TABLES = (
    """CREATE TABLE status_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT, component INTEGER NOT NULL, at INTEGER NOT NULL,
        old TEXT NOT NULL, new TEXT NOT NULL, message TEXT NOT NULL
    )""",
    "CREATE INDEX status_change_by_component ON status_change (component, at)",
    "CREATE INDEX status_change_by_time ON status_change (at)",
)
_SELECT = (
    "SELECT name, old, new, at, message FROM status_change JOIN component ON component.id = status_change.component "
)


class ChangeReader:
    """Blocks, in whatever thread asks. Raises StoreError."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._snapshot = snapshot

    def latest(self, start: int, end: int, *, component: str | None = None, limit: int = AT_ONCE) -> list[Change]:
        """Changes in [start, end), newest first."""
        one, names = ("AND name = ? ", [component]) if component is not None else ("", [])
        with self._snapshot() as connection:
            rows = connection.execute(
                f"{_SELECT}WHERE at >= ? AND at < ? {one}ORDER BY at DESC, status_change.id DESC LIMIT ?",
                (start, end, *names, limit),
            ).fetchall()
        return [_change(row) for row in rows]

    def before(self, start: int) -> list[Change]:
        """The last change of each component before `start`."""
        with self._snapshot() as connection:
            rows = connection.execute(
                f"{_SELECT}WHERE status_change.id = (SELECT id FROM status_change WHERE component = component.id "  # noqa: S608
                "AND at < ? ORDER BY at DESC, id DESC LIMIT 1)",
                (start,),
            ).fetchall()
        return [_change(row) for row in rows]


def _change(row: tuple[str, str, str, int, str]) -> Change:
    name, old, new, at, message = row
    return Change(name, Status(old), Status(new), at, message)


def write_changes(connection: sqlite3.Connection, names: Names, changes: Iterable[Change]) -> None:
    """Add some, in the caller's transaction."""
    connection.executemany(
        "INSERT INTO status_change (component, at, old, new, message) VALUES (?, ?, ?, ?, ?)",
        [(names.component(c.component), c.at, c.old.value, c.new.value, c.message[:_MESSAGE]) for c in changes],
    )


def forget_changes(connection: sqlite3.Connection, before: int) -> bool:
    """Delete one slice of what is older than `before`, or more than is kept; True when more waits."""
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM status_change").fetchone()
    deleted = connection.execute(
        "DELETE FROM status_change WHERE id IN (SELECT id FROM status_change WHERE id <= ?1 - ?2 OR at < ?3 LIMIT ?4)",
        (last, KEPT, before, SLICE),
    ).rowcount
    return deleted >= SLICE
