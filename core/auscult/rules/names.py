"""What a rule may ask for by name, and what kind of value it gets (decision 15)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auscult.rules.rule import AlertRule

__all__ = ["COMPONENT_NAMES", "MESSAGE_NAMES", "NUMBERS", "SYSTEM_NAMES", "TEXTS", "base_names", "data_of"]

_COMPONENT_TEXTS = frozenset({"component", "component_type", "status", "message", "group", "trend"})
_COMPONENT_NUMBERS = frozenset(
    {
        "response_time_ms",
        "success_rate",
        "error_rate",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "window_results",
        "consecutive_failures",
        "consecutive_successes",
        "flap_score",
        "flapping",
        "stale",
        "memory_usage",
        "cpu_usage",
        "disk_usage",
    }
)
_SYSTEM_TEXTS = frozenset({"status", "message", "unhealthy", "trend"})
_SYSTEM_NUMBERS = frozenset({"healthy_components", "total_components", "health_percentage", "health_score"})

COMPONENT_NAMES = _COMPONENT_TEXTS | _COMPONENT_NUMBERS
"""What the data of every component may hold, beside its measurements and labels."""
SYSTEM_NAMES = _SYSTEM_TEXTS | _SYSTEM_NUMBERS
"""What the data of the whole system holds."""
TEXTS = _COMPONENT_TEXTS | _SYSTEM_TEXTS
NUMBERS = _COMPONENT_NUMBERS | _SYSTEM_NUMBERS
MESSAGE_NAMES = frozenset({"rule", "severity", "condition", "absent"})
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
