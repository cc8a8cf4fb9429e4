"""The window of recent results against a list that is recounted from scratch."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult.engine.window import MAX_AGE_MS, SIZE, Window

times = st.one_of(st.none(), st.floats(0, 1e6), st.sampled_from([0.0, 1.0, 2.0, 250.0]))
results = st.lists(
    st.tuples(st.integers(0, MAX_AGE_MS // 3) | st.integers(0, 1000), times, st.booleans()), max_size=3 * SIZE
)
PERCENTS = (0, 1, 50, 90, 95, 99, 99.9, 100)


def nearest_rank(values, percent):
    """The smallest value that at least `percent` of the values do not exceed."""
    ranked = sorted(values)
    return next((v for v in ranked if sum(w <= v for w in ranked) * 100 >= percent * len(ranked)), None)


def filled(steps, start=1_700_000_000_000):
    """A window after `steps` of (ms later, response time, failed), and what it should hold."""
    window, at, everything = Window(), start, []
    for later, ms, failed in steps:
        at += later
        window.add(at, ms, failed=failed)
        everything.append((at, ms, failed))
    return window, [row for row in everything if row[0] >= at - MAX_AGE_MS][-SIZE:]


@given(results)
def test_counts_and_rates_are_those_of_a_recount(steps):
    """At most 100 results, at most an hour old, whatever comes."""
    window, expected = filled(steps)
    failures = sum(failed for _, _, failed in expected)
    assert len(window) == len(expected)
    assert window.failures == failures
    if expected:
        assert window.success_rate() == pytest.approx((len(expected) - failures) / len(expected) * 100)
    else:
        assert window.success_rate() is None


@given(results)
def test_percentiles_are_those_of_a_recount(steps):
    """Nearest rank, over the results that were timed."""
    window, expected = filled(steps)
    timed = [ms for _, ms, _ in expected if ms is not None]
    for percent in PERCENTS:
        assert window.percentile(percent) == nearest_rank(timed, percent)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=SIZE), st.floats(0.01, 100))
def test_a_percentile_is_a_time_that_was_measured(values, percent):
    """Never an interpolated one, and never fewer than the rank says."""
    window = Window()
    for ms in values:
        window.add(0, ms, failed=False)
    found = window.percentile(percent)
    assert found in values
    assert sum(value <= found for value in values) >= ceil(percent / 100 * len(values))


@given(st.lists(st.tuples(st.integers(0, 10 * MAX_AGE_MS), times, st.booleans()), max_size=2 * SIZE))
def test_a_clock_that_jumps_leaves_the_counts_right(rows):
    """Times in any order: never more than 100 results, never one lost from the middle of the sums."""
    window, kept = Window(), []
    for at, ms, failed in rows:
        window.add(at, ms, failed=failed)
        while kept and kept[0][0] < at - MAX_AGE_MS:
            kept.pop(0)
        kept = [*kept, (at, ms, failed)][-SIZE:]
        assert len(window) == len(kept)
        assert window.failures == sum(failed for _, _, failed in kept)
    timed = [ms for _, ms, _ in kept if ms is not None]
    assert [window.percentile(percent) for percent in PERCENTS] == [nearest_rank(timed, p) for p in PERCENTS]


@given(results, st.integers(0, 2 * MAX_AGE_MS))
def test_dropping_what_is_old_is_a_filter(steps, age):
    """`drop_before` keeps what is not older."""
    window, expected = filled(steps)
    if not expected:
        return
    limit = expected[-1][0] - age
    window.drop_before(limit)
    kept = [row for row in expected if row[0] >= limit]
    assert len(window) == len(kept)
    assert window.percentile(50) == nearest_rank([ms for _, ms, _ in kept if ms is not None], 50)


def test_an_empty_window_has_no_rates():
    """None, and not a zero that looks measured."""
    window = Window()
    assert (len(window), window.success_rate(), window.percentile(50)) == (0, None, None)


def test_exactly_an_hour_old_is_still_in():
    """The edge belongs to the window."""
    window = Window()
    window.add(0, 1.0, failed=True)
    window.add(MAX_AGE_MS, 2.0, failed=False)
    assert len(window) == 2
    window.add(MAX_AGE_MS + 1, 3.0, failed=False)
    assert (len(window), window.failures) == (2, 0)
