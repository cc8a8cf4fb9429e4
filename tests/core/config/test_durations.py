"""Durations as configuration writes them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("15s", 15),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1w", 604800),
        ("1.5h", 5400),
        ("30", 30),
        (0.5, 0.5),
    ],
)
def test_examples(text, seconds):
    """The usual spellings."""
    assert Duration(text) == seconds


@given(st.integers(0, 10**12))
def test_round_trip(milliseconds):
    """A duration's own text reads back as the same duration, to the millisecond."""
    duration = Duration(milliseconds / 1000)
    assert round(Duration(str(duration)) * 1000) == milliseconds


@given(st.text())
def test_any_text(text):
    """Any text is a duration or a ValueError, and never negative or endless."""
    with suppress(ValueError):
        assert 0 <= Duration(text) < float("inf")


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "-5s", "5 s", "1h 30m", "", "s", "9" * 400])
def test_refused(value):
    """Nothing negative, endless or half-understood."""
    with pytest.raises(ValueError, match="duration"):
        Duration(value)
