"""Roll-ups as longer stretches and on a grid: what is done at once without gaps is the same as stretch by stretch."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auscult.metrics.buckets import Buckets, bucketed
from auscult.metrics.query import on_grid

SIZE = 60
FOLD = {"count": sum, "last": lambda part: part[-1], "sum": sum, "min": min, "max": max}


@st.composite
def rolled(draw):
    """Stretches of a minute, mostly without a gap."""
    first, count = draw(st.integers(-30, 60)), draw(st.integers(1, 60))
    left_out = draw(st.sets(st.integers(1, count), max_size=2)) if draw(st.booleans()) else set()
    places = [first + at for at in range(count) if at not in left_out]
    numbers = draw(st.lists(st.integers(-9, 9), min_size=len(places), max_size=len(places)))
    column = array("d", numbers)
    return Buckets(SIZE, array("q", [SIZE * place for place in places]), dict.fromkeys(FOLD, column))


@settings(max_examples=300, deadline=None)
@given(rolled(), st.integers(2, 9), st.integers(-5, 5))
def test_longer_stretches_hold_what_their_parts_hold(buckets, times, origin):
    """Each part is in the one stretch that it lies in, whatever the grid is counted from."""
    size, start = SIZE * times, SIZE * origin
    found = buckets.coarser(size, start)
    expected: dict[int, list[int]] = {}
    for at, begin in enumerate(buckets.starts):
        expected.setdefault((begin - start) // size * size + start, []).append(at)
    assert found.size == size
    assert found.starts.tolist() == list(expected)
    for name, fold in FOLD.items():
        column = buckets.columns[name]
        assert found.columns[name].tolist() == [fold([column[at] for at in places]) for places in expected.values()]


@settings(max_examples=300, deadline=None)
@given(rolled(), st.integers(-70, 70), st.integers(0, 90))
def test_a_grid_has_each_number_in_its_place(buckets, first, count):
    """Wherever it begins and ends; what lies outside is left out, and where nothing is known there is nothing."""
    times = [SIZE * (first + at) for at in range(count)]
    known = dict(zip(buckets.starts, buckets.columns["max"], strict=True))
    assert on_grid(buckets, times, SIZE, "max", counts=False) == [known.get(at) for at in times]


def test_nothing_stays_nothing():
    """No stretch has no gaps either."""
    empty = bucketed(array("q"), array("d"), SIZE)
    assert not empty.without_gaps
    assert len(empty.coarser(SIZE * 2)) == 0
    assert on_grid(empty, [0, SIZE], SIZE, "max", counts=False) == [None, None]


@pytest.mark.parametrize("gap", [False, True])
def test_which_have_gaps(gap):
    """One that is missing is enough."""
    starts = array("q", [0, 120 if gap else 60])
    assert Buckets(SIZE, starts, {}).without_gaps is not gap
