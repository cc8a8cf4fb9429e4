"""How samples are written: a snapshot becomes one row for each block of series, a few microseconds each."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any

import msgspec

from auscult.families import Event, Family, Samples, SeriesKey, Snapshot
from auscult.store.metric_tables import BLOCK, STALE

__all__ = ["MetricLog"]

_COUNTERS = {
    "counter": ("", "_total"),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
"""By type the suffixes of samples that only grow."""
_EMPTY = array("d", [STALE]) * BLOCK
_REMEMBERED = 20
"""Snapshots after which a family that did not come any more is forgotten."""
_Run = tuple[int, int, int, int]
"""Block, place in the block, first row, how many rows."""


class MetricLog:
    """Numbers series and appends samples, on the writing connection. Call `forget` after a roll-back."""

    def __init__(self) -> None:
        self._runs: dict[str, list[tuple[Sequence[SeriesKey], list[_Run]]]] = {}
        self._seen: dict[str, int] = {}
        self._families: dict[str, Family] = {}
        self._words: dict[str, int] = {}
        self._round = 0
        self._present: set[int] = set()
        """The identities of the lists of series in the snapshot at hand, all of which are alive."""

    def forget(self) -> None:
        """Read numbers from the file again: those given out in a transaction that was rolled back are gone."""
        self._runs.clear()
        self._seen.clear()
        self._families.clear()
        self._words.clear()

    def unknown(self, snapshot: Snapshot) -> list[Samples]:
        """The parts whose series have to be looked up before `rows` can be asked."""
        self._present = {id(samples.series) for samples in snapshot}
        return [samples for samples in snapshot if self._known(samples) is None]

    def numbers(self, connection: sqlite3.Connection, family: Family, series: Sequence[SeriesKey]) -> list[int]:
        """The numbers of a few series, 0 for one that is not kept. New ones get theirs, in the caller's transaction."""
        if self._families.get(family.name) != family:
            connection.execute(
                "INSERT OR REPLACE INTO metric_family VALUES (?, ?, ?, ?)",
                (family.name, family.type, family.unit, family.help),
            )
            self._families[family.name] = family
        keys = [_key(family, each) for each in series]
        known = _known_numbers(connection, [key for key in keys if key is not None])
        fresh = {key: each for key, each in zip(keys, series, strict=True) if key is not None and key not in known}
        known.update(_insert(connection, family, fresh))
        return [0 if key is None else known[key] for key in keys]

    def learn(self, samples: Samples, numbers: Sequence[int]) -> None:
        """Remember the numbers of all series of a part, once they are committed."""
        name = samples.family.name
        kept = [entry for entry in self._runs.get(name, ()) if id(entry[0]) in self._present]
        self._runs[name] = [*kept, (samples.series, list(_runs(numbers)))]

    def rows(self, snapshot: Snapshot) -> list[tuple[int, int, bytes]]:
        """The rows of one snapshot of which nothing is unknown: block, time, numbers."""
        blocks: dict[int, array[float]] = {}
        for samples in snapshot:
            values = samples.values
            for block, place, row, count in self._known(samples) or ():
                numbers = blocks.get(block)
                if numbers is None:
                    numbers = blocks[block] = _EMPTY[:]
                numbers[place : place + count] = values[row : row + count]
            self._seen[samples.family.name] = self._round
        self._round += 1
        for name in [name for name, seen in self._seen.items() if self._round - seen > _REMEMBERED]:
            del self._seen[name]
            self._runs.pop(name, None)
        return [(block, snapshot.at, numbers.tobytes()) for block, numbers in sorted(blocks.items())]

    def _known(self, samples: Samples) -> list[_Run] | None:
        for known, runs in self._runs.get(samples.family.name, ()):
            if known is samples.series:  # the same ones as the last time, recognised without a look at each
                return runs
        return None

    def add_events(self, connection: sqlite3.Connection, events: Iterable[Event]) -> None:
        """Append events."""
        connection.executemany(
            "INSERT INTO metric_event (kind, at, labels, shape, numbers) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    self._word(connection, event.kind),
                    event.at,
                    self._word(connection, msgspec.json.encode(event.labels, order="sorted").decode()),
                    self._word(connection, msgspec.json.encode(list(event.numbers)).decode()),
                    array("d", event.numbers.values()).tobytes(),
                )
                for event in events
            ],
        )

    def _word(self, connection: sqlite3.Connection, text: str) -> int:
        number = self._words.get(text)
        if number is None:
            row = connection.execute("SELECT id FROM metric_word WHERE text = ?", (text,)).fetchone()
            number = (
                row[0] if row else connection.execute("INSERT INTO metric_word (text) VALUES (?)", (text,)).lastrowid
            )
            assert number is not None
            if len(self._words) >= 10_000:
                self._words.clear()
            self._words[text] = number
        return number


def _key(family: Family, series: SeriesKey) -> bytes | None:
    """What that series is found by; None for what is not kept."""
    if series.name[len(family.base) :] == "_created":
        return None
    return blake2b(series.prefix().encode(errors="surrogatepass"), digest_size=16).digest()


def _known_numbers(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, int]:
    marks = ",".join("?" * len(keys))
    return dict(connection.execute(f"SELECT key, id FROM metric_series WHERE key IN ({marks})", keys))  # noqa: S608


def _insert(connection: sqlite3.Connection, family: Family, fresh: Mapping[bytes, SeriesKey]) -> dict[bytes, int]:
    """Number new series, all with one statement: SQLite lets go of the interpreter once, and not for each of them."""
    if not fresh:
        return {}
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM metric_series").fetchone()
    growing, values = _COUNTERS.get(family.type, ()), list[Any]()
    for number, (key, series) in enumerate(fresh.items(), last + 1):
        labels = msgspec.json.encode(dict(series.labels)).decode()
        values += (number, key, family.name, series.name, labels, series.name[len(family.base) :] in growing)
    marks = ",".join(["(?, ?, ?, ?, ?, ?)"] * len(fresh))
    connection.execute(
        f"INSERT INTO metric_series (id, key, family, name, labels, counts) VALUES {marks}",  # noqa: S608
        values,
    )
    return dict(zip(fresh, range(last + 1, last + 1 + len(fresh)), strict=True))


def _runs(numbers: Sequence[int]) -> Iterator[_Run]:
    """Rows whose series are neighbours in one block, together."""
    kept = ((row, number) for row, number in enumerate(numbers) if number)
    for (_, block), group in groupby(kept, key=lambda each: (each[1] - each[0], each[1] // BLOCK)):
        rows = list(group)
        row, number = rows[0]
        yield block, number % BLOCK, row, len(rows)
