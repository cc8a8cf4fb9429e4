"""`Runner`: scheduler, prober and watchdog on one event loop, over the jobs of all components."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial

import anyio

from auscult.clock import Clock
from auscult.component import Component
from auscult.model import CheckResult, Ping, Problem
from auscult.runtime.context import ProbeContext, Services
from auscult.runtime.job import Job
from auscult.runtime.loop import Handle, Loop
from auscult.runtime.prober import Prober
from auscult.runtime.readings import MAX_MEASUREMENTS
from auscult.runtime.scheduler import Scheduler
from auscult.runtime.watchdog import PATIENT, Watchdog

__all__ = ["Runner"]

log = logging.getLogger("auscult.runner")

RECHECK = 5.0
"""Seconds to the next look while a change of status waits for confirmation and the component names no other time."""
FIRST_RECHECK = 2.0
"""The same before the first verdict: a newcomer should not wait."""


class Runner:
    """Probes components on schedule and hands every result to `deliver`."""

    def __init__(
        self,
        clock: Clock,
        services: Services,
        deliver: Callable[[CheckResult, Callable[[CheckResult], None] | None], None],
        complain: Callable[[str, Problem], None],
        measurements: int = MAX_MEASUREMENTS,
    ) -> None:
        self._clock, self._services, self._measurements = clock, services, measurements
        self._deliver, self._complain = deliver, complain
        self.jobs: dict[str, Job] = {}
        self._leaving: set[Job] = set()
        self.scheduler = Scheduler(self._start, self._cut, self._skip)
        self._prober: Prober | None = None
        self._loop: Loop | None = None
        self._timer: Handle | None = None
        self._armed: float | None = None
        self.watchdog: Watchdog | None = None
        self.failed = 0
        self.finished = 0

    # Coming and going

    def start(self, loop: Loop, *, interrupt: bool) -> None:
        """Begin to probe what is on schedule."""
        self._loop = loop
        self._prober = Prober(
            loop,
            self._clock,
            deliver=self._on_result,
            ended=self._on_ended,
            complain=self._on_complaint,
            measurements=self._measurements,
        )
        self.watchdog = Watchdog(loop, self._on_blocked, interrupt=interrupt)
        self.watchdog.start()
        self._arm()

    async def stop(self) -> None:
        """Probe no more; connections are closed, hanging probes are left behind."""
        if self._timer is not None:
            self._timer.cancel()
        if self.watchdog is not None:
            self.watchdog.stop()
        if self._prober is not None and self._loop is not None:
            self._prober.stopping = True
            await self._loop.stop()
            with anyio.move_on_after(1):
                for job in [*self.jobs.values(), *self._leaving]:
                    await self._prober.close(job)
        self._loop = self._prober = None

    def add(self, components: Iterable[Component]) -> None:
        """Put components on schedule; one of the same name takes the other's place."""
        now, fresh = self._clock.monotonic(), []
        for component in components:
            old = self._take_out(component.name)
            job = self.jobs[component.name] = Job(component, ProbeContext(component, self._services))
            if old is not None:
                job.ctx.take_pings(old.ctx)
            if not component.check.passive:
                fresh.append(job)
        if fresh:
            self.scheduler.add(fresh, now)
            self._arm()

    def remove(self, names: Iterable[str]) -> None:
        """Take components off schedule."""
        for name in names:
            self._take_out(name)

    def _take_out(self, name: str) -> Job | None:
        job = self.jobs.pop(name, None)
        if job is None:
            return None
        self.scheduler.remove(job)
        if job.running:
            self._leaving.add(job)
            if job.task is not None:
                job.cut = True
                job.task.cancel()
        elif job.session is not None and self._loop is not None and self._prober is not None:
            self._loop.spawn(partial(self._prober.close, job))
        return job

    # Questions and wishes

    def hung(self) -> int:
        """Probes that ignored their cancellation and still run."""
        return sum(job.hung for job in [*self.jobs.values(), *self._leaving])

    def parked(self) -> int:
        """Components probed no more."""
        return sum(bool(job.parked) for job in self.jobs.values())

    def add_ping(self, name: str, ping: Ping) -> None:
        """Hand a sign of life to a component's context."""
        if job := self.jobs.get(name):
            job.ctx.add_ping(ping)

    def recheck(self, name: str, *, first: bool) -> None:
        """Look again soon, because a change of status waits for confirmation."""
        job = self.jobs.get(name)
        if job is None or job.component.check.passive:
            return
        wanted = job.component.retry_interval
        delay = wanted if wanted is not None else min(FIRST_RECHECK if first else RECHECK, job.component.interval)
        self.scheduler.again(job, self._clock.monotonic() + delay)
        self._arm()

    def check_now(self, name: str, tell: Callable[[CheckResult], None]) -> None:
        """Probe at once, or join the run in flight; `tell` gets its result. An operator's wish also ends parking.

        A run that was cut has had its result: the next one is then begun as soon as that one has ended.
        """
        job, now = self.jobs[name], self._clock.monotonic()
        job.waiters = [*(job.waiters or ()), tell]
        job.parked = ""
        if not job.running:
            self.scheduler.begin(job, now)
        elif job.hung:
            self._skip(job, now)
        elif job.cut:
            self.scheduler.again(job, now)
        self._arm()

    def look(self, name: str) -> None:
        """Probe soon, and not with a run that is already going: something it has not seen just happened."""
        self.scheduler.again(self.jobs[name], self._clock.monotonic())
        self._arm()

    # The schedule's side

    def _arm(self) -> None:
        if self._loop is None:
            return
        due = self.scheduler.next()
        if due is None or (self._armed is not None and self._armed <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = self._loop.call_later(due - self._clock.monotonic(), self._tick)

    def _tick(self) -> None:
        self._armed = self._timer = None
        self.scheduler.tick(self._clock.monotonic())
        self._arm()

    def _start(self, job: Job, now: float) -> None:
        if self._prober is not None:
            self._prober.start(job, now)

    def _cut(self, job: Job) -> None:
        if self._prober is not None:
            self._prober.cut(job)

    def _skip(self, job: Job, now: float) -> None:
        if self._prober is not None:
            self._prober.skip(job, now)

    # The prober's side

    def _on_result(self, job: Job, result: CheckResult) -> None:
        if job.gone:
            return
        self.finished += 1
        self.failed += result.status == "unhealthy"
        waiters, job.waiters = job.waiters, None
        self._deliver(result, partial(_tell, waiters) if waiters else None)

    def _on_ended(self, job: Job) -> None:
        self.scheduler.finished(job, self._clock.monotonic())
        if job.gone:
            self._leaving.discard(job)
            if job.session is not None and self._loop is not None and self._prober is not None:
                self._loop.spawn(partial(self._prober.close, job))

    def _on_complaint(self, job: Job, stage: str, message: str, remedy: str) -> None:
        component = job.component
        log.warning("%s: %s; %s", component.name, message, remedy)
        self._complain(
            component.name,
            Problem(plugin=component.check.kind, stage=stage, message=f"{component.name}: {message}", remedy=remedy),
        )

    def _on_blocked(self, job: Job | None, seconds: float, stack: str) -> None:
        if job is None:
            return
        if seconds >= PATIENT:
            job.parked = f"its probe blocked the event loop for {seconds:.1f} s"
        where = stack.strip().splitlines()[-2:]
        message = f"the probe blocked the event loop for {seconds:.1f} s at {' '.join(line.strip() for line in where)}"
        self._on_complaint(
            job, "blocked", message, 'make the probe async, or set `isolate = "process"` for this component'
        )


def _tell(waiters: list[Callable[[CheckResult], None]], result: CheckResult) -> None:
    for tell in waiters:
        tell(result)
