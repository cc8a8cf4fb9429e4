"""`Judge`: what results and time do to health, rules and alerts, in one order that depends on nothing else.

A result is judged after everything that time alone had brought before it: components without results, `for`, absence,
ends of silences. Each of those counts as of the moment at which it was due, however late somebody looked. So the same
results in the same order make the same alerts, whether a monitor takes them in as they come, a rule test makes them
up or a replay reads them from the history: all three drive this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from auscult.alert_manager import AlertManager
from auscult.engine.health import Change
from auscult.model import CheckResult, Status
from auscult.rules.data import SystemData
from auscult.runtime.health import HealthMonitor

__all__ = ["Judge"]

LATE = 5_000
"""Milliseconds by which a result may come after something later that was judged already, and then counts as of then.
Beyond that the clock was set back."""

PATIENCE = 2_000
"""Milliseconds from the begin of a run in which results that were overdue before may still come."""


class Judge:
    """See the module. `changed` hears of every change of a component's status."""

    def __init__(
        self, health: HealthMonitor, alerts: AlertManager, *, changed: Callable[[Change], None] = lambda _: None
    ) -> None:
        self._health, self._alerts, self._changed = health, alerts, changed
        self.now = 0
        """As of when the latest thing was judged (ms)."""
        alerts.follow(self.advance, self.next_due, self.moment, health.on_clock_set)

    def begin(self, now: int) -> None:
        """A run begins: whatever was due before counts as of now (ms), and is given a moment more."""
        self.now = now
        self._health.patient_until = now + PATIENCE

    def in_order(self, result: CheckResult) -> CheckResult:
        """`result` with the time as of which it counts; to be asked right before it is stored and taken in."""
        return replace(result, at=self.now) if 0 < self.now - result.at <= LATE else result

    def take(self, result: CheckResult) -> Change | None:
        """Judge one result; returns the change of status it made, if any."""
        self._alerts.mind_clock()
        self.advance(result.at)
        self.now = at = result.at
        change = self._health.take(result)
        if result.component in self._health.components:
            self._alerts.take(result, partial(self._health.glance, result.component), self._reckoner(result.component))
        if change is not None:
            self._on_change(change, at)
        return change

    def advance(self, now: int) -> None:
        """Do what time alone brings until `now` (ms), one thing after the other."""
        if self.now - now > LATE:
            self.now = now
        while (due := self.next_due()) is not None and due <= now:
            self.now = at = max(due, self.now)
            for change in self._health.expire(at):
                name = change.component
                self._alerts.look(name, partial(self._health.glance, name), at, self._reckoner(name))
                self._on_change(change, at)
            self._alerts.advance(at, now)

    def moment(self, now: int) -> int:
        """`now` (ms) for something that is no result: later than all that was judged, earlier than all to come."""
        self._alerts.mind_clock()
        self.advance(now)
        self.now = now if now > self.now or self.now - now > LATE else self.now + 1
        return self.now

    def next_due(self) -> int | None:
        """When time alone brings something next (ms)."""
        expiry, alert = self._health.next_expiry(), self._alerts.next_due()
        return min(expiry, alert) if expiry is not None and alert is not None else alert or expiry

    def judge_system(self, now: int) -> None:
        """Look at all components together; after a change of any status, and when components came or went."""
        self._alerts.take_system(SystemData(self._health.summary, self._of_system), now)

    def _on_change(self, change: Change, at: int) -> None:
        self._changed(change)
        self.judge_system(at)

    def _reckoner(self, component: str) -> Callable[[str], Any]:
        return partial(self._of_component, component)

    def _of_component(self, component: str, name: str) -> Any:
        return self._health.trend(component, self.now).value if name == "trend" else None

    def _of_system(self, name: str) -> Any:
        match name:
            case "status":  # without the message of the summary, which names everybody who is not well
                return self._health.system_status().value
            case "trend":
                return self._health.system_trend(self.now).value
        return ", ".join(self._health.of_status(Status.UNHEALTHY)) or None
