"""A replay begins each run with what that found, whatever has become of it since."""

from __future__ import annotations

import pytest
from tests.core.alerts.making_changes import AT, change, resolved

from auscult.alert import ChangeKind
from auscult.alerts.batch import Batch
from auscult.alerts.outbox import Outbox
from auscult.store import Store
from auscult.store.alerts import write_batches
from auscult.store.record import recorded
from auscult.testing import ManualClock

BEGIN = AT + 10_000
COOLDOWN = 300_000


def tried(outbox, at):
    """Delivered at that time, at the first attempt."""
    return outbox.done(outbox.take("ops", at), at)


def failed(outbox, at):
    """Refused at that time and a minute later, then delivered."""
    rows = outbox.failed(outbox.take("ops", at), at, at + 60_000, "busy")
    rows += outbox.failed(outbox.take("ops", at + 60_000), at + 60_000, at + 120_000, "busy")
    return rows + tried(outbox, at + 120_000)


def ended(outbox, at):
    """Merged into the end, which was told."""
    return outbox.offer(resolved(at=at), "ops", due=at) + tried(outbox, at + COOLDOWN)


def silenced(outbox, at):
    """Told to nobody."""
    return outbox.silence("a", "silence", at)


def lost(outbox, at):
    """Given up."""
    return outbox.dead(outbox.take("ops", at), at, "who are you")


@pytest.mark.parametrize("held", [0, 10_400, COOLDOWN], ids=["at once", "after the begin", "after the cooldown"])
@pytest.mark.parametrize("late", [1, 500, 5_000, 60_000])
@pytest.mark.parametrize("fate", [tried, failed, ended, silenced, lost])
def test_what_waited_is_known_by_the_time_it_was_to_be_told_at(tmp_path, fate, late, held):
    """The cooldown counts from there: a machine that is slow, or a channel that is down, moves no alert."""
    outbox, made = Outbox(), change(kind=ChangeKind.REOPENED)
    store = Store.open(tmp_path, clock=ManualClock(BEGIN))
    try:
        write(store, [made], outbox.offer(made, "ops", due=AT + held))
        store.note_run(BEGIN, settings="x").result(5)
        found = store.alerts.restore(BEGIN)
        later = max(BEGIN + late, AT + held)
        write(store, [resolved(at=later)] if fate is ended else [], fate(outbox, later))
    finally:
        store.close()
    with recorded(tmp_path) as record:
        kept = record.kept(record.runs()[0], [])
    assert kept.noticed == found.noticed == {"a": [AT + held]}
    assert (kept.alerts, kept.changes, kept.rows) == (found.alerts, found.changes, found.rows)


@pytest.mark.parametrize("fate", [tried, failed])
def test_what_was_tried_before_is_known_by_its_first_attempt(tmp_path, fate):
    """What came of later ones does not matter."""
    outbox, made = Outbox(), change()
    store = Store.open(tmp_path, clock=ManualClock(BEGIN))
    try:
        write(store, [made], outbox.offer(made, "ops", due=AT))
        envelope = outbox.take("ops", AT + 70)
        write(store, [], outbox.failed(envelope, AT + 80, BEGIN + 1, "busy"))
        store.note_run(BEGIN, settings="x").result(5)
        found = store.alerts.restore(BEGIN)
        write(store, [], fate(outbox, BEGIN + 400))
    finally:
        store.close()
    with recorded(tmp_path) as record:
        kept = record.kept(record.runs()[0], [])
    assert kept.noticed == found.noticed == {"a": [AT + 70]}


def write(store, changes, rows):
    batch = Batch()
    for each in changes:
        batch.add(each)
    batch.add_rows(rows)
    store.submit(lambda connection: write_batches(connection, [batch])).result(5)
