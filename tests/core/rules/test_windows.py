"""The recent past that conditions with windows look at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auscult.rules.windows import CAPACITY, FAILED, Windows


def test_only_what_is_recent_is_seen():
    """A value is part of a window until it is as old as the window is long."""
    windows = Windows({"x": 60.0})
    for at in range(0, 120_000, 10_000):
        windows.add({"x": at / 1000}.get, at)
    assert list(windows.window("x", 60)) == [60.0, 70.0, 80.0, 90.0, 100.0, 110.0]
    assert list(windows.window("x", 15)) == [100.0, 110.0]
    assert list(windows.window("y", 15)) == []


def test_what_is_no_usable_number_is_left_out():
    """Missing values, texts, infinity, nothing, and numbers beyond floats."""
    windows = Windows({"x": 60.0})
    for at, value in enumerate([1, None, "2", float("inf"), float("nan"), 10**400, [], True]):
        windows.add({"x": value}.get, at)
    assert list(windows.window("x", 60)) == [1.0, 1.0]


def test_failures_are_counted_by_run_or_by_status():
    """A result failed when it stands at the end of a run of failures; data without runs says it by its status."""
    windows = Windows({FAILED: 60.0})
    rows = [{"consecutive_failures": 1, "status": "healthy"}, {"consecutive_failures": 0, "status": "unhealthy"}]
    for at, data in enumerate([*rows, {"status": "unhealthy"}, {"status": "healthy"}, {}]):
        windows.add(data.get, at)
    assert list(windows.window(FAILED, 60)) == [1, 0, 1, 0, 0]


def test_memory_is_bounded():
    """However many results come within the time, only so many are kept."""
    windows = Windows({"x": 3600.0})
    for at in range(CAPACITY + 500):
        windows.add({"x": at}.get, at)
    values = windows.window("x", 3600)
    assert len(values) == CAPACITY
    assert values[-1] == CAPACITY + 499


def test_other_names_keep_what_is_known_of_the_same():
    """A reload that asks for more does not forget."""
    windows = Windows({"x": 60.0, "y": 60.0})
    windows.add({"x": 1, "y": 2}.get, 5)
    resized = windows.resized({"x": 120.0, "z": 60.0})
    assert list(resized.window("x", 60)) == [1.0]
    assert list(resized.window("y", 60)) == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-9, 9))))
def test_a_clock_that_jumps_leaves_the_window_in_order(rows):
    """Values of what is now the future are forgotten; the latest value is always seen."""
    windows = Windows({"x": 600.0})
    for at, value in rows:
        windows.add({"x": value}.get, at)
        values = list(windows.window("x", 600))
        assert values[-1] == value
        stamps = list(windows._series["x"][0])
        assert stamps == sorted(stamps)
