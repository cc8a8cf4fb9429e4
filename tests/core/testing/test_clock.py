"""`ManualClock` moves when it is told to, and only then."""

from __future__ import annotations

import pytest

from auscult.clock import iso_seconds
from auscult.testing import ManualClock


def test_it_stands_still():
    """Nothing but the test moves it."""
    clock = ManualClock()
    assert (clock.now_ms(), clock.monotonic()) == (clock.now_ms(), clock.monotonic())
    assert iso_seconds(clock.now_ms()) == "2024-01-15T10:30:00Z"


def test_time_passes_on_both_clocks():
    """Also in steps too small for the wall clock's milliseconds: they add up."""
    clock = ManualClock(start=5000)
    before = clock.monotonic()
    for _ in range(10):
        clock.advance(0.0004)
    assert clock.now_ms() == 5004
    assert clock.monotonic() - before == pytest.approx(0.004)


def test_only_the_wall_clock_jumps():
    """As a machine's does when NTP sets it."""
    clock = ManualClock(start=100_000)
    before = clock.monotonic()
    clock.jump(-60)
    assert clock.now_ms() == 40_000
    assert clock.monotonic() == before


def test_time_does_not_go_back():
    """A test that tries has a mistake in it."""
    with pytest.raises(ValueError, match="`jump` moves the wall clock"):
        ManualClock().advance(-1)
