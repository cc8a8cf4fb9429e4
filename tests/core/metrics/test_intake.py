"""What comes in from outside: limits that hold, order that lasts, series that go when they are gone."""

from __future__ import annotations

import tracemalloc

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from auscult import Family, Snapshot, render
from auscult.metrics.intake import Intake, Limits, Refusals
from auscult.metrics.merging import Merger

LOAD = Family("load", "gauge", "How much there is.")


class Place:
    """An intake with a clock that stands, and what it complained of."""

    def __init__(self, **limits):
        self.now = 0.0
        self.complaints = []
        self.refusals = Refusals(lambda origin, what: self.complaints.append(what))
        self.intake = Intake("here", Limits(**limits), self.refusals, lambda: len(self.intake), clock=lambda: self.now)

    def text(self):
        return b"".join(render(Snapshot(0, self.intake.samples()))).decode()

    def refused(self):
        return {reason: count for (_, reason), count in self.refusals.counts.items()}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({f"l{i}": "x" for i in range(33)}, "labels"),
        ({"l" * 129: "x"}, "label_name"),
        ({"": "x"}, "label_name"),
        ({"l": "x" * 1025}, "label_value"),
        ({"l": "é" * 513}, "label_value"),
    ],
)
def test_a_series_beyond_a_limit_is_refused_and_counted(labels, reason):
    """One complaint however often it comes; what is within the limits stays."""
    place = Place()
    place.intake.set(LOAD, {"l": "fine"}, 1.0)
    for _ in range(3):
        place.intake.set(LOAD, labels, 2.0)
    assert place.refused() == {reason: 3}
    assert len(place.complaints) == 1
    assert "load" in place.complaints[0]
    assert place.text().splitlines()[2:] == ['load{l="fine"} 1.0']


def test_what_is_just_within_the_limits_is_taken():
    """32 labels, names of 128 and values of 1024 bytes."""
    place = Place()
    place.intake.set(LOAD, {f"l{i}": "x" for i in range(32)}, 1.0)
    place.intake.set(LOAD, {"l" * 128: "x" * 1024}, 1.0)
    assert place.refused() == {}
    assert len(place.intake) == 2


@pytest.mark.parametrize("name", ["", "x" * 129, "no spaces"])
def test_a_family_with_a_bad_name_is_refused(name):
    """Names that no format can carry."""
    place = Place()
    place.intake.set(Family(name, "gauge", "x"), {}, 1.0)
    assert place.refused() == {"name": 1}
    assert not place.intake.samples()


def test_a_sample_that_is_not_the_familys_is_refused():
    """Otherwise one family could speak under another one's name."""
    place = Place()
    place.intake.set(LOAD, {}, 1.0, name="system_health_status")
    place.intake.set(LOAD, {}, 1.0, name="load_bucket")
    assert place.refused() == {"sample_name": 2}


def test_a_flood_of_label_values_costs_no_memory():
    """New series beyond the number allowed are refused, those that are there stay and go on."""
    place = Place(series=1000)
    for number in range(2000):
        place.intake.set(LOAD, {"user": str(number)}, 1.0)
    tracemalloc.start()
    for number in range(20_000):
        place.intake.set(LOAD, {"user": str(number)}, 2.0)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 500_000
    assert len(place.intake) == 1000
    assert place.refused()["series"] == 1000 + 19_000
    assert 'load{user="999"} 2.0' in place.text()
    assert "1000 series" in place.complaints[0]


def test_room_for_new_series_when_old_ones_expire():
    """What was not set for long enough is left out."""
    place = Place(series=2)
    place.intake.set(LOAD, {"user": "a"}, 1.0)
    place.now = 200.0
    place.intake.set(LOAD, {"user": "b"}, 1.0)
    place.now = 350.0
    place.intake.expire(300.0)
    place.intake.set(LOAD, {"user": "c"}, 1.0)
    assert place.text().splitlines()[2:] == ['load{user="b"} 1.0', 'load{user="c"} 1.0']
    place.now = 1000.0
    place.intake.expire(300.0)
    assert not place.intake.samples()
    assert len(place.intake) == 0


