"""Single results over a stretch of time, thinned out: for lines of measurements, stages and percentiles.

Results carry no index. Their numbers grow with time, though, so the first one is found by halving, and what came after
it is read once for all components that are asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct

from auscult.model import CheckResult
from auscult.store.rows import COLUMNS, decode

__all__ = ["Sampling", "TimedPoint"]

EARLY = 300_000
"""Results may be stored this much out of order, ms."""
AT_ONCE = 500
"""Rows fetched by number with one statement."""


class TimedPoint(Struct, frozen=True):
    """How long the results of one stretch of time took."""

    at: int
    """Where it begins, ms."""
    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    stages: dict[str, float]
    """Seconds by stage, of the stretch's last result that has any."""


class Sampling:
    """Answers over a connection that `snapshot` lends."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._snapshot = snapshot

    def sampled(self, components: Sequence[str], start: int, end: int, points: int) -> dict[str, list[CheckResult]]:
        """For each component its results in [start, end), the last of each of `points` stretches, oldest first."""
        step = max((end - start) // max(points, 1), 1)
        with self._snapshot() as connection:
            names = _numbers(connection, components)
            first = _first_since(connection, start - EARLY)
            if not names or first is None:
                return {}
            marks = ",".join("?" * len(names))
            ids = [
                ident
                for (ident,) in connection.execute(
                    f"SELECT max(id) FROM result WHERE id >= ? AND at >= ? AND at < ? AND component IN ({marks}) "  # noqa: S608
                    "GROUP BY component, at / ?",
                    (first, start, end, *names, step),
                )
            ]
            shapes = dict(connection.execute("SELECT id, names FROM shape"))
            found: dict[str, list[CheckResult]] = {}
            for row in _by_number(connection, sorted(ids)):
                name = names[row[1]]
                found.setdefault(name, []).append(decode(row, name, shapes).result)
        for results in found.values():
            results.sort(key=lambda result: result.at)
        return found

    def timed(self, component: str, start: int, end: int, points: int) -> list[TimedPoint]:
        """Percentiles of a component's response times in [start, end), in at most `points` stretches, oldest first."""
        step = max(-(-(end - start) // max(points, 1)), 1)
        taken: dict[int, list[float]] = {}
        counts: dict[int, int] = {}
        with self._snapshot() as connection:
            names = _numbers(connection, [component])
            first = _first_since(connection, start - EARLY)
            if not names or first is None:
                return []
            for at, ms in connection.execute(
                "SELECT at, ms FROM result WHERE id >= ? AND at >= ? AND at < ? AND component = ?",
                (first, start, end, *names),
            ):
                slot = (at - start) // step
                counts[slot] = counts.get(slot, 0) + 1
                if ms is not None:
                    taken.setdefault(slot, []).append(ms)
        staged = {}
        for result in self.sampled([component], start, end, points).get(component, ()):
            if result.stages:
                staged[(result.at - start) // step] = result.stages
        return [
            TimedPoint(start + slot * step, counts[slot], *_percentiles(taken.get(slot)), staged.get(slot, {}))
            for slot in sorted(counts)
        ]


def _numbers(connection: sqlite3.Connection, components: Sequence[str]) -> dict[int, str]:
    wanted = set(components)
    return {number: name for number, name in connection.execute("SELECT id, name FROM component") if name in wanted}


def _first_since(connection: sqlite3.Connection, at: int) -> int | None:
    """The number of the first result from `at` on, or of one shortly before it; None where there is none at all."""
    low, high = connection.execute("SELECT min(id), max(id) FROM result").fetchone()
    if low is None:
        return None
    while low < high:
        middle = (low + high) // 2
        (found,) = connection.execute("SELECT at FROM result WHERE id >= ? ORDER BY id LIMIT 1", (middle,)).fetchone()
        if found < at:
            low = middle + 1
        else:
            high = middle
    return int(low)


def _by_number(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for begin in range(0, len(ids), AT_ONCE):
        part = ids[begin : begin + AT_ONCE]
        marks = ",".join("?" * len(part))
        yield from connection.execute(f"SELECT {COLUMNS} FROM result WHERE id IN ({marks})", part)  # noqa: S608


def _percentiles(values: list[float] | None) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    values.sort()
    last = len(values) - 1
    return values[round(last * 0.5)], values[round(last * 0.95)], values[round(last * 0.99)]
