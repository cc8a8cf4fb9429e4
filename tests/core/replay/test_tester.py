"""`RuleTester` and files of tests: what they run is the live engine, and what they say is of use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auscult.alerts.routing import Escalation, Route
from auscult.component import Component
from auscult.errors import AlertNotFound, ComponentNotFound, ConfigurationError
from auscult.model import AlertSeverity, Status
from auscult.replay.trial import Trials
from auscult.rules.rule import AlertRule
from auscult.runtime.passive import PassiveCheck
from auscult.testing import RuleTester, assert_rules


def test_results_become_health_and_health_becomes_alerts():
    """Two failures make a component unhealthy, as live; recovery is told as well."""
    tester = RuleTester()
    tester.feed("redis", status="unhealthy", message="refused", every=10)
    assert tester.status("redis") is Status.UNKNOWN
    tester.feed("redis", at=10, status="unhealthy", message="refused")
    assert [(alert.rule, alert.message) for alert in tester.alerts] == [
        ("component_unhealthy", "Component redis is unhealthy: refused"),
        ("system_unhealthy", "The system is unhealthy: 1 of 1 is unhealthy: redis"),
    ]
    tester.feed("redis", at=20, every=10, times=2)
    assert tester.alerts == []
    assert [(told.at, told.kind, told.rule) for told in tester.told] == [
        (10, "fired", "component_unhealthy"),
        (10, "fired", "system_unhealthy"),
        (30, "resolved", "component_unhealthy"),
        (30, "resolved", "system_unhealthy"),
    ]
    assert tester.reached == {"component_unhealthy", "system_unhealthy"}


def test_functions_and_series():
    """A rule with a function, as the seed document has it; a list of values makes a result of each."""
    rule = AlertRule(
        name="high_memory_usage",
        condition=lambda data: data.get("memory_usage", 0) > 90,
        severity=AlertSeverity.HIGH,
        message_template="High memory usage detected: {memory_usage}%",
        cooldown_minutes=15,
        max_alerts_per_hour=4,
    )
    tester = RuleTester(rule)
    tester.feed("host", every=60, memory_usage_percent=[50, 91, 92.5, 80, 95])
    assert [(change.kind, change.alert.message) for change in tester.changes] == [
        ("fired", "High memory usage detected: 91%"),
        ("resolved", "High memory usage detected: 91%"),
        ("reopened", "High memory usage detected: 95%"),
    ]
    assert [told.kind for told in tester.told] == ["fired", "resolved"], "within the cooldown nobody hears of it again"
    tester.advance("15m")
    assert [told.kind for told in tester.told][2:] == ["reopened"]


def test_people_and_routes():
    """Silences, acknowledgements, escalation."""
    route = Route(channels=("chat",), escalate=(Escalation(after=60, channels=("pager",)),))
    tester = RuleTester(AlertRule("r", "x > 1"), routes=[route], channels=("chat", "pager"))
    tester.silence("component=quiet", lasts="1h")
    tester.give("quiet", x=2)
    tester.feed("redis", x=2)
    assert {alert.component: alert.status.value for alert in tester.alerts} == {
        "redis": "active",
        "quiet": "suppressed",
    }
    tester.acknowledge("r", "redis", by="ann", until="5m")
    tester.advance("4m")
    assert [str(told) for told in tester.told] == ["0s chat: r for redis fired"]
    tester.advance_to("6m")
    assert str(tester.told[-1]) == "6m pager: r for redis escalated"
    tester.resolve("r", "redis", by="bob")
    assert [told.channel for told in tester.told if told.kind == "resolved"] == ["chat", "pager"]
    with pytest.raises(AlertNotFound):
        tester.resolve("r", "redis")


def test_dependencies():
    """One alert names the cause, what depends on it is suppressed."""
    rules = [AlertRule("down", 'status == "unhealthy"')]
    components = [
        Component(name="db", check=PassiveCheck(), failures=1),
        Component(name="api", check=PassiveCheck(), failures=1, depends_on=("db",)),
    ]
    tester = RuleTester(*rules, components=components)
    tester.feed("db", status="unhealthy")
    tester.feed("api", status="unhealthy")
    found = {alert.component: (alert.status.value, alert.cause, alert.affected) for alert in tester.alerts}
    assert found == {"db": ("active", "", ("api",)), "api": ("suppressed", "db", ())}
    assert [told.component for told in tester.told] == ["db"]


CONFIG = """
[components.redis]
check = "push"
interval = 10
[channels.log]
channel = "log"
[rules.slow]
condition = "response_time_ms > 100"
message_template = "slow: {response_time_ms}"
"""
GOOD = """
config = "auscult.toml"
[[tests]]
name = "slow"
given = [{ component = "redis", response_time_ms = [50, 150, 150, 50] }]
expect = [
  { at = "9s" },
  { at = "10s", alerts = [{ rule = "slow", component = "redis", severity = "medium", message = "slow: 150" }] },
  { at = "30s" },
]
notices = [
  { channel = "log", at = 10, kind = "fired", rule = "slow" },
  { channel = "log", at = 30, kind = "resolved" },
]
"""


@pytest.fixture
def written(tmp_path):
    """Writes the configuration and a file of tests; gives the latter."""

    def write(text=GOOD, config=CONFIG):
        (tmp_path / "auscult.toml").write_text(config)
        file = tmp_path / "test_it.rules.toml"
        file.write_text(text)
        return file

    return write


def test_a_file_passes(written):
    """And says which rules it reached."""
    trials = Trials(written(), environ={})
    (outcome,) = [trials.run(test) for test in trials.tests]
    assert outcome.failures == ()
    assert outcome.reached == {"slow"}
    assert_rules(written())


@pytest.mark.parametrize(
    ("old", "new", "failure"),
    [
        ('at = "9s"', 'at = "12s"', "at 12s: the alert slow for redis is not expected (slow: 150)"),
        ('at = "10s", alerts', 'at = "9s", alerts', "at 9s: there is no alert slow for redis; there is none at all"),
        ('"medium"', '"high"', "at 10s: the alert slow for redis has severity 'medium', not 'high'"),
        ('"slow: 150"', '"slow: 50"', "at 10s: the alert slow for redis has message 'slow: 150', not 'slow: 50'"),
        ("at = 10, kind", "at = 11, kind", "notice 1 of log (10s log: slow for redis fired) has at '10s', not '11s'"),
        ('{ channel = "log", at = 30, kind = "resolved" },', "", "log is told more than expected: 30s log: slow"),
        (
            '{ channel = "log", at = 30, kind = "resolved" },',
            '{ channel = "log", kind = "resolved" }, { channel = "log", rule = "slow" },',
            "log is told less than expected: there is no notice with rule slow",
        ),
        (
            "expect = [",
            'act = [{ at = 1, what = "resolve", rule = "slow" }]\nexpect = [',
            "at 1s: resolve: There is no open alert 'slow'",
        ),
    ],
)
def test_what_failed_is_said(written, old, new, failure):
    """One sentence: when, what was found, what was expected."""
    assert old in GOOD
    with pytest.raises(AssertionError) as caught:
        assert_rules(written(GOOD.replace(old, new, 1)))
    assert f"slow: {failure}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("config = 'auscult.toml'", "has no tests: write [[tests]], once for each"),
        (GOOD.replace("redis", "rediss"), "there is no component `rediss`; did you mean `redis`?"),
        (GOOD.replace('rule = "slow", comp', 'rule = "slo", comp'), "there is no rule `slo`; did you mean `slow`?"),
        (GOOD.replace('channel = "log"', 'channel = "logg"'), "there is no channel `logg`; did you mean `log`?"),
        (GOOD.replace("given", "givn"), "unknown key; did you mean `given`?"),
        (GOOD.replace('at = "9s"', 'at = "soon"'), "expected a duration such as 250ms, 15s or 1h30m"),
        (
            GOOD.replace('name = "slow"', 'name = "slow"\nstart = "noon"'),
            "expected a time such as 2026-12-24T18:00:00Z",
        ),
        (GOOD.replace('"resolved"', '"over"'), "expected one of"),
        (GOOD + GOOD.partition("\n[[")[1] + GOOD.partition("\n[[")[2], "there is a test `slow` already"),
    ],
)
def test_mistakes_in_a_file(written, text, sentence):
    """One sentence with the nearest valid name."""
    with pytest.raises(ConfigurationError) as caught:
        Trials(written(text), environ={})
    assert sentence in str(caught.value.findings[0])


def test_a_configuration_with_a_mistake_is_named(written):
    """The file that is wrong is the one that is blamed."""
    with pytest.raises(ConfigurationError) as caught:
        Trials(written(config=CONFIG + "[rules.x]\ncondition = 'a &&'\n"), environ={})
    assert "auscult.toml:11: rules.x.condition" in str(caught.value.findings[0])


def test_yaml_will_do(tmp_path, written):
    """The same schema."""
    written()
    file = tmp_path / "test_it.rules.yaml"
    file.write_text(
        "config: auscult.toml\ntests:\n- name: slow\n  given: [{component: redis, response_time_ms: 150}]\n"
        "  expect: [{at: 0s, alerts: [{rule: slow}]}]\n"
    )
    assert_rules(file)


def test_unreached_rules_are_listed(written):
    """And those that are said to be unreached, but are not."""
    with pytest.raises(AssertionError, match="no test reached the rule component_unhealthy") as caught:
        assert_rules(written(), unreached={"slow"})
    assert "a test does reach the rule slow" in str(caught.value)


def test_only_configured_components_can_be_fed(written):
    """A name with a typo is no new component where there is a configuration."""
    tester = RuleTester.load(written().parent / "auscult.toml")
    with pytest.raises(ComponentNotFound, match="did you mean `redis`"):
        tester.feed("rediss")


def test_pytest_collects_files(tmp_path, written):
    """Each test of a file is an item; what failed is said in its sentences alone."""
    written(
        GOOD
        + GOOD.partition("\n[[")[1]
        + GOOD.partition("\n[[")[2].replace('name = "slow"', 'name = "two"').replace("at = 10", "at = 11")
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "auscult.testing.rule_files", "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 failed, 1 passed" in done.stdout
    assert "notice 1 of log (10s log: slow for redis fired) has at '10s', not '11s'" in done.stdout
    assert "Traceback" not in done.stdout
