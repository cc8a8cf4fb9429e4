"""Minutes, hours and days against a recount of the raw results; history, uptime and retention."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.store.making import DAY, FOREVER, NOW, components, opened, results, rolled_up, written

from auscult import CheckResult, Status
from auscult.store import HistoryPoint, Retention
from auscult.store.rollups import SIZES
from auscult.testing import ManualClock

a_few = settings(max_examples=30, deadline=None)
WINDOWS = {"1h": ("minute", 3_600_000), "24h": ("hour", DAY), "7d": ("day", 7 * DAY), "30d": ("day", 30 * DAY)}
HOUR, MINUTE = SIZES["hour"], SIZES["minute"]

ages = st.one_of(*(st.integers(0, length + length // 8) for _, length in WINDOWS.values()))
"""Of all magnitudes, around the edges of the windows too."""
pasts = st.lists(results(at=ages.map(lambda age: NOW - age)), max_size=50)


def recount(rows, component, size):
    """Start to (healthy, degraded, unhealthy, unknown, timed, sum, min, max) in buckets of `size` ms."""
    buckets = {}
    for row in rows:
        if row.component == component:
            buckets.setdefault(row.at // size * size, []).append(row)
    return {start: summed(inside) for start, inside in buckets.items()}


def summed(rows):
    times = [row.response_time_ms for row in rows if row.response_time_ms is not None]
    statuses = [row.status for row in rows]
    known = [statuses.count(status) for status in (Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY)]
    return (
        *known,
        len(rows) - sum(known),
        len(times),
        pytest.approx(math.fsum(times)),
        min(times, default=None),
        max(times, default=None),
    )


def stored(store, table, component):
    columns = "start, healthy, degraded, unhealthy, unknown, timed, ms_sum, ms_min, ms_max"
    statement = f"SELECT {columns} FROM {table} JOIN component ON id = component WHERE name = ?"
    rows = store.submit(lambda connection: connection.execute(statement, (component,)).fetchall()).result(10)
    return {start: tuple(rest) for start, *rest in rows}


@a_few
@given(pasts, pasts)
def test_rollups_equal_a_recount_of_the_results(first, later):
    """In every table and for every component; also when results come late, into a bucket that exists."""
    with written(first) as store:
        rolled_up(store)
        for row in later:
            store.append(row)
        store.flush()
        rolled_up(store)
        for table, size in SIZES.items():
            for name in ("redis", "stt_client", "host"):
                assert stored(store, table, name) == recount(first + later, name, size)


def test_rollups_come_by_themselves(tmp_path):
    """Closing is enough, and a start catches up on what a crash left."""
    with written([CheckResult("one", Status.HEALTHY, NOW) for _ in range(2500)], tmp_path):
        pass
    with opened(tmp_path) as store:
        assert [row[0] for row in stored(store, "day", "one").values()] == [2500]
    with opened(tmp_path) as store:
        store.submit(forget_rollups).result(10)
    with opened(tmp_path) as store:
        rolled_up(store)
        assert [row[0] for row in stored(store, "day", "one").values()] == [2500]


def forget_rollups(connection):
    for table in (*SIZES, "watermark"):
        connection.execute(f"DELETE FROM {table}")


@a_few
@given(pasts, st.integers(0, 50))
def test_uptime_equals_a_recount(rows, rolled):
    """Over 1 h, 24 h, 7 d and 30 d; whether the results are rolled up yet makes no difference."""
    with written(rows[:rolled]) as store:
        rolled_up(store)
        for row in rows[rolled:]:
            store.append(row)
        store.flush()
        uptime = store.uptime(NOW)
    assert set(uptime) == {row.component for row in rows}
    for name, shares in uptime.items():
        assert list(shares) == list(WINDOWS)
        for window, (table, length) in WINDOWS.items():
            begin = (NOW - length) // SIZES[table] * SIZES[table]
            inside = [row.status for row in rows if row.component == name and row.at >= begin]
            down = inside.count(Status.UNHEALTHY)
            up = inside.count(Status.HEALTHY) + inside.count(Status.DEGRADED)
            assert shares[window] == (float(Fraction(100 * up, up + down)) if up + down else None)


def test_the_first_result_is_uptime_in_every_window():
    """A first look is judged on what there is: no window waits until it is full."""
    with written([CheckResult("one", Status.HEALTHY, NOW)]) as store:
        assert store.uptime(NOW) == {"one": dict.fromkeys(WINDOWS, 100.0)}


def test_unknown_is_no_downtime():
    """Nor uptime: it is not counted, and alone gives no share."""
    with written([CheckResult("one", Status.UNKNOWN, NOW)]) as store:
        assert store.uptime(NOW) == {"one": dict.fromkeys(WINDOWS)}
        store.append(CheckResult("one", Status.UNHEALTHY, NOW))
        store.flush()
        assert store.uptime(NOW) == {"one": dict.fromkeys(WINDOWS, 0.0)}


spans = st.tuples(
    st.integers(NOW - 35 * DAY, NOW), st.one_of(st.integers(1, HOUR), st.integers(1, DAY), st.integers(1, 40 * DAY))
)


@a_few
@given(
    st.lists(results(at=ages.map(lambda age: NOW - age), component=st.just("one")), max_size=50),
    st.lists(spans, min_size=1, max_size=20),
    st.sampled_from([1, 2, 3, 7, 60, 61, 500]),
    st.integers(0, 50),
)
def test_history_equals_naive_buckets(rows, asked, points, rolled):
    """At most so many points, of equal length, which hold exactly the results of the time they cover."""
    with written(rows[:rolled]) as store:
        rolled_up(store)
        for row in rows[rolled:]:
            store.append(row)
        store.flush()
        for start, length in asked:
            found = store.history("one", start, start + length, points)
            assert len(found) <= points
            check_history(rows, start, start + length, points, found)


def check_history(rows, start, end, points, found):
    """`found` against the raw results, whatever length the stretches were given."""
    size = max((s for s in SIZES.values() if s <= (end - start) // points), default=MINUTE)
    first, last = start // size * size, -(-end // size) * size
    inside = [row for row in rows if first <= row.at < last]
    assert sum(point.count for point in found) == len(inside)
    assert [point.at for point in found] == sorted({point.at for point in found})
    steps = {b.at - a.at for a, b in itertools.pairwise(found)}
    shortest = min(steps, default=last - first)
    assert shortest % size == 0
    for point in found:
        until = min((other.at for other in found if other.at > point.at), default=last)
        assert_point(point, [row for row in inside if point.at <= row.at < until])


def assert_point(point, rows):
    healthy, degraded, unhealthy, unknown, timed, total, least, most = summed(rows)
    assert (point.healthy, point.degraded, point.unhealthy, point.unknown) == (healthy, degraded, unhealthy, unknown)
    assert (point.count, point.min_ms, point.max_ms) == (len(rows), least, most)
    if timed:
        assert point.avg_ms * timed == total
    else:
        assert point.avg_ms is None


@given(st.integers(0, 2**42), st.integers(1, 400 * DAY), st.integers(1, 600))
def test_stretches_are_as_many_as_asked_for_and_cover_everything(start, length, points):
    """Also where the times asked for lie athwart them."""
    from auscult.store.reader import _stretches

    for size in SIZES.values():
        first, last, step, origin = _stretches(start, start + length, points, size)
        assert first <= start < first + size
        assert last - size < start + length <= last
        assert step % size == 0
        assert (last - 1 - origin) // step - (first - origin) // step < points


def test_a_day_at_a_second_is_480_points_of_three_minutes():
    """What the page asks for: 24 h in at most 500 points."""
    rows = [CheckResult("one", Status.HEALTHY, NOW - DAY + i * 60_000, 0.0, 5.0) for i in range(1440)]
    with written(rows) as store:
        rolled_up(store)
        found = store.history("one", NOW - DAY, NOW, 500)
    assert {b.at - a.at for a, b in itertools.pairwise(found)} == {180_000}
    assert 470 <= len(found) <= 500
    assert sum(point.count for point in found) == 1440


def test_history_reaches_back_to_hours_when_minutes_are_forgotten():
    """A day of two months ago is shown in hours, rather than as nothing."""
    clock = ManualClock(NOW)
    rows = [CheckResult("one", Status.HEALTHY, NOW - 60 * DAY + i * HOUR) for i in range(24)]
    kept = Retention(raw=2 * 86400, minutes=30 * 86400, hours=400 * 86400)
    with written([*rows, CheckResult("one", Status.HEALTHY, NOW)], clock=clock, retention=FOREVER) as store:
        rolled_up(store)
        forgotten(store, kept)
        found = store.history("one", NOW - 60 * DAY, NOW - 59 * DAY, 500)
        assert sum(point.count for point in found) == 24
        assert len(found) == 24
        assert len(store.history("one", NOW - HOUR, NOW + HOUR, 60)) == 1


def forgotten(store, retention, now=NOW):
    """Forget everything that `retention` does not keep."""
    from auscult.store.rollups import forget

    def some(connection):
        connection.execute("COMMIT")
        more = forget(connection, retention, now)
        connection.execute("BEGIN IMMEDIATE")
        return more

    while store.submit(some).result(10):
        pass


@a_few
@given(pasts, st.sampled_from([0, 60, 3600, 86400]), st.sampled_from([3600, 86400]), st.sampled_from([86400, 864000]))
def test_retention_deletes_what_is_older_and_nothing_else(rows, raw, minutes, hours):
    """Results, minutes, hours and days each have their own age; what was rolled up stays when results go."""
    with written(rows) as store:
        rolled_up(store)
        forgotten(store, Retention(raw=raw, minutes=minutes, hours=hours))
        for name in {row.component for row in rows}:
            left = [found.result for found in store.results(name, limit=1000)]
            mine = [row for row in rows if row.component == name]
            assert left == [row for row in mine if row.at >= NOW - raw * 1000][::-1]
            for table, kept in (("minute", minutes), ("hour", hours), ("day", hours)):
                expected = {s: r for s, r in recount(rows, name, SIZES[table]).items() if s >= NOW - kept * 1000}
                assert stored(store, table, name) == expected


def test_what_is_not_rolled_up_is_not_forgotten():
    """Else it would be missing from the roll-ups for ever."""
    rows = [CheckResult("one", Status.HEALTHY, NOW - 90 * DAY) for _ in range(3)]
    with written(rows) as store:
        store.submit(forget_rollups).result(10)
        forgotten(store, Retention())
        assert len(store.results("one")) == 3


def test_results_from_the_future_do_not_keep_the_old_ones():
    """The clock was wrong for a while: what came after it is forgotten in its time all the same."""
    wrong = [CheckResult("one", Status.HEALTHY, NOW + 3650 * DAY) for _ in range(3000)]
    old = [CheckResult("one", Status.HEALTHY, NOW - 3 * DAY) for _ in range(3000)]
    with written([*wrong, *old, CheckResult("one", Status.HEALTHY, NOW)]) as store:
        rolled_up(store)
        forgotten(store, Retention())
        left = [found.result.at for found in store.results("one", limit=10_000)]
        assert left == [NOW, *[NOW + 3650 * DAY] * 3000]


def test_the_store_forgets_by_itself(tmp_path):
    """At the start, without anybody asking."""
    old = [CheckResult("one", Status.HEALTHY, NOW - 3 * DAY) for _ in range(2500)]
    with written(old, tmp_path) as store:
        rolled_up(store)
    with opened(tmp_path, retention=Retention()) as store:
        for _ in range(100):
            store.flush()
            if not store.results("one"):
                break
        assert store.results("one") == []
        assert [row[0] for row in stored(store, "day", "one").values()] == [2500]


@given(components, st.integers(0, 5))
@settings(max_examples=5, deadline=None)
def test_history_of_an_empty_span_is_empty(name, back):
    """Ends before it begins, or at once."""
    with written([CheckResult(name, Status.HEALTHY, NOW)]) as store:
        assert store.history(name, NOW, NOW - back, 10) == []
        assert store.history(name, NOW, NOW + 1, 0) == [
            HistoryPoint(NOW // MINUTE * MINUTE, 1, 1, 0, 0, 0, None, None, None)
        ]