def test_a_registry_that_changes_is_followed():
    """Children that come and go, and come again: always what prometheus_client itself would say."""
    registry = CollectorRegistry()
    calls = Counter("calls", "Calls.", ["kind"], registry=registry)
    seconds = Histogram("seconds", "How long.", ["kind"], buckets=(1, 2), registry=registry)
    gauge = Gauge("level", "Level.", registry=registry)
    place = Place()

    def same():
        place.intake.put(registry.collect())
        assert place.text() == generate_latest(registry).decode()

    gauge.set(3)
    for kind in "abc":
        calls.labels(kind).inc()
        seconds.labels(kind).observe(1.5)
    same()
    calls.labels("b").inc(10)
    same()
    calls.remove("a")
    seconds.remove("b")
    same()
    calls.labels("a").inc()
    same()
    registry.unregister(gauge)
    same()
    calls.clear()
    seconds.labels("c").observe(0.5)
    place.intake.put([metric for metric in registry.collect() if metric.samples])
    assert "calls" not in place.text()


def test_names_beyond_the_formats_are_written_with_underscores():
    """As prometheus_client does by itself."""
    metric = Metric("http.server.requests", "x", "gauge")
    metric.add_sample("http.server.requests", {"http.route": "/"}, 1.0)
    place = Place()
    for _ in range(2):
        place.intake.put([metric])
        assert place.text().splitlines()[2] == 'http_server_requests{http_route="/"} 1.0'


def test_the_samples_of_a_histogram_stand_together_whatever_their_order():
    """Buckets that come bit by bit are sorted by bound and child."""
    family = Family("t_seconds", "histogram", "x")
    place = Place()
    for bound in ("+Inf", "2.0", "1.0"):
        for zone in "ab":
            place.intake.set(family, {"zone": zone, "le": bound}, 1.0, name="t_seconds_bucket")
    for zone in "ab":
        place.intake.set(family, {"zone": zone}, 1.0, name="t_seconds_count")
    lines = [line.split("}")[0] for line in place.text().splitlines()[2:]]
    assert lines == [
        *(f't_seconds_bucket{{le="{bound}",zone="a"' for bound in ("1.0", "2.0", "+Inf")),
        't_seconds_count{zone="a"',
        *(f't_seconds_bucket{{le="{bound}",zone="b"' for bound in ("1.0", "2.0", "+Inf")),
        't_seconds_count{zone="b"',
    ]


def test_a_family_twice_in_one_answer():
    """The first one counts, and it is said."""
    place = Place()
    first, second = Metric("x", "x", "gauge"), Metric("x", "x", "gauge")
    first.add_sample("x", {}, 1.0)
    second.add_sample("x", {}, 2.0)
    place.intake.put([first, second])
    assert place.text().splitlines()[2:] == ["x 1.0"]
    assert place.refused() == {"family_twice": 1}


def test_two_places_of_one_family():
    """Side by side; a series that both tell of counts once, and a family of another type not at all."""
    one, two, three = Place(), Place(), Place()
    for zone, place in (("a", one), ("b", one), ("b", two), ("c", two)):
        place.intake.set(LOAD, {"zone": zone}, 1.0 if place is one else 2.0)
    three.intake.set(Family("load", "unknown", "x"), {"zone": "d"}, 3.0)
    merger = Merger(one.refusals)
    for _ in range(2):
        parts = [*one.intake.samples(), *two.intake.samples(), *three.intake.samples()]
        text = b"".join(render(Snapshot(0, merger.merged(parts)))).decode()
        assert text.splitlines()[2:] == ['load{zone="a"} 1.0', 'load{zone="b"} 1.0', 'load{zone="c"} 2.0']
    assert one.refused() == {"series_twice": 2, "type": 2}


def test_exemplars_come_along_in_openmetrics():
    """As prometheus_client writes them, after changes and removals, and not in the text format."""
    registry = CollectorRegistry()
    seconds = Histogram("seconds", "How long.", ["kind"], buckets=(1, 2), registry=registry)
    calls = Counter("calls", "Calls.", registry=registry)
    place = Place()
    calls.inc(1, {"trace_id": 'a"b'})
    for kind in "abc":
        seconds.labels(kind).observe(1.5, {"trace_id": kind, "span": "x"})
    for _ in range(2):
        place.intake.put(registry.collect())
        snapshot = Snapshot(0, place.intake.samples())
        assert b"".join(render(snapshot, openmetrics=True)) == generate_openmetrics(registry)
        assert b"".join(render(snapshot)) == generate_latest(registry)
        seconds.remove("a")
        seconds.labels("b").observe(0.5, {"trace_id": "z"})
