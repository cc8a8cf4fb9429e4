"""An alert's life, feature by feature: who is told what and when, and what stays true over restarts and reloads."""

from __future__ import annotations

import pytest
from tests.core.alerts.desk import AT, HOUR, MINUTE, Desk

from auscult.alert import AlertStatus, ChangeKind
from auscult.alerts.matching import Matcher
from auscult.alerts.quiet import MaintenanceWindow
from auscult.alerts.routing import Escalation, Route
from auscult.model import AlertSeverity
from auscult.options import Duration


def route(*channels: str, **more) -> Route:
    seconds = ("group_wait", "group_interval", "repeat", "fallback_after")
    fields = {name: Duration(value) if name in seconds else value for name, value in more.items()}
    return Route(channels=channels, **fields)


def step(minutes: float, *channels: str) -> Escalation:
    return Escalation(after=Duration(minutes * 60), channels=channels)


# Firing and its end


def test_firing_and_end_are_told_once_each():
    """The plainest life: one notice when it begins, one when it is over, under one id and growing numbers."""
    desk = Desk()
    alert = desk.fire()
    desk.let_pass(5)
    desk.clear()
    desk.let_pass(5)
    assert desk.told() == ["a fired 0", "a resolved 5"]
    assert [notice.key for notice in desk.notices()] == [f"{alert.id}/1/ops", f"{alert.id}/2/ops"]
    assert (desk.latest().resolution, desk.latest().resolved_at) == ("recovered", AT + 5 * MINUTE)


def test_the_same_firing_again_is_no_news():
    """De-duplication: a condition that goes on holding makes neither a change nor a notice."""
    desk = Desk()
    desk.fire()
    desk.let_pass(1)
    desk.fire()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0"]
    assert desk.kinds() == ["fired"]


def test_labels_make_alerts_different():
    """The fingerprint is made of rule, component and labels: each combination has a life of its own."""
    desk = Desk()
    desk.fire(labels={"room": "1"})
    desk.fire(labels={"room": "2"})
    desk.clear(labels={"room": "1"})
    desk.let_pass(1)
    assert [alert.labels for alert in desk.book.open_alerts()] == [{"room": "2"}]


def test_what_ended_before_it_got_out_is_one_combined_notice():
    """A channel that was down all the while hears once, and the notice says that both are in it."""
    desk = Desk()
    desk.down = {"ops"}
    desk.fire()
    desk.let_pass(3)
    desk.clear()
    desk.let_pass(3)
    desk.down = set()
    desk.let_pass(1)
    (notice,) = desk.notices()
    assert notice.ended_untold
    assert notice.covers == (1,)


# People


def test_an_acknowledged_alert_is_neither_repeated_nor_escalated_until_the_acknowledgement_ends():
    """With author, note and expiry; when it expires unresolved, the clocks start anew."""
    desk = Desk(route("ops", repeat=600, escalate=(step(15, "boss"),)), channels=("ops", "boss"))
    alert = desk.fire()
    desk.let_pass(5)
    desk.acknowledge(alert, minutes=60, note="looking")
    taken = desk.open().acknowledged
    assert (taken.author, taken.note, taken.until) == ("ada", "looking", AT + 65 * MINUTE)
    desk.let_pass(59)
    assert desk.told() == ["a fired 0"]
    assert desk.status() is AlertStatus.ACKNOWLEDGED
    desk.let_pass(17)
    assert desk.status() is AlertStatus.ACTIVE
    assert desk.told() == ["a fired 0", "a reminded 75"]
    assert desk.told("boss") == ["a escalated 80"]
    desk.clear()
    desk.let_pass(1)
    assert desk.told("boss") == ["a escalated 80", "a resolved 81"]


def test_an_acknowledgement_taken_back_restarts_the_clocks_once():
    """Taking it on and giving it back again and again does not multiply reminders."""
    desk = Desk(route("ops", repeat=600))
    alert = desk.fire()
    for _ in range(5):
        desk.let_pass(1)
        desk.acknowledge(desk.book.get(alert.id))
        desk.let_pass(1)
        desk.book.unacknowledge(alert.id, "ada", desk.now)
        desk.commit()
    desk.let_pass(25)
    assert desk.told() == ["a fired 0", "a reminded 20", "a reminded 30"]


