"""The outbox against a small model made of lists, over any order of events."""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.alerts.making_changes import AT, change

from auscult.alert import ChangeKind
from auscult.alerts.outbox import Outbox, RowState

CHANNELS = ("ops", "sms")
ALERTS = ("a", "b", "c")
OPEN = {RowState.PENDING, RowState.SENDING}


class Life(RuleBasedStateMachine):
    """Alerts fire and resolve; channels take, deliver, fail, die; the process restarts."""

    def __init__(self):
        super().__init__()
        self.now = AT
        self.rows = {}
        """What is committed, by key: all that a restart leaves."""
        self.changes = {}
        self.offered = {}
        """Per alert and channel the numbers that were offered, in their order."""
        self.told = {}
        """Per alert and channel the notices that were delivered, in their order."""
        self.finals = {}
        self.taken = []

    @initialize(storm=st.sampled_from([1, 2, 20]))
    def open_the_box(self, storm):
        self.storm = storm
        self.outbox = Outbox(storm=storm)

    def commit(self, rows):
        for row in rows:
            before = self.finals.get(row.key)
            assert before is None or before == row.state, f"{row.key} was {before} and became {row.state}"
            if row.is_final:
                self.finals[row.key] = row.state
            self.rows[row.key] = row

    def last(self, alert):
        return max((n for a, n in self.changes if a == alert), default=0)

    def is_open(self, alert):
        number = self.last(alert)
        return number > 0 and self.changes[alert, number].kind is not ChangeKind.RESOLVED

    def record(self, alert, kind):
        number = self.last(alert) + 1
        made = self.changes[alert, number] = change(alert, kind, number=number, at=self.now)
        return made

    def offer(self, made, channel, **more):
        rows = self.outbox.offer(made, channel, **more)
        assert made.alert.number in {row.number for row in rows}
        assert len(rows) <= 2
        self.offered.setdefault((made.alert.id, channel), []).append(made.alert.number)
        self.commit(rows)

    @rule(alert=st.sampled_from(ALERTS), wait=st.sampled_from([0, 0, 5]), group=st.sampled_from(["", "g", "..."]))
    def fire_or_resolve(self, alert, wait, group):
        if self.is_open(alert):
            made = self.record(alert, ChangeKind.RESOLVED)
            channels = {*self.outbox.told_channels(alert), *self.outbox.pending_channels(alert)}
            for channel in sorted(channels):
                self.offer(made, channel, due=self.now, group=group)
        else:
            made = self.record(alert, ChangeKind.REOPENED if self.last(alert) else ChangeKind.FIRED)
            for channel in CHANNELS:
                self.offer(made, channel, due=self.now + wait, group=group)

    @rule(alert=st.sampled_from(ALERTS))
    def remind(self, alert):
        if self.is_open(alert):
            self.offer(self.record(alert, ChangeKind.REMINDED), "ops", due=self.now)

    @rule(alert=st.sampled_from(ALERTS))
    def silence(self, alert):
        self.commit(self.outbox.silence(alert, "silence s1", self.now))

    @rule(alert=st.sampled_from(ALERTS))
    def fire_in_silence(self, alert):
        if not self.is_open(alert):
            made = self.record(alert, ChangeKind.REOPENED if self.last(alert) else ChangeKind.FIRED)
            self.commit(self.outbox.offer(made, "ops", due=self.now, silenced="silence s1"))
            self.offered.setdefault((alert, "ops"), []).append(made.alert.number)

    @rule(channel=st.sampled_from(CHANNELS))
    def take(self, channel):
        envelope = self.outbox.take(channel, self.now)
        if envelope is None:
            assert all(
                row.due > self.now or self.on_its_way(row)
                for row in self.rows.values()
                if row.channel == channel and row.state in OPEN
            )
            return
        alerts = [row.alert for row in envelope.rows]
        assert len(set(alerts)) == len(alerts), "two rows of one alert in an envelope"
        assert not any(self.on_its_way(row) for row in envelope.rows), "an earlier one is on its way"
        assert all(row.due <= self.now for row in envelope.rows)
        self.taken.append(envelope)

    def on_its_way(self, row):
        return any(
            row.channel == held.channel and row.alert in {other.alert for other in held.rows}
            for held in self.taken
            if self.outbox.holds(held)
        )

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), how=st.sampled_from(["done", "done", "failed", "dead", "split"]), wait=st.integers(0, 5))
    def come_back(self, data, how, wait):
        envelope = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        held = self.outbox.holds(envelope)
        if how == "done":
            rows = self.outbox.done(envelope, self.now)
            if held:
                self.note_told(envelope)
        elif how == "failed":
            rows = self.outbox.failed(envelope, self.now, self.now + wait, "down")
        else:
            rows = getattr(self.outbox, how)(envelope, self.now, "refused")
        assert bool(rows) == held, "one that comes back too late changes nothing"
        assert {row.key for row in envelope.rows} <= {row.key for row in rows} or not held
        self.commit(rows)

    def note_told(self, envelope):
        for notice in envelope.notices:
            self.told.setdefault((notice.alert.id, envelope.channel), []).append(notice)

    @rule(wait=st.sampled_from([1, 5, 60_000]))
    def let_time_pass(self, wait):
        self.now += wait
        self.commit(self.outbox.expire(self.now))

    @rule()
    def restart(self):
        """What was on its way may have arrived or not; nobody holds it any more."""
        self.outbox = Outbox(storm=self.storm)
        self.commit(self.outbox.restore(self.rows.values(), self.changes.values()))
        self.taken.clear()

    @invariant()
    def nothing_is_lost_and_nothing_is_in_two_places(self):
        for (alert, channel), numbers in self.offered.items():
            rows = {n: self.rows[f"{alert}/{n}/{channel}"] for n in numbers}
            pending = [row for row in rows.values() if row.state in OPEN and not self.on_its_way(row)]
            assert len(pending) <= 2
            waiting = [self.changes[alert, n].kind for n, row in rows.items() if not row.is_final]
            goes_on = bool(waiting) and waiting[-1] is not ChangeKind.RESOLVED
            assert goes_on == (channel in self.outbox.pending_channels(alert))
            for row in rows.values():
                if row.state is RowState.MERGED:
                    into = self.rows[row.into]
                    assert (into.alert, into.channel) == (row.alert, row.channel)
                    assert into.number > row.number

    @invariant()
    def what_was_told_is_in_order_and_alternates(self):
        for (alert, channel), notices in self.told.items():
            numbers = [notice.change.alert.number for notice in notices]
            assert numbers == sorted(set(numbers)), "told out of order, or twice"
            believes = False
            for notice in notices:
                ends = notice.change.kind is ChangeKind.RESOLVED
                assert believes or not ends or notice.ended_untold, "the end of something nobody was told of"
                believes = not ends
            assert (self.outbox.told(alert, channel) is not ChangeKind.RESOLVED) == believes

    @invariant()
    def a_notice_covers_what_was_merged_into_it(self):
        for (alert, channel), notices in self.told.items():
            for notice in notices:
                merged = {n for n in self.offered[alert, channel] if self.end_of(alert, n, channel) == notice.key}
                assert set(notice.covers) == merged - {notice.change.alert.number}

    def end_of(self, alert, number, channel):
        row = self.rows[f"{alert}/{number}/{channel}"]
        while row.into:
            row = self.rows[row.into]
        return row.key

    @invariant()
    def the_counts_are_those_of_the_rows(self):
        for channel, counts in self.outbox.counts().items():
            open_rows = [row for row in self.rows.values() if row.channel == channel and not row.is_final]
            assert counts[RowState.PENDING] + counts[RowState.SENDING] == len(open_rows)

    def teardown(self):
        """Channels that work get everything in the end, whatever came before."""
        if not hasattr(self, "outbox"):
            return
        self.now += 120_000
        self.commit(self.outbox.expire(self.now))
        for channel in CHANNELS:
            while (envelope := self.outbox.take(channel, self.now)) is not None:
                self.note_told(envelope)
                self.commit(self.outbox.done(envelope, self.now))
        assert all(row.is_final for row in self.rows.values())
        self.what_was_told_is_in_order_and_alternates()
        for alert in ALERTS:
            if not self.is_open(alert):
                assert self.dead_ends(alert) or self.outbox.told_channels(alert) == []
            assert self.outbox.forget(alert)

    def dead_ends(self, alert):
        return any(row.state is RowState.DEAD for row in self.rows.values() if row.alert == alert)


runs = int(os.environ.get("AUSCULT_MODEL_RUNS", "200"))
Life.TestCase.settings = settings(max_examples=runs, stateful_step_count=50, deadline=None)
TestOutboxLife = Life.TestCase
