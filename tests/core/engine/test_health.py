"""What results make of a component: runs, levels, rates, flapping, silence, restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.engine.making import START, component, result
from tests.core.engine.naive import naive_health

from auscult import HealthThreshold, Reading, Status
from auscult.engine.health import begin, expire, restore, step, view

H, D, U, X = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.UNKNOWN
LETTERS = {"h": H, "d": D, "u": U, "x": X}

LEVELS = HealthThreshold(
    response_time_ms=250,
    success_rate_percent=80,
    error_rate_percent=30,
    recover={"response_time_ms": 200, "success_rate_percent": 90},
)
components = st.builds(
    component,
    failures=st.integers(1, 4),
    successes=st.integers(1, 4),
    threshold=st.sampled_from([HealthThreshold(), LEVELS]),
    interval=st.sampled_from([1.0, 30.0]),
)
readings = st.tuples(
    st.sampled_from("hhhhhduuux"),
    st.floats(0.1, 20),
    st.sampled_from([None, 1.0, 150.0, 210.0, 240.0, 260.0, 6000.0, float("nan"), -1.0]),
    st.sampled_from([{}, {}, {"memory_usage_percent": 50.0}, {"memory_usage_percent": 95.0}]),
)
histories = st.lists(readings, max_size=60)
"""Letters with seconds since the last, response times and measurements."""


def results_of(history):
    at, results = 0.0, []
    for number, (letter, later, ms, measurements) in enumerate(history):
        at += later
        results.append(result(LETTERS[letter], at, ms, f"result {number}", **measurements))
    return results


def fed(one, results):
    state = begin(one)
    changes = [change for r in results if (change := step(state, one, r))]
    return state, changes


def statuses(letters, **keys):
    """The status after each letter: ``h d u x`` for the status of a reading, a second apart."""
    one = component(**keys)
    state, shown = begin(one), ""
    for at, letter in enumerate(letters):
        step(state, one, result(LETTERS[letter], at))
        shown += next(key for key, value in LETTERS.items() if value == state.status)
    return shown


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("h", "h"),  # the first good result is believed at once
        ("u", "x"),  # the first bad one is looked at again
        ("uu", "xu"),
        ("huhuhu", "hhhhhh"),  # single failures are no news
        ("huuhuhh", "hhuuuuh"),  # one good result between does not make it good
        ("huuhh", "hhuuh"),
        ("huudd", "hhuud"),  # it works again, worse than it should
        ("huudhh", "hhuudh"),  # good again takes two good results, not a poor and a good one
        ("hddhh", "hhddh"),
        ("hdudhh", "hhdddh"),  # poor and failing in turn: degraded
        ("hdhdhd", "hhhhhh"),
        ("hxx", "hhx"),  # one that says nothing is waited out
        ("hxhxhx", "hhhhhh"),
        ("huxu", "hhhu"),  # it counts neither as success nor as failure
        ("hxxh", "hhxh"),
        ("huuxxh", "hhuuxh"),
        ("xxx", "xxx"),
    ],
)
def test_two_results_turn_a_status_either_way(letters, expected):
    """The default: 2 failures, 2 successes (decision 6)."""
    assert statuses(letters) == expected


@given(st.integers(1, 4), st.integers(1, 4))
def test_as_many_results_are_needed_as_the_component_says(failures, successes):
    """One less changes nothing; the last one does."""
    keys = {"failures": failures, "successes": successes}
    assert statuses("h" + "u" * failures, **keys) == "h" * failures + "u"
    assert statuses("h" + "u" * failures + "h" * successes, **keys)[failures:] == "u" * successes + "h"
    assert statuses("h" + "d" * failures, **keys) == "h" * failures + "d"
    assert statuses("h" + "d" * failures + "h" * successes, **keys)[failures:] == "d" * successes + "h"
    assert statuses("h" + "x" * failures, **keys) == "h" * failures + "x"


def test_the_host_turns_at_one_look():
    """Decision 6: failures and successes of 1."""
    assert statuses("huhuddhx", failures=1, successes=1) == "huhuddhx"


@given(components, histories)
def test_the_view_is_that_of_a_model_that_recounts_everything(one, history):
    """Status, since, runs, rates, percentiles, reasons, flap score: after every single result."""
    results, state = results_of(history), begin(one)
    for i, r in enumerate(results, 1):
        step(state, one, r)
        seen, expected = view(state, one, r.at), naive_health(one, results[:i])
        assert {name: getattr(seen, name) for name in expected} == expected


@given(components, histories)
def test_changes_tell_the_whole_story(one, history):
    """Each begins where the last ended, none says nothing, and the last is what is shown."""
    state, changes = fed(one, results_of(history))
    before = X
    for change in changes:
        assert change.old == before != change.new
        before = change.new
    assert state.status == before
    assert state.since == (changes[-1].at if changes else None)


@given(components, histories)
def test_a_status_has_words(one, history):
    """Whoever is not healthy has a message that says why, and it is never an exception."""
    state = begin(one)
    for r in results_of(history):
        step(state, one, r)
        if state.status in (D, U):
            assert state.message
        for name in view(state, one, r.at).reasons if r.status in (H, D) else ():
            assert {"response_time_ms": "response time", "memory_usage_percent": "memory usage"}.get(
                name, "rate"
            ) in state.message or state.status == U


@given(components, histories, st.integers(0, 60))
def test_a_restart_changes_nothing(one, history, stopped):
    """Restored from all results, the view is the one of a monitor that never stopped, then and later."""
    results = results_of(history)
    before, after = results[:stopped], results[stopped:]
    whole, _ = fed(one, before)
    restored = begin(one)
    restore(restored, one, before, (str(whole.status), whole.since) if whole.since is not None else None)
    now = before[-1].at if before else START
    assert view(restored, one, now) == view(whole, one, now)
    for r in after:
        assert step(restored, one, r) == step(whole, one, r)
        assert view(restored, one, r.at) == view(whole, one, r.at)


plain = HealthThreshold(response_time_ms=250, success_rate_percent=0, error_rate_percent=100)
no_memory = st.builds(component, failures=st.integers(1, 4), successes=st.integers(1, 4), threshold=st.just(plain))


@given(no_memory, histories, st.integers(1, 60), st.integers(1, 5))
def test_a_restart_with_little_left_keeps_status_and_since(one, history, stopped, kept):
    """Too few results to make the status again: it is the stored one all the same.

    Rates and recovery levels are left out: they judge by results that are gone.
    """
    before = results_of(history)[:stopped]
    whole, _ = fed(one, before)
    if whole.since is None:
        return
    restored = begin(one)
    restore(restored, one, before[-kept:], (str(whole.status), whole.since))
    assert (restored.status, restored.since) == (whole.status, whole.since)


@given(components, histories, st.integers(0, 60), st.integers(0, 60))
def test_a_restart_after_a_crash_goes_on_from_an_older_state(one, history, noted, stopped):
    """The results are on disk, the latest state is not yet: the results win."""
    results = results_of(history)
    before, known = results[:stopped], results[: min(noted, stopped)]
    older, _ = fed(one, known)
    whole, _ = fed(one, before)
    restored = begin(one)
    restore(restored, one, before, (str(older.status), older.since) if older.since is not None else None)
    assert restored.status == whole.status
    assert restored.since == whole.since


@given(components, st.lists(readings, min_size=1, max_size=5), st.floats(0, 300))
def test_no_result_for_longer_than_the_age_limit_is_unknown_and_stale(one, history, silence):
    """Three intervals and a timeout, and not a moment before."""
    results = results_of(history)
    state, _ = fed(one, results)
    before, now = state.status, results[-1].at + round(silence * 1000)
    change = expire(state, one, now)
    late = now - results[-1].at > one.age_limit * 1000
    assert state.stale == late == view(state, one, now).stale
    assert state.status == (X if late else before)
    assert (change is not None) == (late and before != X)
    if late:
        assert state.message.startswith("no data for ")
        assert expire(state, one, now + 1000) is None, "said once"


def test_silence_begins_with_the_first_result():
    """A component that never had one is unknown, not stale: nothing has stopped."""
    one = component()
    state = begin(one)
    assert expire(state, one, START * 2) is None
    assert (state.status, state.stale) == (X, False)


@pytest.mark.parametrize(("letters", "expected"), [("h", "h"), ("uu", "xu"), ("dd", "xd"), ("u", "x")])
def test_after_silence_results_count_from_the_start(letters, expected):
    """What was before the gap is no longer evidence."""
    one = component()
    state, _ = fed(one, [result(U, 0), result(U, 1)])
    expire(state, one, START + 10_000_000)
    shown = ""
    for i, letter in enumerate(letters):
        step(state, one, result(LETTERS[letter], 10_000 + i))
        assert not state.stale
        shown += next(key for key, value in LETTERS.items() if value == state.status)
    assert shown == expected


def test_slow_is_degraded_with_both_numbers():
    """The seed's levels: a breached one makes it degraded, and the message says by how much."""
    one = component(threshold=LEVELS)
    state, _ = fed(one, [result(H, i, 312.0) for i in range(2)])
    shown = view(state, one, START)
    assert (shown.status, shown.reasons) == (D, ("response_time_ms",))
    assert shown.message == "response time 312 ms is above 250 ms"