def test_an_alert_resolved_by_hand_says_who_and_fires_again_when_its_condition_begins_anew():
    """Resolved by hand: told as such; the same condition beginning again is a new alert."""
    desk = Desk()
    first = desk.fire()
    desk.let_pass(1)
    desk.book.resolve(first.id, "ada", "false alarm", desk.now)
    desk.commit()
    desk.clear()
    desk.let_pass(1)
    second = desk.fire()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0", "a resolved 1", "a fired 2"]
    assert second.id != first.id
    ended = desk.notices()[1].change
    assert (ended.by, ended.note, ended.alert.resolution) == ("ada", "false alarm", "by hand")


def test_a_note_is_kept_and_tells_nobody():
    """What somebody writes down is a change of the alert, and no channel's business."""
    desk = Desk()
    alert = desk.fire()
    desk.book.note(alert.id, "ada", "the switch is old", desk.now)
    desk.commit()
    desk.let_pass(1)
    assert desk.kinds() == ["fired", "noted"]
    assert desk.told() == ["a fired 0"]


@pytest.mark.parametrize("verb", ["acknowledge", "unacknowledge", "resolve", "note"])
def test_what_is_not_open_cannot_be_acted_on(verb):
    """An alert that is over, or never was, raises KeyError and changes nothing."""
    desk = Desk()
    more = {"acknowledge": (None,), "unacknowledge": ("ada", AT), "resolve": ("ada", "", AT), "note": ("ada", "", AT)}
    with pytest.raises(KeyError):
        getattr(desk.book, verb)("nobody", *more[verb])
    assert not desk.book.has_news


# Cooldown and limits


def test_flapping_within_the_cooldown_reopens_the_alert_and_waits_for_its_end():
    """One notice at first, its end at once; further firings wait for the end of the cooldown and are all listed."""
    desk = Desk()
    for _ in range(4):
        desk.fire(cooldown=300.0)
        desk.let_pass(0.5)
        desk.clear()
        desk.let_pass(0.5)
    desk.fire(cooldown=300.0)
    desk.let_pass(10)
    assert desk.told() == ["a fired 0", "a resolved 0.5", "a reopened 5"]
    last = desk.notices()[-1]
    assert last.covers == (3, 4, 5, 6, 7, 8)
    assert last.alert.episodes == 5
    assert len({alert.id for alert in desk.alerts.values()}) == 1


def test_a_waiting_notice_is_not_put_off_by_further_flapping():
    """However often it fires meanwhile, the notice goes out when the cooldown is over, and not later."""
    desk = Desk()
    for _ in range(60):
        desk.fire(cooldown=300.0)
        desk.let_pass(0.1)
        desk.clear()
        desk.let_pass(0.1)
    assert [line.split()[-1] for line in desk.told()] == ["0", "0.1", "5", "10"]


def test_a_thousand_intervals_of_flapping_are_few_notices_and_all_are_listed():
    """Fault F15: at most two notices per cooldown, the hourly limit holds, every change is told in some notice."""
    desk = Desk()
    for _ in range(500):
        desk.fire(cooldown=300.0, per_hour=6)
        desk.let_pass(0.5)
        desk.clear()
        desk.let_pass(0.5)
    desk.let_pass(180)
    firing = [at for at, _, notices in desk.envelopes if notices[0].alert.status.is_open or notices[0].ended_untold]
    per_hour = max(sum(start <= at < start + HOUR for at in firing) for start in firing)
    assert per_hour <= 6, "the hourly limit"
    assert len(desk.envelopes) <= 2 * len(firing)
    numbers = [n for notice in desk.notices() for n in (*notice.covers, notice.alert.number)]
    assert numbers == list(range(1, 1001)), "every change is told once, in its order"
    assert desk.told()[-1].split()[1] == "resolved"
    assert desk.outbox.balance()["ops"].missing == 0


