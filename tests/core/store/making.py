"""Stores and results for the store's tests."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from auscult import CheckResult, Origin, Status
from auscult.store import Retention, Store
from auscult.store.rollups import roll_up
from auscult.testing import ManualClock

DAY = 86_400_000
NOW = 1_705_314_600_000
"""What `ManualClock` says first."""

FOREVER = Retention(raw=1e11, minutes=1e11, hours=1e11)
"""So that tests may use any times."""

names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=12)
numbers = st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False), max_size=5)
components = st.sampled_from(["redis", "stt_client", "host"])


def results(at=None, component=components):
    """Any results that the core makes, and some that it does not."""
    return st.builds(
        CheckResult,
        component=component,
        status=st.sampled_from(Status),
        at=st.integers(0, 2**53) if at is None else at,
        duration=st.floats(0, 1e6),
        response_time_ms=st.none() | st.floats(0, 1e9),
        message=st.text(max_size=40),
        measurements=numbers,
        stages=numbers,
        origin=st.sampled_from(Origin),
    )


@contextmanager
def opened(directory: Path | None = None, **options) -> Iterator[Store]:
    """A store in `directory`, or in one that is gone afterwards."""
    with tempfile.TemporaryDirectory() as fresh:
        store = Store.open(directory or Path(fresh), **({"clock": ManualClock(), "retention": FOREVER} | options))
        try:
            yield store
        finally:
            store.close()


@contextmanager
def written(rows, directory: Path | None = None, **options) -> Iterator[Store]:
    """As `opened`, with `rows` committed."""
    with opened(directory, **options) as store:
        for row in rows:
            store.append(row)
        store.flush()
        yield store


def rolled_up(store: Store) -> None:
    """Roll up everything that is committed, now."""
    while store.submit(_slice).result(10):
        pass


def _slice(connection: sqlite3.Connection) -> bool:
    """`roll_up` makes transactions of its own, so the one it is called in ends first."""
    connection.execute("COMMIT")
    more = roll_up(connection)
    connection.execute("BEGIN IMMEDIATE")
    return more
