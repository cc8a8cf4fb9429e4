"""Thinned results and percentiles are those of a plain list; documents are written whole, with their audit row."""

from __future__ import annotations

import random

import pytest

from auscult.clock import SystemClock
from auscult.model import CheckResult, Status
from auscult.store import Document, Store

START = SystemClock().now_ms() - 3 * 3_600_000
"""Not so long ago that it is forgotten."""


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path, clock=SystemClock(), low_water_bytes=0)
    yield opened
    opened.close()


def results() -> list[CheckResult]:
    rng = random.Random(3)
    found = []
    for number in range(600):
        for name in ("a", "b", "c"):
            found.append(
                CheckResult(
                    name,
                    Status.HEALTHY,
                    START + number * 10_000 + rng.randrange(-3000, 3000),
                    0.01,
                    None if name == "c" else rng.uniform(1, 500),
                    "",
                    {"n": float(number)},
                    {"connect": 0.001 * number} if number % 3 == 0 else {},
                )
            )
    return found


def test_the_last_result_of_each_stretch(store):
    """For several components at once, in order, none from outside."""
    listed = results()
    for result in listed:
        store.append(result)
    store.flush()
    begin, end, points = START + 1_000_000, START + 4_000_000, 40
    step = (end - begin) // points
    found = store.sampling.sampled(["a", "c", "unknown"], begin, end, points)
    assert set(found) == {"a", "c"}
    for name, given in found.items():
        stretches: dict[int, CheckResult] = {}
        for result in listed:  # they are stored in this order, so the last one counts
            if result.component == name and begin <= result.at < end:
                stretches[result.at // step] = result
        assert given == sorted(stretches.values(), key=lambda result: result.at)
    assert store.sampling.sampled(["a"], 0, 1000, 10) == {}
    assert store.sampling.sampled([], begin, end, points) == {}


def test_percentiles_are_those_of_all_results(store):
    """Nearest rank, by stretch; stages are those of the last result that has any."""
    listed = results()
    for result in listed:
        store.append(result)
    store.flush()
    begin, end = START + 500_000, START + 5_500_000
    found = store.sampling.timed("a", begin, end, 10)
    inside = [result for result in listed if result.component == "a" and begin <= result.at < end]
    assert sum(point.count for point in found) == len(inside)
    for point in found:
        values = sorted(r.response_time_ms for r in inside if point.at <= r.at < point.at + 500_000)
        assert point.count == len(values)
        assert point.p50_ms == values[round((len(values) - 1) * 0.5)]
        assert point.p99_ms == values[round((len(values) - 1) * 0.99)]
    assert all(point.p50_ms is None for point in store.sampling.timed("c", begin, end, 10))
    assert store.sampling.timed("unknown", begin, end, 10) == []


def test_documents_come_back_as_they_were_and_leave_a_trace(store):
    """Of their kind only, replaced whole, removed; who did it is written in the same transaction."""
    one = Document(kind="dashboard", id="x", body=b"1", created_at=1, updated_at=2, who="ada")
    store.documents.write([one], audits=[(2, "ada", "dashboard.create", "x", "")]).result(10)
    two = Document(kind="dashboard", id="x", body=b"2", revision=2, created_at=1, updated_at=3, who="bob")
    other = Document(kind="incident", id="x", body=b"3")
    store.documents.write([two, other]).result(10)
    assert store.documents.read("dashboard") == [two]
    assert store.documents.read("incident") == [other]
    store.documents.write(drop=[("dashboard", "x")]).result(10)
    assert store.documents.read("dashboard") == []
    assert [row[2:] for row in store.alerts.audits()] == [("ada", "dashboard.create", "x", "")]


def test_the_past_of_several_is_that_of_each(store):
    """Two statements for all give what one question for each gives; those without any result are left out."""
    for result in results():
        store.append(result)
    store.flush()
    for begin, end, points in ((START, START + 6_000_000, 50), (START - 86_400_000, START + 86_400_000, 7)):
        found = store.histories(["a", "b", "c", "unknown"], begin, end, points)
        assert set(found) == {"a", "b", "c"}
        for name, given in found.items():
            assert given == store.history(name, begin, end, points)
            assert sum(point.count for point in given) == 600
    assert store.histories([], START, START + 1, 5) == {}
    assert store.histories(["a"], START, START, 5) == {}
