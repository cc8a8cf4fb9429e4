"""A plugin that ships a rule: in force wherever it is installed, and changed by a table of the same name."""

from auscult import AlertRule, AlertSeverity, hookimpl


@hookimpl
def auscult_rules():
    return [
        AlertRule(
            name="queue_long",
            condition="waiting > 100",
            severity=AlertSeverity.LOW,
            message_template="{component}: {waiting:.0f} wait",
            for_=60.0,
        )
    ]