def test_a_firing_after_the_cooldown_is_a_new_alert():
    """Long after the last notice nothing is reopened."""
    desk = Desk()
    desk.fire(cooldown=300.0)
    desk.clear()
    desk.let_pass(6)
    desk.fire(cooldown=300.0)
    desk.let_pass(1)
    assert desk.told() == ["a resolved 0", "a fired 6"]
    assert len(desk.alerts) == 2


def test_the_hourly_limit_holds_over_alerts_of_the_same_fingerprint():
    """With no cooldown, the thirteenth firing of an hour waits for the hour to pass; its end goes along."""
    desk = Desk()
    for _ in range(15):
        desk.fire(per_hour=3)
        desk.let_pass(1)
        desk.clear()
        desk.let_pass(1)
    fired = [line for line in desk.told() if "fired" in line or "reopened" in line]
    assert fired == ["a fired 0", "a fired 2", "a fired 4"]
    desk.let_pass(60)
    assert desk.outbox.waiting("ops") == 0
    assert desk.outbox.balance()["ops"].missing == 0


# Silences and maintenance


def test_a_silence_tells_nobody_of_what_begins_in_it_and_everybody_of_what_outlasts_it():
    """What begins and ends in a silence is silenced, counted, and never told; what goes on is told afterwards."""
    desk = Desk()
    desk.silence(minutes=30, component="a")
    desk.fire()
    assert desk.status() is AlertStatus.SUPPRESSED
    assert desk.open().suppressed_by == "silence s1"
    desk.fire("slow")
    desk.clear("slow")
    desk.let_pass(29)
    assert desk.told() == []
    desk.let_pass(2)
    assert desk.told() == ["a unsuppressed 30"]
    assert desk.notices()[0].first
    desk.clear()
    desk.let_pass(1)
    assert desk.told()[-1] == "a resolved 31"
    balance = desk.outbox.balance()["ops"]
    assert (balance.silenced, balance.told, balance.missing) == (3, 2, 0)


def test_whoever_was_told_hears_of_the_end_in_a_silence():
    """Alertmanager's issue 226: a silence set while it fires does not swallow the end."""
    desk = Desk()
    desk.fire()
    desk.let_pass(1)
    desk.silence(minutes=30, component="a")
    desk.let_pass(1)
    desk.clear()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0", "a resolved 2"]


def test_a_silence_in_between_is_not_told_of_twice():
    """A channel that knows is not told again when the silence ends."""
    desk = Desk(route("ops", repeat=3600))
    desk.fire()
    desk.let_pass(1)
    desk.silence(minutes=10, component="a")
    desk.let_pass(30)
    assert desk.told() == ["a fired 0"]
    assert desk.kinds() == ["fired", "suppressed", "unsuppressed"]


def test_a_silence_that_starts_later_keeps_quiet_from_then_on():
    """Its start is an edge like its end."""
    desk = Desk(route("ops", repeat=600))
    desk.silence(after=15, minutes=30, component="a")
    desk.fire()
    desk.let_pass(44)
    assert desk.told() == ["a fired 0", "a reminded 10"]
    desk.let_pass(12)
    assert desk.told()[2:] == ["a reminded 55"]


def test_silences_match_labels_severity_and_patterns():
    """All matchers have to hold; others are told as ever."""
    desk = Desk(channels=("ops",))
    desk.silence(severity="high", component="db-*")
    desk.fire(component="db-1")
    desk.fire(component="db-2", severity=AlertSeverity.CRITICAL)
    desk.fire(component="web")
    desk.let_pass(1)
    assert desk.told() == ["db-2 fired 0", "web fired 0"]


