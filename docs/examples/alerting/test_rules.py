"""Tests of rules from Python."""

from pathlib import Path

from auscult.testing import RuleTester, assert_rules

HERE = Path(__file__).parent
UNTESTED = {
    "system_unhealthy",
    "component_unhealthy",
    "component_low_success_rate",
    "component_high_latency",
    "monitor_unhealthy",
}


def test_slow_speech():
    """Fires after a minute, whatever the other components do meanwhile."""
    tester = RuleTester.load(HERE / "rules.toml")
    tester.give("queue", every=15, times=20, waiting=3)
    tester.feed("stt", every=15, times=4, response_time_ms=900)
    assert not tester.alerts
    tester.advance("15s")
    (alert,) = tester.alerts
    assert (alert.rule, tester.since(alert)) == ("slow_speech", 60.0)
    assert [str(told) for told in tester.told] == ["1m log: slow_speech for stt fired"]


def test_every_rule_of_ours_is_tested():
    """The tests of a file, with a sentence for each that fails; no rule but these is reached by none."""
    assert_rules(HERE / "test_rules.rules.toml", unreached=UNTESTED)
