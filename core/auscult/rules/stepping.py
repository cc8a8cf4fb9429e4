"""`RuleEngine`: steps every rule at every result, and says when a condition begins and ceases to count.

Pure: time is an argument. What it says alternates for each rule and component: begin, end, begin, … (a begin with the
reason ``updated`` repeats one whose rule was changed meanwhile).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

from auscult.rules.armed import Armed, Complain
from auscult.rules.data import Data
from auscult.rules.rule import AlertRule
from auscult.rules.tracked import SYSTEM, Instance, RuleState, Tracked, Verdict
from auscult.rules.windows import READER, Windows

__all__ = ["RuleEngine", "RuleState", "Verdict"]


def _nobody(rule: str, message: str) -> None:
    """Nobody hears of it."""


class RuleEngine:
    """See the module. `complain(rule, message)` hears of conditions that go wrong, once for each way of going wrong.

    `timer` (seconds, only ever compared with itself) tells how long functions take that are given as conditions; slow
    ones are then asked less often.
    """

    def __init__(
        self,
        rules: Iterable[AlertRule] = (),
        *,
        complain: Complain = _nobody,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self._complain, self._timer = complain, timer
        self._armed: dict[str, Armed] = {}
        self._tracked: dict[str, Tracked] = {}
        self._timers: list[tuple[int, int, Tracked, Instance]] = []
        self._count = 0
        self.replace(rules)

    # Rules

    @property
    def troubles(self) -> dict[str, int]:
        """Rule to how often its function could not say, or its condition met a value of the wrong type."""
        return {name: armed.troubles for name, armed in self._armed.items() if armed.troubles}

    def add(self, rule: AlertRule) -> None:
        """Step one more rule; one of the same name is changed. Raises ValueError (ConditionError, TemplateError)."""
        self.replace([*(armed.rule for name, armed in self._armed.items() if name != rule.name), rule])

    def remove(self, name: str, now: int = 0) -> list[Verdict]:
        """Step that rule no more; what it raised ends."""
        return self.replace([armed.rule for armed in self._armed.values() if armed.rule.name != name], now)

    def replace(self, rules: Iterable[AlertRule], now: int = 0) -> list[Verdict]:
        """Step these rules instead. What fires goes on firing under the new rule of the same name, until a result says
        otherwise; what a rule raised that is gone ends.

        Raises ValueError (ConditionError, TemplateError), and changes nothing then.
        """
        wanted = {rule.name: rule for rule in rules}
        before = self._armed
        same = {name for name, rule in wanted.items() if name in before and before[name].rule == rule}
        self._armed = {
            name: before[name] if name in same else Armed(rule, self._complain) for name, rule in wanted.items()
        }
        for name, armed in self._armed.items():
            if name in before and name not in same:
                armed.adopt(before[name])
        verdicts: list[Verdict] = []
        for tracked in self._tracked.values():
            tracked.plan = None
            for name, instance in list(tracked.instances.items()):
                if name not in wanted:
                    self._drop(tracked, name, now, "rule removed", verdicts)
                elif name not in same:
                    _rearm(instance, self._armed[name])
        return verdicts

    def refresh(self, component: str) -> None:
        """The component's type or labels changed: find out anew which rules look at it."""
        if tracked := self._tracked.get(component):
            tracked.plan = None

    def forget(self, component: str, now: int = 0) -> list[Verdict]:
        """The component is gone; what its rules raised ends."""
        verdicts: list[Verdict] = []
        if tracked := self._tracked.pop(component, None):
            for name in list(tracked.instances):
                self._drop(tracked, name, now, "component removed", verdicts)
        return verdicts

    def _drop(self, tracked: Tracked, rule: str, now: int, reason: str, verdicts: list[Verdict]) -> None:
        instance = tracked.instances.pop(rule)
        instance.due = None
        if instance.firing:
            verdicts.append(tracked.end(instance, now, reason))

    def is_firing(self, rule: str, component: str) -> bool:
        """Whether the latest word on them was a begin."""
        tracked = self._tracked.get(component)
        instance = tracked.instances.get(rule) if tracked is not None else None
        return instance is not None and instance.firing

    # Steps

    def watch(self, component: str, data: Mapping[str, Any], now: int) -> list[Verdict]:
        """A component is there, though it has no result yet: from now on it may be absent."""
        tracked = self._track(component, now)
        verdicts: list[Verdict] = []
        if tracked.plan is None:
            self._plan(tracked, data, now, verdicts)
        return verdicts

    def step(self, component: str, data: Mapping[str, Any], now: int, *, fresh: bool = True) -> list[Verdict]:
        """Judge one component after a result; `fresh=False`: after something else, such as that none came.

        What is not fresh may begin something and ends nothing: no data is no recovery.
        """
        tracked = self._tracked.get(component) or self._track(component, now)
        verdicts: list[Verdict] = []
        if (plan := tracked.plan) is None:
            plan = self._plan(tracked, data, now, verdicts)
        if fresh:
            tracked.seen = now
        if tracked.windows is not None:
            data = _looked_through(tracked.windows, data, now, fresh)
        get = data.get
        for instance in plan:
            armed = instance.armed
            if armed.test is not None:
                holds: bool | None = armed.test(get)
            else:
                holds = False if armed.function is None else armed.ask(data, now, self._timer)
            if holds:
                if not instance.firing or instance.quiet_since is not None or instance.changed:
                    self._holding(tracked, instance, data, now, verdicts)
            elif instance.busy and holds is not None:
                self._ceasing(tracked, instance, data, now, verdicts, fresh=fresh)
        return verdicts

    def step_system(self, data: Mapping[str, Any], now: int) -> list[Verdict]:
        """Judge all components together."""
        return self.step(SYSTEM, data, now)

    def _track(self, component: str, now: int) -> Tracked:
        tracked = self._tracked.get(component)
        if tracked is None:
            tracked = self._tracked[component] = Tracked(component)
            tracked.seen = now
        return tracked

    def _plan(self, tracked: Tracked, data: Mapping[str, Any], now: int, verdicts: list[Verdict]) -> list[Instance]:
        """Find out which rules look at a component."""
        tracked.describe(data)
        plan: list[Instance] = []
        longest: dict[str, float] = {}
        for name, armed in self._armed.items():
            if not _concerns(armed.rule, tracked):
                if name in tracked.instances:
                    self._drop(tracked, name, now, "rule removed", verdicts)
                continue
            instance = tracked.instances.setdefault(name, Instance(armed))
            plan.append(instance)
            if armed.absent:
                self._set_timer(tracked, instance, now + armed.absent)
            for series, seconds in armed.windows.items():
                longest[series] = max(seconds, longest.get(series, 0.0))
        if tracked.windows is not None:
            tracked.windows = tracked.windows.resized(longest) if longest else None
        elif longest:
            tracked.windows = Windows(longest)
        tracked.plan = plan
        return plan

    def _holding(
        self, tracked: Tracked, instance: Instance, data: Mapping[str, Any], now: int, verdicts: list[Verdict]
    ) -> None:
        """The condition holds."""
        instance.quiet_since = None
        if instance.firing:
            if instance.changed:
                verdicts.append(tracked.begin(instance, now, reason="updated", data=data))
            return
        instance.busy = True
        instance.data = data
        if instance.since is None or instance.since > now:  # a clock that was set back must not delay it for ever
            instance.since = now
        if now - instance.since >= instance.armed.for_:
            verdicts.append(tracked.begin(instance, now, data=data))
        else:
            self._set_timer(tracked, instance, instance.since + instance.armed.for_)

    def _ceasing(
        self,
        tracked: Tracked,
        instance: Instance,
        data: Mapping[str, Any],
        now: int,
        verdicts: list[Verdict],
        *,
        fresh: bool,
    ) -> None:
        """The condition does not hold."""
        armed = instance.armed
        if not instance.firing:
            instance.rest()
            return
        if not fresh and tracked.name != SYSTEM:
            return
        if armed.clear is not None and not armed.clear.holds(data.get):
            instance.quiet_since = None
            return
        if instance.quiet_since is None or instance.quiet_since > now:
            instance.quiet_since = now
        if now - instance.quiet_since >= armed.keep:
            self._end(tracked, instance, now, verdicts)
        else:
            self._set_timer(tracked, instance, instance.quiet_since + armed.keep)

    def _end(self, tracked: Tracked, instance: Instance, now: int, verdicts: list[Verdict]) -> None:
        verdicts.append(tracked.end(instance, now))
        if instance.armed.absent:
            self._set_timer(tracked, instance, tracked.seen + instance.armed.absent)

    # Time

    def sweep(self, now: int) -> list[Verdict]:
        """Judge what time alone decides: `for_`, `keep_firing` and `absent`."""
        verdicts: list[Verdict] = []
        while (due := self.next_due()) is not None and due <= now:
            _, _, tracked, instance = heappop(self._timers)
            instance.due = None
            self._ring(tracked, instance, now, verdicts)
        return verdicts

    def next_due(self) -> int | None:
        """When `sweep` may have something to say."""
        while self._timers and self._timers[0][3].due != self._timers[0][0]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def shift(self, by: int) -> None:
        """The wall clock was set by that many ms: what has to last for a while lasts as long as it was meant to."""
        for tracked in self._tracked.values():
            tracked.seen += by
            if tracked.windows is not None:
                tracked.windows.shift(by)
            for instance in tracked.instances.values():
                instance.since = instance.since + by if instance.since is not None else None
                instance.quiet_since = instance.quiet_since + by if instance.quiet_since is not None else None
                instance.due = instance.due + by if instance.due is not None else None
        self._timers = [(due + by, count, tracked, instance) for due, count, tracked, instance in self._timers]

    def _ring(self, tracked: Tracked, instance: Instance, now: int, verdicts: list[Verdict]) -> None:
        armed = instance.armed
        if instance.firing:
            if instance.quiet_since is not None:
                if now - instance.quiet_since >= armed.keep:
                    self._end(tracked, instance, now, verdicts)
                else:
                    self._set_timer(tracked, instance, instance.quiet_since + armed.keep)
            return
        if instance.since is not None and instance.data is not None:
            if now - instance.since >= armed.for_:
                verdicts.append(tracked.begin(instance, now, data=instance.data))
                return
            self._set_timer(tracked, instance, instance.since + armed.for_)
        if armed.absent and _concerns(armed.rule, tracked):
            if now - tracked.seen >= armed.absent:
                verdicts.append(tracked.begin(instance, now, reason="absent"))
            else:
                self._set_timer(tracked, instance, tracked.seen + armed.absent)

    def _set_timer(self, tracked: Tracked, instance: Instance, due: int) -> None:
        """Have it ring at `due` at the latest; it sets itself anew where that is too early."""
        if instance.due is not None and instance.due <= due:
            return
        instance.due = due
        self._count += 1
        heappush(self._timers, (due, self._count, tracked, instance))

    # Restarts

    def snapshot(self) -> list[RuleState]:
        """What waits for time to pass."""
        return [
            RuleState(rule=rule, component=name, since=instance.since, quiet_since=instance.quiet_since)
            for name, tracked in self._tracked.items()
            for rule, instance in tracked.instances.items()
            if instance.busy and (instance.since is not None or instance.quiet_since is not None)  # few are busy
        ]

    def restore(self, states: Iterable[RuleState], firing: Iterable[tuple[str, str, dict[str, str]]], now: int) -> None:
        """Take in a `snapshot`, and what fired when the earlier run ended: rule, component, labels.

        Nothing begins before a result has confirmed it; absence counts from now.
        """
        for rule, component, labels in firing:
            if (instance := self._revived(rule, component, now)) is not None:
                instance.firing, instance.labels = True, dict(labels)
        for state in states:
            if (instance := self._revived(state.rule, state.component, now)) is None:
                continue
            if not instance.firing:
                instance.since = state.since
            elif state.quiet_since is not None:
                instance.quiet_since = state.quiet_since
                tracked = self._tracked[state.component]
                self._set_timer(tracked, instance, state.quiet_since + instance.armed.keep)

    def _revived(self, rule: str, component: str, now: int) -> Instance | None:
        if (armed := self._armed.get(rule)) is None:
            return None
        instance = self._track(component, now).instances.setdefault(rule, Instance(armed))
        instance.busy = True
        return instance


def _rearm(instance: Instance, armed: Armed) -> None:
    """Go on under a rule that was changed."""
    old = instance.armed.rule
    instance.armed = armed
    instance.changed = instance.firing
    if armed.rule.condition != old.condition and not instance.firing:
        instance.rest()


def _concerns(rule: AlertRule, tracked: Tracked) -> bool:
    if tracked.name == SYSTEM:
        return rule.scope == "system"
    return rule.concerns(tracked.name, tracked.component_type, tracked.labels)


class _Through(Mapping[str, Any]):
    """Data that is no `Data` of ours, with a window to look through."""

    def __init__(self, data: Mapping[str, Any], windows: Windows) -> None:
        self._data, self._windows = data, windows

    def __getitem__(self, key: str) -> Any:
        return self._windows if key == READER else self._data[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self._windows if key == READER else self._data.get(key, default)

    def __iter__(self) -> Any:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


def _looked_through(windows: Windows, data: Mapping[str, Any], now: int, fresh: bool) -> Mapping[str, Any]:
    """`data` with its windows, which take it in when it is `fresh`."""
    if fresh:
        windows.add(data.get, now)
    if isinstance(data, Data):
        data.windows = windows
        return data
    return _Through(data, windows)