def test_a_maintenance_window_comes_back_by_the_clock_of_its_time_zone():
    """A recurring window in Berlin keeps quiet at 02:30 local time, in winter and in summer."""
    window = MaintenanceWindow(
        name="nightly", matchers=(Matcher("component", "a"),), cron="30 2 * * *", timezone="Europe/Berlin"
    )
    winter, summer = 1_704_850_200_000, 1_720_571_400_000  # 2024-01-10T01:30Z, 2024-07-10T00:30Z
    for start in (winter, summer):
        assert [window.covers(start + d) for d in (-1, 0, 3_599_999, 3_600_000)] == [False, True, True, False]
        assert window.next_edge(start - 1) == start
        assert window.next_edge(start) == start + HOUR


def test_a_window_on_the_day_the_clocks_change_happens_once():
    """02:30 does not exist on 2024-03-31 in Berlin, and exists twice on 2024-10-27: one window each day, no two."""
    window = MaintenanceWindow(name="n", matchers=(), cron="30 2 * * *", timezone="Europe/Berlin", duration=600.0)
    for midnight in (1_711_839_600_000, 1_729_980_000_000):  # 2024-03-30T23:00Z, 2024-10-26T22:00Z
        covered = [window.covers(midnight + minute * MINUTE) for minute in range(25 * 60)]
        begins = sum(now and not before for before, now in zip([False, *covered], covered, strict=False))
        assert begins == 1
        assert sum(covered) == 10


def test_a_one_off_window_keeps_quiet_and_is_over():
    """From its start to its end, once."""
    desk = Desk()
    window = MaintenanceWindow(
        name="move", matchers=(Matcher("component", "a"),), starts_at=AT, ends_at=AT + 10 * MINUTE
    )
    desk.book.quieting.set_windows([window])
    desk.book.requiet(desk.now)
    desk.fire()
    assert desk.open().suppressed_by == "maintenance move"
    desk.let_pass(11)
    assert desk.told() == ["a unsuppressed 10"]


# Dependencies

TREE = {"app": ("db",), "db": ("host",), "host": ()}


def fail(desk: Desk, name: str) -> None:
    desk.around.bad.add(name)
    desk.fire(component=name)


def recover(desk: Desk, name: str) -> None:
    desk.around.bad.discard(name)
    desk.clear(component=name)
    desk.look_at(name)


def test_one_alert_names_the_root_cause_and_lists_the_affected():
    """The children of a failed host are suppressed, visible, and listed with it; nobody is told of them."""
    desk = Desk(needs=TREE)
    fail(desk, "host")
    fail(desk, "db")
    fail(desk, "app")
    desk.let_pass(5)
    assert desk.told() == ["host fired 0"]
    assert desk.open("host").affected == ("app", "db")
    assert (desk.open("app").cause, desk.open("app").suppressed_by) == ("host", "dependency host")
    assert desk.status("db") is AlertStatus.SUPPRESSED


def test_children_that_failed_first_are_named_in_the_first_notice_of_their_cause():
    """They are held while the suspect is looked at; when it turns out to be down, its notice lists them."""
    desk = Desk(needs=TREE)
    desk.around.unsure = {"db", "host"}
    fail(desk, "app")
    assert desk.book.rechecks == {"db", "host"}
    desk.let_pass(0.05)
    desk.around.unsure = set()
    fail(desk, "host")
    desk.let_pass(1)
    (notice,) = desk.notices()
    assert (notice.alert.component, notice.alert.affected) == ("host", ("app",))


def test_a_child_that_nobody_is_to_blame_for_is_told_after_a_short_hold():
    """What it depends on turns out to be well: five seconds later people are told."""
    desk = Desk(needs=TREE)
    desk.around.unsure = {"db"}
    fail(desk, "app")
    desk.let_pass(1)
    assert [line.rsplit(" ", 1)[0] for line in desk.told()] == ["app fired"]
    assert desk.envelopes[0][0] == AT + 5000


def test_after_recovery_children_are_looked_at_again_before_anybody_is_told():
    """The root's end is told at once; a child that recovers as well is never told of, one that fails still is."""
    desk = Desk(needs={"app": ("host",), "web": ("host",), "host": ()})
    for name in ("host", "app", "web"):
        fail(desk, name)
    desk.let_pass(5)
    recover(desk, "host")
    assert desk.book.rechecks == {"app", "web"}
    desk.let_pass(0.1)
    assert desk.told() == ["host fired 0", "host resolved 5"]
    recover(desk, "app")
    desk.look_at("web")
    desk.let_pass(0.1)
    assert desk.told()[2:] == ["web unsuppressed 5.1"]
    assert desk.status("app") is AlertStatus.RESOLVED


