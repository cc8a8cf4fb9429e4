"""Questions to the history of metrics: what there is, samples and roll-ups of one series, whole answers, events."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from operator import eq, le

import msgspec
from msgspec import Struct

from auscult.alerts.matching import Matcher, matches
from auscult.families import Event
from auscult.metrics import query
from auscult.metrics.buckets import Buckets, bucketed, merged
from auscult.metrics.query import MetricAnswer, MetricQuery, Track
from auscult.store.metric_codec import unpack, unpack_buckets, unpack_times
from auscult.store.metric_tables import BLOCK, LEVELS

__all__ = ["MetricReader", "StoredFamily", "StoredSeries"]

_SOURCES = ("samples", "minutes", "hours")
_PARTS = 60
_FINEST = 1000
"""Stretches made from samples are whole seconds."""


class StoredFamily(Struct, frozen=True, kw_only=True):
    """A family in the history."""

    name: str
    type: str
    unit: str
    help: str
    samples: list[str]
    """The names of its samples."""
    labels: list[str]
    """The names of its labels, as far as one of its series shows them."""
    series: int


class StoredSeries(Struct, frozen=True, kw_only=True):
    """A series in the history."""

    id: int
    name: str
    labels: dict[str, str]
    counts: bool
    """Whether it is part of a counter, so that it has a rate."""


class MetricReader:
    """Blocks, in whatever thread asks; each question over a connection of its own. Raises StoreError."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._snapshot = snapshot

    # What there is

    def families(self) -> list[StoredFamily]:
        """All families, by name."""
        with self._snapshot() as connection:
            rows = connection.execute(
                "SELECT name, type, unit, help, samples, labels, count FROM metric_family JOIN "
                "(SELECT family, json_group_array(DISTINCT name) AS samples, max(labels) AS labels, count(*) AS count "
                "FROM metric_series GROUP BY family) ON family = name ORDER BY name"
            ).fetchall()
        return [
            StoredFamily(
                name=name,
                type=kind,
                unit=unit,
                help=text,
                samples=msgspec.json.decode(samples),
                labels=sorted(msgspec.json.decode(labels)),
                series=count,
            )
            for name, kind, unit, text, samples, labels, count in rows
        ]

    def series(self, name: str, match: Sequence[Matcher] = ()) -> list[StoredSeries]:
        """The series of that sample name whose labels match."""
        with self._snapshot() as connection:
            return _series(connection, name, match)

    def samples(self, series: StoredSeries, start: int, end: int) -> list[tuple[int, float]]:
        """Time (ms) and value of every sample in [start, end), oldest first."""
        with self._snapshot() as connection:
            return list(zip(*_samples(_Tails(connection), series.id, start, end)[:2], strict=True))

    def events(
        self, kind: str, start: int, end: int, match: Sequence[Matcher] = (), limit: int = 100_000
    ) -> list[Event]:
        """Events in [start, end) whose labels match, oldest first; the latest where there are more than `limit`."""
        with self._snapshot() as connection:
            rows = connection.execute(
                "SELECT at, labels.text, shape.text, numbers FROM metric_event "
                "JOIN metric_word AS labels ON labels.id = labels JOIN metric_word AS shape ON shape.id = shape "
                "WHERE kind = (SELECT id FROM metric_word WHERE text = ?) AND at >= ? AND at < ? "
                "ORDER BY at DESC, metric_event.id DESC LIMIT ?",
                (kind, start, end, limit),
            ).fetchall()
        known: dict[str, dict[str, str]] = {}
        found = []
        for at, text, shape, numbers in reversed(rows):
            labels = known.get(text)
            if labels is None:
                labels = known[text] = msgspec.json.decode(text)
            if matches(match, labels):
                values = dict(zip(msgspec.json.decode(shape), array("d", numbers), strict=True))
                found.append(Event(kind=kind, at=at, labels=dict(labels), numbers=values))
        return found

    # Answers

    def ask(self, question: MetricQuery, start: int, end: int, points: int) -> MetricAnswer:
        """The answer for [start, end) in at most `points` stretches of equal length, counted from the epoch."""
        name = f"{question.name}_bucket" if question.function == "quantile" else question.name
        with self._snapshot() as connection:
            series = _series(connection, name, question.match)
            if not series or end <= start:
                return MetricAnswer(times=[], step=0, tracks=[], reason=_nothing(connection, name, question))
            if len(series) > query.SERIES_AT_MOST:
                reason = f"{len(series)} series match, more than {query.SERIES_AT_MOST}; say more about their labels"
                return MetricAnswer(times=[], step=0, tracks=[], reason=reason)
            # One stretch alone is to lie exactly where it was asked for.
            level = _level(connection, series[0].id, start, (end - start) // (points if points > 1 else _PARTS))
            times, step = _grid(start, end, points, _FINEST if level < 0 else LEVELS[level][0])
            function = "increase" if question.function == "quantile" else question.function
            if function in ("rate", "increase") and not any(each.counts for each in series):
                reason = f"`{name}` is no counter, so it has no {function}"
                return MetricAnswer(times=times, step=step, tracks=[], reason=reason)
            tails = _Tails(connection, shared=len(series) > 1)
            tracks = [
                Track(labels=each.labels, values=_values(tails, each, level, times, step, function))
                for each in series
                if each.counts or function not in ("rate", "increase")
            ]
        if question.function == "quantile":
            tracks = query.of_histograms(tracks, question.q, question.by)
        elif question.aggregate:
            tracks = query.aggregated(tracks, question.aggregate, question.by)
        if question.top:
            tracks = query.top(tracks, question.top)
        return MetricAnswer(times=times, step=step, tracks=tracks, source=_SOURCES[level + 1])


def _nothing(connection: sqlite3.Connection, name: str, question: MetricQuery) -> str:
    if (
        question.function == "quantile"
        and connection.execute("SELECT 1 FROM metric_series WHERE name = ?", (question.name,)).fetchone()
    ):
        return f"not computable, because `{question.name}` is no histogram"
    if question.match and connection.execute("SELECT 1 FROM metric_series WHERE name = ?", (name,)).fetchone():
        return f"no series of `{name}` has such labels"
    return f"there is no `{name}` in the history"


def _series(connection: sqlite3.Connection, name: str, match: Sequence[Matcher]) -> list[StoredSeries]:
    found = []
    for number, labels, counts in connection.execute(
        "SELECT id, labels, counts FROM metric_series WHERE name = ? ORDER BY id", (name,)
    ):
        known = msgspec.json.decode(labels)
        if matches(match, known):
            found.append(StoredSeries(id=number, name=name, labels=known, counts=bool(counts)))
    return found


def _level(connection: sqlite3.Connection, series: int, start: int, width: int) -> int:
    """The coarsest roll-up as fine as `width` ms, -1 for samples; a coarser one where that goes further back."""
    level = max((at for at, (size, _) in enumerate(LEVELS) if size <= width), default=-1)
    while level < len(LEVELS) - 1:
        here = _oldest(connection, series, level)
        if here is None or here <= start:
            break
        coarser = _oldest(connection, series, level + 1)
        if coarser is None or here <= coarser + LEVELS[level + 1][0]:
            break
        level += 1
    return level


def _oldest(connection: sqlite3.Connection, series: int, level: int) -> int | None:
    """Where the samples or roll-ups of a series begin; None while it is in the log alone."""
    block, place = divmod(series, BLOCK)
    if level < 0:
        row = connection.execute("SELECT min(first) FROM metric_span WHERE block = ?", (block,)).fetchone()
        return None if row[0] is None else int(row[0])
    row = connection.execute(
        "SELECT start, buckets FROM metric_period AS period JOIN metric_rolled AS rolled "
        "ON rolled.id = period.id * ? + ? WHERE level = ? AND block = ? ORDER BY start LIMIT 1",
        (BLOCK, place, level, block),
    ).fetchone()
    return unpack_buckets(row[1], LEVELS[level][0], row[0], ("count",)).starts[0] if row else None


def _grid(start: int, end: int, points: int, finest: int) -> tuple[list[int], int]:
    """Where at most `points` stretches begin. They are counted from the epoch, so that they stay where they are."""
    if points < 2:
        first = start // finest * finest
        return [first], -(-(end - first) // finest) * finest
    step = max(-(-(end - start) // max(points, 1) // finest), 1) * finest
    while (end - 1) // step - start // step >= points:
        step += finest
    return list(range(start // step * step, end, step)), step


def _values(
    tails: _Tails, series: StoredSeries, level: int, times: list[int], step: int, function: str
) -> list[float | None]:
    first, end = times[0], times[-1] + step
    wanted = query.columns_for(function, counts=series.counts)
    if level < 0:
        moments, numbers, before = _samples(tails, series.id, first, end)
        if function in ("rate", "increase"):
            if before is not None:
                moments.insert(0, before[0])
                numbers.insert(0, before[1])
            return query.grown(moments, numbers, times, step, per_second=function == "rate")
        buckets = bucketed(moments, numbers, step, counts=series.counts, wanted=wanted, origin=first)
    else:
        fine, known = _rolled(tails, series, level, first, end, wanted)
        buckets = fine.coarser(step, first)
        if function == "rate":
            return query.rates(buckets, times, step, known)
    return query.on_grid(buckets, times, step, function, counts=series.counts)


def _samples(
    tails: _Tails, series: int, start: int, end: int
) -> tuple[array[int], array[float], tuple[int, float] | None]:
    """Times and values in [start, end), and the sample before the first of them."""
    block, place = divmod(series, BLOCK)
    times, values = array("q"), array("d")
    # One span more, for the value before.
    (begin,) = tails.connection.execute(
        "SELECT ifnull(max(first), ?2) FROM metric_span WHERE block = ?1 AND first < ?2", (block, start)
    ).fetchone()
    for moments, numbers in tails.connection.execute(
        "SELECT times, numbers FROM metric_span AS span JOIN metric_chunk AS chunk ON chunk.id = span.id * ? + ? "
        "WHERE block = ? AND first >= ? AND first < ? ORDER BY first",
        (BLOCK, place, block, begin, end),
    ):
        times += unpack_times(moments)
        values += unpack(numbers)
    tail_times, tail_values = tails.of(block, place)
    times += tail_times
    values += tail_values
    return _within(times, values, start, end)


def _within(
    times: array[int], values: array[float], start: int, end: int
) -> tuple[array[int], array[float], tuple[int, float] | None]:
    kept_times, kept, before = array("q"), array("d"), None
    if all(map(eq, values, values)) and _sorted(times):
        low, high = bisect_left(times, start), bisect_left(times, end)
        return times[low:high], values[low:high], (times[low - 1], values[low - 1]) if low else None
    for at, value in sorted(zip(times, values, strict=True), key=lambda sample: sample[0]):
        if value != value or at >= end:  # noqa: PLR0124 - a gap, or NaN
            continue
        if at < start:
            before = at, value
        else:
            kept_times.append(at)
            kept.append(value)
    return kept_times, kept, before


def _sorted(times: array[int]) -> bool:
    return all(map(le, times, times[1:]))


class _Tails:
    """What is not compacted yet: block by block, each read once for all of its series, unless only one is wanted."""

    def __init__(self, connection: sqlite3.Connection, *, shared: bool = False) -> None:
        self.connection = connection
        self._shared = shared
        self._blocks: dict[int, tuple[array[int], array[float]]] = {}

    def of(self, block: int, place: int) -> tuple[array[int], array[float]]:
        """Times and values of one series."""
        if not self._shared:
            return self._read(block, place, 1)
        if block not in self._blocks:
            self._blocks[block] = self._read(block, 0, BLOCK)
        times, matrix = self._blocks[block]
        return times[:], matrix[place::BLOCK]

    def _read(self, block: int, place: int, count: int) -> tuple[array[int], array[float]]:
        """Times, and the values of so many neighbours at each of them."""
        rows = self.connection.execute(
            "SELECT at, substr(numbers, ?, ?) FROM metric_log WHERE block = ? AND id > "
            "ifnull((SELECT compacted FROM metric_block WHERE block = ?), 0) ORDER BY id",
            (1 + 8 * place, 8 * count, block, block),
        ).fetchall()
        return array("q", [row[0] for row in rows]), array("d", b"".join([row[1] for row in rows]))


def _rolled(
    tails: _Tails, series: StoredSeries, level: int, start: int, end: int, wanted: Collection[str]
) -> tuple[Buckets, tuple[int, int]]:
    """Roll-ups, and from when to when something is known."""
    size, period = LEVELS[level]
    block, place = divmod(series.id, BLOCK)
    names = {*wanted, "last"} if series.counts else wanted  # the last number is what a counter grows from
    found = bucketed(array("q"), array("d"), size, counts=series.counts, wanted=names)
    for begin, packed in tails.connection.execute(
        "SELECT start, buckets FROM metric_period AS period JOIN metric_rolled AS rolled "
        "ON rolled.id = period.id * ? + ? WHERE level = ? AND block = ? AND start > ? AND start < ? ORDER BY start",
        (BLOCK, place, level, block, start - period, end),
    ):
        found = merged(found, unpack_buckets(packed, size, begin, names))
    times, values = tails.of(block, place)
    if times:
        times, values, _ = _within(times, values, 0, 1 << 62)
        before = found.columns["last"][-1] if series.counts and len(found) else None
        found = merged(found, bucketed(times, values, size, before=before, counts=series.counts, wanted=names))
    first = found.starts[0] if len(found) else 0
    last = times[-1] if times else found.starts[-1] + size if len(found) else 0
    return found, (first, last)
