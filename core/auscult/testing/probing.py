"""Runs a check once, by the same parts that the monitor runs it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from auscult.clock import Clock, SystemClock
from auscult.component import Component
from auscult.kinds import Check, CheckContext
from auscult.model import CheckResult, Ping, Problem, Reading
from auscult.runtime.context import ProbeContext, Services
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.job import Job
from auscult.runtime.loop import current_loop
from auscult.runtime.prober import GRACE
from auscult.runtime.readings import MAX_MEASUREMENTS
from auscult.runtime.runner import Runner

if TYPE_CHECKING:
    import httpx

    Answer = (
        Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]
    )

__all__ = ["AnsweringServices", "FakeContext", "probe_once"]


class AnsweringServices(Services):
    """The monitor's own, with an HTTP client that a function may answer."""

    def __init__(
        self, clock: Clock, policy: EgressPolicy | None, state_dir: Path | None, answer: Answer | None
    ) -> None:
        super().__init__(clock, policy, state_dir)
        if answer is not None:
            import httpx

            self._client = httpx.AsyncClient(transport=httpx.MockTransport(answer), trust_env=False)


class FakeContext(ProbeContext):
    """What a probe is given, outside a monitor: everything in it is real, unless `answer` stands in for the network.

    For a test that calls `probe` itself; `probe_once` makes its own. Use it with ``async with``, which closes the
    HTTP client and removes the state directory::

        async with FakeContext() as ctx:
            reading = await MyCheck(url=server.url).probe(ctx)
    """

    __slots__ = ()

    def __init__(
        self,
        check: Check | None = None,
        *,
        name: str = "test",
        timeout: float = 10.0,
        clock: Clock | None = None,
        state_dir: Path | None = None,
        pings: Iterable[Ping] = (),
        answer: Answer | None = None,
        policy: EgressPolicy | None = None,
    ) -> None:
        """`answer` is called with each `httpx.Request` of ``ctx.http`` and returns the `httpx.Response`.

        `clock` is by default the machine's; `state_dir` a temporary directory; `pings` the signs of life pushed so
        far; `policy` the monitor's own, which lets a probe connect to loopback.
        """
        component = Component(name=name, check=check if check is not None else _Nothing(), timeout=timeout)
        super().__init__(component, AnsweringServices(clock or SystemClock(), policy, state_dir, answer))
        for ping in pings:
            self.add_ping(ping)

    async def __aenter__(self) -> FakeContext:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP client, remove a temporary state directory."""
        with anyio.CancelScope(shield=True):
            await self._services.close()


class _Nothing(Check):
    """Stands for the check where a test needs none."""

    kind = "test"

    async def probe(self, ctx: CheckContext) -> Reading:
        """Never called."""
        return Reading()


async def probe_once(
    check: Check,
    *,
    name: str = "",
    timeout: float = 10.0,
    clock: Clock | None = None,
    state_dir: Path | None = None,
    pings: Iterable[Ping] = (),
    answer: Answer | None = None,
    policy: EgressPolicy | None = None,
) -> CheckResult:
    """Run `check` once as the monitor does, and give what it makes of it; on asyncio and on trio.

    An exception or a time-out is a result, with its `origin`; secrets are ``***`` in its message. What the monitor
    would list as the plugin's problem raises AssertionError: an answer that is no reading, measurements that are
    not declared or not finite, a blocked event loop, a swallowed cancellation. Arguments as for `FakeContext`;
    `name` is the component's, by default the kind.
    """
    async with FakeContext(
        check,
        name=name or check.kind or "test",
        timeout=timeout,
        clock=clock,
        state_dir=state_dir,
        pings=pings,
        answer=answer,
        policy=policy,
    ) as ctx:
        result, problems = await _run(check, ctx)
    if problems:
        raise AssertionError("\n".join(f"{problem.message}; {problem.remedy}" for problem in problems))
    _assert_declared(check, result)
    return result


async def _run(check: Check, ctx: FakeContext) -> tuple[CheckResult, list[Problem]]:
    problems: list[Problem] = []
    results: list[CheckResult] = []
    done = anyio.Event()

    def tell(result: CheckResult) -> None:
        results.append(result)
        done.set()

    job = Job(Component(name=ctx.component, check=check, timeout=ctx.timeout), ctx)
    async with _running(ctx, problems) as runner:
        runner.jobs[ctx.component] = job
        runner.check_now(ctx.component, tell)
        await done.wait()
        await _until_over(runner, job, problems)
    return results[0], problems


@asynccontextmanager
async def _running(ctx: FakeContext, problems: list[Problem]) -> AsyncIterator[Runner]:
    loop = current_loop()
    await loop.start()
    runner = Runner(
        # Time limits count real seconds, whatever clock the probe is given.
        SystemClock(),
        ctx._services,
        deliver=lambda result, taken: taken(result) if taken is not None else None,
        complain=lambda _, problem: problems.append(problem),
        measurements=MAX_MEASUREMENTS,
    )
    runner.start(loop, interrupt=True)
    try:
        yield runner
    finally:
        with anyio.CancelScope(shield=True):
            await runner.stop()


async def _until_over(runner: Runner, job: Job, problems: list[Problem]) -> None:
    """Wait for what is found out only after the result: a probe that does not end, a loop that was blocked."""

    def is_over() -> bool:
        blocked = runner.watchdog is not None and runner.watchdog.count > 0
        return (job.hung or not job.running) and (bool(problems) or not blocked)

    with anyio.move_on_after(2 * GRACE):
        while not is_over():  # noqa: ASYNC110 - the parts of a monitor that know it raise no event
            await anyio.sleep(0.01)


def _assert_declared(check: Check, result: CheckResult) -> None:
    declared = {measurement.name for measurement in check.measurements}
    if strange := sorted(set(result.measurements) - declared):
        listed = ", ".join(f"`{name}`" for name in strange)
        raise AssertionError(
            f"the reading carries {listed}, which {type(check).__name__}.measurements does not declare; "
            f'add Measurement("{strange[0]}", "unit", "What it is.")'
        )
