"""`Stage`: components, rules, routes and channels over a clock that moves when it is told to.

Health, rules, alert book, router and outbox are those that run live, driven by the same `Judge`. Only the ends differ:
results are handed in, and every channel delivers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from auscult.alert import Notification
from auscult.alert_manager import SELF, AlertManager
from auscult.alerts.quiet import Silence
from auscult.component import Component
from auscult.config.alerting import AlertSettings
from auscult.engine.health import Change
from auscult.judge import Judge
from auscult.model import CheckResult, Problem
from auscult.replay.ledger import Ledger
from auscult.runtime.health import HealthMonitor
from auscult.runtime.self_check import SelfCheck
from auscult.runtime.stats import MonitorStats
from auscult.runtime.topology import Topology
from auscult.store.alert_reader import Kept

__all__ = ["Sent", "Stage"]


class Sent(Struct, frozen=True, kw_only=True):
    """One envelope that a channel was given."""

    at: int
    channel: str
    notification: Notification


class _Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def now_ms(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / 1000


def _nobody() -> MonitorStats:
    raise NotImplementedError("nothing is probed on a stage")


class Stage:
    """See the module. Times are ms since the epoch.

    `kept`, `recent` and `states` are what an earlier run left: alerts, results by component, statuses.
    """

    def __init__(
        self,
        components: Iterable[Component],
        settings: AlertSettings,
        *,
        start: int,
        interval: float = 30.0,
        itself: Component | None = None,
        ledger: Ledger | None = None,
        kept: Kept | None = None,
        recent: Mapping[str, list[CheckResult]] | None = None,
        states: Mapping[str, tuple[str, int]] | None = None,
        complain: Callable[[str, Problem], None] = lambda _, __: None,
    ) -> None:
        self.ledger = ledger or Ledger()
        self.sent: list[Sent] = []
        self.states: dict[str, tuple[str, int]] = dict(states or {})
        self._clock = _Clock(start)
        self.health = HealthMonitor(self._clock, interval=interval)
        self.alerts = AlertManager(
            self._clock,
            Topology(self.health),
            system=self.health.summary,
            complain=complain,
            look=lambda _: None,
            is_known=lambda name: name in self.health.components,
        )
        self.judge = Judge(self.health, self.alerts, changed=self._note)
        self.judge.begin(start)
        myself = self.health.register(SELF, SelfCheck(stats=_nobody), counted=False, critical=False)
        self.health.add([replace(itself, check=myself.check, enabled=True) if itself is not None else myself])
        self.health.add(components)
        self.alerts.configure(settings)
        self.health.restore(recent or {}, states or {})
        if kept is not None:
            self.alerts.resume(kept, start)
        self.alerts.rehearse(self.ledger.keep)
        for name in self.health.components:
            self.alerts.watch(name, partial(self.health.glance, name), start)
        self.judge.judge_system(start)

    @property
    def now(self) -> int:
        """What the clock says."""
        return self._clock.now

    def take(self, result: CheckResult) -> None:
        """A result comes in, at its time."""
        self.advance(result.at)
        self.judge.take(result)
        self._deliver()

    def advance(self, to: int) -> None:
        """Let time pass until `to`."""
        while (due := self._next_due()) is not None and due <= to:
            self._clock.now = max(due, self._clock.now)
            self.judge.advance(self._clock.now)
            self._deliver()
        self._clock.now = max(to, self._clock.now)

    def act(self, act: Callable[[], None], at: int) -> None:
        """Somebody does something at that time."""
        self.advance(at)
        self.judge.moment(at)
        act()
        self._deliver()

    def join(self, component: Component) -> None:
        """One more component is monitored from now on."""
        self.health.add([component])
        now = self.judge.moment(self.now)
        self.alerts.watch(component.name, partial(self.health.glance, component.name), now)
        self.judge.judge_system(now)

    def hush(self, silence: Silence) -> None:
        """Somebody silences alerts, when the silence says so."""
        self.act(partial(self.alerts.hush, silence, silence.created_at), silence.created_at)

    def end(self) -> Ledger:
        """The run ends; gives what the next one finds."""
        self.alerts.remember()
        return self.ledger

    def _note(self, change: Change) -> None:
        self.states[change.component] = (change.new.value, change.at)

    def _next_due(self) -> int | None:
        dues = [self.alerts.outbox.next_due(channel) for channel in self.alerts.channels()]
        return min((due for due in (self.judge.next_due(), *dues) if due is not None), default=None)

    def _deliver(self) -> None:
        for channel in self.alerts.channels():
            while (envelope := self.alerts.outbox.take(channel, self.now)) is not None:
                self.sent.append(Sent(at=self.now, channel=channel, notification=envelope.notification()))
                self.ledger.rows |= {row.key: row for row in self.alerts.outbox.done(envelope, self.now)}
