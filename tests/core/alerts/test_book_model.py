"""The alert book with router and outbox against a small model, over any order of what rules, people, channels, time,
reloads and crashes do: nothing is swallowed, and what a channel is told begins and ends in turns.
"""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.alerts.desk import HOUR, MINUTE, Desk
from tests.core.alerts.test_lifecycle import route, step

from auscult.alert import AlertStatus, ChangeKind
from auscult.alerts.outbox import RowState
from auscult.rules.rule import AlertRule
from auscult.rules.stepping import RuleEngine

NEEDS = {"app": ("db",), "db": ("host",), "host": ()}
COMPONENTS = st.sampled_from(sorted(NEEDS))
RULES = st.sampled_from(["down", "slow"])
CHANNELS = ("ops", "sms")
TOLD = {ChangeKind.FIRED, ChangeKind.REOPENED, ChangeKind.RESOLVED, ChangeKind.ESCALATED}
ROUTES = (
    (route("ops", "sms"),),
    (route("ops", group_by=("rule",), group_wait=30, group_interval=120, continue_=True), route("sms", repeat=900)),
    (route("ops", escalate=(step(5, "sms"), step(20, "sms")), repeat=600),),
    (route("ops", fallback=("sms",), fallback_after=60),),
)
LIMITS = st.sampled_from([(0.0, 0), (300.0, 0), (0.0, 3), (600.0, 4)])


