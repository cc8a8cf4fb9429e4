"""`HealthMonitor`: the components, what is known about each, and the verdict over all.

It takes results in and answers questions; when probes run is the scheduler's business, what a result means is
the engine's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from auscult.clock import Clock
from auscult.component import NAME, Component
from auscult.engine import health, system
from auscult.engine.trend import worst
from auscult.errors import AuscultError, ComponentNotFound, ConfigurationError
from auscult.kinds import Check, Preferences
from auscult.model import CheckResult, ComponentHealth, HealthThreshold, Status, SystemHealth, Trend
from auscult.options import convert_options
from auscult.runtime.function import FunctionCheck
from auscult.runtime.passive import PassiveCheck

__all__ = ["HealthMonitor", "restored_results"]

log = logging.getLogger("auscult.health")

MEMORY = 10_000
"""Results kept in memory for a first look, shared out among all components: at most 100 and at least 1 each."""

LONGEST_PATIENCE = 900.0
"""Seconds at most for which nothing counts as overdue after the clock was set."""
RESTORED = 50_000
"""Results read back at the start, shared out among all components: a start takes seconds, not minutes."""


def restored_results(components: int) -> int:
    """How many results of each component a start reads back."""
    return min(max(RESTORED // components, 10), 100)


class _Tracked:
    __slots__ = ("component", "expiry", "recent", "state")

    def __init__(self, component: Component, state: health.HealthState) -> None:
        self.component = component
        self.state = state
        self.expiry: int | None = None
        """When it is looked at whether a result is overdue (ms)."""
        self.recent: list[CheckResult] = []
        """Oldest first. Not a deque: one of four results takes as much room as one of sixty."""


class HealthMonitor:
    """Components by name, with their health. `changed(added, removed)` hears of registrations while it runs."""

    def __init__(self, clock: Clock, *, interval: float = 30.0) -> None:
        self._clock = clock
        self._interval = interval
        self._tracked: dict[str, _Tracked] = {}
        self._expiries: list[tuple[int, str]] = []
        self.patient_until = 0
        """Until then (ms) nothing counts as overdue: a run has just begun."""
        self._components: dict[str, Component] = {}
        self.components: Mapping[str, Component] = MappingProxyType(self._components)
        """All monitored components by name; live."""
        self._share = 100
        self._tally = system.Tally()
        self._uptime: Mapping[str, dict[str, float | None]] = {}
        self.changed: Callable[[list[Component], list[str]], None] | None = None
        self.revision = 0
        """Grows with everything that can change an answer."""
        self.registrations = 0
        """Grows with every component that comes, changes or goes."""
        self.last_check: int | None = None

    # Registration

    def register(
        self,
        name: str,
        check: Check | Callable[..., Any] | None = None,
        *,
        threshold: HealthThreshold | None = None,
        component_type: str = "",
        **keys: Any,
    ) -> Component:
        """Monitor one more component.

        `check` is a `Check`, any function (decision 11), or None for results that are pushed with
        `Monitor.report`. `keys` are the common keys of the configuration: interval, timeout, depends_on, weight,
        critical, group, labels, runbook, failures, successes, retry_interval, isolate. Raises ConfigurationError.
        """
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"The component name {name!r} does not match [a-z0-9_.-]{{1,64}}")
        if name in self._tracked:
            raise ConfigurationError(f"There already is a component `{name}`")
        component = _build(name, _as_check(check), threshold, component_type, keys, self._interval)
        self.add([component])
        return component

    def unregister(self, name: str) -> None:
        """Monitor a component no more. Raises ComponentNotFound."""
        self._get(name)
        self.remove([name])

    def add(self, components: Iterable[Component]) -> None:
        """Take in resolved components; one of the same name takes the other's place and keeps what is known."""
        added = [component for component in components if component.enabled]
        for component in added:
            old = self._tracked.get(component.name)
            kept = old is not None and old.component.check.kind == component.check.kind
            state = old.state if old is not None and kept else health.begin(component)
            self._tracked[component.name] = tracked = _Tracked(component, state)
            self._components[component.name] = component
            if old is not None and kept:
                tracked.recent = old.recent
                self._await_next(tracked)
            self._tally.put(component, state.status)
        self._share_memory()
        self.revision += 1
        self.registrations += 1
        if self.changed is not None:
            self.changed(added, [])

    def remove(self, names: Iterable[str]) -> None:
        """Forget components; unknown names are ignored."""
        gone = [name for name in names if self._tracked.pop(name, None) is not None]
        for name in gone:
            del self._components[name]
            self._tally.remove(name)
        self.revision += 1
        self.registrations += 1
        if self.changed is not None:
            self.changed([], gone)

    def _share_memory(self) -> None:
        self._share = max(1, min(100, MEMORY // max(len(self._tracked), 1)))
        for tracked in self._tracked.values():
            del tracked.recent[: -self._share]

    # Results

    def take(self, result: CheckResult) -> health.Change | None:
        """Take one result in. Returns the change of status it made, if any."""
        tracked = self._tracked.get(result.component)
        if tracked is None:
            return None
        change = health.step(tracked.state, tracked.component, result)
        tracked.recent.append(result)
        if len(tracked.recent) > self._share:
            del tracked.recent[0]
        if tracked.expiry is None:
            self._await_next(tracked)
        if tracked.component.counted:
            self.last_check = result.at
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: %s by %s: %s", result.component, result.status, result.origin, result.message or "fine")
        self._note(tracked, change)
        return change

    def confirming(self, name: str) -> bool:
        """Whether a change of that component's status waits for confirmation."""
        tracked = self._tracked.get(name)
        return tracked is not None and tracked.state.confirming

    def status(self, name: str) -> Status:
        """That component's status. Raises ComponentNotFound."""
        return self._get(name).state.status

    def glance(self, name: str) -> ComponentHealth:
        """One component's health by itself: no trends, no uptime, no causes. Raises ComponentNotFound."""
        tracked = self._get(name)
        return health.view(tracked.state, tracked.component, 0, trends=False)

    def component_since(self, name: str) -> int | None:
        """Since when that component's status is what it is, ms; None before its first verdict."""
        return self._get(name).state.since

    def next_expiry(self) -> int | None:
        """When the next component may have been without results for too long (ms)."""
        while self._expiries:
            due, name = self._expiries[0]
            tracked = self._tracked.get(name)
            if tracked is not None and tracked.expiry == due:
                if self._expiry(tracked) == due:
                    return due
                heappop(self._expiries)
                self._await_next(tracked)
            else:
                heappop(self._expiries)
        return None

    def expire(self, now: int) -> list[health.Change]:
        """Turn components without results for too long to "no data"."""
        changes = []
        while (due := self.next_expiry()) is not None and due <= now:
            tracked = self._tracked[heappop(self._expiries)[1]]
            tracked.expiry = None
            if change := health.expire(tracked.state, tracked.component, now):
                self._note(tracked, change)
                changes.append(change)
        return changes

    def _await_next(self, tracked: _Tracked) -> None:
        """Come back when its next result is overdue."""
        tracked.expiry = self._expiry(tracked)
        if tracked.expiry is not None:
            heappush(self._expiries, (tracked.expiry, tracked.component.name))

    def _expiry(self, tracked: _Tracked) -> int | None:
        due = health.expires_at(tracked.state, tracked.component)
        return None if due is None else max(due, self.patient_until)

    def on_clock_set(self, by: int) -> None:
        """The wall clock was set by that many ms: nothing is overdue because of that."""
        if by > 0:
            longest = max((tracked.component.age_limit for tracked in self._tracked.values()), default=0.0)
            self.patient_until = self._clock.now_ms() + int(min(longest, LONGEST_PATIENCE) * 1000)

    def restore(
        self, recent: Mapping[str, list[CheckResult]], states: Mapping[str, tuple[str, int]] = MappingProxyType({})
    ) -> None:
        """Bring back what was known before a restart: results oldest first, and last statuses with their time."""
        for name, results in recent.items():
            if (tracked := self._tracked.get(name)) and results:
                health.restore(tracked.state, tracked.component, results, states.get(name))
                tracked.recent = [*tracked.recent, *results][-self._share :]
                self._await_next(tracked)
                self._note(tracked, None)

    @property
    def lacks_uptime(self) -> bool:
        """Whether some component has results that count, and no uptime yet."""
        return any(
            tracked.state.window and (self._uptime.get(name) or {}).get("1h") is None
            for name, tracked in self._tracked.items()
        )

    def set_uptime(self, uptime: Mapping[str, dict[str, float | None]]) -> None:
        """Percent up by component and window, as the store computed them."""
        self._uptime = uptime
        self.revision += 1

    def _note(self, tracked: _Tracked, change: health.Change | None) -> None:
        self.revision += 1
        self._tally.put(tracked.component, tracked.state.status)
        if change is not None:
            level = logging.INFO if change.new == Status.HEALTHY else logging.WARNING
            log.log(level, "%s is %s (was %s): %s", change.component, change.new, change.old, change.message)

    # Questions

    @property
    def judged(self) -> bool:
        """Whether every component that counts has had a result."""
        return all(
            tracked.state.latest is not None
            for tracked in self._tracked.values()
            if tracked.component.counted and not tracked.component.check.passive
        )

    def views(self, *, trends: bool = False) -> Iterable[ComponentHealth]:
        """Each component's health, dependencies not looked at; one at a time, for slices."""
        now = self._clock.now_ms()
        for tracked in list(self._tracked.values()):
            yield health.view(tracked.state, tracked.component, now, trends=trends)

    def component(self, name: str) -> ComponentHealth:
        """One component's health. Raises ComponentNotFound."""
        self._get(name)
        return self.system().components[name] if len(self._tracked) <= 50 else self._alone(name)

    def _alone(self, name: str) -> ComponentHealth:
        """One component among many: only what it depends on is looked at besides."""
        now, wanted, views = self._clock.now_ms(), [name], {}
        while wanted:
            tracked = self._tracked.get(current := wanted.pop())
            if tracked is not None and current not in views:
                views[current] = health.view(tracked.state, tracked.component, now)
                wanted.extend(tracked.component.depends_on)
        return self._with_uptime(system.aggregate(views.values(), now=now).components[name])

    def system(self) -> SystemHealth:
        """All components and the verdict over them."""
        whole = system.aggregate(self.views(trends=True), now=self._clock.now_ms())
        components = {name: self._with_uptime(view) for name, view in whole.components.items()}
        return replace(whole, components=components, last_check=self.last_check)

    def summary(self) -> SystemHealth:
        """The verdict and the totals only; its cost does not grow with the number of components."""
        return replace(self._tally.summary(), last_check=self.last_check)

    def trend(self, name: str, now: int) -> Trend:
        """That component's trend at that time (ms). Raises ComponentNotFound."""
        return health.trend_at(self._get(name).state, now)

    def system_trend(self, now: int) -> Trend:
        """The trend of all that count, at that time (ms)."""
        counted = [tracked.state for tracked in self._tracked.values() if tracked.component.counted]
        return worst([health.trend_at(state, now) for state in counted])

    def system_status(self) -> Status:
        """The verdict over all that count."""
        return self._tally.status()

    def of_status(self, status: Status) -> list[str]:
        """Names of the components that count and have that status, which is not `healthy`."""
        return self._tally.of_status(status)

    def recent(self, name: str, limit: int = 100) -> list[CheckResult]:
        """The latest results in memory, newest first. Raises ComponentNotFound."""
        return self._get(name).recent[: -limit - 1 : -1]

    def _with_uptime(self, view: ComponentHealth) -> ComponentHealth:
        uptime = self._uptime.get(view.component_name)
        return replace(view, uptime=uptime) if uptime else view

    def _get(self, name: str) -> _Tracked:
        try:
            return self._tracked[name]
        except KeyError:
            raise ComponentNotFound(name, self._tracked) from None


def _as_check(check: Check | Callable[..., Any] | None) -> Check:
    if check is None:
        return PassiveCheck()
    return check if isinstance(check, Check) else FunctionCheck.of(check)


def _build(
    name: str, check: Check, threshold: HealthThreshold | None, kind: str, keys: dict[str, Any], interval: float
) -> Component:
    wanted: Preferences = check.prefers()
    defaults: dict[str, Any] = {
        field: value
        for field in ("interval", "timeout", "failures", "successes", "critical")
        if (value := getattr(wanted, field)) is not None
    }
    try:
        given = defaults | {key: _plain(key, value) for key, value in keys.items()}
        given.setdefault("interval", interval)
        given.setdefault("timeout", min(10.0, given["interval"]))
        return Component(name=name, check=check, type=kind, threshold=threshold or HealthThreshold(), **given)
    except (TypeError, ValueError, AuscultError) as error:
        raise ConfigurationError(f"The component `{name}` cannot be registered: {error}") from error


def _plain(key: str, value: Any) -> Any:
    from auscult.options import Duration

    if key in ("interval", "timeout", "retry_interval") and value is not None:
        return float(convert_options(value, Duration))
    return tuple(value) if key == "depends_on" else value
