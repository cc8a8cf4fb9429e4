"""The outbox step by step: merging, company, order, leases, and what is known after a restart."""

from __future__ import annotations

import time

import msgspec
import pytest
from tests.core.alerts.making_changes import AT, change, labelled, resolved

from auscult.alert import ChangeKind
from auscult.alerts.outbox import Outbox, RowState


def offered(outbox, made, channel="ops", *, due=AT, **more):
    return outbox.offer(made, channel, due=due, **more)


def deliver(outbox, channel="ops", now=AT):
    envelope = outbox.take(channel, now)
    assert envelope is not None
    return envelope, outbox.done(envelope, now)


def keys(rows):
    return [row.key for row in rows]


def test_a_change_is_taken_told_and_remembered():
    outbox = Outbox()
    (row,) = offered(outbox, change())
    assert (row.key, row.state) == ("a/1/ops", RowState.PENDING)
    assert outbox.take("ops", AT - 1) is None
    assert outbox.next_due("ops") == AT
    envelope = outbox.take("ops", AT)
    assert outbox.take("ops", AT) is None
    assert outbox.told("a", "ops") is None
    notification = envelope.notification(sender="here", url="https://here")
    assert (notification.key, notification.attempt, notification.group) == ("a/1/ops", 1, {})
    assert notification.notices[0].first
    (row,) = outbox.done(envelope, AT + 5)
    assert (row.state, row.done_at, row.attempts) == (RowState.DONE, AT + 5, 1)
    assert outbox.told("a", "ops") is ChangeKind.FIRED
    assert outbox.told_channels("a") == ["ops"]
    assert outbox.next_due("ops") is None


def test_what_ended_before_it_was_told_is_told_once():
    """One notice says both, and lists the change that was never told on its own."""
    outbox = Outbox()
    offered(outbox, change())
    merged, row = offered(outbox, resolved())
    assert (merged.state, merged.into, row.state) == (RowState.MERGED, row.key, RowState.PENDING)
    envelope, _ = deliver(outbox)
    (notice,) = envelope.notification().notices
    assert notice.ended_untold
    assert notice.covers == (1,)
    assert outbox.told_channels("a") == []


def test_a_reopening_that_ended_untold_says_so_although_the_channel_knew_the_alert():
    outbox = Outbox()
    for made in (change(), resolved()):
        offered(outbox, made)
        deliver(outbox)
    offered(outbox, change(kind=ChangeKind.REOPENED, number=3))
    offered(outbox, resolved(number=4))
    envelope, _ = deliver(outbox)
    assert envelope.notices[0].ended_untold
    assert envelope.notices[0].covers == (3,)


def test_a_merged_row_keeps_a_delay_that_was_meant():
    """A firing that waits for the cooldown takes its end along."""
    outbox = Outbox()
    offered(outbox, change(), due=AT + 60_000)
    _, row = offered(outbox, resolved(), due=AT)
    assert row.due == AT + 60_000
    assert outbox.take("ops", AT) is None


def test_a_merged_row_does_not_keep_the_delay_of_a_failure():
    outbox = Outbox()
    offered(outbox, change())
    outbox.failed(outbox.take("ops", AT), AT, AT + 60_000, "refused")
    _, row = offered(outbox, resolved(), due=AT + 1)
    assert row.due == AT + 1
    assert outbox.take("ops", AT + 1).notices[0].covers == (1,)


def test_a_later_change_waits_for_the_one_on_its_way():
    outbox = Outbox()
    offered(outbox, change())
    first = outbox.take("ops", AT)
    (row,) = offered(outbox, resolved())
    assert row.state is RowState.PENDING
    assert outbox.take("ops", AT) is None
    assert outbox.next_due("ops") is None
    outbox.done(first, AT)
    second = outbox.take("ops", AT)
    assert second.notices[0].covers == ()
    assert not second.notices[0].first


def test_a_failure_with_a_later_change_waiting_is_told_by_that_one():
    outbox = Outbox()
    offered(outbox, change())
    envelope = outbox.take("ops", AT)
    offered(outbox, resolved())
    merged, waiting = outbox.failed(envelope, AT, AT + 100, "refused")
    assert (merged.state, merged.into) == (RowState.MERGED, waiting.key)
    assert waiting.due == AT + 100
    assert outbox.take("ops", AT + 100).notices[0].covers == (1,)