def test_a_slow_result_and_then_a_refused_connection():
    """The failure's own short time says nothing about the level that the slow result breached."""
    one = component()
    state, _ = fed(one, [result(H, 0, 6000.0), result(U, 1, 3.0, "refused"), result(U, 2, 3.0, "refused")])
    assert (state.status, state.message) == (U, "refused")


def test_turning_back_and_forth_around_a_level_is_one_change():
    """Hysteresis: bad above 250 ms, good again only from 200 ms on."""
    one = component(threshold=LEVELS)
    _, changes = fed(one, [result(H, i, ms) for i, ms in enumerate([100, 260, 260] + [240, 255] * 20 + [190] * 2)])
    assert [change.new for change in changes] == [H, D, H]


def test_rates_are_judged_from_ten_results_on():
    """One failure of nine proves nothing, two of ten do."""
    one = component()
    results = [result(U if i in (0, 4) else H, i) for i in range(10)]
    state, changes = fed(one, results[:9])
    assert (state.status, [change.new for change in changes]) == (H, [H])
    step(state, one, results[9])
    shown = view(state, one, START)
    assert (shown.status, shown.success_rate, shown.error_rate) == (D, 80.0, 20.0)
    assert shown.reasons == ("error_rate_percent", "success_rate_percent")
    assert shown.message == "success rate 80 % is below 95 %; error rate 20 % is above 5 %"


