"""`Grid`: series that components have alike are what a `Table` of single ones would hold, to the byte."""

from __future__ import annotations

import math
from array import array
from itertools import accumulate

import pytest

from auscult import Family, SeriesKey, Snapshot
from auscult.metrics.grid import Grid
from auscult.metrics.rendering import render
from auscult.metrics.table import Table

BOUNDS = ("0.01", "0.5", "+Inf")
COLUMNS = (*(("took_bucket", (("le", bound),)) for bound in BOUNDS), ("took_count", ()), ("took_sum", ()))
HISTOGRAM = Family(name="took", type="histogram", help="How long.")
GAUGE = Family(name="up", type="gauge", help="Whether.", timestamps=True)


def documents(*held):
    """Both text formats, with times and without."""
    snapshot = Snapshot(0, [each.samples() for each in held])
    return [
        b"".join(render(each, openmetrics=openmetrics))
        for each in (snapshot, snapshot.without_stamps())
        for openmetrics in (False, True)
    ]


def put_single(table, component, values, at, now):
    """The same in a table of single series."""
    names = (
        [(name, (("component", component), *more)) for name, more in COLUMNS]
        if len(values) > 1
        else [("up", (("component", component),))]
    )
    for key, value in zip(names, values, strict=True):
        row = table.rows.get(key)
        if row is None:
            table.add(key, value, at, now)
        else:
            table.set(row, value, at, now)


@pytest.mark.parametrize("count", [1, 70, 500])
def test_documents_are_those_of_single_series(count):
    """Through rounds in which components come, change, stay and go, in every form of the text."""
    grids, tables = (Grid(GAUGE), Grid(HISTOGRAM, COLUMNS)), (Table(GAUGE), Table(HISTOGRAM))
    for now in range(5):
        for i in range(count + now):
            if now > 2 and i % 7 == now:
                continue
            component = f"c{i}"
            up = (1.0, 0.0, -0.0, math.nan, 2.5e6)[(i + now) % 5] if i % 2 else float(i)
            at = None if i % 11 == 0 else 1_700_000_000_000 + i * (now // 2)
            buckets = [float(n) for n in accumulate((i % 3, now, 1))]
            took = array("d", [*buckets, buckets[-1], i / 7])
            grids[0].set(component, up, at, now)
            grids[1].set_all(component, took, now)
            put_single(tables[0], component, [up], at, now)
            put_single(tables[1], component, took, None, now)
        for each in (*grids, *tables):
            each.expire(now)
        assert documents(*grids) == documents(*tables)
        assert documents(*grids) == documents(*tables), "nor does it matter that they were rendered before"
        for grid, table in zip(grids, tables, strict=True):
            assert list(map(repr, grid.samples())) == list(map(repr, table.samples()))


def test_series_are_a_sequence_that_stays():
    """Whatever is asked of a list can be asked of them, and later components do not change those handed out."""
    grid = Grid(HISTOGRAM, COLUMNS)
    grid.set_all("a", array("d", range(5)), 0)
    before = grid.samples().series
    assert grid.samples().series is before, "whoever knows them recognises them"
    grid.set_all("b", array("d", range(5)), 0)
    after = grid.samples().series
    assert (len(before), len(after)) == (5, 10)
    assert list(after) == [after[at] for at in range(10)] == after[:5] + after[5:] == [*before, *after[5:]]
    assert after[-1] == SeriesKey("took_sum", (("component", "b"),))
    with pytest.raises(IndexError):
        after[10]


def test_names_that_need_escapes_get_them():
    """As single series would have them; names from the configuration never need any."""
    grid = Grid(GAUGE)
    for name in ('say "x"', "back\\slash", "two\nlines"):
        grid.set(name, 1.0, None, 0)
    series = grid.samples().series
    assert series.prefixes(0, 3) == [each.prefix() for each in series]
