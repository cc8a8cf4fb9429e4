"""When each component is probed: no drift, no herd, never twice at once, and even under overload.

Due times advance by the interval from start to start on the monotonic clock; what is due in one slot starts
together. While the loop is behind, only a bounded number of fresh probes is in flight and the rest waits its turn
in order, so that throughput stays at its maximum; a probe that takes longer than a moment is waiting for somebody
else and does not count. This class knows no event loop: `tick` is called with the time, and says when next.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable

from auscult.runtime.job import Job
from auscult.runtime.wheel import SLOT, Wheel

__all__ = ["Scheduler"]

EARLY = 0.002
"""Seconds a slot may be served early: timers count whole milliseconds."""
BEHIND = 0.1
"""Lateness in seconds from which on the loop counts as overloaded."""
MAX_YOUNG = 200
"""Fresh probes in flight while the loop is overloaded."""
MOST_YOUNG = 2000
"""The same while the loop keeps its times, and it is others that let the probes wait."""
YOUTH = 0.25
"""Seconds for which a probe is fresh."""
FIRST_WITHIN = 2.0
"""Seconds over which the first probes are spread (decision 8)."""
REMEMBERED = 4096
"""Starts whose lateness is kept for percentiles."""
LATE = 1.0
"""Seconds from which on a start is late."""
APART = 1.0
"""Seconds within which late starts are one moment: a single hiccup delays everything that is due."""
LATELY = 120.0
"""Seconds for which late moments count."""


class Scheduler:
    """Decides. `start` begins a run, `cut` ends one that is over its time, `skip` hears of a start that was missed."""

    def __init__(
        self, start: Callable[[Job, float], None], cut: Callable[[Job], None], skip: Callable[[Job, float], None]
    ) -> None:
        self._start, self._cut, self._skip = start, cut, skip
        self._starts: Wheel[Job] = Wheel()
        self._extras: Wheel[Job] = Wheel()
        self._deadlines: Wheel[tuple[Job, int]] = Wheel()
        self._queue: deque[Job] = deque()
        self._fresh: deque[tuple[float, Job, int]] = deque()
        self._young = 0
        self._room = float(MAX_YOUNG)
        self.started = 0
        self.missed = 0
        self.in_flight = 0
        self._lateness = array("f")
        self._max_lateness = 0.0
        self._late: deque[float] = deque(maxlen=1000)

    # What is on schedule

    def add(self, jobs: list[Job], now: float) -> None:
        """Put `jobs` on schedule: first starts within two seconds, later ones spread over each one's interval."""
        for index, job in enumerate(jobs):
            share = index / len(jobs)
            interval = job.component.interval
            first = now + share * min(FIRST_WITHIN, interval)
            phase = now + share * interval
            job.due = phase if phase >= first + interval / 2 else phase + interval
            self._extras.put(first, job)
            self._starts.put(job.due, job)

    def resume(self, job: Job, due: float) -> None:
        """Put `job` on schedule at the phase another one had: a reload costs no tick."""
        job.due = due
        self._starts.put(due, job)

    def remove(self, job: Job) -> None:
        """Take `job` off schedule; a run in flight is left to the prober."""
        job.gone = True

    def again(self, job: Job, due: float) -> None:
        """One run in between, at `due`; dropped when a regular one comes first."""
        if due < job.due:
            self._extras.put(due, job)

    # What happens

    def tick(self, now: float) -> None:
        """Serve every slot that is due."""
        horizon = now + EARLY
        self._adapt(now)
        for slot, runs in self._deadlines.take(horizon):
            for job, run in runs:
                if job.running and job.run == run and not job.cut:
                    self._over(job, slot, now)
        self._age(now)
        for slot, jobs in self._extras.take(horizon):
            for job in jobs:
                if job.running:
                    self._extras.put(now + SLOT, job)
                elif not (job.gone or job.queued or job.parked):
                    self._offer(job, slot, now)
        for slot, jobs in self._starts.take(horizon):
            for job in jobs:
                if not job.gone:
                    self._advance(job, now)
                    self._offer(job, slot, now)
        self._pump(now)

    def next(self) -> float | None:
        """When `tick` wants to be called next; None while nothing is on schedule."""
        times = [time for wheel in (self._starts, self._extras, self._deadlines) if (time := wheel.next()) is not None]
        return min(times) if times else None

    def begin(self, job: Job, now: float) -> None:
        """Start a run of `job` now."""
        job.run += 1
        job.running, job.queued, job.cut, job.young = True, False, False, True
        job.started = now
        self._young += 1
        self.in_flight += 1
        self.started += 1
        self._fresh.append((now, job, job.run))
        self._deadlines.put(now + job.component.timeout, (job, job.run))
        self._start(job, now)

    def finished(self, job: Job, now: float) -> None:
        """The run of `job` has ended; starts what waited for room."""
        job.running = job.hung = False
        self.in_flight -= 1
        if job.young:
            job.young = False
            self._young -= 1
        if self._queue:
            self._pump(now)

    def lateness(self) -> tuple[float, float, float]:
        """p50, p99 of the last few thousand starts and the maximum of all, in seconds against slotted due times."""
        if not self._lateness:
            return 0.0, 0.0, 0.0
        ordered = sorted(self._lateness)
        return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], self._max_lateness

    def late(self, now: float) -> int:
        """At how many moments lately something started late."""
        while self._late and self._late[0] < now - LATELY:
            self._late.popleft()
        return len(self._late)

    def _adapt(self, now: float) -> None:
        """Fewer fresh probes at once while the loop is late; more again while something waits though it is not."""
        late = now - (self.next() or now)
        if late > BEHIND:
            self._room = max(self._room / 2, MAX_YOUNG)
        elif self._queue and late < BEHIND / 2:
            self._room = min(self._room * 1.25, MOST_YOUNG)

    def _over(self, job: Job, slot: float, now: float) -> None:
        """The deadline has come. A probe is not charged for a loop that was blocked: it gets that time again."""
        late = now - slot
        if late > BEHIND:
            self._deadlines.put(now + min(late, job.component.timeout), (job, job.run))
        else:
            self._cut(job)

    def _advance(self, job: Job, now: float) -> None:
        interval = job.component.interval
        job.due += interval
        if job.due <= now:
            skipped = int((now - job.due) // interval) + 1
            job.due += skipped * interval
            self._miss(job, now, skipped)
        self._starts.put(job.due, job)

    def _miss(self, job: Job, now: float, count: int = 1) -> None:
        job.missed += count
        self.missed += count
        self._skip(job, now)

    def _offer(self, job: Job, slot: float, now: float) -> None:
        if job.running or job.queued or job.parked:
            self._miss(job, now)
            return
        job.late = slot
        if self._queue or (now - slot > BEHIND and self._young >= self._room):
            job.queued = True
            self._queue.append(job)
        else:
            self._note_lateness(slot, now)
            self.begin(job, now)

    def _pump(self, now: float) -> None:
        while self._queue and self._young < self._room:
            job = self._queue.popleft()
            job.queued = False
            if not (job.gone or job.running):
                self._note_lateness(job.late, now)
                self.begin(job, now)

    def _age(self, now: float) -> None:
        while self._fresh and self._fresh[0][0] < now - YOUTH:
            _, job, run = self._fresh.popleft()
            if job.young and job.run == run:
                job.young = False
                self._young -= 1

    def _note_lateness(self, slot: float, now: float) -> None:
        seconds = max(now - slot, 0.0)
        if seconds > LATE and (not self._late or now - self._late[-1] >= APART):
            self._late.append(now)
        if len(self._lateness) < REMEMBERED:
            self._lateness.append(seconds)
        else:
            self._lateness[self.started % REMEMBERED] = seconds
        self._max_lateness = max(self._max_lateness, seconds)


assert EARLY < SLOT