def test_children_that_are_not_looked_at_are_told_after_a_minute():
    """A child that gives no fresh result does not stay quiet for ever."""
    desk = Desk(needs=TREE)
    fail(desk, "host")
    fail(desk, "app")
    recover(desk, "host")
    desk.let_pass(3)
    assert desk.told() == ["host resolved 0", "app unsuppressed 1"]


def test_a_root_that_is_well_again_does_not_keep_children_quiet_through_another_alert():
    """Its success rate stays low for long: the child is released when the root is no longer unhealthy."""
    desk = Desk(needs=TREE)
    fail(desk, "host")
    desk.fire("rate", "host")
    fail(desk, "app")
    recover(desk, "host")
    assert desk.open("host", "rate") is not None
    desk.let_pass(0.1)
    desk.look_at("app")
    desk.let_pass(0.1)
    assert "app unsuppressed 0.1" in desk.told()


def test_no_resolve_is_held_back_by_a_cause():
    """A child that was told of before its cause was known: its end is told although the cause goes on."""
    desk = Desk(needs=TREE)
    fail(desk, "app")
    desk.let_pass(1)
    fail(desk, "host")
    recover(desk, "app")
    desk.let_pass(1)
    assert desk.told() == ["app fired 0", "host fired 1", "app resolved 1"]


def test_components_that_depend_on_each_other_are_not_both_quiet():
    """A circle has no root; somebody is told all the same."""
    desk = Desk(needs={"a": ("b",), "b": ("a",)})
    fail(desk, "a")
    fail(desk, "b")
    desk.let_pass(5)
    assert len(desk.told()) == 1


def test_dependencies_survive_a_restart():
    """A suppressed child stays suppressed, is released when the root recovers, and told if it still fails."""
    desk = Desk(needs=TREE)
    fail(desk, "host")
    fail(desk, "app")
    desk.let_pass(1)
    desk.crash(minutes=1)
    desk.look_at("app")
    desk.let_pass(5)
    assert desk.told() == ["host fired 0"]
    recover(desk, "host")
    desk.let_pass(0.1)
    desk.look_at("app")
    desk.let_pass(0.1)
    assert desk.told()[1:] == ["host resolved 7", "app unsuppressed 7.1"]


# Grouping


def test_a_group_waits_for_company_and_leaves_together():
    """The first one waits; those that come meanwhile leave with it, however late they came."""
    desk = Desk(route("ops", group_by=("rule",), group_wait=30, group_interval=300))
    desk.fire(component="a")
    desk.let_pass(0.3)
    desk.fire(component="b")
    desk.let_pass(1)
    ((at, _, notices),) = desk.envelopes
    assert at == AT + 30_000
    assert [notice.alert.component for notice in notices] == ["a", "b"]


def test_two_envelopes_of_a_group_keep_the_interval():
    """What comes after the first envelope waits for the interval, ends included, and leaves together."""
    desk = Desk(route("ops", group_by=("rule",), group_wait=30, group_interval=300))
    desk.fire(component="a")
    desk.let_pass(1)
    desk.fire(component="b")
    desk.let_pass(1)
    desk.clear(component="a")
    desk.fire("other", "c")
    desk.let_pass(10)
    times = [(at - AT) / 1000 for at, _, notices in desk.envelopes if notices[0].alert.rule == "down"]
    assert times == [30, 330]
    assert [(n.alert.component, n.change.kind.value) for n in desk.envelopes[-1][2]] == [
        ("b", "fired"),
        ("a", "resolved"),
    ]


