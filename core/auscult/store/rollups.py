"""Roll-ups by minute, hour and day, computed from committed results and committed with the mark up to which they reach.

So they never disagree with the results, whenever the process dies. Results may come in any order of time.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

__all__ = ["SIZES", "SLICE", "HistoryPoint", "Retention", "forget", "roll_up"]

SIZES = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""Table to bucket length in ms."""
SLICE = 1000
"""Rows per transaction: a write takes a few milliseconds, so nothing urgent waits longer."""

STEPPED_OVER = 100_000
"""Results from the future that are looked past when old ones are deleted."""

_COUNTS = (
    "sum(code / 16 = 0), sum(code / 16 = 1), sum(code / 16 = 2), sum(code / 16 > 2), "
    "count(ms), total(ms), min(ms), max(ms)"
)


class HistoryPoint(Struct, frozen=True):
    """What happened in one stretch of time."""

    at: int
    """Where it begins, ms."""
    count: int
    healthy: int
    degraded: int
    unhealthy: int
    unknown: int
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None


class Retention(Struct, frozen=True, kw_only=True):
    """How long to keep what, in seconds."""

    raw: float = 48 * 3600.0
    minutes: float = 30 * 86400.0
    hours: float = 400 * 86400.0
    """Hours and days."""


def _statement(table: str, size: int) -> str:
    return f"""INSERT INTO {table}
        SELECT component, at / {size} * {size} AS start, {_COUNTS}
        FROM result WHERE id > ?1 AND id <= ?2 GROUP BY 1, 2
        ON CONFLICT DO UPDATE SET
            healthy = healthy + excluded.healthy, degraded = degraded + excluded.degraded,
            unhealthy = unhealthy + excluded.unhealthy, unknown = unknown + excluded.unknown,
            timed = timed + excluded.timed, ms_sum = ms_sum + excluded.ms_sum,
            ms_min = min(ifnull(ms_min, excluded.ms_min), ifnull(excluded.ms_min, ms_min)),
            ms_max = max(ifnull(ms_max, excluded.ms_max), ifnull(excluded.ms_max, ms_max))"""  # noqa: S608


_STATEMENTS = tuple(_statement(table, size) for table, size in SIZES.items())


def watermark(connection: sqlite3.Connection) -> int:
    """The last result that the roll-ups hold."""
    row = connection.execute("SELECT value FROM watermark WHERE name = 'rolled'").fetchone()
    return int(row[0]) if row else 0


def roll_up(connection: sqlite3.Connection) -> bool:
    """Roll up one slice in one transaction; True when more waits."""
    before = watermark(connection)
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM result").fetchone()
    if last <= before:
        return False
    upto = min(last, before + SLICE)
    connection.execute("BEGIN IMMEDIATE")
    for statement in _STATEMENTS:
        connection.execute(statement, (before, upto))
    connection.execute("INSERT OR REPLACE INTO watermark VALUES ('rolled', ?)", (upto,))
    connection.execute("COMMIT")
    return bool(upto < last)


def forget(connection: sqlite3.Connection, retention: Retention, now: int) -> bool:
    """Delete one slice of what is older than the retention, in one transaction; True when more waits.

    Results go in the order of their numbers, and only those that are rolled up. Some from the future (the clock
    went wrong for a while) are stepped over, so that they do not keep all that came after them.
    """
    connection.execute("BEGIN IMMEDIATE")
    (oldest,) = connection.execute("SELECT ifnull(min(id), 0) FROM result").fetchone()
    deleted = connection.execute(
        "DELETE FROM result WHERE id IN (SELECT id FROM result WHERE id <= ? AND at <= ? ORDER BY id LIMIT ?) "
        "AND at < ?",
        (min(watermark(connection), oldest + STEPPED_OVER), now, SLICE, now - int(retention.raw * 1000)),
    ).rowcount
    for table, kept in (("minute", retention.minutes), ("hour", retention.hours), ("day", retention.hours)):
        deleted += connection.execute(
            f"DELETE FROM {table} WHERE (component, start) IN "  # noqa: S608
            f"(SELECT component, start FROM {table} WHERE start < ? LIMIT ?)",
            (now - int(kept * 1000), SLICE),
        ).rowcount
    connection.execute("COMMIT")
    return bool(deleted >= SLICE)
