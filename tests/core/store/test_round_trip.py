"""What goes in comes out: results, signs of life, states; over a restart and from many threads."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.store.making import NOW, components, opened, results, written

from auscult import CheckResult, Ping, Status
from auscult.errors import StoreError
from auscult.store import StoredResult

a_few = settings(max_examples=25, deadline=None)
"""Each example opens a store of its own."""


def of(rows, component):
    return [row for row in rows if row.component == component]


@a_few
@given(st.lists(results(), max_size=30))
def test_any_result_comes_back_as_it_was(rows):
    """Every field, to the last bit, newest first."""
    with written(rows) as store:
        for name in {row.component for row in rows}:
            assert [stored.result for stored in store.results(name)] == of(rows, name)[::-1]


@a_few
@given(st.lists(results(), max_size=30), st.integers(0, 30))
def test_a_restart_changes_no_result(tmp_path_factory, rows, stopped):
    """Also with names and shapes that were first seen before it."""
    directory = tmp_path_factory.mktemp("state")
    with written(rows[:stopped], directory):
        pass
    with written(rows[stopped:], directory) as store:
        for name in {row.component for row in rows}:
            assert [stored.result for stored in store.results(name)] == of(rows, name)[::-1]


@a_few
@given(st.lists(results(component=st.just("one")), max_size=40), st.integers(1, 7))
def test_pages_follow_each_other(rows, limit):
    """`before` with the last page's last number: nothing twice, nothing left out."""
    with written(rows) as store:
        pages, before = [], None
        while page := store.results("one", before=before, limit=limit):
            assert len(page) <= limit
            pages += page
            before = page[-1].id
        assert [stored.result for stored in pages] == rows[::-1]
        assert [stored.id for stored in pages] == sorted({stored.id for stored in pages}, reverse=True)


@a_few
@given(st.lists(results(at=st.integers(NOW - 7_200_000, NOW)), max_size=60), st.integers(1, 10))
def test_recent_results_are_the_latest_of_each(rows, limit):
    """Oldest first, at most so many, none from before the time asked for; as results come, in order of time."""
    rows = sorted(rows, key=lambda row: row.at)
    since = NOW - 3_600_000
    with written(rows) as store:
        expected = {name: [r for r in of(rows, name) if r.at >= since][-limit:] for name in {r.component for r in rows}}
        assert store.recent(since=since, limit=limit) == {name: kept for name, kept in expected.items() if kept}


pings = st.builds(
    Ping,
    at=st.integers(0, 2**53),
    kind=st.sampled_from(["start", "success", "fail"]),
    exit_code=st.none() | st.integers(-255, 255),
    message=st.text(max_size=20),
)


@a_few
@given(st.lists(st.tuples(components, pings), max_size=30), st.integers(1, 20))
def test_signs_of_life_come_back(tmp_path_factory, sent, limit):
    """After a restart, the latest of each component, oldest first."""
    directory = tmp_path_factory.mktemp("state")
    with opened(directory) as store:
        outcomes = []
        for name, ping in sent:
            store.append_ping(name, ping, outcomes.append)
        store.flush()
        assert outcomes == [None] * len(sent)
    with opened(directory) as store:
        expected = {name: [ping for of_it, ping in sent if of_it == name][-limit:] for name, _ in sent}
        assert store.pings(limit=limit) == expected


def test_old_signs_of_life_are_forgotten():
    """A heartbeat every second must not fill the disk."""
    with opened() as store:
        for at in range(250):
            store.append_ping("job", Ping(at=at), lambda _: None)
        store.flush()
        assert [ping.at for ping in store.pings(limit=1000)["job"]] == list(range(150, 250))


@a_few
@given(st.lists(st.tuples(components, st.sampled_from(Status), st.integers(0, 2**53)), max_size=20))
def test_states_come_back(tmp_path_factory, noted):
    """The last one of each component, since when it is so."""
    directory = tmp_path_factory.mktemp("state")
    with opened(directory) as store:
        for name, status, since in noted:
            store.note_state(name, status, since)
        store.flush()
        assert store.states() == {name: (str(status), since) for name, status, since in noted}
    with opened(directory) as store:
        assert store.states() == {name: (str(status), since) for name, status, since in noted}


def test_appending_durably_calls_back_after_the_commit():
    """At that moment another connection reads the result."""
    with opened() as store:
        for number in range(20):
            seen, done = [], threading.Event()

            def committed(error, number=number, seen=seen, done=done):
                seen.append((error, [stored.result.at for stored in store.results("one", limit=1)] == [number]))
                done.set()

            store.append_durably(CheckResult("one", Status.HEALTHY, number), committed)
            assert done.wait(10)
            assert seen == [(None, True)]


def test_appending_from_many_threads_loses_nothing():
    """And keeps the order of each thread."""
    with opened() as store:

        def work(thread):
            for number in range(2000):
                store.append(CheckResult(f"c{thread}", Status.HEALTHY, number))

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
        for thread in range(4):
            stored = store.results(f"c{thread}", limit=3000)
            assert [row.result.at for row in stored] == list(range(1999, -1, -1))
        assert store.stats().rows_written == 8000
        assert store.stats().dropped == 0


def test_closing_writes_what_waits(tmp_path):
    """Without anybody having asked to flush."""
    with opened(tmp_path) as store:
        for number in range(5000):
            store.append(CheckResult("one", Status.HEALTHY, number))
    with opened(tmp_path) as store:
        assert len(store.results("one", limit=6000)) == 5000


def test_results_are_written_soon_without_being_asked_for():
    """Appended, and on disk within moments."""
    with opened() as store:
        store.append(CheckResult("one", Status.HEALTHY, 1))
        deadline = threading.Event()
        for _ in range(500):
            if store.results("one"):
                break
            deadline.wait(0.01)
        assert store.results("one") == [StoredResult(1, CheckResult("one", Status.HEALTHY, 1))]


@pytest.mark.parametrize(
    "unfit",
    [
        CheckResult("one", Status.HEALTHY, 2**70),
        CheckResult("one", Status.HEALTHY, 1, message="\ud800"),
        CheckResult("one", Status.HEALTHY, 1, measurements={"\udcff": 1.0}),
        CheckResult("one", Status.HEALTHY, 1, measurements={"a": "three"}),
        CheckResult("one", Status.HEALTHY, 1, duration=float("nan")),
        CheckResult("\ud800", Status.HEALTHY, 1),
        CheckResult("one", "splendid", 1),
    ],
    ids=["time", "message", "name of a number", "number", "duration", "component", "status"],
)
def test_a_result_that_cannot_be_stored_harms_no_other(unfit):
    """Whatever slips through the core's own checks: dropped and counted, and whoever waits for it is told."""
    good = [CheckResult("one", Status.HEALTHY, at) for at in range(5)]
    with opened() as store:
        for row in [*good[:2], unfit, *good[2:]]:
            store.append(row)
        store.flush()
        assert [stored.result for stored in store.results("one")] == good[::-1]
        assert (store.stats().rows_written, store.stats().dropped, store.stats().last_error) == (5, 1, "")
        outcomes = []
        store.append_durably(unfit, outcomes.append)
        store.append_durably(good[0], outcomes.append)
        store.flush()
        assert isinstance(outcomes[0], StoreError)
        assert outcomes[1] is None


def test_a_component_without_results_has_none():
    """Nothing is found, nothing is raised."""
    with opened() as store:
        assert store.results("one") == store.history("one", 0, NOW, 10) == []
        assert store.recent(since=0) == store.uptime(NOW) == store.pings() == store.states() == {}
