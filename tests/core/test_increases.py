"""Increases of counters: restarts, series that come and go, snapshots that never arrived."""

from __future__ import annotations

from auscult import Family, Increase, Increases, Sample, Samples, SeriesKey, Snapshot, labels_of

CALLS = Family("calls_total", "counter", "Calls.")


def snapshot(at: int, family: Family = CALLS, name: str = "calls_total", **values: float) -> Snapshot:
    """One family; a keyword is the value of label `to`."""
    samples = [Sample(name, labels_of({"to": to}), value, None) for to, value in values.items()]
    return Snapshot(at, [Samples.of(family, samples)])


def key(to: str, name: str = "calls_total") -> SeriesKey:
    return SeriesKey(name, labels_of({"to": to}))


def told(increases: Increases, taken: Snapshot, to: str = "a") -> Increase | None:
    """The increase of one series, taken."""
    growth = increases.growth(taken)
    increases.took(growth)
    return growth.of(key(to))


def test_the_first_total_is_where_counting_begins():
    """It may have grown for weeks; from then on differences count."""
    increases = Increases()
    assert told(increases, snapshot(1000, a=5e6)) is None
    assert told(increases, snapshot(2000, a=5e6 + 3)) == Increase(3, 1000)
    assert told(increases, snapshot(3000, a=5e6 + 3)) == Increase(0, 2000)


def test_a_total_that_fell_began_anew():
    """All of it is an increase."""
    increases = Increases()
    told(increases, snapshot(1000, a=100))
    assert told(increases, snapshot(2000, a=4)) == Increase(4, 1000)


def test_what_did_not_arrive_is_told_with_the_next():
    """Nothing is lost between snapshots that were taken."""
    increases = Increases()
    told(increases, snapshot(1000, a=10))
    assert increases.growth(snapshot(2000, a=15)).of(key("a")) == Increase(5, 1000)
    assert told(increases, snapshot(3000, a=17)) == Increase(7, 1000)


def test_new_series_of_known_families_count_from_nothing():
    """The first error is an increase of one, since the last look."""
    increases = Increases()
    told(increases, snapshot(1000, a=10))
    assert told(increases, snapshot(2000, a=10, b=1), "b") == Increase(1, 1000)


def test_a_series_that_was_away_is_remembered_for_an_hour():
    """A scrape that failed in between makes no increase of what was counted before."""
    increases = Increases()
    told(increases, snapshot(1000, a=10, b=50))
    told(increases, snapshot(2000, a=10))
    assert told(increases, snapshot(3000, a=10, b=52), "b") == Increase(2, 1000)
    told(increases, snapshot(4_000_000, a=10))
    told(increases, snapshot(8_000_000, a=10))
    assert told(increases, snapshot(8_001_000, a=10, b=1), "b") == Increase(1, 8_000_000)


def test_what_counts_and_what_does_not():
    """Buckets, counts and sums do; gauges, quantiles and times of creation do not."""
    histogram = Family("turn_seconds", "histogram", "Turns.")
    names = ("turn_seconds_bucket", "turn_seconds_count", "turn_seconds_sum", "turn_seconds_created")
    increases = Increases()
    for at in (1000, 2000):
        samples = [Sample(name, (), at, None) for name in names]
        gauge = Samples.of(Family("depth", "gauge", ""), [Sample("depth", (), at, None)])
        growth = increases.growth(Snapshot(at, [Samples.of(histogram, samples), gauge]))
        increases.took(growth)
    assert [growth.of(SeriesKey(name)) for name in names] == [Increase(1000, 1000)] * 3 + [None]
    assert growth.of(SeriesKey("depth")) is None