def test_exactly_the_level_is_good():
    """29 good of 100 is 29 %, also in floating point."""
    one = component(threshold=HealthThreshold(success_rate_percent=29, error_rate_percent=71), failures=200)
    state, _ = fed(one, [result(H if i < 29 else U, i) for i in range(100)])
    shown = view(state, one, START)
    assert (shown.success_rate, shown.error_rate, shown.reasons) == (29.0, 71.0, ())


@pytest.mark.parametrize("name", ["memory_usage_percent", "cpu_usage_percent", "disk_usage_percent"])
def test_measurements_feed_the_resource_levels(name):
    """By their names (decision 9)."""
    one = component(failures=1)
    state, _ = fed(one, [result(H, 0, **{name: 95.0})])
    assert (state.status, view(state, one, START).reasons) == (D, (name,))


def test_flapping_begins_and_ends_at_different_scores():
    """Six changes among twenty begin it, fewer than four end it."""
    one = component(failures=100)
    state, _ = fed(one, [result(H, i) for i in range(21)])
    scores, flapping = [], []
    for i, letter in enumerate("uhuhuh" + "h" * 20):
        step(state, one, result(LETTERS[letter], 100 + i))
        scores.append(state.status and view(state, one, START).flap_score)
        flapping.append(state.flapping)
    assert scores[:6] == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    assert flapping.index(True) == 5
    ended = flapping.index(False, 5)
    assert scores[ended] == pytest.approx(0.15)
    assert scores[-1] == 0.0


@given(components, histories)
def test_a_view_is_made_once_per_revision(one, history):
    """Asking twice costs nothing; asking without trends first does not hide them later."""
    state, _ = fed(one, results_of(history))
    bare = view(state, one, START, trends=False)
    full = view(state, one, START)
    assert view(state, one, START) is full or not full.trends
    assert view(state, one, START, trends=False) is full or not full.trends
    differing = {name for name in bare.__struct_fields__ if repr(getattr(bare, name)) != repr(getattr(full, name))}
    assert differing <= {"trend", "trends"}


@given(components, histories)
def test_a_change_that_waits_is_confirmed_faster(one, history):
    """`confirming` exactly while the latest result speaks for another status than the settled one."""
    state = begin(one)
    for r in results_of(history):
        step(state, one, r)
        if r.status == U:
            assert state.confirming == (state.status != U)
        elif r.status == X:
            assert state.confirming == (state._settled != X)
        elif state.status == U:
            assert state.confirming


def test_a_reading_is_healthy_unless_it_says_otherwise():
    """`Reading()` is the shortest good news."""
    assert Reading().status == H