def test_every_failure_counts_and_the_key_stays():
    outbox = Outbox()
    offered(outbox, change())
    for attempt in range(1, 4):
        envelope = outbox.take("ops", AT + attempt)
        (row,) = outbox.failed(envelope, AT + attempt, AT + attempt + 1, "down")
        assert (row.attempts, row.since, row.error) == (attempt, AT + 1, "down")
        assert envelope.notification().key == "a/1/ops"


def test_what_comes_back_too_late_is_refused():
    """Its envelope was given to somebody else meanwhile."""
    outbox = Outbox()
    offered(outbox, change())
    old = outbox.take("ops", AT)
    assert old.until == AT + 60_000
    assert outbox.expire(AT + 59_999) == []
    assert keys(outbox.expire(AT + 60_000)) == ["a/1/ops"]
    new = outbox.take("ops", AT + 60_000)
    assert new.fence > old.fence
    assert outbox.holds(new)
    assert not outbox.holds(old)
    for refused in (
        outbox.done(old, AT),
        outbox.failed(old, AT, AT, ""),
        outbox.dead(old, AT, ""),
        outbox.split(old, AT, ""),
    ):
        assert refused == []
    assert keys(outbox.done(new, AT + 60_001)) == ["a/1/ops"]


def test_a_group_leaves_together_and_says_what_it_has_in_common():
    outbox = Outbox()
    for name in "abc":
        made = labelled(change(name), team="voice", room=name)
        offered(outbox, made, group="team=voice,severity=high")
    offered(outbox, change("d"), group="team=data")
    envelope = outbox.take("ops", AT)
    assert [row.alert for row in envelope.rows] == ["a", "b", "c"]
    assert envelope.notification().group == {"team": "voice", "severity": "high"}
    assert [row.alert for row in outbox.take("ops", AT).rows] == ["d"]


def test_envelopes_of_a_group_keep_their_distance():
    outbox = Outbox()
    offered(outbox, change("a"), group="g", interval=60_000)
    deliver(outbox)
    (row,) = offered(outbox, change("b"), group="g", interval=60_000)
    assert row.due == AT + 60_000
    (other,) = offered(outbox, change("c"), group="h", interval=60_000)
    assert other.due == AT


def test_a_few_rows_leave_one_by_one_and_a_storm_together():
    outbox = Outbox(storm=3)
    for i in range(3):
        offered(outbox, change(f"a{i}"))
    assert len(outbox.take("ops", AT).rows) == 1
    for i in range(250):
        offered(outbox, change(f"b{i}"))
    assert [len(outbox.take("ops", AT).rows) for _ in range(3)] == [100, 100, 52]
    assert outbox.take("ops", AT) is None


def test_what_is_to_stay_alone_stays_alone_in_a_storm():
    outbox = Outbox(storm=3)
    for i in range(10):
        offered(outbox, change(f"a{i}"), group="...")
    assert [len(outbox.take("ops", AT).rows) for _ in range(10)] == [1] * 10


def test_an_envelope_that_failed_comes_again_with_the_same_key():
    """Although more is due by then: a receiver that had it all the same can tell the repeat."""
    outbox = Outbox()
    for name in "abc":
        offered(outbox, change(name), group="g")
    first = outbox.take("ops", AT)
    outbox.failed(first, AT, AT + 10, "no answer")
    offered(outbox, change("d"), group="g")
    again = outbox.take("ops", AT + 10)
    while len(again.rows) == 1:
        again = outbox.take("ops", AT + 10)
    assert again.notification().key == first.notification().key
    assert again.notification().attempt == 2


def test_an_envelope_that_was_refused_is_tried_row_by_row():
    outbox = Outbox()
    for name in "abc":
        offered(outbox, change(name), group="g")
    rows = outbox.split(outbox.take("ops", AT), AT, "bad request")
    assert [row.group for row in rows] == ["..."] * 3
    assert [len(outbox.take("ops", AT).rows) for _ in range(3)] == [1, 1, 1]


def test_a_dead_row_lets_the_next_one_go():
    outbox = Outbox()
    offered(outbox, change())
    envelope = outbox.take("ops", AT)
    offered(outbox, resolved())
    (dead,) = outbox.dead(envelope, AT, "no such address")
    assert (dead.state, dead.error) == (RowState.DEAD, "no such address")
    assert outbox.told("a", "ops") is None
    assert outbox.take("ops", AT).notices[0].ended_untold


