"""Where a component is heading: constructed series with a known answer, and noise that has none."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.engine.making import START

from auscult import Trend
from auscult.engine.trend import BUCKETS, MIN_RESULTS, WINDOWS, TrendMemory, worst

QUARTER = WINDOWS["15m"]
MINUTE = QUARTER // BUCKETS
NOW = START // WINDOWS["6h"] * WINDOWS["6h"] + WINDOWS["6h"] - 1
"""The last millisecond of a bucket of every window, so that a series of N buckets fills exactly those."""


def judged(series, window="15m", per_bucket=10, failing=lambda bucket: 0.0):
    """The trend of a response time that is `series(bucket)` ms, bucket 0 the oldest of 15."""
    memory, width = TrendMemory(), WINDOWS[window] // BUCKETS
    first = NOW + 1 - WINDOWS[window]
    for bucket in range(BUCKETS):
        for i in range(per_bucket):
            at = first + bucket * width + i * width // per_bucket
            memory.add(at, series(bucket), failed=i < failing(bucket) * per_bucket)
    return memory.trends(NOW)[window]


def noisy(series, spread, seed=0):
    dice = random.Random(seed)
    return lambda bucket: series(bucket) * dice.uniform(1 - spread, 1 + spread)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (lambda b: 100.0, Trend.STABLE),
        (lambda b: 100.0 + 10 * b, Trend.WORSENING),
        (lambda b: 250.0 - 10 * b, Trend.IMPROVING),
        (lambda b: 100.0 + 0.3 * b, Trend.STABLE),  # 4 % over the window is within the band
        (lambda b: 100.0 if b < 7 else 200.0, Trend.WORSENING),
        (lambda b: 200.0 if b < 7 else 100.0, Trend.IMPROVING),
        (lambda b: 5000.0 if b == 3 else 100.0, Trend.STABLE),  # an outlier is no trend
        (lambda b: 5000.0 if b in (12, 13, 14) else 100.0, Trend.STABLE),  # three of fifteen are outliers too
        (lambda b: 100.0 + 50 * (b % 2), Trend.STABLE),  # up and down
        (lambda b: 100.0 * 1.2**b, Trend.WORSENING),
        (lambda b: 0.0, Trend.STABLE),
    ],
)
def test_a_series_of_response_times_has_its_trend(window, series, expected):
    """In every window."""
    assert judged(series, window) == expected


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.2])
@pytest.mark.parametrize(
    ("series", "expected"),
    [(lambda b: 100.0 + 20 * b, Trend.WORSENING), (lambda b: 400.0 - 20 * b, Trend.IMPROVING)],
)
def test_a_trend_shows_through_noise(series, expected, spread):
    """Four times as slow within the window is seen under noise of a fifth."""
    assert {judged(noisy(series, spread, seed)) for seed in range(20)} == {expected}


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3, 0.6])
def test_noise_alone_is_hardly_ever_a_trend(spread):
    """Of 200 steady series with noise of any size, few are called anything but stable."""
    found = [judged(noisy(lambda b: 100.0, spread, seed), per_bucket=5) for seed in range(200)]
    assert found.count(Trend.STABLE) >= 185


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (lambda b: 0.0, Trend.STABLE),
        (lambda b: 0.05 * b, Trend.WORSENING),
        (lambda b: 0.7 - 0.05 * b, Trend.IMPROVING),
        (lambda b: 1.0, Trend.STABLE),
        (lambda b: 0.5, Trend.STABLE),
        (lambda b: 1.0 if b == 7 else 0.0, Trend.STABLE),
        (lambda b: 0.0 if b < 7 else 1.0, Trend.WORSENING),
    ],
)
def test_a_share_of_successes_has_its_trend(failing, expected):
    """At response times that stay the same."""
    assert judged(lambda b: 100.0, failing=failing) == expected


def test_failing_more_and_faster_is_worsening():
    """A refused connection is quick: success is looked at first."""
    assert judged(lambda b: 300.0 - 20 * b, failing=lambda b: 0.06 * b) == Trend.WORSENING


def test_too_little_data_is_unknown():
    """Fewer than ten results, or all within a few moments."""
    memory = TrendMemory()
    assert set(memory.trends(NOW).values()) == {Trend.UNKNOWN}
    for i in range(MIN_RESULTS - 1):
        memory.add(NOW - QUARTER + 1 + i * MINUTE, 100.0, failed=False)
    assert memory.trends(NOW)["15m"] == Trend.UNKNOWN
    memory.add(NOW, 100.0, failed=False)
    assert memory.trends(NOW)["15m"] == Trend.STABLE
    burst = TrendMemory()
    for i in range(1000):
        burst.add(NOW - i, 100.0 + i, failed=False)
    assert set(burst.trends(NOW).values()) == {Trend.UNKNOWN}


def test_results_without_a_time_are_judged_by_success_alone():
    """A heartbeat is not timed."""
    memory = TrendMemory()
    for bucket in range(BUCKETS):
        for i in range(10):
            memory.add(NOW + 1 - QUARTER + bucket * MINUTE + i, None, failed=i * 2 < bucket)
    assert memory.trends(NOW)["15m"] == Trend.WORSENING


def test_a_window_forgets_what_is_older():
    """A rise that ended is over once the window has passed it."""
    memory = TrendMemory()
    for minute in range(60):
        for i in range(5):
            memory.add(NOW - WINDOWS["1h"] + minute * MINUTE + i, 100.0 + min(minute, 30) * 10, failed=False)
    trends = memory.trends(NOW - 1)
    assert trends["15m"] == Trend.STABLE
    assert trends["1h"] == Trend.WORSENING
    assert set(memory.trends(NOW + 2 * WINDOWS["6h"]).values()) == {Trend.UNKNOWN}


series = st.lists(st.tuples(st.integers(0, 3 * MINUTE), st.floats(0.001, 1e5), st.booleans()), max_size=60)


@given(series, st.sampled_from([2.0, 0.25, 1024.0]), st.integers(0, 20))
def test_a_trend_has_no_unit_and_no_date(rows, factor, windows):
    """Times in other units, or the same day another week, have the same trend."""
    one, other = TrendMemory(), TrendMemory()
    at, later = NOW - sum(gap for gap, _, _ in rows), windows * WINDOWS["6h"]
    for gap, ms, failed in rows:
        at += gap
        one.add(at, ms, failed=failed)
        other.add(at + later, ms * factor, failed=failed)
    assert one.trends(NOW) == other.trends(NOW + later)


@given(st.lists(st.tuples(st.integers(-(2**40), 2**50), st.none() | st.floats(0, 1e9), st.booleans()), max_size=60))
def test_clocks_that_jump_break_nothing(rows):
    """Times in any order give some answer."""
    memory = TrendMemory()
    for at, ms, failed in rows:
        memory.add(at, ms, failed=failed)
        assert set(memory.trends(at)) == set(WINDOWS)


@given(st.lists(st.sampled_from(Trend)))
def test_of_several_trends_the_worst_is_shown(trends):
    """Worsening before improving before stable before unknown."""
    order = [Trend.WORSENING, Trend.IMPROVING, Trend.STABLE, Trend.UNKNOWN]
    assert worst(trends) == min(trends, key=order.index, default=Trend.UNKNOWN)
    assert worst(trends) == worst(list(reversed(trends)))
