"""The history of metrics: what was sampled is what is answered, from the log, from chunks and from roll-ups."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.metrics.families_made import VALUES

from auscult import Event, Family, Samples, SeriesKey, Snapshot, labels_of
from auscult.alerts.matching import Matcher
from auscult.metrics.buckets import bucketed, merged
from auscult.metrics.query import MetricQuery
from auscult.store import Retention, Store, metric_compaction
from auscult.store.metric_codec import pack, pack_buckets, pack_times, unpack, unpack_buckets, unpack_times
from auscult.store.metric_tables import STALE
from auscult.testing import ManualClock

START = 1_750_000_000_000 // 86_400_000 * 86_400_000
LOAD = Family("load", "gauge", "Load.")
CALLS = Family("calls_total", "counter", "Calls.")
HOUR = 3_600_000


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path, clock=ManualClock(START))
    yield store
    store.close()


def part(family, values, name=None):
    """Samples of one family: label value to number."""
    keys = [SeriesKey(name or family.name, labels_of({"host": host})) for host in values]
    return Samples(family, keys, array("d", values.values()))


def histogram(values, family="seconds", zone="a"):
    keys = [SeriesKey(f"{family}_bucket", labels_of({"le": bound, "zone": zone})) for bound in values]
    return Samples(Family(family, "histogram", "x"), keys, array("d", values.values()))


def keep(store, at, *parts):
    store.append_snapshot(Snapshot(at, parts))


def compacted(store, rows, seconds=30.0):
    """Wait until no more than so many rows are left in the log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        store.flush()
        with store._reader.snapshot() as connection:
            (left,) = connection.execute("SELECT count(*) FROM metric_log").fetchone()
        if left <= rows:
            return
        time.sleep(0.02)
    raise AssertionError(f"{left} rows are left in the log")


def answer(store, question, start, end, points=500):
    return store.metrics.ask(question, start, end, points)


# What is packed


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(VALUES, st.just(STALE), st.decimals(-999, 999, places=3).map(float)), max_size=300))
def test_columns_survive_packing(values):
    """Every bit: NaN, gaps, both zeros, infinities, whole and random numbers."""
    column = array("d", values)
    back = unpack(pack(column))
    assert [kind(value) for value in back] == [kind(value) for value in column]


def kind(value):
    """A number as its bits; a gap and NaN, of which there are many, by name."""
    bits = array("d", [value]).tobytes()
    return bits if value == value else "gap" if bits == array("d", [STALE]).tobytes() else "NaN"


@given(st.lists(st.integers(0, 1 << 45), max_size=100))
def test_times_survive_packing(times):
    """In any order."""
    assert unpack_times(pack_times(array("q", times))) == array("q", times)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(-1e6, 1e6)), max_size=60),
    st.booleans(),
    st.integers(0, 60),
)
def test_roll_ups_of_parts_are_those_of_the_whole(samples, counts, cut):
    """Wherever the cut is, packed in between, in equal and in longer stretches."""
    samples.sort(key=lambda sample: sample[0])
    times = array("q", [at for at, _ in samples])
    values = array("d", [abs(value) if counts else value for _, value in samples])
    whole = bucketed(times, values, 100, counts=counts)
    first = bucketed(times[:cut], values[:cut], 100, counts=counts)
    before = values[cut - 1] if 0 < cut <= len(values) else None if cut == 0 else values[-1] if values else None
    second = bucketed(times[cut:], values[cut:], 100, before=before, counts=counts)
    again = merged(unpack_buckets(pack_buckets(first, 0), 100, 0) if len(first) else first, second)
    for size in (100, 1000):
        ours, theirs = again.coarser(size), whole.coarser(size)
        assert ours.starts == theirs.starts
        for name, column in theirs.columns.items():
            assert ours.columns[name].tolist() == pytest.approx(column.tolist())


# What is answered


@pytest.mark.parametrize("rows", [100, metric_compaction.FULL + 50])
def test_every_sample_comes_back(store, rows):
    """From the log alone, and from chunks and the log together; gaps stay gaps."""
    expected = {"a": [], "b": []}
    for second in range(rows):
        values = {"a": second / 7} | ({"b": float(second)} if second % 3 else {})
        keep(store, START + second * 1000, part(LOAD, values))
        for host, value in values.items():
            expected[host].append((START + second * 1000, value))
        if second % 6 == 5:
            store.flush()
    compacted(store, rows % metric_compaction.FULL)
    for host, samples in expected.items():
        (series,) = store.metrics.series("load", (Matcher("host", host),))
        assert store.metrics.samples(series, 0, 1 << 60) == samples
        assert store.metrics.samples(series, START + 20_000, START + 30_000) == [
            sample for sample in samples if START + 20_000 <= sample[0] < START + 30_000
        ]


