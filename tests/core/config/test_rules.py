"""Rules of plugins and defaults, changed by a table; the attack list, refused when a configuration is loaded."""

from __future__ import annotations

import json
import time

import pytest

from auscult.model import AlertSeverity
from auscult.rules.rule import AlertRule
from auscult.rules.stepping import RuleEngine


def is_odd(data):
    return data.get("x", 0) % 2 == 1


def found(settings):
    return {rule.name: rule for rule in settings.alerting.rules}


def test_rules_of_plugins(loaded, catalogue):
    """They are in force beside the default ones; a table changes what it names, a function stays."""
    catalogue.rules = [
        AlertRule("queue_long", "waiting > 100", AlertSeverity.LOW, for_=60.0),
        AlertRule("odd", is_odd, message_template="odd: {x}"),
    ]
    text = (
        "[components]\n[rules.queue_long]\nseverity = 'high'\n[rules.odd]\ncooldown_minutes = 1\ncomponents = ['a*']\n"
    )
    rules = found(loaded(text + "[rules.component_unhealthy]\nenabled = false\n"))
    assert len(rules) == 7
    assert (rules["queue_long"].severity, rules["queue_long"].for_) == (AlertSeverity.HIGH, 60.0)
    assert rules["queue_long"].condition == "waiting > 100"
    assert rules["odd"].condition is is_odd
    assert (rules["odd"].cooldown_minutes, rules["odd"].message_template) == (1.0, "odd: {x}")
    assert "component_unhealthy" not in rules
    (end,) = RuleEngine([rules["odd"]]).step("a", {"x": 3}, 0)
    assert end.message == "odd: 3"


def test_a_rule_of_a_plugin_that_cannot_be_used(loaded, catalogue):
    """A warning with its name; the others are in force."""
    catalogue.rules = [AlertRule("bad", "x >"), AlertRule("Bad Name", "x > 1"), 5, AlertRule("good", "x > 1")]
    settings = loaded("[components]")
    assert "good" in found(settings)
    assert "bad" not in found(settings)
    messages = [str(finding) for finding in settings.warnings]
    assert len(messages) == 3
    assert "rules.bad: a plugin ships this rule, and it cannot be used: cannot be read as a condition" in messages[0]


def test_every_default_rule_can_be_changed(loaded):
    """Severity, cooldown and level by themselves."""
    text = "[components]\n[rules.component_high_latency]\ncondition = 'response_time_ms > 900'\n"
    rules = found(loaded(text + "[rules.system_degraded]\ncooldown_minutes = 1\nrunbook = '/wiki'\n"))
    assert rules["component_high_latency"].condition == "response_time_ms > 900"
    assert rules["component_high_latency"].cooldown_minutes == 15.0
    assert (rules["system_degraded"].cooldown_minutes, rules["system_degraded"].runbook) == (1.0, "/wiki")
    assert rules["system_degraded"].condition == 'status == "degraded"'


LABELS = """
[components.api]
check = "redis"
url = "redis://h"
labels = {{ team = "voice" }}
[rules.slow]
condition = "response_time_ms > 1"
labels = {{ tier = "1" }}
match = {{ {in_rule} = "voice" }}
[[routes]]
match = {{ {in_route} = "x" }}
"""


@pytest.mark.parametrize("name", ["rule", "team", "tier", "channel", "role", "tape", "region", "job", "x"])
def test_a_label_that_others_may_post_is_no_mistake(loaded, name):
    """Known names, and those that are like none, are taken without a word."""
    assert loaded(LABELS.format(in_rule="team", in_route=name)).warnings == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("severty", "severity"),
        ("Severity", "severity"),
        ("componet", "component"),
        ("rules", "rule"),
        ("tpye", "type"),
        ("component_type", "type"),
        ("alertname", "rule"),
        ("teams", "team"),
    ],
)
def test_a_label_that_is_nearly_a_known_one_is_warned_of(loaded, name, meant):
    """One sentence with the nearest name; the route holds as it is written."""
    settings = loaded(LABELS.format(in_rule="team", in_route=name))
    (finding,) = settings.warnings
    assert (finding.key, finding.message.partition("; ")[2]) == (f"routes[0].match.{name}", f"did you mean `{meant}`?")
    assert settings.alerting.routes[0].match == {name: "x"}


def test_a_rule_for_components_with_a_misspelt_label(loaded):
    """It would look at none; what matters is what components have, not what alerts have."""
    (finding,) = loaded(LABELS.format(in_rule="tema", in_route="tier")).warnings
    assert str(finding).endswith("nothing that is configured has a label `tema`; did you mean `team`?")


ATTACKS = {
    "attributes": "x.__class__.__mro__ == 1",
    "powers": "9**9**9**9 > 1",
    "long texts": "'a' * 10000000000 == 'a'",
    "regular expressions": "match('(a+)+$', message)",
    "shifts": "1 << 10000000000 > 1",
    "nested loops": "[a for a in (1,2) for b in (1,2) for c in (1,2) for d in (1,2) for e in (1,2)] == 1",
    "parentheses": "(" * 100_000 + "x > 1" + ")" * 100_000,
    "a long chain": " or ".join(["x > 1"] * 20_000),
    "many nots": "not " * 50_000 + "x",
    "text against number": "'10' > 9",
    "nothing against number": "None > 3",
    "imports": "__import__('os').system('true') == 0",
    "lambdas": "(lambda: 1)() == 1",
    "format strings": "f'{x.__class__}' == 'a'",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused_at_load(loaded, attack):
    """Each within 50 ms of processor time, in one short sentence, as a condition and as the level to leave at."""
    text = json.dumps(ATTACKS[attack])
    start = time.thread_time()
    for key in ("condition", "clear"):
        other = "" if key == "condition" else 'condition = "x > 1"\n'
        (sentence,) = loaded.complaints(f"[components]\n[rules.r]\n{other}{key} = {text}\n")
        assert f"rules.r.{key}: " in sentence
        assert len(sentence) < 300
    assert time.thread_time() - start < 1.0


TEMPLATES = [
    "{component.__class__.__init__.__globals__}",
    "{0.__class__}",
    "{component[0]}",
    "{component!r:>9}",
    "{x:>999999999}",
    "{x:{width}}",
    "{" * 1000,
    "{{{" * 300,
    "{x:" + "0" * 500 + "}",
    "%(x)s" * 300 + "{",
    "{x:.999999999f}",
]


@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_hostile_templates(loaded, template):
    """Refused, or a plain text: nothing is reached, nothing hangs, nothing grows."""
    from auscult.rules.template import Template, TemplateError

    start = time.thread_time()
    try:
        message = Template(template).render({"component": RuleEngine(), "x": 1.0}.get)
    except TemplateError:
        message = ""
    assert time.thread_time() - start < 0.1
    assert len(message) <= 4000
    assert "globals" not in message
    assert "function" not in message
