"""Runs probes, each contained: an exception, a hang, a swallowed cancellation or a wrong answer stays inside.

Each probe has a task of its own. At its deadline it is cancelled once and the timeout is reported at that moment;
should it not end, it is left alone and its component starts no new run until it does (decision 27).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from auscult.clock import Clock
from auscult.model import CheckResult, Origin, Reading
from auscult.runtime.isolation import probe_in_process
from auscult.runtime.job import Job
from auscult.runtime.loop import Loop
from auscult.runtime.readings import failure, settle, to_reading, to_result

__all__ = ["GRACE", "ProbeInterrupted", "Prober"]

log = logging.getLogger("auscult.prober")

GRACE = 1.0
"""Seconds that a cancelled probe has to end before it counts as hung."""


class ProbeInterrupted(BaseException):
    """Raised inside a probe that blocked the event loop, to get the loop back."""


class Prober:
    """Starts runs and turns whatever comes of them into results.

    `deliver` gets each result with its job; `ended` hears when a run's task is over; `complain` gets a job, a
    stage, a message and a remedy for what a plugin's author has to mend.
    """

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        *,
        deliver: Callable[[Job, CheckResult], None],
        ended: Callable[[Job], None],
        complain: Callable[[Job, str, str, str], None],
        measurements: int,
    ) -> None:
        self._loop, self._clock, self._measurements = loop, clock, measurements
        self._deliver, self._ended, self._complain = deliver, ended, complain
        self.stopping = False

    def start(self, job: Job, _now: float) -> None:
        """Run `job`'s probe in a task of its own."""
        job.task = self._loop.spawn(partial(self._run, job, job.run))

    def cut(self, job: Job) -> None:
        """The deadline of the run in flight has come: report it, cancel it once."""
        job.cut = True
        self._report(job, Reading.unhealthy(f"no answer within {job.component.timeout:g} s"), Origin.TIMEOUT)
        if job.task is not None:
            job.task.cancel()
        self._loop.call_later(GRACE, partial(self._check_ended, job, job.run))

    def skip(self, job: Job, now: float) -> None:
        """A start that could not be. Says so as a result where nothing else would: parked, or hung for long."""
        if job.parked:
            self._report(job, Reading.unknown(f"not probed: {job.parked}"), Origin.EXCEPTION)
        elif job.hung:
            seconds = now - job.started
            self._report(job, Reading.unhealthy(f"the probe has been hanging for {seconds:.0f} s"), Origin.TIMEOUT)

    async def close(self, job: Job) -> None:
        """Disconnect a kept connection: the part of `Check.open` after its yield, for at most a few seconds."""
        session, job.session, job.once = job.session, None, None
        if session is not None:
            await _disconnect(job.component.name, session)

    async def _run(self, job: Job, run: int) -> None:
        try:
            reading = await self._probe(job)
            if not job.cut:
                self._report(job, to_reading(reading), Origin.PROBE)
        except BaseException as error:
            if not isinstance(error, GeneratorExit):
                self._drop_session(job)
            if self._is_our_cancellation(job, error):
                raise
            if not job.cut:
                log.debug("probe of %s failed", job.component.name, exc_info=error)
                self._report(job, Reading.unhealthy(self._describe(job, error)), Origin.EXCEPTION)
        finally:
            if job.run == run:
                job.task = None  # one that is over would be kept until the next run
                self._ended(job)

    def _drop_session(self, job: Job) -> None:
        """After a probe that raised or was cut, what is kept is in an unknown state: the next one opens anew."""
        if job.session is None or self.stopping:
            return
        session, job.session, job.once = job.session, None, None
        self._loop.spawn(partial(_disconnect, job.component.name, session))

    async def _probe(self, job: Job) -> Reading:
        component = job.component
        if component.isolate == "process":
            return await probe_in_process(component, job.ctx)
        if not job.keeps_open:
            return await component.check.probe(job.ctx)
        if job.once is None:
            job.session = component.check.open(job.ctx)
            job.once = await _first(job.session)
        return await job.once()

    def _is_our_cancellation(self, job: Job, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            return job.cut or self.stopping
        return type(error).__module__.startswith("trio") and type(error).__name__ == "Cancelled"

    def _describe(self, job: Job, error: BaseException) -> str:
        if isinstance(error, ProbeInterrupted):
            job.parked = "its probe blocked the event loop"  # before the next start can be due
            return "it blocked the event loop and was interrupted"
        if isinstance(error, TypeError) and "a probe returns" in str(error):
            self._complain(job, "probe", str(error), "return auscult.Reading from the probe")
        return failure(error)

    def _report(self, job: Job, reading: Reading, origin: Origin) -> None:
        reading, complaint = settle(reading, job.secrets, limit=self._measurements)
        if complaint:
            self._complain(job, "probe", complaint, "report a fixed set of finite measurements, declared on the class")
        duration = max(self._clock.monotonic() - job.started, 0.0)
        result = to_result(job.component.name, reading, at=self._clock.now_ms(), duration=duration, origin=origin)
        self._deliver(job, result)

    def _check_ended(self, job: Job, run: int) -> None:
        if job.running and job.run == run:
            job.hung = True
            self._complain(
                job,
                "probe",
                f"the probe of `{job.component.name}` ignored its cancellation and still runs",
                'let cancellation out of the probe, or set `isolate = "process"` for this component',
            )


async def _disconnect(name: str, session: AsyncIterator[Any]) -> None:
    import anyio

    try:
        with anyio.move_on_after(5, shield=True):
            await anext(session, None)
    except Exception as error:
        log.debug("closing %s: %s", name, failure(error))


async def _first(session: object) -> Callable[[], Awaitable[Reading]]:
    try:
        return await anext(session)  # type: ignore[call-overload,no-any-return]
    except StopAsyncIteration:
        raise TypeError("`open` ended without yielding a probe") from None
