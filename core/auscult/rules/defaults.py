"""The five default rules of the seed document, and one for the monitor itself (decision 15)."""

from __future__ import annotations

from auscult.model import AlertSeverity
from auscult.rules.rule import AlertRule

__all__ = ["default_rules"]


def default_rules() -> tuple[AlertRule, ...]:
    """What holds without any configuration."""
    return (
        AlertRule(
            name="system_unhealthy",
            condition='status == "unhealthy"',
            severity=AlertSeverity.CRITICAL,
            message_template="The system is unhealthy: {message}",
            cooldown_minutes=5.0,
            scope="system",
        ),
        AlertRule(
            name="system_degraded",
            condition='status == "degraded"',
            severity=AlertSeverity.HIGH,
            message_template="The system is degraded: {message}",
            cooldown_minutes=10.0,
            scope="system",
        ),
        AlertRule(
            name="component_unhealthy",
            condition='status == "unhealthy"',
            severity=AlertSeverity.HIGH,
            message_template="Component {component} is unhealthy: {message}",
            cooldown_minutes=5.0,
        ),
        AlertRule(
            name="component_high_latency",
            condition="response_time_ms > 5000",
            severity=AlertSeverity.MEDIUM,
            message_template="Component {component} is slow: {response_time_ms:.0f} ms",
            cooldown_minutes=15.0,
        ),
        AlertRule(
            name="component_low_success_rate",
            condition="success_rate < 80 and window_results >= 10",
            severity=AlertSeverity.MEDIUM,
            message_template="Component {component} has a success rate of {success_rate:.1f} %",
            cooldown_minutes=10.0,
        ),
        AlertRule(
            name="monitor_unhealthy",
            condition='status == "unhealthy" or status == "degraded"',
            severity=AlertSeverity.HIGH,
            message_template="The monitor itself is {status}: {message}",
            cooldown_minutes=5.0,
            components=("auscult",),
        ),
    )
