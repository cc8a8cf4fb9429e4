"""The document: byte for byte what prometheus_client makes, whatever changes between two of them."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from tests.core.metrics.families_made import VALUES, Collector, several

from auscult import Family, Samples, SeriesKey, Snapshot, labels_of, render
from auscult.metrics.intake import Intake, Limits, Refusals
from auscult.metrics.kept import CHUNK
from auscult.metrics.rendering import PIECE
from auscult.metrics.table import Table

GAUGE = Family("load", "gauge", "How much there is.")


def rendered(snapshot, **options):
    return b"".join(render(snapshot, **options))


def intake(limits=None):
    found = Intake("test", limits or Limits(), Refusals(lambda origin, what: None), lambda: 0, clock=lambda: 0.0)
    found._total = lambda: len(found)
    return found


@settings(max_examples=150, deadline=None)
@given(several(), several())
def test_the_bytes_are_those_of_prometheus_client(families, others):
    """Every type, escapes in labels and help, times, NaN and the like, in both formats; and again after changes."""
    taken = intake()
    for each in (families, others, families):
        taken.put(each)
        snapshot = Snapshot(0, taken.samples())
        present = Collector([metric for metric in each if metric.samples])
        assert rendered(snapshot) == generate_latest(present)
        assert rendered(snapshot, openmetrics=True) == generate_openmetrics(present)
        assert generate_latest(snapshot) == generate_latest(present)


def filled(count=3 * CHUNK + 5):
    table = Table(GAUGE)
    for row in range(count):
        table.add(("load", (("host", f"h{row}"),)), float(row))
    return table


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 196), VALUES), max_size=60), max_size=5))
def test_only_what_changed_is_made_anew_and_nothing_is_forgotten(rounds):
    """Few changes, many, none: what was kept from before never shows."""
    table = filled()
    for changes in rounds:
        for row, value in changes:
            table.set(row, value)
        snapshot = Snapshot(0, [table.samples()])
        assert rendered(snapshot) == generate_latest(snapshot)


def test_unchanged_lines_are_the_same_bytes():
    """An unchanged chunk is handed out again, not made again."""
    table = filled()
    kept = table.samples().kept

    def chunks():
        samples = table.samples()
        return list(kept.lines(samples.series, samples.values, None, rows=None, variant="", seconds=False))

    before = chunks()
    table.set(0, 17.5)
    after = chunks()
    assert [a is b for a, b in zip(before, after, strict=True)] == [False, True, True, True]


def test_zero_has_two_signs():
    """0.0 and -0.0 are equal numbers and different lines."""
    table = filled(1)
    assert b" 0.0\n" in rendered(Snapshot(0, [table.samples()]))
    table.set(0, -0.0)
    assert b" -0.0\n" in rendered(Snapshot(0, [table.samples()]))


def test_a_snapshot_stays_what_it_was():
    """Whatever happens to the table while it is rendered."""
    table = filled()
    snapshot = Snapshot(0, [table.samples()])
    before = generate_latest(snapshot)
    pieces = render(snapshot)
    table.set(CHUNK + 1, 5e5)
    table.add(("load", (("host", "new"),)), 1.0)
    table.keep(list(range(10, len(table))))
    assert b"".join(pieces) == before
    later = Snapshot(0, [table.samples()])
    assert rendered(later) == generate_latest(later)


def test_a_family_from_two_places_has_one_head():
    """What belongs to one family stands together, the samples that the text format does not know behind all of it."""
    family = Family("calls_total", "counter", "Calls.")

    def part(zone):
        keys = [SeriesKey(f"calls_{kind}", labels_of({"zone": zone})) for kind in ("total", "created")]
        return Samples(family, keys, array("d", [1.0, 2.0]))

    snapshot = Snapshot(0, [part("a"), part("b")])
    assert rendered(snapshot) == generate_latest(snapshot)
    assert rendered(snapshot).count(b"# TYPE") == 2
    assert rendered(snapshot, openmetrics=True) == generate_openmetrics(snapshot)


def test_pieces_are_small():
    """However long the document is, so that nobody waits for long in between."""
    table = filled(20_000)
    sizes = [len(piece) for piece in render(Snapshot(0, [table.samples()]))]
    assert len(sizes) > 2
    assert max(sizes) < 2 * PIECE


@pytest.mark.parametrize("at", [1_700_000_000_001, 1_700_000_000_999, 1_732_598_400_123])
def test_times_to_the_millisecond(at):
    """As they are, where prometheus_client's way through floats may lose one."""
    table = filled(1)
    table.set(0, 1.0, at)
    snapshot = Snapshot(0, [table.samples()])
    assert f" {at}\n".encode() in rendered(snapshot)
    assert f" {at / 1000}\n".encode() in rendered(snapshot, openmetrics=True)
    bare = snapshot.without_stamps()
    assert rendered(bare) == b'# HELP load How much there is.\n# TYPE load gauge\nload{host="h0"} 1.0\n'


@given(st.integers(0, 3), st.lists(VALUES, max_size=200), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_snapshot_survives_a_buffer(families, values, stamped):
    """Encoded and decoded, every bit of it."""
    parts = []
    for number in range(families):
        table = Table(Family(f"f{number}", "gauge", "x", "seconds"))
        for row, value in enumerate(values):
            table.add((f"f{number}", (("row", str(row)),)), value, row * 1000 if stamped and row % 2 else None)
        parts.append(table.samples())
    before = Snapshot(12345, parts)
    after = Snapshot.decode(before.encode())
    assert after.at == 12345
    assert [part.family for part in after] == [part.family for part in before]
    assert [part.series for part in after] == [list(part.series) for part in before]
    assert [part.values.tobytes() for part in after] == [part.values.tobytes() for part in before]
    assert rendered(after) == rendered(before)


@pytest.mark.parametrize("bad", [b"", b"x", b"x\x9c", Snapshot(0, []).encode()[:-3]])
def test_a_broken_buffer_is_refused(bad):
    """With an error of one kind, whatever is wrong with it."""
    with pytest.raises(ValueError, match="no snapshot"):
        Snapshot.decode(bad)


def test_questions_to_a_snapshot():
    """One value by name and labels; the samples of a family with their times."""
    table = filled(2)
    table.set(1, math.inf, 5)
    snapshot = Snapshot(9, [table.samples()])
    assert snapshot.value("load", host="h1") == math.inf
    assert snapshot.value("load", host="h2") is None
    assert snapshot.value("other") is None
    assert [sample.at for sample in snapshot.family("load")] == [None, 5]
    assert len(snapshot) == 2
