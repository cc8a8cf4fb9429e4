"""`RuleTester`: rules, routes and channels over results that a test makes up, in time that passes when it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from auscult.alert import Acknowledgement, Alert, AlertChange, ChangeKind, Notice
from auscult.alerts.matching import matchers_of
from auscult.alerts.quiet import Silence
from auscult.alerts.routing import Route
from auscult.component import Component
from auscult.config.alerting import AlertSettings
from auscult.config.settings import Settings
from auscult.errors import AlertNotFound, ComponentNotFound
from auscult.kinds import Channel, ChannelContext
from auscult.model import CheckResult, Status
from auscult.options import Duration
from auscult.replay.stage import Stage
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule
from auscult.runtime.passive import PassiveCheck

__all__ = ["START", "RuleTester", "Told"]

START = 1_705_314_600_000
"""When a test begins unless it says otherwise: 2024-01-15T10:30:00Z, a Monday (ms)."""
Span = float | str
"""Seconds, or text such as ``5m``."""
Values = float | Sequence[float]


class Told(Struct, frozen=True, kw_only=True):
    """One notice that a channel was given."""

    at: float
    """Seconds from the begin of the test."""
    channel: str
    kind: str
    """What happened: ``fired``, ``reopened``, ``resolved``, ``reminded``, ``escalated`` …"""
    alert: Alert
    notice: Notice

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.alert.rule

    @property
    def component(self) -> str:
        """The component's name."""
        return self.alert.component

    def __str__(self) -> str:
        of = f" for {self.component}" if self.component else ""
        return f"{Duration(self.at)} {self.channel}: {self.rule}{of} {self.kind}"


class _AnyChannel(Channel):
    """Stands for a channel where a test has no configuration."""

    kind = "test"

    async def send(self, notification: Any, ctx: ChannelContext) -> None:
        """Never called: on a stage every channel delivers."""


