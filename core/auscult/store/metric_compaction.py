"""From the log to chunks and roll-ups: a block at a time, computed in slices, committed as a whole.

So the log and the chunks never disagree, whenever the process dies: the mark up to which a block is compacted is
written with its chunks.
"""

from __future__ import annotations

import logging
import sqlite3
from array import array
from collections.abc import Iterator
from operator import eq

from auscult.metrics.buckets import Buckets, bucketed, merged
from auscult.store.metric_codec import pack, pack_buckets, pack_times, unpack_buckets
from auscult.store.metric_tables import BLOCK, LEVELS, STALE_BITS
from auscult.store.rollups import Retention

__all__ = ["FULL", "Compactor", "forget_metrics"]

log = logging.getLogger("auscult.store")

FULL = 512
"""Moments in a block that make a span."""
AGED = 2 * 3_600_000
"""Time in ms after which fewer do."""
_AT_ONCE = 1
"""Series compressed before somebody else gets a turn: about a millisecond of work each."""
_TRIM = 500
"""Rows of the log deleted in one transaction: a few milliseconds."""


class Compactor:
    """Owned by the writer; see the module."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._waiting: dict[int, list[int]] = {}
        """By block how many rows wait, the first row's number and its time."""
        self._job: Iterator[None] | None = None
        self._block = 0
        self._trimmed = 0
        (self._end,) = connection.execute("SELECT ifnull(max(id), 0) + 1 FROM metric_log").fetchone()
        for block, count, first in connection.execute(
            "SELECT log.block, count(*), min(log.id) FROM metric_log AS log "
            "LEFT JOIN metric_block USING (block) WHERE log.id > ifnull(compacted, 0) GROUP BY log.block"
        ):
            (at,) = connection.execute("SELECT at FROM metric_log WHERE id = ?", (first,)).fetchone()
            self._waiting[block] = [count, first, at]

    def note(self, first: int, rows: list[tuple[int, int, bytes]]) -> None:
        """These rows are in the log, the first with that number."""
        self._end = first + len(rows)
        for number, (block, at, _) in enumerate(rows, first):
            waiting = self._waiting.get(block)
            if waiting is None:
                self._waiting[block] = [1, number, at]
            else:
                waiting[0] += 1

    def step(self, connection: sqlite3.Connection, now: int) -> bool:
        """A few milliseconds' work; whether more waits."""
        if self._job is None:
            block = self._next(now)
            if block is None:
                return self._trim(connection)
            self._job, self._block = self._compact(connection, block), block
        try:
            next(self._job)
        except StopIteration:
            self._job = None
        except sqlite3.Error:
            self._job = None
            raise
        except Exception:
            log.exception("samples cannot be compacted and are given up")
            self._job = None
            self._waiting.pop(self._block, None)
        return True

    def _next(self, now: int) -> int | None:
        for block, (count, _, at) in self._waiting.items():
            if count >= FULL or now - at > AGED:
                return block
        return None

    def _compact(self, connection: sqlite3.Connection, block: int) -> Iterator[None]:
        waiting = self._waiting[block]
        rows = connection.execute(
            "SELECT id, at, numbers FROM metric_log WHERE block = ? AND id >= ? ORDER BY id LIMIT ?",
            (block, waiting[1], FULL),
        ).fetchall()
        upto = rows[-1][0]
        rows.sort(key=lambda row: row[1])  # the clock may have gone backwards
        times = array("q", [row[1] for row in rows])
        matrix = array("d", b"".join([row[2] for row in rows]))
        counts = dict(
            connection.execute(
                "SELECT id, counts FROM metric_series WHERE id >= ? AND id < ?", (block * BLOCK, (block + 1) * BLOCK)
            )
        )
        yield
        finals = self._finals(connection, block)
        chunks: list[tuple[int, float | None, bytes]] = []
        rolled: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
        for place in range(BLOCK):
            column = matrix[place::BLOCK]
            if not _is_empty(column):
                counting = bool(counts.get(block * BLOCK + place))
                final, buckets = _rolled(times, column, finals.get(place), counts=counting)
                chunks.append((place, final, pack(column)))
                for level, found in enumerate(buckets):
                    for start, period in found.items():
                        known = self._known(connection, level, block, start, place)
                        together = merged(known, period) if known else period
                        packed = pack_buckets(together, start)
                        rolled.setdefault((level, start), []).append((place, packed))
            if place % _AT_ONCE == _AT_ONCE - 1:
                yield
        self._commit(connection, block, upto, times, chunks, rolled)
        self._done(connection, block, upto, len(rows))

    def _finals(self, connection: sqlite3.Connection, block: int) -> dict[int, float]:
        """The last number of each series before what is compacted now."""
        row = connection.execute(
            "SELECT id FROM metric_span WHERE block = ? ORDER BY first DESC LIMIT 1", (block,)
        ).fetchone()
        if row is None:
            return {}
        found = connection.execute(
            "SELECT id % ?1, final FROM metric_chunk WHERE id >= ?2 * ?1 AND id < (?2 + 1) * ?1 AND final IS NOT NULL",
            (BLOCK, row[0]),
        )
        return dict(found)

    def _known(self, connection: sqlite3.Connection, level: int, block: int, start: int, place: int) -> Buckets | None:
        row = connection.execute(
            "SELECT buckets FROM metric_period AS period JOIN metric_rolled AS rolled "
            "ON rolled.id = period.id * ? + ? WHERE level = ? AND block = ? AND start = ?",
            (BLOCK, place, level, block, start),
        ).fetchone()
        return unpack_buckets(row[0], LEVELS[level][0], start) if row else None

    def _commit(
        self,
        connection: sqlite3.Connection,
        block: int,
        upto: int,
        times: array[int],
        chunks: list[tuple[int, float | None, bytes]],
        rolled: dict[tuple[int, int], list[tuple[int, bytes]]],
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            span = connection.execute(
                "INSERT INTO metric_span (block, first, last, times) VALUES (?, ?, ?, ?)",
                (block, times[0], times[-1], pack_times(times)),
            ).lastrowid
            assert span is not None
            connection.executemany(
                "INSERT INTO metric_chunk VALUES (?, ?, ?)",
                [(span * BLOCK + place, final, packed) for place, final, packed in chunks],
            )
            for (level, start), buckets in rolled.items():
                connection.execute(
                    "INSERT OR IGNORE INTO metric_period (level, block, start) VALUES (?, ?, ?)", (level, block, start)
                )
                (period,) = connection.execute(
                    "SELECT id FROM metric_period WHERE level = ? AND block = ? AND start = ?", (level, block, start)
                ).fetchone()
                connection.executemany(
                    "INSERT OR REPLACE INTO metric_rolled VALUES (?, ?)",
                    [(period * BLOCK + place, packed) for place, packed in buckets],
                )
            connection.execute("INSERT OR REPLACE INTO metric_block VALUES (?, ?)", (block, upto))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _done(self, connection: sqlite3.Connection, block: int, upto: int, count: int) -> None:
        waiting = self._waiting.pop(block)
        if waiting[0] > count:
            first, at = connection.execute(
                "SELECT id, at FROM metric_log WHERE block = ? AND id > ? ORDER BY id LIMIT 1", (block, upto)
            ).fetchone()
            self._waiting[block] = [waiting[0] - count, first, at]

    def _trim(self, connection: sqlite3.Connection) -> bool:
        """Delete rows of the log that all blocks have behind them."""
        first = min((waiting[1] for waiting in self._waiting.values()), default=self._end)
        if first <= self._trimmed:
            return False
        connection.execute("BEGIN IMMEDIATE")
        deleted = connection.execute(
            "DELETE FROM metric_log WHERE id IN (SELECT id FROM metric_log WHERE id < ? ORDER BY id LIMIT ?)",
            (first, _TRIM),
        ).rowcount
        connection.execute("COMMIT")
        if deleted < _TRIM:
            self._trimmed = first
        return deleted >= _TRIM


def forget_metrics(connection: sqlite3.Connection, retention: Retention, now: int) -> bool:
    """Delete one slice of what is older than the retention; whether more waits."""
    more = False
    connection.execute("BEGIN IMMEDIATE")
    for (span,) in connection.execute(
        "SELECT id FROM metric_span WHERE last < ? ORDER BY id LIMIT 4", (now - int(retention.raw * 1000),)
    ).fetchall():
        connection.execute("DELETE FROM metric_chunk WHERE id >= ? AND id < ?", (span * BLOCK, (span + 1) * BLOCK))
        connection.execute("DELETE FROM metric_span WHERE id = ?", (span,))
        more = True
    for level, kept in enumerate((retention.minutes, retention.hours)):
        cutoff = now - int(kept * 1000) - LEVELS[level][1]
        for (period,) in connection.execute(
            "SELECT id FROM metric_period WHERE level = ? AND start < ? LIMIT 4", (level, cutoff)
        ).fetchall():
            ids = (period * BLOCK, (period + 1) * BLOCK)
            connection.execute("DELETE FROM metric_rolled WHERE id >= ? AND id < ?", ids)
            connection.execute("DELETE FROM metric_period WHERE id = ?", (period,))
            more = True
    deleted = connection.execute(
        "DELETE FROM metric_event WHERE id IN (SELECT id FROM metric_event ORDER BY id LIMIT 500) AND at < ?",
        (now - int(retention.minutes * 1000),),
    ).rowcount
    _forget_series(connection)
    connection.execute("COMMIT")
    return more or deleted >= 500


def _forget_series(connection: sqlite3.Connection) -> None:
    """Forget the series of blocks of which nothing is left."""
    for (block,) in connection.execute(
        "SELECT block FROM metric_block AS this WHERE NOT EXISTS (SELECT 1 FROM metric_log WHERE block = this.block) "
        "AND NOT EXISTS (SELECT 1 FROM metric_span WHERE block = this.block) AND NOT EXISTS "
        "(SELECT 1 FROM metric_period WHERE level IN (0, 1) AND block = this.block) LIMIT 4"
    ).fetchall():
        numbers = (block * BLOCK, (block + 1) * BLOCK)
        connection.execute("DELETE FROM metric_series WHERE id >= ? AND id < ?", numbers)
        connection.execute("DELETE FROM metric_block WHERE block = ?", (block,))


def _is_empty(column: array[float]) -> bool:
    return column.tobytes() == STALE_BITS.to_bytes(8, "little") * len(column)


def _rolled(
    times: array[int], column: array[float], before: float | None, *, counts: bool
) -> tuple[float | None, list[dict[int, Buckets]]]:
    """The last number, and for each level the buckets by period."""
    kept_times, values = times, column
    if not all(map(eq, column, column)):  # gaps, or NaN
        there = [at for at, value in enumerate(column) if value == value]  # noqa: PLR0124
        kept_times, values = array("q", [times[at] for at in there]), array("d", [column[at] for at in there])
    if not values:
        return before, [{} for _ in LEVELS]
    levels = []
    for size, period in LEVELS:
        buckets = bucketed(kept_times, values, size, before=before, counts=counts)
        levels.append(buckets.by_period(period))
    return values[-1], levels
