"""What the engine remembers: of one component, and of one rule for it. And the verdicts it makes of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from msgspec import Struct

from auscult.model import AlertSeverity
from auscult.rules.armed import Armed
from auscult.rules.rule import DEFAULT_MESSAGE
from auscult.rules.windows import Windows

__all__ = ["SYSTEM", "Instance", "RuleState", "Tracked", "Verdict"]

SYSTEM = ""
"""Stands for all components together."""
_NO_LABELS: dict[str, str] = {}
"""Stands for none, the same for all: labels are replaced and never changed."""
_TEXT = 200
"""Characters kept of a text among an alert's values."""


class Verdict(Struct, frozen=True, kw_only=True):
    """A rule begins or ceases to fire for one component."""

    rule: str
    component: str
    """Empty for all components together."""
    firing: bool
    at: int
    component_type: str = ""
    labels: dict[str, str] = {}
    """The component's and the rule's; at the end those of the begin."""
    severity: AlertSeverity = AlertSeverity.MEDIUM
    message: str = ""
    values: dict[str, float | str] = {}
    runbook: str = ""
    reason: str = ""
    """Of a begin: empty, ``absent``, or ``updated`` for a rule that was changed while it fired. Of an end:
    ``recovered``, ``rule removed``, ``component removed``."""


class RuleState(Struct, frozen=True, kw_only=True):
    """What a restart must not lose of one rule and component."""

    rule: str
    component: str
    since: int | None = None
    """Since when the condition holds (ms), while it does not fire yet."""
    quiet_since: int | None = None
    """Since when the condition has ceased to hold, while it still fires."""


class Instance:
    """One rule for one component."""

    __slots__ = ("armed", "busy", "changed", "data", "due", "firing", "labels", "quiet_since", "since")

    def __init__(self, armed: Armed) -> None:
        self.armed = armed
        self.busy = False
        """Whether anything but a condition that holds matters to it."""
        self.firing = False
        self.changed = False
        """Its rule was changed while it fired, and what people were told may no longer be right."""
        self.since: int | None = None
        self.quiet_since: int | None = None
        self.due: int | None = None
        """When its timer rings."""
        self.data: Mapping[str, Any] | None = None
        """What the condition held for last, until it fires; None while no result since a restart has confirmed it."""
        self.labels = _NO_LABELS
        """Those it began with: they are part of what the alert is."""

    def rest(self) -> None:
        """Neither firing nor about to."""
        self.busy = self.firing = self.changed = False
        self.since = self.quiet_since = self.data = None


class Tracked:
    """One component, or all together."""

    __slots__ = ("component_type", "instances", "labels", "name", "plan", "runbook", "seen", "windows")

    def __init__(self, name: str) -> None:
        self.name = name
        self.component_type = ""
        self.labels = _NO_LABELS
        self.runbook = ""
        self.seen = 0
        """When the latest result came, or when it began to be watched."""
        self.instances: dict[str, Instance] = {}
        """By rule; those that fire outlive the plan they were in."""
        self.plan: list[Instance] | None = None
        """The rules that look at it; None: to be found out."""
        self.windows: Windows | None = None

    def describe(self, data: Mapping[str, Any]) -> None:
        """Take type, labels and runbook from `data`."""
        if self.name == SYSTEM:
            return
        view = getattr(data, "view", None)
        if view is not None:
            self.component_type, self.runbook = str(view.component_type), str(view.runbook)
            self.labels = dict(view.labels) or _NO_LABELS
        else:
            labels = data.get("labels")
            self.component_type = str(data.get("component_type") or "")
            self.labels = {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}

    def begin(
        self, instance: Instance, now: int, *, reason: str = "", data: Mapping[str, Any] | None = None
    ) -> Verdict:
        """`instance` fires from now on."""
        armed, rule = instance.armed, instance.armed.rule
        if not instance.firing:
            instance.labels = {**self.labels, **rule.labels}
        instance.rest()
        instance.busy = instance.firing = True
        get = _guarded(data)
        return Verdict(
            rule=rule.name,
            component=self.name,
            component_type=self.component_type,
            labels=instance.labels,
            firing=True,
            at=now,
            severity=rule.severity,
            message=self._message(armed, get, now if reason == "absent" else None),
            values={name: _plain(value) for name in sorted(armed.names) if (value := get(name)) is not None},
            runbook=rule.runbook or self.runbook,
            reason=reason,
        )

    def _message(self, armed: Armed, get: Callable[[str], Any], absent_at: int | None) -> str:
        rule = armed.rule
        absent = None if absent_at is None else (absent_at - self.seen) / 1000
        if absent is not None and rule.message_template == DEFAULT_MESSAGE:
            return f"no data from {self.name} for {absent:.{0 if absent >= 10 else 1}f} s"
        beside = {
            "rule": rule.name,
            "severity": rule.severity.value,
            "condition": armed.condition.text if armed.condition is not None else None,
            # A component that has nothing to say: why the rule looks at it.
            "message": armed.condition.text if armed.condition is not None else "the condition holds",
            "absent": absent,
            "component": self.name or None,
            "component_type": self.component_type or None,
        }

        def value(name: str) -> Any:
            found = get(name)
            return beside.get(name) if found is None else found

        return armed.template.render(value)

    def end(self, instance: Instance, now: int, reason: str = "recovered") -> Verdict:
        """`instance` fires no longer."""
        instance.rest()
        rule = instance.armed.rule
        return Verdict(
            rule=rule.name,
            component=self.name,
            component_type=self.component_type,
            labels=instance.labels,
            firing=False,
            at=now,
            severity=rule.severity,
            reason=reason,
        )


def _guarded(data: Mapping[str, Any] | None) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        try:
            return None if data is None else data.get(name)
        except Exception:  # data of somebody else's making
            return None

    return get


def _plain(value: Any) -> float | str:
    """As the store and JSON can hold it."""
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return "a very large number"
        return number if isfinite(number) else str(number)
    try:
        return str(value)[:_TEXT]
    except Exception:  # data of somebody else's making
        return "?"