def test_a_dead_row_can_be_tried_again_unless_something_later_was_told():
    outbox = Outbox()
    offered(outbox, change())
    (dead,) = outbox.dead(outbox.take("ops", AT), AT, "no such address")
    (row,) = outbox.revive(dead, change(), AT + 5)
    assert (row.state, row.attempts, row.key) == (RowState.PENDING, 0, dead.key)
    (dead,) = outbox.dead(outbox.take("ops", AT + 5), AT + 5, "still")
    offered(outbox, resolved())
    deliver(outbox)
    assert outbox.revive(dead, change(), AT + 6) == []


def test_silence_ends_what_waits_and_leaves_what_is_on_its_way():
    outbox = Outbox()
    offered(outbox, change(), "waits", due=AT + 10)
    offered(outbox, change(), "goes")
    envelope = outbox.take("goes", AT)
    (row,) = outbox.silence("a", "silence s1")
    assert (row.key, row.state, row.error) == ("a/1/waits", RowState.SILENCED, "silence s1")
    assert outbox.take("waits", AT + 10) is None
    assert outbox.done(envelope, AT)


def test_a_channel_that_is_about_to_hear_of_the_end_awaits_no_other():
    """The alert reopened meanwhile, in silence: its next end is nothing to that channel."""
    outbox = Outbox()
    offered(outbox, change())
    assert outbox.pending_channels("a") == ["ops"]
    deliver(outbox)
    assert (outbox.pending_channels("a"), outbox.told_channels("a")) == ([], ["ops"])
    offered(outbox, resolved())
    assert (outbox.pending_channels("a"), outbox.told_channels("a")) == ([], [])
    offered(outbox, change(kind=ChangeKind.REOPENED, number=3))
    assert (outbox.pending_channels("a"), outbox.told_channels("a")) == (["ops"], ["ops"])


def test_silence_leaves_the_end_of_what_is_just_being_told():
    """A firing is on its way while its end waits: whoever hears of the one hears of the other."""
    outbox = Outbox()
    offered(outbox, change())
    envelope = outbox.take("ops", AT)
    offered(outbox, resolved())
    assert outbox.silence("a", "silence s1") == []
    outbox.done(envelope, AT)
    assert outbox.take("ops", AT).notices[0].change.kind is ChangeKind.RESOLVED


def test_silence_never_swallows_the_end_of_what_was_told():
    outbox = Outbox()
    offered(outbox, change())
    deliver(outbox)
    offered(outbox, resolved(), due=AT + 10)
    assert outbox.silence("a", "silence s1") == []
    assert outbox.take("ops", AT + 10).notices[0].change.kind is ChangeKind.RESOLVED


def test_what_is_offered_silenced_is_only_noted():
    outbox = Outbox()
    (row,) = offered(outbox, change(), silenced="silence s1")
    assert (row.state, row.done_at) == (RowState.SILENCED, AT)
    assert outbox.take("ops", AT) is None
    assert outbox.pending_channels("a") == []
    assert outbox.counts()["ops"][RowState.SILENCED] == 1


def test_offering_twice_is_offering_once():
    outbox = Outbox()
    assert offered(outbox, change())
    assert offered(outbox, change()) == []
    deliver(outbox)
    assert offered(outbox, change()) == []


def test_a_channel_understands_what_its_class_says():
    outbox = Outbox()
    assert outbox.understands("ops", ChangeKind.FIRED)
    assert not outbox.understands("ops", ChangeKind.ACKNOWLEDGED)
    outbox.set_tells("ops", frozenset({ChangeKind.ACKNOWLEDGED}))
    assert outbox.understands("ops", ChangeKind.ACKNOWLEDGED)


def test_an_alert_is_forgotten_once_nothing_of_it_waits():
    outbox = Outbox()
    offered(outbox, change())
    assert not outbox.forget("a")
    envelope = outbox.take("ops", AT)
    assert not outbox.forget("a")
    outbox.done(envelope, AT)
    assert outbox.forget("a")
    assert outbox.told("a", "ops") is None


def test_the_wall_clock_set_back_holds_nothing_up():
    hour = 3_600_000
    outbox = Outbox()
    offered(outbox, change("a"), due=AT + 1000)
    offered(outbox, change("b"))
    envelope = outbox.take("ops", AT)
    outbox.shift(-hour)
    assert outbox.next_due("ops") == AT + 1000 - hour
    assert outbox.take("ops", AT + 1000 - hour) is not None
    assert outbox.expire(AT - hour) == []
    assert outbox.holds(envelope)


def test_the_wall_clock_set_forward_takes_no_lease_away():
    outbox = Outbox()
    offered(outbox, change())
    envelope = outbox.take("ops", AT)
    outbox.shift(3_600_000)
    assert outbox.expire(AT + 3_600_000) == []
    assert outbox.holds(envelope)


