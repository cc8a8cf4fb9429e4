"""Whatever a probe gives back becomes a result that the rest may trust."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Origin, Reading, Status
from auscult.runtime.readings import MAX_MEASUREMENTS, MAX_MESSAGE, failure, settle, to_reading, to_result


@pytest.mark.parametrize(
    ("value", "status", "time_ms"),
    [
        (None, "healthy", None),
        (True, "healthy", None),
        (False, "unhealthy", None),
        (12, "healthy", 12.0),
        (0.5, "healthy", 0.5),
        ({"queue": 3}, "healthy", None),
        ({"status": "degraded", "message": "slow", "queue": 3, "response_time_ms": 7}, "degraded", 7.0),
        (Reading.unknown("?"), "unknown", None),
    ],
)
def test_functions_may_return_what_decision_11_lists(value, status, time_ms):
    """bool, number, dict, Reading, None."""
    reading = to_reading(value)
    assert (reading.status, reading.response_time_ms) == (status, time_ms)


def test_a_dict_gives_measurements():
    """Keys that are not part of a reading are measurements."""
    assert to_reading({"queue": 3, "measurements": {"age": 1}}).measurements == {"queue": 3, "age": 1}


@pytest.mark.parametrize("value", ["healthy", [1], object(), {"status": "excellent"}, {"queue": "many"}, b""])
def test_anything_else_is_a_type_error_in_words(value):
    """The sentence names what is expected."""
    with pytest.raises(TypeError, match=r"returns a Reading|is not a reading"):
        to_reading(value)


@given(
    st.dictionaries(st.text(max_size=120) | st.integers(), st.floats() | st.text() | st.booleans(), max_size=200),
    st.text(max_size=3000),
    st.none() | st.floats(),
)
def test_a_settled_reading_is_finite_bounded_and_clean(measurements, message, time_ms):
    """However wild the reading: few finite numbers, a short message without control characters."""
    settled, complaint = settle(Reading(Status.HEALTHY, message, measurements, {}, time_ms))
    assert len(settled.measurements) <= MAX_MEASUREMENTS
    assert all(math.isfinite(value) for value in settled.measurements.values())
    assert len(settled.message) <= MAX_MESSAGE
    assert not any(character < " " and character not in "\t\n" for character in settled.message)
    assert bool(complaint) == (
        len(settled.measurements) < len(measurements) or (time_ms is not None and settled.response_time_ms is None)
    )


def test_a_flood_is_cut_and_told():
    """A thousand measurements in one reading leave 64 and a complaint."""
    settled, complaint = settle(Reading.healthy(**{f"m{i}": i for i in range(1000)}))
    assert len(settled.measurements) == MAX_MEASUREMENTS
    assert complaint.startswith("936 ")


def test_secrets_and_url_passwords_never_get_into_a_message():
    """The message of a failed probe often quotes the address it was given."""
    settled, _ = settle(Reading.unhealthy("cannot reach redis://u:hunter2@h with key sk-canary"), ("sk-canary",))
    assert settled.message == "cannot reach redis://u:***@h with key ***"


def test_the_response_time_is_the_readings_own_else_the_duration():
    """And nothing where nothing was timed."""
    assert to_result("c", Reading(response_time_ms=3), at=1, duration=9).response_time_ms == 3
    assert to_result("c", Reading(), at=1, duration=0.5).response_time_ms == 500
    assert to_result("c", Reading(), at=1, origin=Origin.PUSH).response_time_ms is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (KeyError("x"), "KeyError: 'x'"),
        (OSError("connection refused by peer"), "connection refused by peer"),
        (ExceptionGroup("many", [ValueError("no such table: users")]), "ExceptionGroup: no such table: users"),
    ],
)
def test_an_exception_becomes_a_sentence(error, text):
    """Its message; its type where the message alone says too little."""
    assert failure(error) == text
