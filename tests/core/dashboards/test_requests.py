"""Requests are counted by route, minute and duration, as a plain count of them all says."""

from __future__ import annotations

import random
import time

import pytest

from auscult.metrics.requests import BOUNDS, MINUTE, OTHER, ROUTES, Requests, quantile

START = 1_700_000_040_000 // MINUTE * MINUTE


def test_sums_are_those_of_a_plain_list():
    """Any stretch of whole minutes, cut into any number of stretches."""
    rng, requests, listed = random.Random(5), Requests(START), []
    for _ in range(3000):
        one = (
            rng.choice(["GET", "POST"]),
            rng.choice(["/a", "/b/{id}"]),
            rng.choice([200, 204, 404, 500, 503]),
            rng.expovariate(20),
            START + rng.randrange(0, 120 * MINUTE),
        )
        listed.append(one)
    for one in sorted(listed, key=lambda one: one[4]):
        requests.count(*one)
    for points in (1, 7, 120, 500):
        begin, end = START + 10 * MINUTE, START + 80 * MINUTE - 1
        found = requests.within(begin, end, points)
        inside = [one for one in listed if begin <= one[4] <= end]
        assert found.total.count == len(inside)
        assert found.total.errors == sum(one[2] >= 500 for one in inside)
        assert found.total.refused == sum(one[2] == 404 for one in inside)
        assert found.total.seconds == pytest.approx(sum(one[3] for one in inside))
        assert sum(part.count for part in found.series) == len(inside)
        assert len(found.series) == len(found.times) <= points + 1
        for route, part in found.routes.items():
            assert part.count == sum(one[:2] == route for one in inside)
    codes = requests.by_code()
    assert sum(codes.values()) == 3000
    assert codes["GET", "/a", 404] == sum(one[:3] == ("GET", "/a", 404) for one in listed)
    for route, (cumulative, seconds) in requests.histograms().items():
        mine = [one[3] for one in listed if one[:2] == route]
        assert cumulative[-1] == len(mine)
        assert cumulative[:-1] == [sum(value <= bound for value in mine) for bound in BOUNDS]
        assert seconds == pytest.approx(sum(mine))


def test_quantiles_lie_in_the_right_bucket():
    """As Prometheus estimates them; None without any, the last bound beyond it."""
    assert quantile((1.0, 2.0), (0, 0, 0), 0.5) is None
    assert quantile((1.0, 2.0), (4, 0, 0), 0.5) == 0.5
    assert quantile((1.0, 2.0), (1, 1, 0), 1.0) == 2.0
    assert quantile((1.0, 2.0), (0, 0, 3), 0.5) == 2.0


def test_a_day_is_kept_and_strangers_cannot_fill_the_memory():
    """Old minutes go; beyond some hundreds of routes all others are one."""
    requests = Requests(START)
    for minute in range(3000):
        requests.count("GET", "/a", 200, 0.1, START + minute * MINUTE)
    assert len(requests._minutes) == 24 * 60
    assert len(requests._seconds) == 24 * 60
    for number in range(2 * ROUTES):
        requests.count("GET", f"/{number}", 200, 0.1, START)
    assert len(requests.histograms()) <= ROUTES + 1
    assert requests.histograms()[OTHER][0][-1] >= ROUTES


def test_counting_is_cheap():
    """Some microseconds, so that it can be done for every request."""
    requests = Requests(START)
    best = 1.0
    for _ in range(5):
        begin = time.perf_counter()
        for number in range(2000):
            requests.count("GET", "/health", 200, 0.003, START + number)
        best = min(best, (time.perf_counter() - begin) / 2000)
    assert best < 50e-6
