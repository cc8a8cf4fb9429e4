"""The alert manager with a real store: what people do is audited with it, timers and silences survive a restart, and
the arithmetic of deliveries holds over it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

import anyio
import pytest

from auscult import Channel, Component, DeliveryError, Monitor, Reading
from auscult.alert import AlertStatus, ChangeKind
from auscult.alert_manager import REMIND_BEFORE, SILENCE_ENDING
from auscult.alerts.matching import Matcher
from auscult.alerts.routing import Escalation, Route
from auscult.alerts.rows import RowState
from auscult.errors import AlertNotFound, ConfigurationError
from auscult.options import Duration
from auscult.rules.rule import AlertRule
from auscult.testing.clock import ManualClock
from auscult_plugins.push import PushCheck

pytestmark = pytest.mark.anyio
MINUTE, HOUR = 60.0, 3600.0


class Ledger(Channel, dict=True):
    """Remembers what it was told; refuses everything while it is told to."""

    kind = "ledger"

    async def send(self, notification, ctx):
        if vars(self).get("refusing"):
            raise DeliveryError("401: who are you", retry=False)
        vars(self).setdefault("told", []).extend(notification.notices)

    @property
    def told(self) -> list[str]:
        return [f"{n.alert.rule} {n.change.kind.value}" for n in vars(self).get("told", ())]


class Watch:
    """A monitor on a clock that a test moves; one component with one rule, one ledger."""

    def __init__(
        self, directory, *routes: Route, clock: ManualClock | None = None, ledger: Ledger | None = None
    ) -> None:
        self.clock = clock or ManualClock()
        self.ledger = ledger or Ledger()
        component = Component(name="a", check=PushCheck(), interval=1e6)
        self.monitor = Monitor([component], state_dir=directory, clock=self.clock, interval=1e6)
        self.alerts = self.monitor.alerts
        for rule in self.alerts.rules():
            self.alerts.remove_rule(rule.name)
        self.alerts.add_rule(AlertRule(name="flag", condition="flag > 0", cooldown_minutes=0.0))
        self.alerts._routes = routes
        self.alerts.add_channel("ledger", self.ledger)
        self.directory = directory

    async def __aenter__(self):
        await self.monitor.run()
        return self

    async def __aexit__(self, *_):
        await self.monitor.stop()

    async def flag(self, value: float) -> None:
        await self.monitor.report_durably("a", Reading(measurements={"flag": value}))
        await self.settle()

    async def settle(self) -> None:
        """Everything is committed and told that can be."""
        for _ in range(3):
            self.alerts.sweep()
            with anyio.move_on_after(5):
                while self.alerts._committer.pending or any(b.waiting for b in self.alerts.balance().values()):
                    if not self.alerts._committer.pending and self.refusing:
                        break
                    await anyio.sleep(0.005)
            await anyio.sleep(0.01)

    refusing = False

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.settle()

    def sql(self, statement: str) -> list[tuple]:
        database = sqlite3.connect(f"file:{self.directory / 'auscult.sqlite'}?mode=ro", uri=True)
        try:
            return database.execute(statement).fetchall()
        finally:
            database.close()

    @property
    def alert(self):
        (found,) = [alert for alert in self.alerts.open_alerts() if alert.rule == "flag"]
        return found


async def test_every_change_by_a_person_has_its_audit_row_and_no_other(tmp_path):
    """Who, what, on which alert, in what words; refused acts leave nothing behind."""
    async with Watch(tmp_path) as watch:
        await watch.flag(1.0)
        ident = watch.alert.id
        later = watch.clock.now_ms() + 60_000
        await watch.alerts.acknowledge(ident, by="ada", note="mine", until=later)
        await watch.alerts.note(ident, by="bob", text="look at the switch")
        await watch.alerts.unacknowledge(ident, by="ada")
        silence = await watch.alerts.silence([Matcher("rule", "flag")], ends_at=later, by="eve", comment="")
        await watch.alerts.end_silence(silence.id, by="eve")
        await watch.alerts.resolve(ident, by="ada", note="enough")
        for refused in (
            watch.alerts.acknowledge(ident, by="ada"),
            watch.alerts.note("nobody", by="ada", text=""),
            watch.alerts.resend("nobody/1/ledger", by="ada"),
        ):
            with pytest.raises(AlertNotFound):
                await refused
        assert watch.sql("SELECT who, action, target, details FROM audit ORDER BY id") == [
            ("ada", "acknowledge", ident, "mine"),
            ("bob", "note", ident, "look at the switch"),
            ("ada", "unacknowledge", ident, ""),
            ("eve", "silence", silence.id, "rule=flag"),
            ("eve", "end silence", silence.id, "rule=flag"),
            ("ada", "resolve", ident, "enough"),
        ]


async def test_an_acknowledgement_or_silence_that_is_over_already_is_refused(tmp_path):
    """An end in the past is a mistake, not a wish."""
    async with Watch(tmp_path) as watch:
        await watch.flag(1.0)
        past = watch.clock.now_ms() - 1
        with pytest.raises(ConfigurationError):
            await watch.alerts.acknowledge(watch.alert.id, by="ada", until=past)
        with pytest.raises(ConfigurationError):
            await watch.alerts.silence([Matcher("rule", "flag")], ends_at=past, by="ada", comment="")
        assert watch.alert.acknowledged is None


async def test_people_are_reminded_before_a_long_silence_ends(tmp_path):
    """Once, with what it keeps quiet, although the silence matches everything; over when the silence is."""
    async with Watch(tmp_path) as watch:
        ends = watch.clock.now_ms() + int(2 * HOUR * 1000)
        await watch.alerts.silence([Matcher("component", "*")], ends_at=ends, by="ada", comment="move")
        await watch.flag(1.0)
        assert watch.alert.status is AlertStatus.SUPPRESSED
        await watch.advance(2 * HOUR - REMIND_BEFORE / 1000 - 60)
        assert watch.ledger.told == []
        await watch.advance(61)
        await watch.advance(60)
        assert watch.ledger.told == [f"{SILENCE_ENDING} fired"]
        message = vars(watch.ledger)["told"][0].alert.message
        assert "component=*" in message
        assert "ada" in message
        assert "1 open alert(s)" in message
        await watch.advance(15 * MINUTE)
        assert Counter(watch.ledger.told) == Counter(
            [f"{SILENCE_ENDING} fired", f"{SILENCE_ENDING} resolved", "flag unsuppressed"]
        )


async def test_a_reminder_comes_once_over_restarts(tmp_path):
    """It is an alert like any other: known after a restart, and ended by it where the silence is over by then."""
    clock, ledger = ManualClock(), Ledger()
    async with Watch(tmp_path, clock=clock, ledger=ledger) as watch:
        ends = clock.now_ms() + int(HOUR * 1000)
        await watch.alerts.silence([Matcher("component", "b")], ends_at=ends, by="ada", comment="")
        await watch.advance(50 * MINUTE)
    async with Watch(tmp_path, clock=clock, ledger=ledger) as watch:
        await watch.advance(60)
        assert ledger.told == [f"{SILENCE_ENDING} fired"]
    clock.advance(HOUR)
    async with Watch(tmp_path, clock=clock, ledger=ledger) as watch:
        await watch.settle()
        assert ledger.told == [f"{SILENCE_ENDING} fired", f"{SILENCE_ENDING} resolved"]


async def test_reminders_steps_and_acknowledgements_go_on_after_a_restart(tmp_path):
    """With the real store in between: nothing starts over, nothing comes twice."""
    route = Route(
        channels=("ledger",),
        repeat=Duration(30 * MINUTE),
        escalate=(Escalation(after=Duration(20 * MINUTE), channels=("ledger",)),),
    )
    clock, ledger = ManualClock(), Ledger()
    for at in range(8):
        async with Watch(tmp_path, route, clock=clock, ledger=ledger) as watch:
            if not at:
                await watch.flag(1.0)
            await watch.advance(5 * MINUTE)
    assert ledger.told == ["flag fired", "flag escalated"]
    async with Watch(tmp_path, route, clock=clock, ledger=ledger) as watch:
        await watch.advance(9 * MINUTE)
        assert ledger.told == ["flag fired", "flag escalated"]
        await watch.advance(2 * MINUTE)
        assert ledger.told == ["flag fired", "flag escalated", "flag reminded"]
        await watch.alerts.acknowledge(watch.alert.id, by="ada", until=clock.now_ms() + 3_600_000)
    async with Watch(tmp_path, route, clock=clock, ledger=ledger) as watch:
        await watch.advance(59 * MINUTE)
        assert watch.alert.status is AlertStatus.ACKNOWLEDGED
        await watch.advance(2 * MINUTE)
        assert watch.alert.status is AlertStatus.ACTIVE
        assert ledger.told == ["flag fired", "flag escalated", "flag reminded"]


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_clock_that_is_set_brings_no_reminder_early_and_holds_none_up(tmp_path, jump):
    """The wall clock jumps by an hour, the monotonic one does not: the reminder comes 30 minutes after the firing."""
    async with Watch(tmp_path, Route(channels=("ledger",), repeat=Duration(30 * MINUTE))) as watch:
        await watch.flag(1.0)
        await watch.advance(10 * MINUTE)
        watch.clock.jump(jump)
        await watch.settle()
        await watch.advance(19 * MINUTE)
        assert watch.ledger.told == ["flag fired"]
        await watch.advance(2 * MINUTE)
        assert watch.ledger.told == ["flag fired", "flag reminded"]


async def test_a_dead_letter_is_an_alert_and_can_be_sent_again(tmp_path):
    """The channel is refused for good: an alert says so, and after it is mended one notice tells of begin and end."""
    async with Watch(tmp_path) as watch:
        watch.refusing = vars(watch.ledger)["refusing"] = True
        await watch.flag(1.0)
        ident = watch.alert.id
        assert [alert.rule for alert in watch.alerts.open_alerts() if alert.rule != "flag"] == ["delivery_failed"]
        await watch.flag(0.0)
        lost = await watch.alerts.deliveries(state=RowState.DEAD)
        dead = [row.key for row, change in lost if row.alert == ident and change.kind is ChangeKind.FIRED]
        assert dead == [f"{ident}/1/ledger"]
        vars(watch.ledger)["refusing"] = False
        await watch.alerts.resend(dead[0], by="ada")
        await watch.settle()
        notice = vars(watch.ledger)["told"][0]
        assert (notice.alert.id, notice.ended_untold, notice.covers) == (ident, True, (1,))
        assert "delivery_failed" not in [alert.rule for alert in watch.alerts.open_alerts()]
        assert watch.alerts.balance()["ledger"].missing == 0


async def test_the_arithmetic_holds_in_the_file(tmp_path):
    """Every change that is told has rows, and every row is told, merged into one that is told, silenced or dead."""
    async with Watch(tmp_path) as watch:
        for number in range(6):
            if number == 2:
                ends = watch.clock.now_ms() + 600_000
                await watch.alerts.silence([Matcher("rule", "flag")], ends_at=ends, by="ada", comment="")
            await watch.flag(float(number % 2 == 0))
            await watch.advance(1)
        states = dict(watch.sql("SELECT state, count(*) FROM delivery GROUP BY state"))
        changes = watch.sql("SELECT count(*) FROM alert_change WHERE kind IN ('fired', 'reopened', 'resolved')")
        assert states == {"done": 2, "silenced": 4}
        assert changes == [(6,)]
        balance = watch.alerts.balance()["ledger"]
        assert (balance.offered, balance.told, balance.silenced, balance.missing) == (6, 2, 4, 0)


async def test_memory_is_let_go_of_what_is_over(tmp_path):
    """After a thousand alerts that came and went, nothing of them is kept but what is on disk."""
    from auscult.alerts.external import ExternalAlert

    async with Watch(tmp_path) as watch:
        over = watch.clock.now_ms() - 1
        for first in range(0, 1000, 100):
            labels = [{"alertname": f"n{number}"} for number in range(first, first + 100)]
            await watch.alerts.post([ExternalAlert(labels=each) for each in labels])
            await watch.alerts.post([ExternalAlert(labels=each, ends_at=over) for each in labels])
        await watch.settle()
        await watch.settle()
        assert watch.alerts._book.remembered == 0
        assert watch.alerts._outbox._slots == {}
        assert watch.sql("SELECT count(*) FROM alert") == [(1000,)]


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_clock_that_is_set_raises_and_ends_nothing(tmp_path, jump):
    """Neither `for` nor absence is over by it, no component is without data, and nothing that fires is resolved."""
    async with Watch(tmp_path) as watch:
        watch.alerts.add_rule(AlertRule(name="gone", condition="flag > 9", absent=1.5e6))
        watch.alerts.add_rule(AlertRule(name="long", condition="flag > 0", for_=600.0))
        await watch.flag(1.0)
        watch.clock.jump(jump)
        await watch.settle()
        await watch.flag(1.0)
        assert [alert.rule for alert in watch.alerts.open_alerts()] == ["flag"]
        assert watch.monitor.component_health("a").status == "healthy"
        await watch.advance(5 * MINUTE)
        assert [alert.rule for alert in watch.alerts.open_alerts()] == ["flag"]
        await watch.advance(6 * MINUTE)
        assert {alert.rule for alert in watch.alerts.open_alerts()} == {"flag", "long"}
        assert watch.ledger.told == ["flag fired", "long fired"]
