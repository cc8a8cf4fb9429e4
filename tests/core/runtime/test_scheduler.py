"""The schedule in virtual time: no event loop, no waiting."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Check, Component, Reading, SystemClock
from auscult.runtime.context import ProbeContext, Services
from auscult.runtime.job import Job
from auscult.runtime.scheduler import FIRST_WITHIN, LATE, LATELY, MAX_YOUNG, MOST_YOUNG, Scheduler
from auscult.runtime.wheel import SLOT, Wheel


class Nothing(Check):
    kind = "nothing"

    async def probe(self, ctx):
        return Reading()


def job(name="one", interval=10.0, timeout=5.0):
    component = Component(name=name, check=Nothing(), interval=interval, timeout=timeout)
    return Job(component, ProbeContext(component, Services(SystemClock())))


class Simulation:
    """Runs a scheduler in virtual time; each probe takes `cost(job)` seconds."""

    def __init__(self, cost=lambda job: 0.01):
        self.now = 1000.3
        self.cost = cost
        self.starts = {}
        self.cuts = []
        self.ends = []
        self.peak = 0
        self.scheduler = Scheduler(self._start, self._cut, lambda job, now: None)

    def _start(self, job, now):
        assert job.running
        self.starts.setdefault(job.component.name, []).append(self.now)
        self.peak = max(self.peak, self.scheduler.in_flight)
        heapq.heappush(self.ends, (self.now + self.cost(job), id(job), job, job.run))

    def _cut(self, job):
        job.cut = True
        self.cuts.append((job.component.name, self.now - job.started))
        self.ends = [end for end in self.ends if end[2] is not job]
        heapq.heapify(self.ends)
        self.scheduler.finished(job, self.now)

    def run(self, seconds, stall=0.0):
        end = self.now + seconds
        while True:
            due = self.scheduler.next()
            ending = self.ends[0][0] if self.ends else None
            times = [time for time in (due, ending) if time is not None]
            if not times or min(times) > end:
                self.now = end
                return
            if ending is not None and ending <= (due if due is not None else ending):
                self.now = max(self.now, ending)
                _, _, done, run = heapq.heappop(self.ends)
                if done.running and done.run == run:
                    self.scheduler.finished(done, self.now)
            else:
                self.now = max(self.now, due) + stall
                self.scheduler.tick(self.now)


@given(
    intervals=st.lists(st.floats(0.5, 60), min_size=1, max_size=20),
    cost=st.floats(0.001, 0.4),
)
def test_every_start_keeps_its_due_time_without_drift(intervals, cost):
    """Starts lie within one slot after due times that are exact multiples of the interval apart."""
    simulation = Simulation(lambda job: cost)
    jobs = [job(f"c{i}", interval) for i, interval in enumerate(intervals)]
    begin = simulation.now
    simulation.scheduler.add(jobs, begin)
    simulation.run(200)
    for j in jobs:
        starts = simulation.starts[j.component.name]
        assert starts[0] - begin <= FIRST_WITHIN + SLOT
        for start in starts[1:]:
            behind = (start - j.due) % j.component.interval
            assert behind <= SLOT + 1e-6 or j.component.interval - behind <= 0.01
    assert simulation.scheduler.missed == 0


def test_first_starts_are_spread():
    """A hundred components do not start together, and all have started after two seconds."""
    simulation = Simulation()
    simulation.scheduler.add([job(f"c{i}", 30.0) for i in range(100)], simulation.now)
    simulation.run(FIRST_WITHIN + SLOT)
    firsts = [starts[0] for starts in simulation.starts.values()]
    assert len(firsts) == 100
    assert len({round(first, 2) for first in firsts}) > 30


def test_a_slow_probe_misses_starts_and_never_runs_twice_at_once():
    """While a run is in flight, due starts are counted as missed."""
    simulation = Simulation(lambda job: 2.5)
    slow = job("slow", 1.0, timeout=10.0)
    simulation.scheduler.add([slow], simulation.now)
    simulation.run(30)
    assert simulation.peak == 1
    assert simulation.scheduler.missed == slow.missed > 10
    assert len(simulation.starts["slow"]) == pytest.approx(10, abs=2)


@given(timeout=st.floats(0.1, 5))
def test_a_hang_is_cut_at_its_deadline(timeout):
    """No sooner than the timeout and at most a slot after it."""
    simulation = Simulation(lambda job: 1e9)
    simulation.scheduler.add([job("hang", 30.0, timeout)], simulation.now)
    simulation.run(10)
    assert simulation.cuts
    assert all(timeout - 0.003 <= after <= timeout + SLOT + 0.003 for _, after in simulation.cuts)


def test_hanging_probes_delay_nobody():
    """100 of 1,000 hang to their deadline; the other 900 keep their times."""
    simulation = Simulation(lambda job: 1e9 if job.component.name.startswith("hang") else 0.005)
    jobs = [job(f"hang{i}" if i % 10 == 0 else f"fine{i}", 10.0, 9.0) for i in range(1000)]
    simulation.scheduler.add(jobs, simulation.now)
    simulation.run(60)
    assert all(5 <= len(starts) <= 8 for name, starts in simulation.starts.items() if name.startswith("fine"))
    assert simulation.scheduler.lateness()[2] <= SLOT


def test_one_hiccup_is_one_late_moment_and_passes():
    """A machine that stands still for three seconds delays everything that is due then, and that is forgotten."""
    simulation = Simulation()
    simulation.scheduler.add([job(f"c{i}", 2.0) for i in range(50)], simulation.now)
    simulation.run(10)
    assert simulation.scheduler.late(simulation.now) == 0
    simulation.now += 3.0
    simulation.run(5)
    assert simulation.scheduler.lateness()[1] > LATE
    assert simulation.scheduler.late(simulation.now) == 1
    simulation.run(LATELY)
    assert simulation.scheduler.late(simulation.now) == 0


def test_a_schedule_that_is_never_kept_is_late_at_many_moments():
    """Each start two seconds after its time: soon that is no hiccup."""
    simulation = Simulation()
    simulation.scheduler.add([job(f"c{i}", 10.0) for i in range(20)], simulation.now)
    simulation.run(30, stall=2.0)
    assert simulation.scheduler.late(simulation.now) >= 3


def test_overload_keeps_throughput_and_fairness():
    """Asked for twice what the loop can do, fresh probes are bounded and every component gets its share."""
    simulation = Simulation(lambda job: 0.1)
    jobs = [job(f"c{i}", 0.1, 5.0) for i in range(1000)]
    simulation.scheduler.add(jobs, simulation.now)
    simulation.run(10, stall=0.2)
    counts = [len(starts) for starts in simulation.starts.values()]
    assert len(counts) == 1000
    assert max(counts) - min(counts) <= 0.5 * max(counts) + 2
    assert simulation.scheduler.missed > 0
    assert simulation.peak <= len(jobs)


def test_after_a_long_stall_nothing_is_repeated():
    """A machine that slept an hour starts each component once, and counts the rest as missed."""
    simulation = Simulation()
    one = job("one", 10.0)
    simulation.scheduler.add([one], simulation.now)
    simulation.run(25)
    before = len(simulation.starts["one"])
    simulation.now += 3600
    simulation.scheduler.tick(simulation.now)
    simulation.run(1)
    assert len(simulation.starts["one"]) <= before + 2
    assert one.missed == pytest.approx(360, abs=2)


def test_an_extra_run_comes_soon_and_leaves_the_phase_alone():
    """A re-check runs at its time; the regular start stays where it was."""
    simulation = Simulation()
    one = job("one", 30.0)
    simulation.scheduler.add([one], simulation.now)
    simulation.run(31)
    due = one.due
    simulation.scheduler.again(one, simulation.now + 5)
    simulation.run(6)
    assert simulation.starts["one"][-1] == pytest.approx(simulation.now - 1, abs=2 * SLOT)
    assert one.due == due


def test_a_removed_component_is_not_started_again():
    """Removal takes effect at once, whatever still lies in the wheel."""
    simulation = Simulation()
    one = job("one", 1.0)
    simulation.scheduler.add([one], simulation.now)
    simulation.run(3)
    count = len(simulation.starts["one"])
    simulation.scheduler.remove(one)
    simulation.run(5)
    assert len(simulation.starts["one"]) == count


@given(st.lists(st.floats(0, 100), max_size=50), st.floats(0, 120))
def test_the_wheel_gives_back_exactly_what_is_due(times, now):
    """Everything due comes out once, in slot order; nothing early; nothing is lost."""
    wheel = Wheel()
    slots = {i: wheel.put(time, i) for i, time in enumerate(times)}
    taken = [(slot, i) for slot, items in wheel.take(now) for i in items]
    assert {i for _, i in taken} == {i for i, slot in slots.items() if slot <= now}
    assert taken == sorted(taken, key=lambda pair: pair[0])
    assert all(times[i] <= slot < times[i] + SLOT + 1e-9 for slot, i in taken)
    rest = [i for _, items in wheel.take(1000) for i in items]
    assert len(rest) + len(taken) == len(times)


def test_fresh_probes_are_bounded_only_while_behind():
    """On time, all of a slot starts together; late, at most a bounded number of fresh ones is in flight."""
    simulation = Simulation(lambda job: 0.05)
    jobs = [job(f"c{i}", 1000.0) for i in range(600)]
    for j in jobs:
        simulation.scheduler.resume(j, simulation.now + 5)
    simulation.now += 6
    simulation.scheduler.tick(simulation.now)
    assert simulation.scheduler.in_flight == MAX_YOUNG
    simulation.run(1)
    assert len(simulation.starts) == 600


def test_slow_targets_alone_do_not_slow_the_schedule_down():
    """Once behind, a loop that keeps its times again catches up, however long each probe waits for its target."""
    simulation = Simulation(lambda job: 0.24)
    jobs = [job(f"c{i}", 1.0) for i in range(3000)]
    for index, j in enumerate(jobs):
        simulation.scheduler.resume(j, simulation.now + index / 3000)
    simulation.now += 1.5  # the machine stood still
    simulation.run(8)
    before = simulation.scheduler.missed, simulation.scheduler.started
    simulation.run(5)
    assert simulation.scheduler.missed == before[0]
    assert simulation.scheduler.started - before[1] == pytest.approx(15_000, rel=0.02)
    assert simulation.peak <= 2 * MOST_YOUNG