def test_one_that_waits_for_its_cooldown_does_not_hold_up_its_group():
    """A held notice joins later; fresh ones of the same group do not wait for it."""
    desk = Desk(route("ops", group_by=("rule",), group_wait=10, group_interval=60))
    desk.fire(component="a", cooldown=1800.0)
    desk.let_pass(2)
    desk.clear(component="a")
    desk.let_pass(2)
    desk.fire(component="a", cooldown=1800.0)
    desk.fire(component="b")
    desk.let_pass(40)
    assert "b fired 4.16667" in desk.told()
    assert desk.told()[-1] == "a reopened 30"


def test_a_group_keeps_its_interval_over_a_restart():
    """The time of the last envelope is known from the rows."""
    desk = Desk(route("ops", group_by=("rule",), group_interval=600))
    desk.fire(component="a")
    desk.let_pass(1)
    desk.crash()
    desk.fire(component="b")
    desk.let_pass(20)
    assert desk.told() == ["a fired 0", "b fired 10"]


# Routing, repeats, escalation


def test_routes_are_tried_in_order_and_go_on_only_where_they_say_so():
    """`continue` has later routes tried as well; a channel is told once."""
    desk = Desk(
        route("pager", match={"severity": "critical"}, continue_=True),
        route("ops", "pager", match={"rule": ("down", "slow")}),
        route("rest"),
    )
    desk.fire(component="a", severity=AlertSeverity.CRITICAL)
    desk.fire(component="b")
    desk.fire("other", "c")
    desk.let_pass(1)
    assert desk.told("pager") == ["a fired 0", "b fired 0"]
    assert desk.told("ops") == ["a fired 0", "b fired 0"]
    assert desk.told("rest") == ["c fired 0"]


def test_reminders_come_as_often_as_the_route_says():
    """Every 30 minutes until it is over, one change for all channels that are reminded at once."""
    desk = Desk(route("ops", "chat", repeat=1800))
    desk.fire()
    desk.let_pass(95)
    desk.clear()
    desk.let_pass(60)
    assert desk.told() == ["a fired 0", "a reminded 30", "a reminded 60", "a reminded 90", "a resolved 95"]
    assert desk.told("chat") == desk.told()
    assert desk.kinds().count("reminded") == 3


def test_what_nobody_acknowledges_escalates_step_by_step():
    """Each step tells its channels, and they hear of the end."""
    desk = Desk(route("ops", escalate=(step(10, "lead"), step(30, "boss", "lead"))))
    desk.fire()
    desk.let_pass(45)
    desk.clear()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0", "a resolved 45"]
    assert desk.told("lead") == ["a escalated 10", "a escalated 30", "a resolved 45"]
    assert desk.told("boss") == ["a escalated 30", "a resolved 45"]


def test_a_route_that_names_no_channel_of_its_own_still_escalates():
    """It matches after another one that goes on, and all it has is an escalation."""
    desk = Desk(route("ops", continue_=True), route("ops", escalate=(step(5, "boss"),)))
    desk.fire()
    desk.let_pass(6)
    assert desk.told("boss") == ["a escalated 5"]


def test_escalations_and_repeats_neither_start_over_nor_come_twice_after_restarts():
    """The process is killed again and again: every step still comes once, and at its time."""
    desk = Desk(route("ops", repeat=1800, escalate=(step(10, "lead"), step(40, "boss"))))
    desk.fire()
    for _ in range(14):
        desk.let_pass(3)
        desk.book.note(desk.open().id, "ada", "still here", desk.now)
        desk.commit()
        desk.crash(minutes=1)
    desk.let_pass(10)
    assert [line.rsplit(" ", 1)[0] for line in desk.told("lead")] == ["a escalated"]
    assert [line.rsplit(" ", 1)[0] for line in desk.told("boss")] == ["a escalated"]
    minutes = [float(line.split()[-1]) for line in desk.told("lead") + desk.told("boss")]
    assert 10 <= minutes[0] <= 13
    assert 40 <= minutes[1] <= 43
    reminded = [float(line.split()[-1]) for line in desk.told() if "reminded" in line]
    assert len(reminded) == 2
    assert all(expected <= at <= expected + 4 for expected, at in zip((30, 60), reminded, strict=True))


