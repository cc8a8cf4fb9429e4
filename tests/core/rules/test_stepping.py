"""The engine of rules: when a condition begins and ceases to count."""

from __future__ import annotations

import pytest

from auscult.model import AlertSeverity, ComponentHealth, Status, SystemHealth
from auscult.rules.data import RuleData, SystemData
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule
from auscult.rules.stepping import RuleEngine, RuleState

S = 1000


def rule(condition="x > 1", name="r", **options):
    """A rule over plain data."""
    return AlertRule(name, condition, AlertSeverity.HIGH, "{component} {x}", **options)


def said(verdicts):
    """The begins and ends, shortened."""
    return [(each.rule, "begin" if each.firing else "end", each.at // S) for each in verdicts]


def run(engine, values, component="redis", every=10):
    """Step through values of x, one each `every` seconds, sweeping before each; times are counted in steps."""
    found = []
    for at, value in enumerate(values):
        found += engine.sweep(at * every * S)
        found += engine.step(component, {"component": component, "x": value}, at * every * S)
    return [(name, what, at // every) for name, what, at in said(found)]


def test_it_begins_when_the_condition_holds_and_ends_when_it_does_not():
    """One begin and one end for each episode, whatever comes between."""
    assert run(RuleEngine([rule()]), [0, 2, 3, 2, 0, 0, 5, None]) == [
        ("r", "begin", 1),
        ("r", "end", 4),
        ("r", "begin", 6),
        ("r", "end", 7),
    ]


def test_a_verdict_tells_what_was_seen():
    """Message, values, labels of component and rule, at the end those of the begin."""
    engine = RuleEngine([rule("x > 1 and team == 'voice'", labels={"tier": "1"}, runbook="https://wiki.example/r")])
    data = {"component": "redis", "component_type": "redis", "labels": {"team": "voice"}, "team": "voice", "x": 2.5}
    (begin,) = engine.step("redis", data, 7 * S)
    assert begin.message == "redis 2.5"
    assert begin.values == {"team": "voice", "x": 2.5}
    assert begin.labels == {"team": "voice", "tier": "1"}
    assert (begin.component_type, begin.severity, begin.runbook) == ("redis", "high", "https://wiki.example/r")
    (end,) = engine.step("redis", {**data, "x": 0}, 9 * S)
    assert (end.firing, end.labels, end.reason) == (False, begin.labels, "recovered")


def test_components_are_judged_apart():
    """Each has instances of its own."""
    engine = RuleEngine([rule()])
    assert said(engine.step("a", {"x": 2}, 0)) == [("r", "begin", 0)]
    assert said(engine.step("b", {"x": 2}, S)) == [("r", "begin", 1)]
    assert said(engine.step("a", {"x": 0}, 2 * S)) == [("r", "end", 2)]
    assert engine.is_firing("r", "b")
    assert not engine.is_firing("r", "a")


def test_for_waits_and_begins_anew_after_a_break():
    """The condition has to hold all the time."""
    assert run(RuleEngine([rule(for_=30.0)]), [2, 2, 0, 2, 2, 2, 2]) == [("r", "begin", 6)]


def test_for_is_over_between_two_results():
    """Time alone is enough: the sweep says so, with what was last seen."""
    engine = RuleEngine([rule(for_=30.0)])
    assert engine.step("redis", {"component": "redis", "x": 2}, 0) == []
    assert engine.next_due() == 30 * S
    assert engine.sweep(29_999) == []
    (begin,) = engine.sweep(30 * S)
    assert (begin.message, begin.values) == ("redis 2", {"x": 2.0})
    assert engine.next_due() is None


def test_many_results_while_it_waits_leave_one_timer():
    """Memory does not grow with results."""
    engine = RuleEngine([rule(for_=3600.0, absent=7200.0)])
    for at in range(1000):
        engine.step("redis", {"x": 2}, at)
    assert len(engine._timers) <= 2


def test_keep_firing_bridges_gaps():
    """It ends when the condition has not held for so long, and begins no second time before."""
    assert run(RuleEngine([rule(keep_firing=25.0)]), [2, 0, 0, 2, 0, 0, 0, 0]) == [("r", "begin", 0), ("r", "end", 7)]
    engine = RuleEngine([rule(keep_firing=25.0)])
    engine.step("a", {"x": 2}, 0)
    engine.step("a", {"x": 0}, 10 * S)
    assert engine.next_due() == 35 * S
    assert said(engine.sweep(35 * S)) == [("r", "end", 35)]


def test_it_goes_on_between_the_levels():
    """It is entered above 5 and left below 3; what lies between changes nothing."""
    assert run(RuleEngine([rule("x > 5", clear="x < 3")]), [4, 6, 4, 5, 4, 2, 4, 6]) == [
        ("r", "begin", 1),
        ("r", "end", 5),
        ("r", "begin", 7),
    ]


def test_missing_data_does_not_leave_the_level():
    """Only the second condition ends it."""
    assert run(RuleEngine([rule("x > 5", clear="x < 3")]), [6, None, None, 2]) == [("r", "begin", 0), ("r", "end", 3)]


def test_back_between_the_levels_takes_the_leaving_back():
    """With `keep_firing` as well, leaving has to last."""
    engine = RuleEngine([rule("x > 5", clear="x < 3", keep_firing=25.0)])
    assert run(engine, [6, 2, 4, 4, 4, 4, 2, 2, 2, 2]) == [("r", "begin", 0), ("r", "end", 9)]


def test_a_component_without_results_is_absent():
    """From the last result on, or from when it began to be watched; a result ends it."""
    engine = RuleEngine([AlertRule("gone", "", absent=60.0, labels={"a": "b"})])
    engine.watch("never", {"labels": {"team": "voice"}}, 0)
    engine.step("redis", {"x": 1}, 20 * S)
    engine.step("redis", {"x": 1}, 50 * S)
    (never,) = engine.sweep(60 * S)
    assert (never.component, never.reason, never.labels) == ("never", "absent", {"team": "voice", "a": "b"})
    assert never.message == "no data from never for 60 s"
    assert engine.sweep(109 * S) == []
    assert said(engine.sweep(110 * S)) == [("gone", "begin", 110)]
    assert engine.step("redis", {"status": "unknown"}, 111 * S, fresh=False) == []
    assert said(engine.step("redis", {"x": 1}, 115 * S)) == [("gone", "end", 115)]
    assert said(engine.sweep(175 * S)) == [("gone", "begin", 175)]


def test_absence_may_have_its_own_words():
    """The template sees for how long."""
    engine = RuleEngine([AlertRule("gone", "", message_template="{component}: silent for {absent:.0f} s", absent=60.0)])
    engine.watch("redis", {}, 0)
    assert engine.sweep(70 * S)[0].message == "redis: silent for 70 s"


def test_absence_is_noticed_while_the_condition_waits():
    """One rule may have both; the earlier one begins it."""
    engine = RuleEngine([rule(for_=600.0, absent=60.0)])
    engine.step("redis", {"x": 2}, 0)
    assert [(each.reason, each.at) for each in engine.sweep(60 * S)] == [("absent", 60 * S)]


@pytest.mark.parametrize(
    ("options", "component", "expected"),
    [
        ({}, "redis", True),
        ({}, "auscult", False),
        ({"components": ("*",)}, "auscult", True),
        ({"components": ("red*", "db")}, "redis", True),
        ({"components": ("db",)}, "redis", False),
        ({"component_types": ("cache",)}, "redis", True),
        ({"component_types": ("data*",)}, "redis", False),
        ({"match": {"team": "v*"}}, "redis", True),
        ({"match": {"team": "voice", "tier": "1"}}, "redis", False),
        ({"scope": "system"}, "redis", False),
    ],
)
def test_which_components_a_rule_looks_at(options, component, expected):
    """Names, types, labels; the monitor itself only when it is named."""
    engine = RuleEngine([rule(**options)])
    data = {"component_type": "cache", "labels": {"team": "voice"}, "x": 2}
    assert bool(engine.step(component, data, 0)) is expected


def test_labels_that_change_change_who_looks():
    """After `refresh`; what fires under a rule that looks no longer ends."""
    engine = RuleEngine([rule(match={"team": "voice"})])
    assert engine.step("redis", {"labels": {"team": "voice"}, "x": 2}, 0)
    engine.refresh("redis")
    (end,) = engine.step("redis", {"labels": {"team": "data"}, "x": 2}, S)
    assert (end.firing, end.labels, end.reason) == (False, {"team": "voice"}, "rule removed")


def test_the_whole_system():
    """A rule with that scope looks at all components together and at none alone."""
    engine = RuleEngine(default_rules())
    data = SystemData(lambda: SystemHealth(status=Status.DEGRADED, message="1 of 2 is degraded: redis"))
    (begin,) = engine.step_system(data, 0)
    assert (begin.rule, begin.component) == ("system_degraded", "")
    assert begin.message == "The system is degraded: 1 of 2 is degraded: redis"
    worse = SystemData(lambda: SystemHealth(status=Status.UNHEALTHY, message="x"))
    assert said(engine.step_system(worse, S)) == [("system_unhealthy", "begin", 1), ("system_degraded", "end", 1)]


def health(**fields):
    """Data of one component as the monitor gives it."""
    view = ComponentHealth(component_name="redis", component_type="redis", **fields)
    return RuleData(lambda: view)


def test_the_default_rules_of_the_seed_document():
    """Their levels, severities and cooldowns."""
    engine = RuleEngine(default_rules())
    bad = health(
        status=Status.UNHEALTHY,
        message="Connection timeout",
        response_time_ms=5001.0,
        success_rate=79.0,
        window_results=10,
        labels={"a": "b"},
    )
    found = engine.step("redis", bad, 0)
    assert [(each.rule, each.severity.value, each.message) for each in found] == [
        ("component_unhealthy", "high", "Component redis is unhealthy: Connection timeout"),
        ("component_high_latency", "medium", "Component redis is slow: 5001 ms"),
        ("component_low_success_rate", "medium", "Component redis has a success rate of 79.0 %"),
    ]
    assert all(each.labels == {"a": "b"} for each in found)
    good = health(status=Status.HEALTHY, response_time_ms=5000.0, success_rate=80.0, window_results=10)
    assert [each.firing for each in engine.step("redis", good, 1)] == [False] * 3
    assert said(engine.step("auscult", bad, 2)) == [("monitor_unhealthy", "begin", 0)]
    cooldowns = {each.name: (each.severity.value, each.cooldown_minutes) for each in default_rules()}
    assert cooldowns == {
        "system_unhealthy": ("critical", 5),
        "system_degraded": ("high", 10),
        "component_unhealthy": ("high", 5),
        "component_high_latency": ("medium", 15),
        "component_low_success_rate": ("medium", 10),
        "monitor_unhealthy": ("high", 5),
    }


# Functions


def test_the_rule_of_the_seed_document():
    """A lambda over the data, with a message that shows what it looked at."""
    custom = AlertRule(
        name="high_memory_usage",
        condition=lambda data: data.get("memory_usage", 0) > 90,
        severity=AlertSeverity.HIGH,
        message_template="High memory usage detected: {memory_usage}%",
        cooldown_minutes=15,
        max_alerts_per_hour=4,
    )
    engine = RuleEngine([custom])
    assert engine.step("redis", health(), 0) == []
    (begin,) = engine.step("redis", health(measurements={"memory_usage_percent": 91.5}), 1)
    assert (begin.message, begin.values) == ("High memory usage detected: 91.5%", {"memory_usage": 91.5})


class Escape(BaseException):
    """What no `except Exception` catches."""


async def asks_later(data):
    return True


@pytest.mark.parametrize("raised", [ValueError("no"), KeyError("x"), Escape(), SystemExit(1), RecursionError()])
def test_a_function_that_raises_changes_nothing_and_is_told_once(raised):
    """What fired goes on, what did not does not begin; the failure is counted each time and told once."""
    answers = [True]
    told = []

    def condition(data):
        if answers:
            return answers.pop()
        raise raised

    engine = RuleEngine([rule(condition)], complain=lambda name, message: told.append((name, message)))
    assert said(engine.step("redis", {}, 0)) == [("r", "begin", 0)]
    for at in range(1, 4):
        assert engine.step("redis", {}, at * S) == []
        assert engine.step("other", {}, at * S) == []
    assert engine.is_firing("r", "redis")
    assert len(told) == 1
    assert type(raised).__name__ in told[0][1]
    assert engine.troubles == {"r": 6}


@pytest.mark.parametrize("answer", [None, 1, 0, "yes", [], asks_later])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_function_that_gives_no_truth_value_changes_nothing(answer):
    """Also one that was meant to be awaited."""
    told = []
    condition = answer if answer is asks_later else lambda data: answer
    engine = RuleEngine([rule(condition)], complain=lambda name, message: told.append(message))
    assert engine.step("redis", {}, 0) == []
    assert "gives True or False" in told[0]


def test_a_slow_function_is_asked_less_often():
    """It takes at most a hundredth of the time, and what held before goes on meanwhile."""
    clock = [0.0]
    told, asked = [], []

    def condition(data):
        asked.append(data["now"])
        clock[0] += 0.5
        return True

    engine = RuleEngine([rule(condition)], complain=lambda name, message: told.append(message), timer=lambda: clock[0])
    for at in range(0, 120, 10):
        engine.step("redis", {"now": at}, at * S)
    assert asked == [0, 50, 100]
    assert engine.is_firing("r", "redis")
    assert told == ["its condition took 0.5 s; it is asked again after 50 s"]


def test_one_bad_rule_harms_no_other():
    """The others are stepped all the same."""

    def bad(data):
        raise Escape

    engine = RuleEngine([rule(bad, "bad"), rule("x > team", "worse"), rule()])
    assert said(engine.step("redis", {"x": 2, "team": "voice"}, 0)) == [("r", "begin", 0)]
    assert engine.troubles == {"bad": 1, "worse": 1}


# Windows


def test_windows_are_kept_for_whoever_asks():
    """An average over what came within the time, of this component alone."""
    engine = RuleEngine([rule("avg(x, '30s') > 5 and count(x, '30s') >= 3")])
    assert run(engine, [9, 9, 9, 0, 0, 0]) == [("r", "begin", 2), ("r", "end", 4)]
    assert engine.step("other", {"x": 9}, 0) == []


def test_windows_of_the_monitors_own_data():
    """Failures are those of results; the window survives other rules coming and going."""
    engine = RuleEngine([rule("rate_of_failures('5m') >= 50")])
    for at in range(4):
        assert engine.step("redis", health(consecutive_failures=0), at * S) == []
    engine.replace([rule("rate_of_failures('5m') >= 50"), rule("p95(response_time_ms, '1m') > 1", "other")])
    for at in range(4, 7):
        assert engine.step("redis", health(consecutive_failures=at), at * S) == []
    assert said(engine.step("redis", health(consecutive_failures=8), 7 * S)) == [("r", "begin", 7)]


# Changes of rules, and restarts


def test_a_rule_that_is_gone_ends_what_it_raised():
    """And so does a component."""
    engine = RuleEngine([rule(), rule(name="other")])
    engine.step("redis", {"x": 2}, 0)
    engine.step("db", {"x": 2}, 0)
    assert [(each.rule, each.component, each.reason) for each in engine.remove("r", S)] == [
        ("r", "redis", "rule removed"),
        ("r", "db", "rule removed"),
    ]
    assert [(each.rule, each.reason, each.at) for each in engine.forget("redis", S)] == [
        ("other", "component removed", S)
    ]
    assert engine.forget("redis") == []
    assert said(engine.step("redis", {"x": 2}, S)) == [("other", "begin", 1)]


def test_a_rule_that_is_changed_goes_on():
    """It tells its new severity and words with the next result, and ends as the new rule says."""
    engine = RuleEngine([rule()])
    engine.step("redis", {"x": 3}, 0)
    assert engine.replace([AlertRule("r", "x > 2", AlertSeverity.LOW, "now {x}", labels={"new": "label"})], S) == []
    (again,) = engine.step("redis", {"x": 3}, 2 * S)
    assert (again.firing, again.reason, again.severity, again.message) == (True, "updated", "low", "now 3")
    assert again.labels == {}, "the same alert goes on, and labels are part of what it is"
    assert engine.step("redis", {"x": 3}, 3 * S) == []
    assert said(engine.step("redis", {"x": 2}, 4 * S)) == [("r", "end", 4)]


def test_rules_that_stay_the_same_lose_nothing():
    """A reload keeps what waits; a changed condition waits anew."""
    engine = RuleEngine([rule(for_=30.0), rule("x > 0", "other", for_=30.0)])
    engine.step("redis", {"x": 2}, 0)
    engine.replace([rule(for_=30.0), rule("x > 1", "other", for_=30.0)], 10 * S)
    engine.step("redis", {"x": 2}, 20 * S)
    assert said(engine.step("redis", {"x": 2}, 30 * S)) == [("r", "begin", 30)]
    assert said(engine.sweep(50 * S)) == [("other", "begin", 50)]


def test_a_bad_rule_changes_nothing():
    """It is refused, and the others go on."""
    engine = RuleEngine([rule()])
    with pytest.raises(ValueError, match="there is no function"):
        engine.add(rule("bananas(x) > 1", "bad"))
    with pytest.raises(ValueError, match="a single"):
        engine.add(AlertRule("bad", "x > 1", AlertSeverity.LOW, "{"))
    assert said(engine.step("redis", {"x": 2}, 0)) == [("r", "begin", 0)]


def test_what_waits_survives_a_restart():
    """The clock of `for` goes on, but nothing begins before a result confirms it."""
    rules = [rule(for_=60.0)]
    before = RuleEngine(rules)
    before.step("redis", {"x": 2}, 0)
    states = before.snapshot()
    assert states == [RuleState(rule="r", component="redis", since=0)]
    after = RuleEngine(rules)
    after.restore(states, [], 100 * S)
    assert after.snapshot() == states
    assert after.sweep(120 * S) == []
    assert said(after.step("redis", {"x": 2}, 130 * S)) == [("r", "begin", 130)]


def test_what_fires_survives_a_restart():
    """It does not begin a second time, and its end has the labels of its begin."""
    rules = [rule(keep_firing=60.0)]
    before = RuleEngine(rules)
    before.step("redis", {"x": 2, "labels": {"a": "b"}}, 0)
    before.step("redis", {"x": 0}, 10 * S)
    after = RuleEngine(rules)
    after.restore(before.snapshot(), [("r", "redis", {"a": "b"}), ("unknown", "redis", {})], 20 * S)
    assert after.next_due() == 70 * S
    (end,) = after.sweep(70 * S)
    assert (end.firing, end.labels) == (False, {"a": "b"})
    again = RuleEngine(rules)
    again.restore([], [("r", "redis", {"a": "b"})], 20 * S)
    assert again.step("redis", {"x": 2}, 30 * S) == []


def test_absence_counts_from_the_restart():
    """Nobody could be heard while nobody listened."""
    rules = [rule(absent=60.0, for_=600.0)]
    before = RuleEngine(rules)
    before.step("redis", {"x": 2}, 0)
    after = RuleEngine(rules)
    after.restore(before.snapshot(), [], 1000 * S)
    assert after.sweep(1001 * S) == []
    after.watch("redis", {}, 1000 * S)
    assert after.sweep(1059 * S) == []
    assert said(after.sweep(1060 * S)) == [("r", "begin", 1060)]


def test_a_clock_that_is_set_back_delays_nothing_for_ever():
    """The wait begins anew at the time that it is now."""
    engine = RuleEngine([rule(for_=30.0)])
    engine.step("redis", {"x": 2}, 10_000 * S)
    assert engine.step("redis", {"x": 2}, 0) == []
    assert said(engine.step("redis", {"x": 2}, 30 * S)) == [("r", "begin", 30)]