def test_counts_and_questions():
    outbox = Outbox()
    for i in range(5):
        offered(outbox, change(f"a{i}", at=AT + i))
    outbox.failed(outbox.take("ops", AT), AT, AT + 10, "down")
    deliver(outbox)
    outbox.take("ops", AT)
    counts = outbox.counts()["ops"]
    assert (counts[RowState.PENDING], counts[RowState.SENDING], counts[RowState.DONE]) == (3, 1, 1)
    assert outbox.waiting("ops") == 4
    assert outbox.oldest("ops") == AT
    seen = outbox.pending("ops")
    assert [row.alert for _, row, _ in seen] == ["a0", "a2", "a3", "a4"]
    assert [row.alert for _, row, _ in outbox.pending("ops", after=seen[2][0])] == ["a4"]


def test_a_restart_knows_what_waits_what_it_covers_and_who_was_told():
    before, written = Outbox(), {}

    def commit(rows):
        written.update({row.key: row for row in rows})

    changes = [change("a"), resolved("a"), change("b"), change("c"), resolved("c"), change("d")]
    commit(offered(before, changes[0]))
    commit(deliver(before)[1])
    commit(offered(before, changes[2]))
    commit(offered(before, changes[3]))
    before.take("ops", AT)
    commit(offered(before, changes[1]))
    commit(offered(before, changes[4]))
    commit(offered(before, changes[5], "late", due=AT + 500))
    after = Outbox()
    assert after.restore(written.values(), changes) == []
    assert after.told("a", "ops") is ChangeKind.FIRED
    found = {}
    while (envelope := after.take("ops", AT)) is not None:
        found |= {notice.key: notice for notice in envelope.notices}
    assert sorted(found) == ["a/2/ops", "b/1/ops", "c/2/ops"]
    assert not found["a/2/ops"].first
    assert found["c/2/ops"].covers == (1,)
    assert found["c/2/ops"].ended_untold
    assert after.next_due("late") == AT + 500
    assert offered(after, changes[0]) == []


def test_what_was_on_its_way_and_what_waited_behind_are_told_again_as_they_were():
    """Both may have arrived: no key gets a second content, so the later one does not cover the earlier one."""
    before = Outbox()
    rows = offered(before, change())
    before.take("ops", AT)
    rows += offered(before, resolved())
    after = Outbox()
    assert after.restore(rows, [change(), resolved()]) == []
    first, _ = deliver(after)
    second, _ = deliver(after)
    assert [(e.notices[0].key, e.notices[0].covers, e.notices[0].first) for e in (first, second)] == [
        ("a/1/ops", (), True),
        ("a/2/ops", (), False),
    ]


def test_what_takes_over_a_failed_one_waits_until_that_is_on_disk():
    """Were it told at once and the process killed, its key would tell of less the second time."""
    outbox = Outbox(staged=True)
    offered(outbox, change())
    outbox.release(outbox.order)
    envelope = outbox.take("ops", AT)
    offered(outbox, resolved())
    outbox.release(outbox.order)
    outbox.failed(envelope, AT, AT, "down")
    assert outbox.take("ops", AT) is None
    outbox.release(outbox.order)
    assert outbox.take("ops", AT).notices[0].covers == (1,)


def test_a_row_overtaken_by_a_delivered_one_is_never_told():
    outbox = Outbox()
    (first,) = offered(outbox, change())
    second = msgspec.structs.replace(first, key="a/2/ops", number=2, state=RowState.DONE, done_at=AT)
    (moved,) = Outbox().restore([first, second], [change(), resolved()])
    assert (moved.state, moved.into) == (RowState.MERGED, "a/2/ops")


@pytest.mark.slow
def test_fifty_thousand_rows_cost_as_much_each_as_five_hundred():
    """No step looks at all of them; the bound is generous, a linear scan would miss it a hundredfold."""

    def seconds(count):
        outbox = Outbox(storm=10**9)
        changes = [change(f"a{i}") for i in range(count)]
        start = time.perf_counter()
        for made in changes:
            offered(outbox, made, due=AT)
        for i in range(count):
            envelope = outbox.take("ops", AT)
            if i % 3:
                outbox.done(envelope, AT)
            else:
                outbox.failed(envelope, AT, AT + i, "down")
            outbox.next_due("ops")
        return (time.perf_counter() - start) / count

    few = min(seconds(500) for _ in range(3))
    assert seconds(50_000) < 12 * few