class RuleTester:
    """The live engine: health, rules, alert book, routes and outbox, with channels that always deliver.

    ::

        tester = RuleTester(AlertRule("slow", "response_time_ms > 800", for_=60.0))
        tester.feed("stt", response_time_ms=900, every=15, times=4)
        assert not tester.alerts
        tester.advance("15s")
        assert [alert.rule for alert in tester.alerts] == ["slow"]
    """

    def __init__(
        self,
        *rules: AlertRule,
        components: Iterable[Component | str] = (),
        routes: Iterable[Route] = (),
        channels: Iterable[str] = ("test",),
        start: int = START,
    ) -> None:
        """Judge by `rules` alone, or by the default ones where there are none; components come to be when fed."""
        made = [_passive(each) if isinstance(each, str) else each for each in components]
        settings = AlertSettings(
            rules=rules or default_rules(),
            channels={name: _AnyChannel() for name in channels},
            routes=tuple(routes),
        )
        self._begin(settings, made, start, closed=False)

    @classmethod
    def of(cls, settings: Settings, start: int = START) -> Self:
        """One for a loaded configuration; what it does not have as a component cannot be fed."""
        tester = cls.__new__(cls)
        tester._begin(
            settings.alerting,
            list(settings.components.values()),
            start,
            closed=True,
            interval=float(settings.defaults.interval),
            itself=settings.itself,
        )
        return tester

    @classmethod
    def load(cls, file: Path | str, *, environ: Mapping[str, str] | None = None, start: int = START) -> Self:
        """One for a configuration file; `environ` has the variables that it refers to. Raises ConfigurationError."""
        from auscult.config import load

        return cls.of(load(Path(file), environ=environ or {})[0], start)

    def _begin(
        self, settings: AlertSettings, components: list[Component], start: int, *, closed: bool, **options: Any
    ) -> None:
        self._stage = Stage(components, settings, start=start, **options)
        self._start, self._closed = start, closed
        self._rules = {rule.name for rule in settings.rules}
        self._coming: list[tuple[int, int, CheckResult]] = []
        self._fed = 0
        self._silences = 0

    # Results and time

    @property
    def now(self) -> float:
        """Seconds since the begin of the test."""
        return (self._stage.now - self._start) / 1000

    def give(
        self,
        component: str,
        *,
        at: Span | None = None,
        every: Span | None = None,
        times: int = 1,
        status: Status | str = Status.HEALTHY,
        message: str = "",
        response_time_ms: Values | None = None,
        **measurements: Values,
    ) -> float:
        """Have results come once time gets there; gives the moment of the last one.

        The first comes `at` (seconds from the begin; by default now), the others one after the other, `every` so
        often (by default the component's interval). A list of values makes one result of each.
        """
        interval = self._component(component).interval
        step = _seconds(every) if every is not None else interval
        begin = _seconds(at) if at is not None else self.now
        series = {"response_time_ms": response_time_ms, **measurements}
        times = max([times, *(len(values) for values in series.values() if isinstance(values, Sequence))])
        for number in range(times):
            numbers = {name: _nth(values, number) for name, values in series.items()}
            ms = numbers.pop("response_time_ms")
            when = self._start + round((begin + number * step) * 1000)
            self._fed += 1
            result = CheckResult(
                component,
                Status(status),
                when,
                response_time_ms=ms,
                message=message,
                measurements={name: value for name, value in numbers.items() if value is not None},
            )
            heappush(self._coming, (when, self._fed, result))
        return begin + (times - 1) * step

    def feed(self, component: str, **options: Any) -> None:
        """Give results as `give` does, and let time pass until the last of them."""
        last = self.give(component, **options)
        self.advance_to(max(last, self.now))

    def advance(self, by: Span) -> None:
        """Let time pass."""
        self.advance_to(self.now + _seconds(by))

    def advance_to(self, at: Span) -> None:
        """Let time pass until `at`, from the begin of the test; what comes at that very moment is taken in."""
        end = self._start + round(_seconds(at) * 1000)
        while self._coming and self._coming[0][0] <= end:
            self._stage.take(heappop(self._coming)[2])
        self._stage.advance(end)

    # People

    def acknowledge(self, rule: str, component: str = "", *, by: str = "somebody", until: Span | None = None) -> None:
        """Somebody takes an alert on; `until` from the begin of the test. Raises AlertNotFound."""
        end = None if until is None else self._start + round(_seconds(until) * 1000)
        self._act(rule, component, ChangeKind.ACKNOWLEDGED, by, until=end)

    def resolve(self, rule: str, component: str = "", *, by: str = "somebody") -> None:
        """Somebody says that it is over. Raises AlertNotFound."""
        self._act(rule, component, ChangeKind.RESOLVED, by)

    def silence(self, *matchers: str, lasts: Span, by: str = "somebody") -> None:
        """Somebody silences alerts: ``silence("component=redis", lasts="1h")``. Raises ValueError."""
        now = self._stage.now
        self._silences += 1
        self._stage.hush(
            Silence(
                id=f"test-{self._silences}",
                matchers=matchers_of(matchers),
                starts_at=now,
                ends_at=now + round(_seconds(lasts) * 1000),
                author=by,
                comment="",
                created_at=now,
            )
        )

    def _act(self, rule: str, component: str, kind: ChangeKind, by: str, until: int | None = None) -> None:
        alert = next((each for each in self.alerts if (each.rule, each.component) == (rule, component)), None)
        if alert is None:
            raise AlertNotFound(f"{rule}/{component}" if component else rule)
        now = self._stage.now
        if kind is ChangeKind.ACKNOWLEDGED:
            from msgspec.structs import replace

            alert = replace(alert, acknowledged=Acknowledgement(author=by, at=now, until=until))
        change = AlertChange(kind=kind, alert=alert, at=now, by=by)
        act: Callable[[], None] = lambda: self._stage.alerts.again(change)  # noqa: E731
        self._stage.act(act, now)

    # What came of it

    @property
    def alerts(self) -> list[Alert]:
        """Alerts that go on, suppressed ones included, in the order in which they began to fire."""
        order = {change.alert.id: number for number, change in enumerate(reversed(self._stage.ledger.changes))}
        return sorted(self._stage.alerts.open_alerts(), key=lambda alert: -order[alert.id])

    @property
    def told(self) -> list[Told]:
        """Every notice so far, in its order."""
        return [
            Told(
                at=(sent.at - self._start) / 1000,
                channel=sent.channel,
                kind=notice.change.kind.value,
                alert=notice.alert,
                notice=notice,
            )
            for sent in self._stage.sent
            for notice in sent.notification.notices
        ]

    @property
    def changes(self) -> list[AlertChange]:
        """Everything that happened to alerts, oldest first."""
        return list(self._stage.ledger.changes)

    @property
    def rules(self) -> set[str]:
        """Names of the rules in force."""
        return set(self._rules)

    @property
    def reached(self) -> set[str]:
        """Names of the rules that have fired."""
        return {change.alert.rule for change in self._stage.ledger.changes} & self._rules

    def status(self, component: str) -> Status:
        """What the component is now. Raises ComponentNotFound."""
        return self._stage.health.status(component)

    def interval(self, component: str) -> float:
        """The usual time between two results of it, in seconds. Raises ComponentNotFound."""
        return self._component(component).interval

    def since(self, alert: Alert) -> float:
        """When it first fired, in seconds from the begin of the test."""
        return (alert.created_at - self._start) / 1000

    def _component(self, name: str) -> Component:
        components = self._stage.health.components
        if name not in components:
            if self._closed:
                raise ComponentNotFound(name, components)
            self._stage.join(_passive(name))
        return components[name]


def _passive(name: str) -> Component:
    return Component(name=name, check=PassiveCheck())


def _seconds(span: Span) -> float:
    return float(Duration(span))


def _nth(values: Values | None, number: int) -> float | None:
    """One value for all, or the one of that number; the last one goes on."""
    if values is None or isinstance(values, int | float):
        return values
    return values[min(number, len(values) - 1)] if values else None
