"""`RuleEngine`: steps every rule at every result, and says when a condition begins and ceases to count.

Pure: time is an argument. What it says alternates for each rule and component: begin, end, begin, …
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from inspect import iscoroutine
from typing import Any

from msgspec import Struct

from auscult.model import AlertSeverity
from auscult.rules.data import Data
from auscult.rules.expression import Condition
from auscult.rules.rule import AlertRule
from auscult.rules.template import Template
from auscult.rules.windows import Windows

__all__ = ["RuleEngine", "RuleState", "Verdict"]

_USUAL = ("status", "response_time_ms", "success_rate")
"""What an alert keeps of the data when its condition is a function, which does not say what it looks at."""
_SYSTEM = ""
"""Stands for all components together."""


class Verdict(Struct, frozen=True, kw_only=True):
    """A rule begins or ceases to fire for one component."""

    rule: str
    component: str
    firing: bool
    at: int
    component_type: str = ""
    labels: dict[str, str] = {}
    severity: AlertSeverity = AlertSeverity.MEDIUM
    message: str = ""
    values: dict[str, float | str] = {}
    runbook: str = ""
    reason: str = ""


class RuleState(Struct, frozen=True, kw_only=True):
    """What a restart must not lose of one rule and component."""

    rule: str
    component: str
    since: int | None = None
    """Since when the condition holds (ms), while it does not fire yet."""
    quiet_since: int | None = None
    """Since when the condition has ceased to hold, while it still fires."""


class _Armed:
    """A rule, made ready."""

    __slots__ = ("absent", "clear", "for_", "holds", "keep", "names", "rule", "template", "windows")

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        condition = Condition(rule.condition, scope=rule.scope) if isinstance(rule.condition, str) else None
        condition = condition if rule.condition != "" else None
        self.holds: Callable[[Any], Any] | None = condition or (rule.condition if callable(rule.condition) else None)
        self.clear = Condition(rule.clear, scope=rule.scope) if rule.clear else None
        self.template = Template(rule.message_template)
        self.for_, self.keep = int(rule.for_ * 1000), int(rule.keep_firing * 1000)
        self.absent = int(rule.absent * 1000)
        self.names = tuple(sorted(condition.names)) if condition is not None else _USUAL
        self.windows: dict[str, float] = {}
        for each in (condition, self.clear):
            for name, seconds in each.windows.items() if each is not None else ():
                self.windows[name] = max(seconds, self.windows.get(name, 0.0))


class _Instance:
    """One rule for one component."""

    __slots__ = ("armed", "component", "data", "firing", "labels", "quiet_since", "seen", "since")

    def __init__(self, armed: _Armed, component: str) -> None:
        self.armed, self.component = armed, component
        self.firing = False
        self.since: int | None = None
        self.quiet_since: int | None = None
        self.seen = 0
        self.data: Data[Any] | None = None
        self.labels: dict[str, str] = {}
        """Those it began with: they are part of what the alert is."""


class _Plan:
    """The rules that look at one component."""

    __slots__ = ("instances", "windows")

    def __init__(self) -> None:
        self.instances: list[_Instance] = []
        self.windows: Windows | None = None


class RuleEngine:
    """See the module. `complain(rule, message)` hears of conditions that go wrong."""

    def __init__(
        self, rules: Iterable[AlertRule] = (), *, complain: Callable[[str, str], None] = lambda rule, message: None
    ) -> None:
        self._armed: dict[str, _Armed] = {}
        self._plans: dict[str, _Plan] = {}
        self._kept: dict[tuple[str, str], _Instance] = {}
        """Every instance by rule and component; one that fires outlives the plan it was in."""
        self._timers: list[tuple[int, int, _Instance]] = []
        self._count = 0
        self._complain = complain
        self.replace(rules)

    # Rules

    def add(self, rule: AlertRule) -> None:
        """Step one more rule. Raises ValueError (ConditionError, TemplateError)."""
        self._armed[rule.name] = _Armed(rule)
        self._forget_state(lambda instance: instance.armed.rule.name == rule.name)

    def remove(self, name: str) -> None:
        """Step that rule no more."""
        self._armed.pop(name, None)
        self._forget_state(lambda instance: instance.armed.rule.name == name)

    def replace(self, rules: Iterable[AlertRule]) -> None:
        """Step these rules instead; what is known of those that stay the same is kept."""
        wanted = {rule.name: rule for rule in rules}
        before = self._armed
        self._armed = {
            name: before[name] if name in before and before[name].rule == rule else _Armed(rule)
            for name, rule in wanted.items()
        }
        self._forget_state(lambda instance: self._armed.get(instance.armed.rule.name) is not instance.armed)

    def _forget_state(self, gone: Callable[[_Instance], bool]) -> None:
        self._kept = {key: instance for key, instance in self._kept.items() if not gone(instance)}
        self._plans.clear()

    def refresh(self, component: str) -> None:
        """The component's type or labels changed: find out anew which rules look at it."""
        self._plans.pop(component, None)

    def forget(self, component: str) -> None:
        """The component is gone."""
        self._plans.pop(component, None)
        self._kept = {key: instance for key, instance in self._kept.items() if key[1] != component}

    def is_firing(self, rule: str, component: str) -> bool:
        """Whether the latest word on them was a begin."""
        instance = self._kept.get((rule, component))
        return instance is not None and instance.firing

    # Steps

    def step(self, component: str, data: Data[Any], now: int) -> list[Verdict]:
        """Judge one component after a fresh result."""
        plan = self._plans.get(component)
        if plan is None:
            plan = self._plans[component] = self._plan(component, data, now)
        if plan.windows is not None:
            plan.windows.add(data.get, now)
            data.windows = plan.windows
        verdicts: list[Verdict] = []
        for instance in plan.instances:
            self._step(instance, data, now, verdicts)
        return verdicts

    def step_system(self, data: Data[Any], now: int) -> list[Verdict]:
        """Judge all components together."""
        return self.step(_SYSTEM, data, now)

    def _plan(self, component: str, data: Data[Any], now: int) -> _Plan:
        plan = _Plan()
        longest: dict[str, float] = {}
        for name, armed in self._armed.items():
            if not _concerns(armed.rule, component, data):
                continue
            instance = self._kept.get((name, component))
            if instance is None:
                instance = self._kept[name, component] = _Instance(armed, component)
                instance.seen = now
                if armed.absent:
                    self._set_timer(now + armed.absent, instance)
            plan.instances.append(instance)
            for series, seconds in armed.windows.items():
                longest[series] = max(seconds, longest.get(series, 0.0))
        plan.windows = Windows(longest) if longest else None
        return plan

    def _step(self, instance: _Instance, data: Data[Any], now: int, verdicts: list[Verdict]) -> None:
        armed = instance.armed
        instance.seen = now
        holds = armed.holds is not None and self._ask(armed, data)
        if holds is None:
            return
        if holds:
            instance.quiet_since = None
            if instance.firing:
                return
            if instance.since is None:
                instance.since = now
            instance.data = data
            if now - instance.since >= armed.for_:
                verdicts.append(self._begin(instance, now))
            else:
                self._set_timer(instance.since + armed.for_, instance)
            return
        instance.since = None
        instance.data = None
        if instance.firing and not (armed.clear is not None and not armed.clear(data)):
            if instance.quiet_since is None:
                instance.quiet_since = now
            if now - instance.quiet_since >= armed.keep:
                verdicts.append(self._end(instance, now))
            else:
                self._set_timer(instance.quiet_since + armed.keep, instance)

    def _ask(self, armed: _Armed, data: Data[Any]) -> bool | None:
        """Whether the condition holds; None when it cannot say."""
        assert armed.holds is not None
        try:
            answer = armed.holds(data)
            if iscoroutine(answer):
                answer.close()
                raise TypeError("a condition is a plain function, not an async one")
            return bool(answer)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # other people's code; what held before goes on
            self._complain(armed.rule.name, f"its condition raised {type(error).__name__}: {_said(error)}")
            return None

    # Time

    def sweep(self, now: int) -> list[Verdict]:
        """Judge what time alone decides: `for_`, `keep_firing` and `absent`."""
        verdicts: list[Verdict] = []
        while self._timers and self._timers[0][0] <= now:
            _, _, instance = heappop(self._timers)
            if self._kept.get((instance.armed.rule.name, instance.component)) is instance:
                self._ring(instance, now, verdicts)
        return verdicts

    def next_due(self) -> int | None:
        """When `sweep` may have something to say."""
        return self._timers[0][0] if self._timers else None

    def _ring(self, instance: _Instance, now: int, verdicts: list[Verdict]) -> None:
        armed = instance.armed
        if instance.since is not None and not instance.firing:
            if now - instance.since >= armed.for_:
                verdicts.append(self._begin(instance, now))
        elif instance.quiet_since is not None and instance.firing:
            if now - instance.quiet_since >= armed.keep:
                verdicts.append(self._end(instance, now))
        elif armed.absent:
            due = instance.seen + armed.absent
            if due > now:
                self._set_timer(due, instance)
            elif not instance.firing:
                verdicts.append(self._begin(instance, now, absent=now - instance.seen))

    def _set_timer(self, due: int, instance: _Instance) -> None:
        self._count += 1
        heappush(self._timers, (due, self._count, instance))

    # Words

    def _begin(self, instance: _Instance, now: int, *, absent: int = 0) -> Verdict:
        instance.firing = True
        instance.since = instance.quiet_since = None
        rule, data = instance.armed.rule, instance.data
        instance.data = None
        get: Callable[[str], Any] = data.get if data is not None else {"component": instance.component}.get
        extra = {"rule": rule.name, "severity": rule.severity.value, "absent": absent / 1000 if absent else None}

        def value(name: str) -> Any:
            found = get(name)
            return extra.get(name) if found is None else found

        message = instance.armed.template.render(value)
        if absent:
            message = f"no data from {instance.component} for {absent / 1000:.0f} s"
        view = data.view if data is not None and rule.scope == "component" else None
        instance.labels = {**getattr(view, "labels", {}), **rule.labels}
        return Verdict(
            rule=rule.name,
            component=instance.component,
            component_type=getattr(view, "component_type", ""),
            labels=instance.labels,
            firing=True,
            at=now,
            severity=rule.severity,
            message=message,
            values={name: _plain(found) for name in instance.armed.names if (found := get(name)) is not None},
            runbook=rule.runbook or getattr(view, "runbook", ""),
        )

    def _end(self, instance: _Instance, now: int) -> Verdict:
        instance.firing = False
        instance.since = instance.quiet_since = None
        rule = instance.armed.rule
        if instance.armed.absent:
            self._set_timer(now + instance.armed.absent, instance)
        return Verdict(
            rule=rule.name,
            component=instance.component,
            labels=instance.labels,
            firing=False,
            at=now,
            severity=rule.severity,
        )

    # Restarts

    def snapshot(self) -> list[RuleState]:
        """What waits for time to pass."""
        return [
            RuleState(rule=rule, component=component, since=instance.since, quiet_since=instance.quiet_since)
            for (rule, component), instance in self._kept.items()
            if instance.since is not None or instance.quiet_since is not None
        ]

    def restore(self, states: Iterable[RuleState], firing: Iterable[tuple[str, str, dict[str, str]]], now: int) -> None:
        """Take in a `snapshot`, and what fired when the earlier run ended: rule, component, labels."""
        for rule, component, labels in firing:
            if (instance := self._revived(rule, component, now)) is not None:
                instance.firing, instance.labels = True, labels
        for state in states:
            if (instance := self._revived(state.rule, state.component, now)) is None:
                continue
            if instance.firing and state.quiet_since is not None:
                instance.quiet_since = state.quiet_since
                self._set_timer(state.quiet_since + instance.armed.keep, instance)
            elif not instance.firing and state.since is not None:
                # No timer: whether it still holds is for the first result to say.
                instance.since = state.since

    def _revived(self, rule: str, component: str, now: int) -> _Instance | None:
        if (armed := self._armed.get(rule)) is None:
            return None
        instance = self._kept.get((rule, component))
        if instance is None:
            instance = self._kept[rule, component] = _Instance(armed, component)
            instance.seen = now
            if armed.absent:
                self._set_timer(now + armed.absent, instance)
        return instance


def _concerns(rule: AlertRule, component: str, data: Mapping[str, Any]) -> bool:
    if component == _SYSTEM:
        return rule.scope == "system"
    view = getattr(data, "view", None)
    return rule.concerns(component, getattr(view, "component_type", ""), getattr(view, "labels", {}))


def _plain(value: Any) -> float | str:
    if isinstance(value, bool | int | float):
        return float(value)
    return str(value)[:200]


def _said(error: BaseException) -> str:
    try:
        return str(error)[:200]
    except BaseException:
        return ""
