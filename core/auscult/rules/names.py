"""What a rule may ask for by name, and what kind of value it gets (decision 15)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auscult.rules.rule import AlertRule

__all__ = [
    "COMPONENT_NAMES",
    "COMPONENT_NUMBERS",
    "COMPONENT_TEXTS",
    "FUNCTIONS",
    "MESSAGE_DATA",
    "MESSAGE_NAMES",
    "NUMBERS",
    "SYSTEM_NAMES",
    "SYSTEM_NUMBERS",
    "SYSTEM_TEXTS",
    "TEXTS",
    "base_names",
    "data_of",
]

COMPONENT_TEXTS: Mapping[str, str] = {
    "component": "Its name.",
    "component_type": "What it is: `stt_client`, `database`, ...",
    "status": "`healthy`, `degraded`, `unhealthy` or `unknown`, confirmed as its `failures` and `successes` ask for.",
    "message": "Why it is what it is; missing when there is nothing to say.",
    "group": "The heading under which it is shown.",
    "trend": "`improving`, `stable`, `worsening` or `unknown`, over 15 minutes, 1 hour and 6 hours.",
}
COMPONENT_NUMBERS: Mapping[str, str] = {
    "response_time_ms": "Of the latest result; missing where nothing was timed.",
    "success_rate": "Percent of results that did not fail, over the last 100, at most an hour old.",
    "error_rate": "100 less that.",
    "p50_ms": "Median of their response times.",
    "p95_ms": "95 % of them were not slower.",
    "p99_ms": "99 % of them were not slower.",
    "window_results": "How many results those rates are over.",
    "consecutive_failures": "Failing results in a row.",
    "consecutive_successes": "Results in a row that did not fail.",
    "flap_score": "Share of ups and downs among the latest 20 results, 0 to 1.",
    "flapping": "True while there are many of them.",
    "stale": "True when no result has come for three intervals and a timeout.",
    "memory_usage": "The measurement `memory_usage_percent`.",
    "cpu_usage": "The measurement `cpu_usage_percent`.",
    "disk_usage": "The measurement `disk_usage_percent`.",
}
SYSTEM_TEXTS: Mapping[str, str] = {
    "status": "Of all components together.",
    "message": "How many are not well, and which.",
    "unhealthy": "Names of the unhealthy components, with commas; missing when there is none.",
    "trend": "The worst of the components'.",
}
SYSTEM_NUMBERS: Mapping[str, str] = {
    "healthy_components": "How many are healthy.",
    "total_components": "How many there are.",
    "health_percentage": "The one as percent of the other.",
    "health_score": "The same by weight; a degraded component counts half.",
}
MESSAGE_DATA: Mapping[str, str] = {
    "rule": "The rule's name.",
    "severity": "The rule's severity.",
    "condition": "The rule's condition, as text.",
    "absent": "For how many seconds nothing has been heard, where that is why it fires.",
}
FUNCTIONS: Mapping[str, str] = {
    "has(x)": "Whether there is data `x`.",
    "abs(x)": "Without its sign.",
    "round(x, 1)": "To so many digits after the point; without the second, to a whole number.",
    "min(x, y, ...)": "The smallest.",
    "max(x, y, ...)": "The largest.",
    'avg(x, "5m")': "Average over the results of that time.",
    'min(x, "5m")': "Smallest of that time.",
    'max(x, "5m")': "Largest of that time.",
    'p50(x, "5m")': "Median of that time.",
    'p95(x, "5m")': "95th percentile of that time, by nearest rank.",
    'p99(x, "5m")': "99th percentile of that time.",
    'count(x, "5m")': "How many results of that time have `x`.",
    'rate_of_failures("5m")': "Percent of that time's results that failed.",
}
"""How functions are called, and what they give."""

COMPONENT_NAMES = frozenset({*COMPONENT_TEXTS, *COMPONENT_NUMBERS})
"""What the data of every component may hold, beside its measurements and labels."""
SYSTEM_NAMES = frozenset({*SYSTEM_TEXTS, *SYSTEM_NUMBERS})
"""What the data of the whole system holds."""
TEXTS = frozenset({*COMPONENT_TEXTS, *SYSTEM_TEXTS})
NUMBERS = frozenset({*COMPONENT_NUMBERS, *SYSTEM_NUMBERS})
MESSAGE_NAMES = frozenset(MESSAGE_DATA)
"""What a message template may name beside the data."""


def data_of(rule: AlertRule) -> list[str]:
    """The names of data that a rule's texts ask for; those of its message only where it is a function."""
    from auscult.rules.expression import Condition
    from auscult.rules.template import Template

    texts = [text for text in (rule.condition, rule.clear) if isinstance(text, str) and text]
    found = {name for text in texts for name in Condition(text, scope=rule.scope).names}
    return sorted(found if texts else Template(rule.message_template).names - MESSAGE_NAMES)


def base_names(scope: str) -> Collection[str]:
    """The names that data of that scope always understands."""
    return SYSTEM_NAMES if scope == "system" else COMPONENT_NAMES
