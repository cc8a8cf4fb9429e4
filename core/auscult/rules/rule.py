"""`AlertRule`: when an alert begins and ends, and how it is told. In code as the seed document has it, or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.model import AlertSeverity
from auscult.options import Duration

__all__ = ["DEFAULT_MESSAGE", "AlertRule", "RuleTable"]

DEFAULT_MESSAGE = "{component}: {message}"

Condition = Callable[[Mapping[str, Any]], Any] | str
_Patterns = tuple[str, ...]
_Label = Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", description="a name made of letters, digits and `_`")]
_Runbook = Annotated[
    str,
    Meta(pattern=r"^(https?://\S+|/\S*)?$", description="an address that begins with http://, https:// or /"),
]


class AlertRule(Struct, frozen=True):
    """Raises an alert while its condition holds, one for each component that it looks at.

    `condition` is a function of the component's data, a mapping as `auscult.rules.data` makes it, or text in the
    language of the configuration.
    """

    name: str
    condition: Condition
    severity: AlertSeverity = AlertSeverity.MEDIUM
    message_template: str = DEFAULT_MESSAGE
    """``{name}`` and ``{name:.1f}``, filled from the same data."""
    cooldown_minutes: float = 5.0
    """From a firing notice on, no further one for the same alert for so long."""
    max_alerts_per_hour: int = 12
    """Firing notices an hour for the same alert; 0: any number."""
    for_: float = 0.0
    """Seconds that the condition has to hold."""
    keep_firing: float = 0.0
    """Seconds that the condition has to have ceased to hold."""
    clear: str = ""
    """Once firing, it goes on until this holds: the level to leave at, where it differs from the one to enter at."""
    absent: float = 0.0
    """Seconds without any result after which it fires, whatever the condition; 0: never."""
    scope: Literal["component", "system"] = "component"
    components: _Patterns = ()
    """Names or patterns with ``*``; empty: every component but the monitor's own."""
    component_types: _Patterns = ()
    match: dict[str, str] = {}
    """Labels that the component has to have."""
    labels: dict[str, str] = {}
    """Labels that its alerts get beside the component's."""
    runbook: str = ""

    def concerns(self, component: str, component_type: str, labels: Mapping[str, str]) -> bool:
        """Whether it looks at that component."""
        if self.scope == "system":
            return False
        if self.components:
            if not any(fnmatchcase(component, pattern) for pattern in self.components):
                return False
        elif component == "auscult":
            return False
        if self.component_types and not any(fnmatchcase(component_type, each) for each in self.component_types):
            return False
        return all(fnmatchcase(labels.get(name, ""), value) for name, value in self.match.items())


class RuleTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """A rule, `[rules.NAME]`. One that has the name of a default rule changes just what it says of it."""

    condition: str = ""
    """When it fires: `response_time_ms > 800 and status != "unknown"`."""
    metric: str = ""
    """The short form: the name to look at, ..."""
    op: Literal[">", ">=", "<", "<=", "==", "!="] = ">"
    """... how to compare it, ..."""
    value: float | str | None = None
    """... and with what."""
    for_: Duration = Duration(0)
    """How long the condition has to hold."""
    keep_firing: Duration = Duration(0)
    """How long the condition has to have ceased to hold."""
    clear: str = ""
    """Once firing, it goes on until this condition holds: `response_time_ms < 600`."""
    absent: Duration = Duration(0)
    """Fire when a component has had no result for so long."""
    severity: AlertSeverity = AlertSeverity.MEDIUM
    """How loudly: critical, high, medium, low or info."""
    message_template: str = DEFAULT_MESSAGE
    """What people read; `{name}` and `{name:.1f}` are filled from the data."""
    cooldown_minutes: Annotated[float, Meta(ge=0, le=100_000)] = 5.0
    """From a firing notice on, no further one for the same alert for so long; what happens meanwhile is told then."""
    max_alerts_per_hour: Annotated[int, Meta(ge=0, le=100_000)] = 12
    """Firing notices an hour for the same alert; 0: any number."""
    scope: Literal["component", "system"] = "component"
    """`"system"` looks at all components together."""
    components: _Patterns = ()
    """Names or patterns with `*`. Default: every component but `auscult`."""
    component_types: _Patterns = ()
    """Types or patterns with `*`."""
    match: dict[str, str] = {}
    """Labels that the component has to have."""
    labels: dict[_Label, str] = {}
    """Labels that its alerts get."""
    runbook: _Runbook = ""
    """Where people read what to do."""
    enabled: bool = True
    """`false` switches it off; for default rules too."""

    def rule(self, name: str) -> AlertRule:
        """The rule. Raises ValueError for a table that does not say when it fires."""
        condition = self.condition
        if self.metric:
            if condition:
                raise ValueError("it has both `condition` and `metric`; keep one")
            if self.value is None:
                raise ValueError("`metric` wants a `value` to compare with")
            condition = f"{self.metric} {self.op} {self.value!r}"
        if not condition and not self.absent:
            raise ValueError('missing: `condition`, such as "response_time_ms > 800", or `metric`, `op` and `value`')
        shared = {field: getattr(self, field) for field in AlertRule.__struct_fields__ if hasattr(self, field)}
        seconds = {field: float(getattr(self, field)) for field in ("for_", "keep_firing", "absent")}
        return AlertRule(**(shared | seconds | {"name": name, "condition": condition}))
