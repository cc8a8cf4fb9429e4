"""Alerts on disk: one transaction for what belongs together, every question, and what is forgotten when."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest
from tests.core.alerts.making_changes import AT, change, resolved

from auscult.alert import AlertStatus, ChangeKind
from auscult.alerts.batch import Batch
from auscult.alerts.matching import Matcher
from auscult.alerts.outbox import Outbox
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import RowState
from auscult.rules.stepping import RuleState
from auscult.store import Store, alert_reader, alerts
from auscult.store.alerts import forget_alerts, write_batches
from auscult.testing import ManualClock

DAY = 86_400_000
HOUR = 3_600_000


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path, clock=ManualClock(AT))  # housekeeping finds nothing old
    yield store
    store.close()


def batch(*changes, rows=()):
    made = Batch()
    for each in changes:
        made.add(each)
    made.add_rows(rows)
    return made


def write(store, *batches):
    return store.submit(lambda connection: write_batches(connection, batches)).result(5)


def ended(ident, at, **fields):
    """The end of an alert, at that time."""
    made = resolved(ident, at=at)
    alert = msgspec.structs.replace(made.alert, resolved_at=at, updated_at=at, **fields)
    return msgspec.structs.replace(made, alert=alert)


def began(ident, at):
    made = change(ident, at=at)
    return msgspec.structs.replace(made, alert=msgspec.structs.replace(made.alert, created_at=at, updated_at=at))


def delivered(outbox, now=AT, channel="ops"):
    return outbox.done(outbox.take(channel, now), now)


def test_what_was_written_is_read(store):
    made = change("a")
    outbox = Outbox()
    rows = outbox.offer(made, "ops", due=AT, group="team=voice")
    assert write(store, batch(made, rows=rows)) == [[1]]
    assert store.alerts.history() == [made.alert]
    assert store.alerts.alert("a") == made.alert
    assert store.alerts.alert("b") is None
    assert store.alerts.changes_of("a") == [made]
    assert store.alerts.deliveries() == [(rows[0], made)]
    assert store.alerts.delivery("a/1/ops") == (rows[0], made)
    assert store.alerts.delivery("a/2/ops") is None


def test_numbers_grow_over_batches_and_a_change_written_twice_keeps_its_own(store):
    """The second happens when a commit succeeded but the answer got lost."""
    first, second = batch(change("a"), change("b")), batch(change("c"))
    assert write(store, first, second) == [[1, 2], [3]]
    ((again, new),) = write(store, batch(change("b"), change("d")))
    assert again == 2
    assert new > 3
    assert [number for number, _ in store.alerts.changes_since(2)] == [3, new]
    assert [number for number, _ in store.alerts.changes_since(0, 2)] == [1, 2]


def test_a_transaction_is_written_as_a_whole_or_not_at_all(store):
    broken = batch(change("a"))
    broken.audits.append((AT, "me", "note", "a", None))
    with pytest.raises(sqlite3.IntegrityError):
        write(store, broken)
    assert store.alerts.history() == []
    assert store.alerts.changes_since(0) == []


def test_an_alert_is_stored_as_it_is_last(store):
    write(store, batch(change("a")), batch(ended("a", AT + 5)))
    (alert,) = store.alerts.history()
    assert (alert.status, alert.resolved_at) == (AlertStatus.RESOLVED, AT + 5)
    assert [each.kind for each in store.alerts.changes_of("a")] == [ChangeKind.FIRED, ChangeKind.RESOLVED]


def test_a_row_written_by_somebody_who_lost_it_is_refused(store):
    """Its number is older than that of whoever holds it now."""
    outbox = Outbox()
    (row,) = outbox.offer(change("a"), "ops", due=AT)
    (done,) = delivered(outbox)
    write(store, batch(change("a"), rows=[msgspec.structs.replace(done, fence=7)]))
    write(store, batch(rows=[msgspec.structs.replace(row, fence=6)]))
    assert store.alerts.deliveries()[0][0].state is RowState.DONE


def test_history_is_paged_without_gaps_even_within_one_millisecond(store):
    write(store, batch(*(began(f"a{i:02}", AT + i // 10) for i in range(35))))
    seen, before, before_id = [], None, ""
    while page := store.alerts.history(before=before, before_id=before_id, limit=4):
        seen += page
        before, before_id = page[-1].created_at, page[-1].id
    assert [alert.id for alert in seen] == sorted((alert.id for alert in seen), reverse=True)
    assert len(seen) == 35


def test_history_and_deliveries_are_filtered(store):
    outbox = Outbox()
    rows = [row for name in "ab" for c in ("ops", "sms") for row in outbox.offer(change(name), c, due=AT)]
    rows += outbox.dead(outbox.take("sms", AT), AT, "no such number")
    write(store, batch(change("a"), change("b"), ended("b", AT), rows=rows))
    assert [alert.id for alert in store.alerts.history(status=AlertStatus.ACTIVE)] == ["a"]
    assert [alert.id for alert in store.alerts.history(component="b", rule="down", severity="high")] == ["b"]
    assert store.alerts.history(rule="other") == []
    assert [row.key for row, _ in store.alerts.deliveries(channel="ops")] == ["b/1/ops", "a/1/ops"]
    assert [row.key for row, _ in store.alerts.deliveries(state=RowState.DEAD)] == ["a/1/sms"]
    assert [row.key for row, _ in store.alerts.deliveries(alert="b")] == ["b/1/sms", "b/1/ops"]
    assert [row.key for row, _ in store.alerts.deliveries(before="b/1/ops", limit=1)] == ["a/1/sms"]


def test_silences_rule_states_and_audits_are_kept(store):
    made = Batch()
    made.silences["s"] = Silence(
        id="s",
        matchers=(Matcher("rule", "*"),),
        starts_at=AT,
        ends_at=AT + HOUR,
        author="me",
        comment="",
        created_at=AT,
    )
    made.rule_states = [RuleState(rule="r", component="c", since=AT)]
    made.audits.append((AT, "me", "silence", "s", "rule=*"))
    write(store, made)
    kept = store.alerts.restore(AT)
    assert kept.silences == list(made.silences.values())
    assert kept.rule_states == made.rule_states
    assert store.alerts.audits() == [(1, AT, "me", "silence", "s", "rule=*")]
    assert store.alerts.restore(AT + HOUR).silences == []
    made = Batch()
    made.rule_states = []
    write(store, made)
    assert store.alerts.restore(AT).rule_states == []


def test_a_start_gets_what_goes_on_what_waits_and_who_was_told(store):
    outbox = Outbox()
    for name in ("open", "waiting", "long-over", "over"):
        write(store, batch(began(name, AT), rows=outbox.offer(began(name, AT), "ops", due=AT)))
        write(store, batch(rows=delivered(outbox)))
    for name, at in (("waiting", AT), ("long-over", AT), ("over", AT + 2 * DAY - HOUR)):
        made = ended(name, at)
        write(store, batch(made, rows=outbox.offer(made, "ops", due=at)))
        if name != "waiting":
            write(store, batch(rows=[row for row in delivered(outbox, at) if row.alert == name]))
        else:
            envelope = outbox.take("ops", at)
            write(store, batch(rows=outbox.failed(envelope, at, at + 9 * DAY, "down")))
    kept = store.alerts.restore(AT + 2 * DAY)
    assert {alert.id for alert in kept.alerts} == {"open", "over", "waiting"}
    assert {row.alert for row in kept.rows} == {"open", "over", "waiting"}
    after = Outbox()
    assert after.restore(kept.rows, kept.changes) == []
    assert after.told("open", "ops") is ChangeKind.FIRED
    assert after.told("waiting", "ops") is ChangeKind.FIRED
    assert after.told("over", "ops") is ChangeKind.RESOLVED
    assert after.next_due("ops") == AT + 9 * DAY
    assert after.take("ops", AT + 9 * DAY).rows[0].key == "waiting/2/ops"


def test_a_start_knows_when_firings_were_told(store):
    """Once for each change, whatever number of channels; not what was kept quiet; of what is long ago the latest."""
    outbox = Outbox()
    rows = outbox.offer(began("a", AT), "ops", due=AT + 5) + outbox.offer(began("a", AT), "sms", due=AT + 5)
    rows += outbox.failed(outbox.take("ops", AT + 6), AT + 6, AT + 60_000, "down")
    rows += outbox.offer(change("quiet"), "ops", due=AT, silenced="silence s1")
    write(store, batch(began("a", AT), change("quiet"), rows=rows))
    assert store.alerts.restore(AT + 10).noticed == {"a": [AT + 5]}
    assert store.alerts.restore(AT + 10 + 2 * HOUR).noticed == {"a": [AT + 5]}


def test_what_is_over_is_forgotten_and_what_goes_on_is_not(store):
    outbox = Outbox()
    for name in ("old", "open", "dead"):
        write(store, batch(began(name, AT), rows=outbox.offer(began(name, AT), "ops", due=AT)))
        envelope = outbox.take("ops", AT)
        rows = outbox.dead(envelope, AT, "gone") if name == "dead" else outbox.done(envelope, AT)
        write(store, batch(rows=rows))
        if name != "open":
            write(store, batch(ended(name, AT)))

    def forget(at):
        # A transaction of its own belongs to it: end the one it is called in.
        def work(connection):
            connection.execute("COMMIT")
            while forget_alerts(connection, at):
                pass
            connection.execute("BEGIN")

        store.submit(work).result(5)

    forget(AT + 30 * DAY - 1)
    assert len(store.alerts.deliveries()) == 3
    forget(AT + 30 * DAY + 1)
    assert {row.alert for row, _ in store.alerts.deliveries()} == {"open", "dead"}
    forget(AT + 90 * DAY + 1)
    assert [alert.id for alert in store.alerts.history()] == ["open"]
    assert {row.alert for row, _ in store.alerts.deliveries()} == {"open"}
    assert {made.alert.id for _, made in store.alerts.changes_since(0)} == {"open"}


QUESTIONS = {
    alert_reader._ALERTS: {"alert_by_end", "delivery_open"},
    alert_reader._CHANGES: {"alert_by_end", "delivery_open", "sqlite_autoindex_alert_change_1"},
    alert_reader._ROWS: {"alert_by_end", "delivery_open", "sqlite_autoindex_delivery_1"},
    "SELECT body FROM alert WHERE 1 ORDER BY created_at DESC, id DESC LIMIT ?": {"alert_by_start"},
    "SELECT key FROM delivery WHERE key > ?1 || '/' AND key < ?1 || '0'": {"sqlite_autoindex_delivery_1"},
    alerts._OVER.replace("LIMIT ?", "LIMIT 5"): {"alert_by_end"},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_use_an_index(store, question):
    """However many alerts there were, a start and a page of history cost what they find."""

    def plan(connection):
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {question}", (5,))]

    found = store.submit(plan).result(5)
    assert all(name in " ".join(found) for name in QUESTIONS[question]), found
    scans = [step for step in found if step.startswith("SCAN") and "INDEX" not in step]
    assert set(scans) <= {"SCAN w"}, found