def filled(store, hours=5, every=30):
    """A gauge that counts minutes, and a counter that grows by one a second and begins anew after each hour."""
    for at in range(0, hours * 3600, every):
        keep(store, START + at * 1000, part(LOAD, {"a": float(at // 60)}), part(CALLS, {"a": float(at % 3600)}))
        if at % (6 * every) == 0:
            store.flush()
    compacted(store, metric_compaction.FULL)


def test_a_range_from_samples_and_from_roll_ups(store):
    """The same numbers, whichever of them is read; at most as many points as asked for."""
    filled(store)
    end = START + 5 * HOUR
    fine = answer(store, MetricQuery(name="load"), START, end, 600)
    assert (fine.source, fine.step) == ("samples", 30_000)
    assert fine.tracks[0].values == [float(at // 2) for at in range(600)]
    minutes = answer(store, MetricQuery(name="load"), START, end, 300)
    assert (minutes.source, minutes.step) == ("minutes", 60_000)
    assert minutes.tracks[0].values == [float(at) for at in range(300)]
    hours = answer(store, MetricQuery(name="load", function="max"), START, end, 5)
    assert (hours.source, hours.times) == ("hours", [START + at * HOUR for at in range(5)])
    assert hours.tracks[0].values == [59.0, 119.0, 179.0, 239.0, 299.0]
    for points in (1, 7, 99, 500):
        found = answer(store, MetricQuery(name="load", function="last"), START + 12_345, end - 54_321, points)
        assert 1 <= len(found.times) <= max(points, 2)
        assert len(found.tracks[0].values) == len(found.times)


@pytest.mark.parametrize(("points", "source"), [(600, "samples"), (300, "minutes"), (5, "hours")])
def test_rate_and_increase_over_restarts(store, points, source):
    """A counter that begins anew has not gone backwards."""
    filled(store)
    end = START + 5 * HOUR
    grown = answer(store, MetricQuery(name="calls_total", function="increase"), START, end, points)
    assert grown.source == source
    assert sum(value for value in grown.tracks[0].values if value) == pytest.approx(5 * 3570)
    rate = answer(store, MetricQuery(name="calls_total", function="rate"), START + HOUR, end, points)
    assert max(value for value in rate.tracks[0].values if value is not None) == pytest.approx(1.0, abs=0.02)
    for function in ("avg", "max", "last"):
        level = answer(store, MetricQuery(name="calls_total", function=function), START, end, points)
        assert level.tracks[0].values[-1] == 3570.0
    wrong = answer(store, MetricQuery(name="load", function="rate"), START, end, points)
    assert "no counter" in wrong.reason


def test_the_stretch_that_is_going_on_shows_no_dip(store):
    """A rate is over the time of which something is known, from samples and from roll-ups."""
    filled(store, hours=2)
    now = START + 2 * HOUR - 500_000
    for points in (400, 60, 7, 2, 1):
        rate = answer(store, MetricQuery(name="calls_total", function="rate"), START, now, points).tracks[0].values
        known = [value for value in rate if value is not None]
        assert known[-1] == pytest.approx(1.0, abs=0.12), points


def test_one_stretch_lies_where_it_was_asked_for(store):
    """To a sixtieth of its length, so that a rule over five minutes looks at five minutes."""
    filled(store, hours=2)
    for minutes in (5, 30, 90):
        end = START + 100 * 60_000 + 12_000
        found = answer(store, MetricQuery(name="load", function="min"), end - minutes * 60_000, end, 1)
        assert found.tracks[0].values[0] >= 100 - minutes - minutes / 60


def test_series_together_by_labels_and_the_largest(store):
    """Sum, average, least, largest, how many; apart by a label; the top of them."""
    for second in range(10):
        hosts = {f"{zone}{number}": float(number) for zone in "xy" for number in range(3)}
        keep(store, START + second * 1000, part(LOAD, hosts))
    store.flush()
    end = START + 10_000

    def value(**options):
        found = answer(store, MetricQuery(name="load", **options), START, end, 1)
        return [track.values[0] for track in found.tracks]

    assert value(aggregate="sum") == [6.0]
    assert value(aggregate="avg") == [1.0]
    assert value(aggregate="min") == [0.0]
    assert value(aggregate="max") == [2.0]
    assert value(aggregate="count") == [6.0]
    assert value(aggregate="sum", match=(Matcher("host", "x*"),)) == [3.0]
    assert value(aggregate="sum", by=("host",), match=(Matcher("host", "x1", "!="),)) == [0.0, 2.0, 0.0, 1.0, 2.0]
    found = answer(store, MetricQuery(name="load", top=2), START, end, 1)
    assert {track.labels["host"] for track in found.tracks} == {"x2", "y2"}


def test_quantiles_of_histograms(store):
    """From what the buckets grew by in the stretch, over all matching series; as Prometheus interpolates."""
    for second in range(11):
        keep(
            store,
            START + second * 1000,
            histogram({"0.5": 40.0 * second, "1.0": 80.0 * second, "2.0": 100.0 * second, "+Inf": 100.0 * second}),
        )
    store.flush()
    for q, expected in ((0.5, 0.625), (0.9, 1.5), (0.4, 0.5)):
        found = answer(store, MetricQuery(name="seconds", function="quantile", q=q), START, START + 11_000, 1)
        assert found.tracks[0].values == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("buckets", "reason"),
    [
        (
            {"0.0": 0, "5.0": 100, "10.0": 100, "+Inf": 100},
            "100% of all observations lie between 0 and 5, in one bucket",
        ),
        ({"0.5": 1, "1.0": 2, "+Inf": 100}, "above the largest bound, 1"),
        ({"0.5": 1, "1.0": 2}, "no bucket without a bound"),
        ({"+Inf": 5}, "a single bucket"),
    ],
)
def test_no_false_percentile(store, buckets, reason):
    """Where the buckets cannot tell, None and why: what LiveKit's histograms of seconds look like."""
    keep(store, START, histogram(dict.fromkeys(buckets, 0.0)))
    keep(store, START + 1000, histogram({bound: float(count) for bound, count in buckets.items()}))
    store.flush()
    found = answer(store, MetricQuery(name="seconds", function="quantile"), START, START + 2000, 1)
    assert found.tracks[0].values == [None]
    assert found.tracks[0].reason.startswith("not computable, because")
    assert reason in found.tracks[0].reason


def test_a_family_from_two_places(store):
    """Each part is kept, whichever of them changes its series."""
    first, second = part(LOAD, {"a": 1.0}), part(LOAD, {"b": 2.0})
    third = part(LOAD, {"b": 3.0, "c": 4.0})
    for second_at, parts in enumerate(((first, second), (first, third), (third, first), (first,), (first, second))):
        keep(store, START + second_at * 1000, *parts)
        store.flush()
    expected = {"a": [1.0] * 5, "b": [2.0, 3.0, 3.0, 2.0], "c": [4.0, 4.0]}
    for series in store.metrics.series("load"):
        values = [value for _, value in store.metrics.samples(series, 0, 1 << 60)]
        assert values == expected[series.labels["host"]]


def test_why_there_is_no_line(store):
    """One sentence for each cause."""
    keep(store, START, part(LOAD, {"a": 1.0}))
    store.flush()

    def reason(**options):
        return answer(store, MetricQuery(**options), START, START + 1000, 1).reason

    assert reason(name="lod") == "there is no `lod` in the history"
    assert reason(name="load", match=(Matcher("host", "z"),)) == "no series of `load` has such labels"
    assert reason(name="load", function="quantile") == "not computable, because `load` is no histogram"


def test_what_there_is(store):
    """Families with type, samples and labels."""
    keep(store, START, part(LOAD, {"a": 1.0, "b": 2.0}), histogram({"1.0": 1.0, "+Inf": 1.0}))
    store.flush()
    load, seconds = store.metrics.families()
    assert (load.name, load.type, load.samples, load.labels, load.series) == ("load", "gauge", ["load"], ["host"], 2)
    assert (seconds.samples, seconds.labels) == (["seconds_bucket"], ["le", "zone"])


def test_a_clock_that_goes_backwards(store):
    """Samples come back in the order of their times."""
    for second in [*range(600), *range(300, 900)]:
        keep(store, START + second * 1000, part(LOAD, {"a": float(second)}))
        if second % 6 == 0:
            store.flush()
    compacted(store, metric_compaction.FULL)
    (series,) = store.metrics.series("load")
    samples = store.metrics.samples(series, 0, 1 << 60)
    assert len(samples) == 1200
    assert samples == sorted(samples)
    found = answer(store, MetricQuery(name="load", function="count"), START, START + 900_000, 15)
    assert sum(found.tracks[0].values) == 1200


def test_events_one_by_one(store):
    """With their labels and numbers, by kind and time, the latest first to go."""
    for number in range(20):
        labels = {"model": "m" if number % 2 else "n"}
        store.append_event(Event(kind="ai_calls", at=START + number, labels=labels, numbers={"x": number / 3}))
    store.append_event(Event(kind="turns", at=START))
    store.flush()
    found = store.metrics.events("ai_calls", START + 5, START + 15, (Matcher("model", "m"),))
    assert [event.at - START for event in found] == [5, 7, 9, 11, 13]
    assert found[0] == Event(kind="ai_calls", at=START + 5, labels={"model": "m"}, numbers={"x": 5 / 3})
    assert [event.at - START for event in store.metrics.events("ai_calls", START, START + 99, limit=2)] == [18, 19]
    assert len(store.metrics.events("turns", START, START + 1)) == 1


# What is forgotten, and what survives


def test_retention_by_exactness(tmp_path):
    """Samples go first, then minutes; what is left is answered from what is left."""
    clock = ManualClock(START)
    store = Store.open(tmp_path, clock=clock, retention=Retention(raw=3600, minutes=2 * 86400, hours=400 * 86400))
    filled(store, hours=9)
    store.close()
    clock.advance(86_400)
    store = Store.open(tmp_path, clock=clock, retention=Retention(raw=3600, minutes=86_400 / 2, hours=400 * 86400))
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with store._reader.snapshot() as connection:
                (spans,) = connection.execute("SELECT count(*) FROM metric_span").fetchone()
                (chunks,) = connection.execute("SELECT count(*) FROM metric_chunk").fetchone()
                levels = dict(connection.execute("SELECT level, count(*) FROM metric_period GROUP BY level"))
            if not spans and levels.get(0, 0) < 2:
                break
            store.append_event(Event(kind="nudge", at=START))
            time.sleep(0.05)
        assert (spans, chunks) == (0, 0)
        assert levels == {0: 1, 1: 1}
        found = answer(store, MetricQuery(name="load", function="max"), START, START + 9 * HOUR, 540)
        assert found.source == "hours"
        assert next(value for value in found.tracks[0].values if value is not None) == 59.0
    finally:
        store.close()


def test_too_many_that_wait_push_the_oldest_out(store):
    """Counted; the store's memory is bounded while the disk is slow."""
    release, busy = threading.Event(), threading.Event()

    def block(connection):
        busy.set()
        release.wait(20)

    blocked = store.submit(block)
    assert busy.wait(20)
    for second in range(20):
        keep(store, START + second * 1000, part(LOAD, {"a": float(second)}))
    release.set()
    blocked.result(20)
    store.flush()
    stats = store.metric_stats()
    assert (stats.dropped, stats.samples, stats.waiting) == (12, 8, 0)
    (series,) = store.metrics.series("load")
    assert [value for _, value in store.metrics.samples(series, 0, 1 << 60)] == [float(at) for at in range(12, 20)]


def test_nothing_is_written_to_a_disk_that_is_almost_full(tmp_path):
    """As with results: alerts need the rest. Counted, and told as a number."""
    store = Store.open(tmp_path, clock=ManualClock(START), low_water_bytes=1 << 60)
    try:
        keep(store, START, part(LOAD, {"a": 1.0}))
        store.append_event(Event(kind="turns", at=START))
        store.flush()
        assert store.metric_stats().dropped == 2
        assert store.metrics.series("load") == []
    finally:
        store.close()


KILLED = """
import sys
from pathlib import Path
from tests.core.store.test_metrics import LOAD, START, part
from auscult import Snapshot
from auscult.store import Store, metric_compaction
from auscult.testing import ManualClock

metric_compaction.FULL = 40
store = Store.open(Path(sys.argv[1]), clock=ManualClock(START))
second = int(sys.argv[2])
while True:
    store.append_snapshot(Snapshot(START + second * 1000, [part(LOAD, {str(n): float(second + n) for n in range(70)})]))
    second += 1
    if second % 5 == 0:
        store.flush()
        print(second, flush=True)
"""


def test_killed_while_it_writes_and_compacts(tmp_path):
    """Again and again: what was flushed is there, once, in the samples and in the roll-ups."""
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    flushed = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, script, tmp_path / "state", str(flushed)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        )
        wanted = flushed + 125  # two stretches of a minute at least: one alone is made of samples
        for line in process.stdout:
            flushed = int(line)
            if flushed >= wanted:
                break
        process.kill()
        rest = process.stdout.read().split()
        process.wait()
        store = Store.open(tmp_path / "state", clock=ManualClock(START))
        (series,) = store.metrics.series("load", (Matcher("host", "69"),))
        samples = store.metrics.samples(series, 0, 1 << 60)
        known = len(samples)
        assert known >= max([flushed, *map(int, rest[:-1])])
        assert samples == [(START + second * 1000, second + 69.0) for second in range(known)]
        counted = answer(store, MetricQuery(name="load", function="count"), START, START + known * 1000, known // 60)
        assert counted.source == "minutes"
        assert all(sum(track.values) == known for track in counted.tracks)
        store.close()
        flushed = known
