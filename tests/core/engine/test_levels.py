"""The six levels of a `HealthThreshold`: when each is breached, when it is good again, and the words for it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auscult import HealthThreshold
from auscult.engine.levels import breached, in_words

NONE = frozenset()
LOW = "success_rate_percent"
NAMES = tuple(name for name in HealthThreshold.__struct_fields__ if name != "recover")
levels = st.sampled_from(NAMES)
percents = st.floats(0.1, 100, allow_nan=False)


def worse(name, a, b):
    """Whether `a` is on the bad side of `b`."""
    return a < b if name == LOW else a > b


def threshold(name, level, recover=None):
    return HealthThreshold(**{name: level}, recover={} if recover is None else {name: recover})


@pytest.mark.parametrize(
    ("name", "level", "good", "bad", "sentence"),
    [
        ("response_time_ms", 250, 250, 250.5, "response time 250.5 ms is above 250 ms"),
        ("success_rate_percent", 95, 95, 94.9, "success rate 94.9 % is below 95 %"),
        ("error_rate_percent", 5, 5, 5.1, "error rate 5.1 % is above 5 %"),
        ("memory_usage_percent", 90, 90, 91, "memory usage 91 % is above 90 %"),
        ("cpu_usage_percent", 90, 90, 90.1, "CPU usage 90.1 % is above 90 %"),
        ("disk_usage_percent", 90, 90, 99, "disk usage 99 % is above 90 %"),
    ],
)
def test_each_level_turns_at_its_value(name, level, good, bad, sentence):
    """At the level is still good, beyond is not, and the sentence has both numbers."""
    limits = threshold(name, level)
    assert breached(limits, {name: good}, NONE) == NONE
    assert breached(limits, {name: bad}, NONE) == {name}
    assert in_words(limits, {name: bad}, frozenset({name})) == sentence


def test_there_are_six_levels_with_the_documented_defaults():
    """Decision 6; a seventh would have to be added to these tests."""
    assert {name: getattr(HealthThreshold(), name) for name in NAMES} == {
        "response_time_ms": 5000.0,
        "success_rate_percent": 95.0,
        "error_rate_percent": 5.0,
        "memory_usage_percent": 90.0,
        "cpu_usage_percent": 90.0,
        "disk_usage_percent": 90.0,
    }


@given(levels, percents, st.lists(percents, max_size=20))
def test_without_a_recovery_level_each_value_is_judged_by_itself(name, level, values):
    """What was before makes no difference."""
    limits, before = threshold(name, level), NONE
    for value in values:
        before = breached(limits, {name: value}, before)
        assert before == ({name} if worse(name, value, level) else NONE)


@given(levels, percents, percents, st.data())
def test_noise_inside_the_band_changes_nothing(name, level, recover, data):
    """Between the level and the recovery level, what is good stays good and what is bad stays bad."""
    assume(recover != level and not worse(name, recover, level))
    limits = threshold(name, level, recover)
    inside = st.floats(min(level, recover), max(level, recover)).filter(
        lambda value: not worse(name, value, level) and worse(name, value, recover)
    )
    noise = data.draw(st.lists(inside, max_size=20))
    for before in (NONE, frozenset({name})):
        now = before
        for value in noise:
            now = breached(limits, {name: value}, now)
            assert now == before


@given(levels, percents, percents, st.lists(percents, max_size=40))
def test_hysteresis_is_a_switch_with_two_edges(name, level, recover, values):
    """Bad beyond the level, good again at the recovery level, unchanged between."""
    assume(not worse(name, recover, level))
    limits, now, expected = threshold(name, level, recover), NONE, False
    for value in values:
        now = breached(limits, {name: value}, now)
        if worse(name, value, level):
            expected = True
        elif not worse(name, value, recover):
            expected = False
        assert (name in now) == expected


@given(st.dictionaries(levels, st.floats(0, 200)), st.frozensets(levels))
def test_levels_are_judged_apart_from_each_other(values, before):
    """All at once gives what each alone gives; what was not measured is not breached."""
    limits = HealthThreshold(recover={"cpu_usage_percent": 70, "success_rate_percent": 99})
    alone = frozenset().union(*(breached(limits, {name: value}, before) for name, value in values.items()))
    assert breached(limits, values, before) == alone <= set(values)


@given(st.dictionaries(levels, st.floats(0, 1e4)), st.frozensets(levels))
def test_there_are_words_for_everything_breached(values, before):
    """One clause for each, in the order of the threshold's fields."""
    limits = HealthThreshold(recover={"cpu_usage_percent": 70, "success_rate_percent": 99, "response_time_ms": 1000})
    names = breached(limits, values, before)
    words = in_words(limits, values, names)
    assert words.count(" is ") == len(names)
    starts = ["response time", "success rate", "error rate", "memory usage", "CPU usage", "disk usage"]
    places = [words.index(start) for start in starts if start in words]
    assert places == sorted(places)
    assert len(places) == len(names)


def test_the_words_say_when_only_the_recovery_level_is_missed():
    """Otherwise "210 ms is above 250 ms" would be a lie."""
    limits = threshold("response_time_ms", 250, 200)
    assert in_words(limits, {"response_time_ms": 210.0}, frozenset({"response_time_ms"})) == (
        "response time 210 ms is not yet below 200 ms"
    )
    limits = threshold(LOW, 95, 99)
    assert in_words(limits, {LOW: 97.0}, frozenset({LOW})) == "success rate 97 % is not yet above 99 %"


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"recover": {"response_time": 1}}, "`recover.response_time` is not a level; expected one of response_time_ms"),
        ({"response_time_ms": 250, "recover": {"response_time_ms": 251}}, "251 lies on the bad side of the level 250"),
        ({"recover": {"success_rate_percent": 90}}, "90 lies on the bad side of the level 95"),
        ({"response_time_ms": 0}, "> 0"),
        ({"success_rate_percent": 101}, "<= 100"),
        ({"cpu_usage_percent": -1}, ">= 0"),
        ({"latency": 3}, "unknown field `latency`"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(keys, sentence):
    """Where it is read, in one sentence."""
    with pytest.raises(msgspec.ValidationError, match=sentence):
        msgspec.convert(keys, HealthThreshold)