def test_an_escalation_that_was_due_while_nobody_ran_comes_at_the_start():
    """Down from minute 5 to 25: the step of minute 10 comes at 25, once."""
    desk = Desk(route("ops", escalate=(step(10, "lead"),)))
    desk.fire()
    desk.let_pass(5)
    desk.crash(minutes=20)
    desk.let_pass(30)
    assert desk.told("lead") == ["a escalated 25"]


def test_acknowledgements_survive_a_restart_with_their_end():
    """Taken on before the crash, given back by time after it."""
    desk = Desk(route("ops", repeat=600))
    desk.acknowledge(desk.fire(), minutes=30)
    desk.let_pass(1)
    desk.crash(minutes=10)
    desk.let_pass(18)
    assert desk.status() is AlertStatus.ACKNOWLEDGED
    desk.let_pass(12)
    assert desk.told() == ["a fired 0", "a reminded 40"]


def test_a_reload_moves_reminders_and_steps_of_what_is_open():
    """New routes hold from now on: fewer of them crash nothing, more frequent reminders come sooner."""
    desk = Desk(route("ops", repeat=36_000, escalate=(step(60, "lead"),)), route("chat", escalate=(step(5, "boss"),)))
    desk.fire()
    desk.let_pass(10)
    desk.reroute(route("ops", repeat=1200))
    desk.let_pass(80)
    assert desk.told() == ["a fired 0", "a reminded 20", "a reminded 40", "a reminded 60", "a reminded 80"]
    assert desk.told("lead") == []


def test_a_channel_that_a_reload_took_away_hears_of_the_end_when_it_comes_back():
    """Whoever was told of a firing is told of its end, whatever the routes say by then."""
    desk = Desk(route("ops"), channels=("ops", "chat"))
    desk.fire()
    desk.let_pass(1)
    desk.reroute(route("chat"))
    desk.clear()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0", "a resolved 1"]


def test_a_reload_tells_new_channels_of_what_is_active():
    """Nothing is swallowed by a reload: whom the new routes name hears that it fires, and of its end; nobody twice."""
    desk = Desk(route("ops"))
    desk.fire()
    desk.let_pass(1)
    desk.reroute(route("ops", "chat"), channels=("ops", "chat"))
    desk.let_pass(1)
    desk.reroute(route("ops", "chat"))
    desk.let_pass(1)
    desk.clear()
    desk.let_pass(1)
    assert desk.told() == ["a fired 0", "a resolved 3"]
    assert desk.told("chat") == ["a reminded 1", "a resolved 3"]
    assert desk.notices("chat")[0].first


def test_cooldown_and_limit_survive_a_restart():
    """A firing right after a restart is still within the cooldown of the notice before it."""
    desk = Desk()
    desk.limits = (7200.0, 12)
    desk.fire(cooldown=7200.0)
    desk.let_pass(1)
    desk.clear()
    desk.let_pass(60)
    desk.crash(minutes=10)
    desk.fire(cooldown=7200.0)
    desk.let_pass(120)
    assert desk.told() == ["a fired 0", "a resolved 1", "a reopened 120"]


# Channels that fail


def test_the_fallback_is_told_when_a_channel_stays_down_and_hears_of_the_end():
    """Not before its time, of what waits and goes on only, once, and of the end as well."""
    desk = Desk(route("ops", fallback=("sms",), fallback_after=600))
    desk.down = {"ops"}
    desk.fire()
    desk.fire(component="b")
    desk.clear(component="b")
    desk.let_pass(5)
    desk.book.stays_down("ops", AT, desk.now)
    desk.commit()
    desk.let_pass(6)
    assert desk.told("sms") == []
    for _ in range(3):
        desk.book.stays_down("ops", AT, desk.now)
        desk.commit()
        desk.let_pass(1)
    assert desk.told("sms") == ["a escalated 11"]
    desk.clear()
    desk.let_pass(1)
    assert desk.told("sms") == ["a escalated 11", "a resolved 14"]
    desk.down = set()
    desk.let_pass(1)
    assert desk.told() == ["b resolved 15", "a resolved 15"]


