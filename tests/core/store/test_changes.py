"""Changes of status are kept: what each component was held to be when."""

from __future__ import annotations

from operator import attrgetter

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.store.making import DAY, NOW, components, opened

from auscult import Ping, Status
from auscult.dashboards.changes import Changes
from auscult.engine.health import Change
from auscult.store import Retention
from auscult.store import changes as stored

a_few = settings(max_examples=30, deadline=None)
CHANGES = st.lists(
    st.builds(
        Change,
        component=components,
        old=st.sampled_from(Status),
        new=st.sampled_from(Status),
        at=st.integers(0, 1000),
        message=st.text(max_size=20),
    ),
    max_size=30,
)


def change(at: int, new: Status = Status.UNHEALTHY, component: str = "one") -> Change:
    return Change(component, Status.HEALTHY, new, at, "down")


@a_few
@given(CHANGES, st.integers(0, 1000), st.integers(0, 1000))
def test_changes_come_back(tmp_path_factory, noted, start, end):
    """Those of a stretch of time, newest first, of all components or one; and the last one before it of each."""
    with opened(tmp_path_factory.mktemp("state")) as store:
        for each in noted:
            store.note_change(each)
        store.flush()
        newest = sorted(enumerate(noted), key=lambda pair: (pair[1].at, pair[0]), reverse=True)
        expected = [each for _, each in newest if start <= each.at < end]
        assert store.changes.latest(start, end) == expected
        assert store.changes.latest(start, end, limit=3) == expected[:3]
        of_host = [each for each in expected if each.component == "host"]
        assert store.changes.latest(start, end, component="host") == of_host
        openers: dict[str, Change] = {}
        for _, each in newest:
            if each.at < start:
                openers.setdefault(each.component, each)
        by_name = attrgetter("component")
        assert sorted(store.changes.before(start), key=by_name) == sorted(openers.values(), key=by_name)


def test_changes_are_noted_with_the_state():
    """Since when a component is so, and what it was before, are committed together."""
    with opened() as store:
        store.note_change(change(7))
        store.flush()
        assert store.states() == {"one": ("unhealthy", 7)}
        assert store.changes.latest(0, 10) == [change(7)]


def test_old_and_too_many_changes_are_forgotten(tmp_path, monkeypatch):
    """What is older than the roll-ups of hours goes, and so do the oldest of too many."""
    monkeypatch.setattr(stored, "KEPT", 5)
    with opened(tmp_path, retention=Retention(hours=86_400.0)) as store:
        for at in (NOW - 2 * DAY, *range(NOW, NOW + 8)):
            store.note_change(change(at))
        store.flush()
    with opened(tmp_path, retention=Retention(hours=86_400.0)) as store:
        store.append_ping("one", Ping(at=NOW), lambda _: None)
        store.flush()
        assert [each.at - NOW for each in store.changes.latest(0, NOW + DAY)] == [7, 6, 5, 4, 3]


def test_what_is_remembered_and_what_the_store_knows_are_one(monkeypatch):
    """However many changes there are, each is told once: across a restart, and when memory is full."""
    monkeypatch.setattr("auscult.dashboards.changes.KEPT", 10)
    with opened() as store:
        first = [change(NOW - 2 * DAY)] + [change(NOW - 100 + at, component=f"c{at % 3}") for at in range(15)]
        for each in first:
            store.note_change(each)
        store.flush()
        changes = Changes()
        changes.restore(store, NOW)
        later = [change(NOW + at) for at in range(4)]
        for each in later:
            changes.note(each)
            store.note_change(each)
        store.flush()
        told = [happened.status for happened in changes.since(0, store=store, limit=1000)]
        assert told == [*later[::-1], *first[::-1]]
        assert [happened.status for happened in changes.since(0, store=store, limit=6)] == told[:6]
        of_one = [each for each in told if each.component == "c1"]
        assert [h.status for h in changes.since(0, store=store, component="c1")] == of_one
        verdicts = changes.verdicts(NOW - 90, store=store)
        assert [each.at - NOW for each in verdicts["c1"]] == [-93, -90, -87]
        assert [each.at - NOW for each in verdicts["one"]] == [-2 * DAY, 0, 1, 2, 3]
