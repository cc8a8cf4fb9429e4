"""All components in one verdict: decision 7 as a table, and totals kept up to date against totals made anew."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.engine.making import component

from auscult import ComponentHealth, Status, Trend
from auscult.engine.system import Tally, aggregate

H, D, U, X, M = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.UNKNOWN, Status.MAINTENANCE
LETTERS = {"h": H, "d": D, "u": U, "x": X, "m": M}


def health(name, status=H, **keys):
    return ComponentHealth(component_name=name, component_type="nothing", status=Status(status), **keys)


def views_of(letters):
    """One component a letter: ``h d u x m``, a capital for one that is critical."""
    return [
        health(f"c{i}", LETTERS[letter.lower()], critical=letter.isupper(), last_check=i)
        for i, letter in enumerate(letters)
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", X),  # nothing is monitored
        ("HHH", H),
        ("hhh", H),
        ("HHU", U),  # a critical one is enough
        ("HHHHHHHHHU", U),
        ("HHu", D),  # another one is not
        ("hhhu", D),
        ("hu", D),  # half of the weight is not more than half
        ("huu", U),
        ("Huu", U),
        ("HHD", D),
        ("HHd", D),
        ("ddd", D),
        ("HX", X),  # degraded > unknown > healthy
        ("Hx", X),
        ("DX", D),
        ("UX", U),
        ("hhux", D),
        ("XX", X),
        ("xx", X),
        ("uxx", D),
        ("m", X),  # all in maintenance: nothing is known
        ("Mh", H),
        ("Mhu", D),
        ("uumm", U),  # maintenance leaves the totals
    ],
)
def test_the_verdict(letters, expected):
    """Unhealthy with a critical component or with more than half of the weight, else degraded (decision 7)."""
    assert aggregate(views_of(letters), now=0).status == expected


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"h": 1.0, "u": 1.0}, D),
        ({"h": 1.0, "u": 1.1}, U),
        ({"h": 3.0, "u": 2.0}, D),
        ({"h": 0.3, "u": 0.2, "uu": 0.1}, D),  # half on paper, though 0.1 + 0.2 > 0.3 in floating point
        ({"h": 0.3, "u": 0.2, "uu": 0.11}, U),
        ({"h": 1.0, "d": 1.0, "u": 2.1}, U),
        ({"h": 0.0, "u": 0.0}, D),
        ({"h": 5.0, "u": 0.0}, D),
        ({"x": 1.0, "u": 3.0}, U),
        ({"h": 1e-9, "u": 3e-9}, U),
    ],
)
def test_more_than_half_of_the_weight_makes_it_unhealthy(weights, expected):
    """Whatever the weights are in, and with none of them critical."""
    views = [health(name, LETTERS[name[0]], weight=weight, critical=False) for name, weight in weights.items()]
    assert aggregate(views, now=0).status == expected


def test_percentage_counts_and_score_weighs():
    """`health_percentage` is healthy/total exactly; weights show in the score (decision 7)."""
    views = [health("a", H, weight=3.0), health("b", D, weight=1.0), health("c", U, weight=1.0), health("d", X)]
    system = aggregate(views, now=0)
    assert (system.healthy_components, system.total_components) == (1, 4)
    assert system.health_percentage == 25.0
    assert system.health_score == pytest.approx(3.5 / 6 * 100)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_percentage_is_exact(healthy, others):
    """29 of 100 are 29 %, not 28.999999999999996 %."""
    system = aggregate([health(str(i), H if i < healthy else D) for i in range(healthy + others)], now=0)
    total = healthy + others
    assert system.health_percentage == (float(Fraction(100 * healthy, total)) if total else 0.0)


def test_what_is_not_counted_is_listed_all_the_same():
    """`auscult` itself, by default (decision 8)."""
    system = aggregate([health("a"), health("auscult", U, counted=False, last_check=5)], now=0)
    assert (system.status, system.total_components, system.last_check) == (H, 1, None)
    assert set(system.components) == {"a", "auscult"}


def test_last_check_and_trend_are_those_of_the_components():
    """The latest time, and the worst trend."""
    views = [health("a", last_check=3, trend=Trend.STABLE), health("b", last_check=7, trend=Trend.WORSENING)]
    system = aggregate([*views, health("c")], now=0)
    assert (system.last_check, system.trend) == (7, Trend.WORSENING)
    assert aggregate([health("c")], now=0).last_check is None


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", "nothing is monitored yet"),
        ("HH", "all 2 components are healthy"),
        ("HU", "1 of 2 is unhealthy: c1"),
        ("UDX", "1 of 3 is unhealthy: c0; 1 of 3 is degraded: c1; 1 of 3 is unknown: c2"),
        ("UUUUUH", "5 of 6 are unhealthy: c0, c1, c2 and 2 more"),
        ("UMM", "1 of 1 is unhealthy: c0"),
        ("H", "the only component is healthy"),
    ],
)
def test_the_message_names_names(letters, expected):
    """A few of them, the others counted."""
    assert aggregate(views_of(letters), now=0).message == expected


def blamed(edges, unhealthy, of="a"):
    names = {"a", "b", "c", "d", "host"}
    views = [health(n, U if n in unhealthy else H, depends_on=tuple(edges.get(n, ""))) for n in sorted(names)]
    return aggregate(views, now=0).components[of].blamed_on


@pytest.mark.parametrize(
    ("edges", "unhealthy", "expected"),
    [
        ({"a": "b"}, "ab", ("b",)),
        ({"a": "b"}, "a", ()),
        ({"a": "b", "b": "c"}, "ac", ("c",)),  # through one that is healthy
        ({"a": "b", "b": "c"}, "abc", ("b", "c")),
        ({"a": "bc", "b": "d", "c": "d"}, "abcd", ("b", "c", "d")),
        ({"a": "b", "b": "a"}, "ab", ("b",)),  # a cycle: never itself
        ({"a": "a"}, "a", ()),
        ({"a": "bz"}, "ab", ("b",)),  # one that is not there
        ({"b": "a"}, "ab", ()),  # not the other way round
    ],
)
def test_what_it_depends_on_is_blamed(edges, unhealthy, expected):
    """Directly or through others."""
    assert blamed(edges, set(unhealthy)) == expected


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sets(st.sampled_from("abcd")).map(sorted)),
    st.sets(st.sampled_from("abcd")),
)
def test_blame_is_what_can_be_reached(edges, unhealthy):
    """In any graph, cycles included."""
    reached, before = set(edges.get("a", ())), set()
    while reached != before:
        before = reached
        reached = reached | {below for name in reached for below in edges.get(name, ())}
    assert blamed(edges, unhealthy) == tuple(sorted((reached & unhealthy) - {"a"}))


names = st.sampled_from("abcdef")
weights = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 1e-9, 7.5]) | st.floats(0, 1e6)
steps = st.one_of(
    st.tuples(names, st.sampled_from(Status), weights, st.booleans(), st.booleans()),
    st.tuples(names, st.none(), st.just(0.0), st.just(True), st.just(True)),
)


@given(st.lists(steps, max_size=60))
def test_totals_kept_up_to_date_are_those_made_anew(sequence):
    """After any sequence of changes, removals, new weights and new settings: equal to the last digit."""
    tally, current = Tally(), {}
    for name, status, weight, critical, counted in sequence:
        if status is None:
            tally.remove(name)
            current.pop(name, None)
            continue
        one = component(name, weight=weight, critical=critical, counted=counted)
        tally.put(one, status)
        current[name] = health(name, status, weight=weight, critical=critical, counted=counted)
    whole, kept = aggregate(current.values(), now=0), tally.summary()
    for field in ("status", "healthy_components", "total_components", "health_percentage", "health_score", "message"):
        assert getattr(kept, field) == getattr(whole, field), field


@given(st.lists(st.tuples(st.sampled_from(Status), st.integers(0, 9), st.booleans()), max_size=12))
def test_the_verdict_is_that_of_decision_7_in_fractions(rows):
    """Weights in tenths, summed up exactly."""
    views = [health(f"c{i}", s, weight=tenths / 10, critical=critical) for i, (s, tenths, critical) in enumerate(rows)]
    left = [row for row in rows if row[0] != M]
    total = sum(tenths for _, tenths, _ in left)
    down = sum(tenths for status, tenths, _ in left if status == U)
    found = {status for status, _, _ in left}
    if found <= {X}:
        expected = X
    elif any(status == U and critical for status, _, critical in left) or 2 * down > total:
        expected = U
    else:
        expected = D if found & {U, D} else X if X in found else H
    system = aggregate(views, now=0)
    assert system.status == expected
    won = sum({H: 2, D: 1}.get(status, 0) * tenths for status, tenths, _ in left)
    assert system.health_score == pytest.approx(won / total * 50 if total else 0.0)