class Life(RuleBasedStateMachine):
    """A desk, and what a model of sets and lists says must be true of it."""

    @initialize(routes=st.sampled_from(ROUTES), limits=LIMITS, storm=st.sampled_from([1, 20]))
    def open_the_desk(self, routes, limits, storm):
        self.desk = Desk(*routes, channels=CHANNELS, needs=NEEDS, storm=storm)
        self.desk.limits = self.limits = limits
        self.holds = set()
        """Conditions that hold: what an engine of rules would know."""
        self.dead = set()
        """Alert and channel of everything that was ever given up."""
        self.silences = 0

    # Rules

    @rule(component=COMPONENTS, name=RULES)
    def condition_begins(self, component, name):
        if (component, name) in self.holds:
            return
        self.holds.add((component, name))
        if name == "down":
            self.desk.around.bad.add(component)
        cooldown, per_hour = self.limits
        self.desk.fire(name, component, cooldown=cooldown, per_hour=per_hour)

    @rule(component=COMPONENTS, name=RULES)
    def condition_ends(self, component, name):
        if (component, name) not in self.holds:
            return
        self.holds.discard((component, name))
        if name == "down":
            self.desk.around.bad.discard(component)
        self.desk.clear(name, component)
        self.desk.look_at(component)

    @rule(component=COMPONENTS)
    def look(self, component):
        self.desk.look_at(component)

    @rule(component=COMPONENTS)
    def doubt(self, component):
        self.desk.around.unsure ^= {component}

    # People

    @precondition(lambda self: self.desk.book.open_alerts())
    @rule(data=st.data(), verb=st.sampled_from(["acknowledge", "unacknowledge", "resolve", "note"]))
    def act(self, data, verb):
        alert = data.draw(st.sampled_from(self.desk.book.open_alerts()))
        if verb == "acknowledge":
            self.desk.acknowledge(alert, minutes=data.draw(st.sampled_from([None, 2, 30])))
        elif verb == "unacknowledge":
            self.desk.book.unacknowledge(alert.id, "ada", self.desk.now)
        elif verb == "resolve":
            self.desk.book.resolve(alert.id, "ada", "", self.desk.now)
        else:
            self.desk.book.note(alert.id, "ada", "hm", self.desk.now)
        self.desk.commit()

    @rule(component=st.sampled_from(["*", *NEEDS]), minutes=st.sampled_from([1, 30]), after=st.sampled_from([0, 3]))
    def silence(self, component, minutes, after):
        self.silences += 1
        self.desk.silence(f"s{self.silences}", minutes=minutes, after=after, component=component)

    # Channels

    @rule(channel=st.sampled_from(CHANNELS))
    def break_or_mend(self, channel):
        self.desk.down ^= {channel}

    @rule(channel=st.sampled_from(CHANNELS), how=st.sampled_from(["failed", "failed", "split", "dead", "lost"]))
    def fail(self, channel, how):
        """An attempt goes wrong; `lost` holds its envelope until the lease is over."""
        desk = self.desk
        envelope = desk.outbox.take(channel, desk.now)
        if envelope is None:
            return
        desk.keep_rows(envelope.rows)
        if how == "failed":
            desk.keep_rows(desk.outbox.failed(envelope, desk.now, desk.now + 20_000, "down"))
            desk.book.stays_down(channel, desk.now - 2 * MINUTE, desk.now)
        elif how == "split":
            desk.keep_rows(desk.outbox.split(envelope, desk.now, "400"))
        elif how == "dead":
            self.dead |= {(row.alert, channel) for row in envelope.rows}
            desk.keep_rows(desk.outbox.dead(envelope, desk.now, "400"))
            desk.book.gave_up(channel, [row.alert for row in envelope.rows], desk.now)
        desk.commit()

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def send_a_dead_letter_again(self, data):
        desk = self.desk
        rows = [row for row in desk.rows.values() if row.state is RowState.DEAD]
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        own = [change for change in desk.changes if change.alert.id == row.alert]
        change = next(change for change in own if change.alert.number == row.number)
        end = own[-1] if own[-1].kind is ChangeKind.RESOLVED else None
        desk.keep_rows(desk.outbox.revive(row, change, desk.now, end))
        desk.book.mind(row.alert, desk.now)

    # Time, reloads, crashes

    @rule(minutes=st.sampled_from([0, 0.1, 1, 6, 61]))
    def let_time_pass(self, minutes):
        self.desk.let_pass(minutes)

    @rule(routes=st.sampled_from(ROUTES))
    def reload(self, routes):
        self.desk.reroute(*routes)

    @rule(by=st.sampled_from([-HOUR, HOUR]))
    def set_the_clock(self, by):
        self.desk.now += by
        self.desk.book.shift(by)
        self.desk.outbox.shift(by)
        self.desk.book.requiet(self.desk.now)
        self.desk.commit()

    @rule(minutes=st.sampled_from([0, 2, 90]))
    def crash(self, minutes):
        self.desk.crash(minutes=minutes)

    @rule()
    def tidy(self):
        self.desk.book.trim(self.desk.now)

    # What must be true

    @invariant()
    def every_change_that_is_told_has_its_rows(self):
        rows = {(row.alert, row.number) for row in self.desk.rows.values()}
        for change in self.desk.changes:
            assert change.kind not in TOLD or (change.alert.id, change.alert.number) in rows

    @invariant()
    def nothing_is_left_over(self):
        for channel, balance in self.desk.outbox.balance().items():
            assert balance.missing == 0, (channel, balance)

    @invariant()
    def what_was_merged_is_told_by_a_later_one_of_its_own(self):
        for row in self.desk.rows.values():
            if row.state is RowState.MERGED:
                into = self.desk.rows[row.into]
                assert (into.alert, into.channel) == (row.alert, row.channel)

    @invariant()
    def what_is_told_begins_and_ends_in_turns(self):
        for channel in CHANNELS:
            believes, latest = {}, {}
            for notice in self.desk.notices(channel):
                ident, number = notice.alert.id, notice.alert.number
                assert number > latest.get(ident, 0), "told out of order, or twice"
                latest[ident] = number
                ends = notice.change.kind is ChangeKind.RESOLVED
                assert not ends or believes.get(ident) or notice.ended_untold, "the end of what nobody was told of"
                believes[ident] = not ends

    @invariant()
    def what_holds_is_open_unless_a_person_ended_it(self):
        for component, name in self.holds:
            alert = self.desk.open(component, name)
            assert alert is not None or self.desk.latest(component) is not None

    def teardown(self):
        """Silences end, channels work, children are looked at: everything is told in the end."""
        if not hasattr(self, "desk"):
            return
        desk = self.desk
        desk.down, desk.around.unsure = set(), set()
        desk.let_pass(200)
        for component in NEEDS:
            desk.now += 1
            desk.look_at(component)
        desk.let_pass(200)
        assert all(row.is_final for row in desk.rows.values())
        self.what_is_told_begins_and_ends_in_turns()
        for channel in CHANNELS:
            believes = {}
            for notice in desk.notices(channel):
                believes[notice.alert.id] = notice.change.kind is not ChangeKind.RESOLVED
            for ident, does in believes.items():
                alert = desk.alerts[ident]
                if does and (ident, channel) not in self.dead:
                    assert alert.status.is_open, f"{channel} still believes that {ident} goes on"
            for alert in desk.book.open_alerts():
                if alert.status is AlertStatus.SUPPRESSED:
                    assert alert.cause, "no silence lasts that long"
                wanted = {hit.channel for hit in desk.book.router.route(alert)}
                if alert.status is AlertStatus.ACTIVE and channel in wanted and (alert.id, channel) not in self.dead:
                    assert believes.get(alert.id), f"{channel} was never told of {alert.id}"
        desk.book.trim(desk.now)


runs = int(os.environ.get("AUSCULT_MODEL_RUNS", "200"))
Life.TestCase.settings = settings(max_examples=runs, stateful_step_count=50, deadline=None)
TestBookLife = Life.TestCase


@settings(deadline=None)
@given(noise=st.lists(st.floats(80.0, 90.0), max_size=50), above=st.floats(90.1, 100.0), below=st.floats(0.0, 79.9))
def test_noise_inside_the_band_changes_nothing(noise, above, below):
    """Between the level that begins an alert and the one that ends it no value begins or ends anything."""
    levels = AlertRule(name="hot", condition="heat > 90", clear="heat < 80", cooldown_minutes=0.0)
    engine, desk = RuleEngine([levels]), Desk()

    def see(*values):
        for heat in values:
            desk.now += 1000
            for verdict in engine.step("a", {"heat": heat}, desk.now):
                (desk.fire if verdict.firing else desk.clear)("hot", "a")
        desk.let_pass(0)

    see(*noise)
    assert desk.told() == []
    see(above, *noise)
    assert desk.kinds() == ["fired"]
    see(below, *noise)
    assert desk.kinds() == ["fired", "resolved"]