def test_the_fallback_is_told_at_once_of_what_a_channel_refuses_for_good():
    """A dead letter of an alert that goes on is told elsewhere."""
    desk = Desk(route("ops", fallback=("sms",)))
    desk.down = {"ops"}
    alert = desk.fire()
    envelope = desk.outbox.take("ops", desk.now)
    desk.keep_rows(desk.outbox.dead(envelope, desk.now, "401"))
    desk.book.gave_up("ops", [alert.id], desk.now)
    desk.commit()
    desk.let_pass(1)
    assert desk.told("sms") == ["a escalated 0"]


def test_a_dead_letter_sent_again_of_an_alert_that_is_over_tells_both_at_once():
    """Nobody is left believing that it goes on."""
    desk = Desk()
    desk.fire()
    envelope = desk.outbox.take("ops", desk.now)
    (dead,) = desk.outbox.dead(envelope, desk.now, "401")
    desk.clear()
    desk.let_pass(1)
    assert desk.told() == []
    end = desk.changes[-1]
    assert end.kind is ChangeKind.RESOLVED
    desk.keep_rows(desk.outbox.revive(dead, desk.changes[0], desk.now, end))
    desk.let_pass(1)
    (notice,) = desk.notices()
    assert notice.ended_untold
    assert desk.outbox.hearers(notice.alert.id) == []


def test_a_more_severe_alert_reaches_the_channels_of_its_new_severity():
    """When an update makes it critical, the pager is told that it fires; the others know."""
    desk = Desk(route("pager", match={"severity": "critical"}, continue_=True), route("ops"))
    desk.fire()
    desk.let_pass(1)
    desk.fire(severity=AlertSeverity.CRITICAL)
    desk.let_pass(1)
    assert desk.told("pager") == ["a updated 1"]
    desk.clear()
    desk.let_pass(1)
    assert desk.told("pager")[-1] == "a resolved 2"
    assert desk.told() == ["a fired 0", "a resolved 2"]


# Clocks and memory


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_is_set_neither_bursts_nor_holds_up(jump):
    """Set by an hour either way: the reminder, the step and the end of the cooldown come when they would have come."""
    desk = Desk(route("ops", repeat=1800, escalate=(step(20, "lead"),)))
    desk.fire("flap", "b", cooldown=600.0)
    desk.clear("flap", "b")
    desk.fire()
    desk.let_pass(1)
    desk.fire("flap", "b", cooldown=600.0)
    desk.let_pass(4)
    desk.now += jump
    desk.book.shift(jump)
    desk.outbox.shift(jump)
    seen = len(desk.envelopes)
    desk.let_pass(40)
    later = [
        (notices[0].alert.component, notices[0].change.kind.value, (at - jump - AT) / MINUTE)
        for at, _, notices in desk.envelopes[seen:]
    ]
    assert later[0] == ("b", "reopened", 10)
    assert ("a", "escalated", 20) in later
    assert ("a", "reminded", 30) in later


def test_what_is_over_and_told_is_forgotten():
    """Memory does not grow with alerts that came and went."""
    desk = Desk()
    for number in range(200):
        desk.fire(component=f"c{number}", cooldown=60.0)
        desk.clear(component=f"c{number}")
        desk.let_pass(0.1)
    desk.let_pass(5)
    desk.book.trim(desk.now)
    assert desk.book.remembered == 0
    assert desk.outbox.hearers("anything") == []
    assert not desk.outbox._slots


def test_what_is_not_told_yet_is_not_forgotten():
    """A channel that is down keeps the alert in memory until it has heard of its end."""
    desk = Desk()
    desk.down = {"ops"}
    desk.fire()
    desk.clear()
    desk.let_pass(120)
    desk.book.trim(desk.now)
    assert desk.book.remembered == 1
    desk.down = set()
    desk.let_pass(1)
    desk.book.trim(desk.now)
    assert desk.book.remembered == 0
    assert desk.told() == ["a resolved 120"]
