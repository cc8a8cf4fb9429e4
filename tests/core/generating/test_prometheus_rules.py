"""Alert rules for Prometheus: what promtool makes of them is what auscult's rules do."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.need import program

from auscult import AlertSeverity
from auscult.generating.conditions import CannotSay, promql
from auscult.generating.prometheus_rules import prometheus_rules
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule

NONE = {"x": [("auscult_a_x", 1.0)], "rtt_ms": [("auscult_ping_rtt_seconds", 0.001)]}
NONE["memory_usage_percent"] = [("auscult_host_memory_usage_percent", 1.0), ("auscult_redis_memory_usage_percent", 1.0)]


def families(name):
    return NONE.get(name, ())


def said(condition, scope="component"):
    return promql(condition, scope=scope, families=families)


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        ("response_time_ms > 800", "component_health_response_time_ms > 800"),
        ("800 < response_time_ms", "component_health_response_time_ms > 800"),
        ('status == "unhealthy"', "component_health_status == 0"),
        ('status == "unknown"', "component_health_status != component_health_status"),
        ("rtt_ms > 100", "auscult_ping_rtt_seconds > 0.1"),
        ("x >= 2 and success_rate < 80", "(auscult_a_x >= 2) and on (component) (component_health_success_rate < 80)"),
        ("1 < x < 5", "(auscult_a_x > 1) and on (component) (auscult_a_x < 5)"),
        ("flapping", "auscult_component_flapping == 1"),
        (
            "memory_usage > 90",
            "auscult_host_memory_usage_percent > 90 or auscult_redis_memory_usage_percent > 90",
        ),
    ],
)
def test_conditions(condition, expression):
    """Each as a person would write it."""
    assert said(condition) == expression


@pytest.mark.parametrize(
    "condition",
    [
        'message == "x"',
        "p95_ms > 1",
        "not x",
        'avg(x, "5m") > 1',
        "nothing > 1",
        'status > "healthy"',
        "x + 1 > 2",
        "x in [1]",
        "x >",
    ],
)
def test_what_metrics_do_not_tell(condition):
    """It is refused with a sentence, never said wrongly."""
    with pytest.raises(CannotSay, match=r"\w+ \w+"):
        said(condition)


def check(tmp_path, text, *arguments):
    file = tmp_path / "rules.yml"
    file.write_text(text)
    done = subprocess.run(
        [program("promtool", "prometheus"), *arguments, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_default_rules_are_all_there(tmp_path):
    """None is left out, and Prometheus takes them."""
    text = prometheus_rules(default_rules(), families)
    assert f"{len(default_rules())} rules found" in check(tmp_path, text, "check", "rules")
    assert "left out" not in text


def test_they_fire_when_auscults_would(tmp_path):
    """`promtool test rules` with series as auscult exports them."""
    (tmp_path / "generated.yml").write_text(prometheus_rules(default_rules(), families))
    check(
        tmp_path,
        """\
rule_files: [generated.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'component_health_status{component="redis"}', values: '1 1 0 0'}
  - {series: 'component_health_status{component="auscult"}', values: '1 1 0.5 1'}
  - {series: 'component_health_response_time_ms{component="redis"}', values: '10 6000 10 10'}
  - {series: 'component_health_success_rate{component="redis"}', values: '50 50 50 50'}
  - {series: 'auscult_component_window_results{component="redis"}', values: '5 5 9 10'}
  - {series: 'system_health_status', values: '1 0.5 0 1'}
  alert_rule_test:
  - {eval_time: 1m, alertname: ComponentUnhealthy, exp_alerts: []}
  - {eval_time: 2m, alertname: ComponentUnhealthy, exp_alerts: [
      {exp_labels: {severity: high, component: redis},
      exp_annotations: {summary: 'Component redis is unhealthy'}}]}
  - {eval_time: 1m, alertname: ComponentHighLatency, exp_alerts: [
      {exp_labels: {severity: medium, component: redis},
      exp_annotations: {summary: 'Component redis is slow: 6000 ms'}}]}
  - {eval_time: 2m, alertname: ComponentLowSuccessRate, exp_alerts: []}
  - {eval_time: 3m, alertname: ComponentLowSuccessRate, exp_alerts: [
      {exp_labels: {severity: medium, component: redis},
      exp_annotations: {summary: 'Component redis has a success rate of 50 %'}}]}
  - {eval_time: 1m, alertname: SystemDegraded, exp_alerts: [
      {exp_labels: {severity: high},
      exp_annotations: {summary: 'The system is degraded'}}]}
  - {eval_time: 2m, alertname: SystemUnhealthy, exp_alerts: [
      {exp_labels: {severity: critical},
      exp_annotations: {summary: 'The system is unhealthy'}}]}
  - {eval_time: 2m, alertname: MonitorUnhealthy, exp_alerts: [
      {exp_labels: {severity: high, component: auscult},
      exp_annotations: {summary: 'The monitor itself is not healthy'}}]}
""",
        "test",
        "rules",
    )


def test_rules_of_the_users(tmp_path):
    """Time, components, labels, runbooks; a function is left out with its reason."""
    rules = [
        AlertRule(
            name="slow_web",
            condition="response_time_ms > 800",
            severity=AlertSeverity.HIGH,
            message_template="It's slow: {response_time_ms:.0f} ms",
            for_=120,
            keep_firing=60,
            components=("web-*", "api.main"),
            labels={"team": "o'neill"},
            runbook="https://books.example/slow",
        ),
        AlertRule(name="silent", condition="", absent=600, components=("cron",)),
        AlertRule(name="own", condition=lambda data: True),
        AlertRule(name="typed", condition="x > 1", component_types=("redis",)),
    ]
    text = prometheus_rules(rules, families)
    assert "2 rules found" in check(tmp_path, text, "check", "rules")
    assert '{component=~"web\\\\-.*|api\\\\.main"} > 800' in text
    assert "for: 120s" in text
    assert 'time() - auscult_component_last_check_timestamp_seconds{component="cron"} > 600' in text
    assert "# own is left out: its condition is a function" in text
    assert "# typed is left out: metrics carry neither labels nor types" in text


def test_no_rule_at_all(tmp_path):
    """Still a file that Prometheus takes."""
    assert "0 rules found" in check(tmp_path, prometheus_rules([], families), "check", "rules")


@given(st.text(max_size=60))
def test_any_text_is_said_or_refused(text):
    """Nothing else happens."""
    with contextlib.suppress(CannotSay):
        assert said(text)
