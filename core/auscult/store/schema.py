"""The tables, as numbered migrations (PRAGMA user_version), and how connections are opened.

``result``  every result, append only: no index, so that writing costs two microseconds
``minute``, ``hour``, ``day``  roll-ups; `watermark` says up to which result they reach
``ping``    signs of life; ``state``  since when a component's status is what it is; ``status_change``  and before
``alert``, ``alert_change``  alerts as they are, and everything that happened to them, numbered for the feed
``delivery``  what is to be told to whom: the outbox, and what became of it
``run``     where each run of a monitor began, so that it can be replayed
``silence``, ``rule_state``, ``audit``  times of quiet, what rules remember, who did what
``posted``    what others have posted and is not worked off yet
``document``  dashboards, incidents, sessions: what people edit
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from auscult.errors import StoreError
from auscult.store.alerts import TABLES
from auscult.store.changes import TABLES as CHANGES
from auscult.store.documents import TABLES as DOCUMENTS
from auscult.store.metric_tables import TABLES as METRICS
from auscult.store.posted import TABLES as POSTED
from auscult.store.runs import TABLES as RUNS

__all__ = ["FILE", "migrate", "open_reader", "open_writer"]

FILE = "auscult.sqlite"

_ROLLUP = """(
    component INTEGER NOT NULL, start INTEGER NOT NULL,
    healthy INTEGER NOT NULL, degraded INTEGER NOT NULL, unhealthy INTEGER NOT NULL, unknown INTEGER NOT NULL,
    timed INTEGER NOT NULL, ms_sum REAL NOT NULL, ms_min REAL, ms_max REAL,
    PRIMARY KEY (component, start)
) WITHOUT ROWID"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE component (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE shape (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE)",
        """CREATE TABLE result (
            id INTEGER PRIMARY KEY AUTOINCREMENT, component INTEGER NOT NULL, at INTEGER NOT NULL,
            code INTEGER NOT NULL, duration REAL NOT NULL, ms REAL, message TEXT, shape INTEGER, numbers BLOB
        )""",
        f"CREATE TABLE minute {_ROLLUP}",
        f"CREATE TABLE hour {_ROLLUP}",
        f"CREATE TABLE day {_ROLLUP}",
        "CREATE TABLE watermark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE ping (
            id INTEGER PRIMARY KEY, component INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
            exit_code INTEGER, message TEXT NOT NULL
        )""",
        "CREATE INDEX ping_by_component ON ping (component, id)",
        "CREATE TABLE state (component INTEGER PRIMARY KEY, status TEXT NOT NULL, since INTEGER NOT NULL)",
    ),
    TABLES,
    DOCUMENTS,
    RUNS,
    METRICS,
    POSTED,
    CHANGES,
)


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes and checkpoints (no other may: SQLite before 3.51.3 can lose commits)."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-4000")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA cache_size=-2000")
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises StoreError for one that a newer auscult made."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The history was written by a newer auscult (schema {version}, this one knows {len(MIGRATIONS)}): "
            "install that version again, or use another state directory"
        )
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")
