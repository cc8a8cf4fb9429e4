"""The zoo of bad probes, kept beside good ones: nobody else is harmed, and each is shown with a remedy."""

from __future__ import annotations

import asyncio
import contextlib
import time

import anyio
import pytest

from auscult import Check, Component, Monitor, Reading, Status

pytestmark = pytest.mark.anyio


class Fine(Check):
    """What a probe should be."""

    kind = "fine"

    async def probe(self, ctx):
        await anyio.sleep(0.001)
        return Reading.healthy()


class OwnBaseException(BaseException):
    """Not an Exception, as those of Rust extensions."""


class Raises(Check):
    """Raises whatever it is told to."""

    kind = "raises"
    error: type[BaseException]

    async def probe(self, ctx):
        raise self.error("on purpose, to see what happens")


class Hangs(Check):
    """Never answers; may be cancelled."""

    kind = "hangs"

    async def probe(self, ctx):
        await anyio.sleep_forever()
        return Reading()


class Swallows(Check):
    """Never answers, and does not let itself be cancelled either, until released."""

    kind = "swallows"
    released: list[bool]

    async def probe(self, ctx):
        while not self.released:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)


class Returns(Check):
    """Returns something that is no reading."""

    kind = "returns"
    what: object = "healthy"

    async def probe(self, ctx):
        return self.what


class NotAsync(Check):
    """Forgot `async`."""

    kind = "not-async"

    def probe(self, ctx):
        return Reading()


class Floods(Check):
    """Other measurements at every probe."""

    kind = "floods"

    async def probe(self, ctx):
        return Reading.healthy(**{f"m{time.monotonic_ns()}_{i}": i for i in range(5000)})


class Blocks(Check):
    """Blocks the event loop, in Python."""

    kind = "blocks"
    seconds: float

    async def probe(self, ctx):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            pass
        return Reading()


class BadOpen(Check):
    """Its `open` yields nothing."""

    kind = "bad-open"

    async def probe(self, ctx):
        return await super().probe(ctx)

    async def open(self, ctx):
        if self is None:
            yield


PATIENCE = 60.0
"""Seconds that a busy machine may take to what usually takes one."""


def component(name, check, **keys):
    keys = {"interval": 0.2, "timeout": 0.15, "failures": 1, "successes": 1} | keys
    return Component(name=name, check=check, **keys)


async def watch(*components, until, seconds=0.3, **options):
    """Run the bad ones beside five good ones until ``until(monitor, views)`` holds, `seconds` at least.

    The good ones are healthy then, and none of their probes was missing for long. Gives the views and the monitor.
    """
    good = [component(f"good{i}", Fine(), timeout=PATIENCE) for i in range(5)]
    monitor = Monitor([*good, *components], **options)
    await monitor.run()
    try:
        await anyio.sleep(seconds)
        with anyio.move_on_after(PATIENCE):
            while not until(monitor, _views(monitor)) or not _all_well(monitor):
                await anyio.sleep(0.02)
        views = _views(monitor)
        assert until(monitor, views), [(view.status, view.message) for view in views.values()]
        assert _all_well(monitor), [(view.status, view.message) for view in views.values()]
        return views, monitor
    finally:
        await monitor.stop()


def _views(monitor):
    return {name: monitor.component_health(name) for name in monitor.components()}


def _all_well(monitor):
    return all(monitor.component_health(f"good{i}").status == Status.HEALTHY for i in range(5))


def bad_is(status, times=1):
    """The component `bad` has that status, after `times` failed checks at least."""
    return lambda monitor, views: views["bad"].status == status and monitor.stats().checks_failed >= times


def complained(words):
    """A problem has the words in its message or its remedy, and `bad` is no longer unknown."""
    return lambda monitor, views: (
        views["bad"].origin and any(words in f"{problem.message} {problem.remedy}" for problem in monitor.problems)
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError,
        RuntimeError,
        RecursionError,
        MemoryError,
        TimeoutError,
        KeyboardInterrupt,
        SystemExit,
        GeneratorExit,
        StopIteration,
        StopAsyncIteration,
        OwnBaseException,
        asyncio.CancelledError,
    ],
)
async def test_whatever_a_probe_raises_is_an_unhealthy_result(error):
    """Every exception class, BaseException subclasses and a cancellation of its own making included."""
    views, _ = await watch(component("bad", Raises(error=error)), until=bad_is(Status.UNHEALTHY, times=2))
    assert views["bad"].message


async def test_an_exception_group_is_told_by_its_first_member():
    """A task group inside a probe raises groups."""

    class Groups(Check):
        kind = "groups"

        async def probe(self, ctx):
            raise BaseExceptionGroup("several", [ValueError("the first reason of all")])

    views, _ = await watch(component("bad", Groups()), until=bad_is(Status.UNHEALTHY))
    assert "the first reason of all" in views["bad"].message


async def test_a_hanging_probe_is_cut_at_its_timeout():
    """The others keep their pace; it is unhealthy with the limit in words."""
    views, monitor = await watch(component("bad", Hangs()), until=bad_is(Status.UNHEALTHY, times=3))
    assert views["bad"].message == "no answer within 0.15 s"
    assert monitor.stats().in_flight <= 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_probe_that_swallows_cancellation_is_left_behind_with_a_remedy():
    """It is cancelled once; its component starts no second run, keeps being told as unhealthy, and is complained of."""
    begin = time.process_time()
    released = []
    views, monitor = await watch(
        component("bad", Swallows(released=released)),
        seconds=2.0,
        until=lambda monitor, views: "hanging" in views["bad"].message,
    )
    released.append(True)
    assert views["bad"].status == Status.UNHEALTHY
    assert monitor.stats().hung <= 1
    problem = next(p for p in monitor.problems if "ignored its cancellation" in p.message)
    assert "isolate" in problem.remedy
    assert time.process_time() - begin < 1.5, "a swallowed cancellation must not burn the core"


@pytest.mark.parametrize("what", ["healthy", 3j, [1], object()])
async def test_a_wrong_answer_is_an_unhealthy_result_and_a_problem(what):
    """The sentence says what a probe may return."""
    views, monitor = await watch(component("bad", Returns(what=what)), until=bad_is(Status.UNHEALTHY))
    assert "a probe returns a Reading" in views["bad"].message
    assert any("auscult.Reading" in p.remedy for p in monitor.problems)


async def test_a_probe_that_is_not_async_is_told():
    """Python's own sentence is good enough."""
    views, _ = await watch(component("bad", NotAsync()), until=bad_is(Status.UNHEALTHY))
    assert "await" in views["bad"].message


async def test_a_flood_of_measurements_is_cut_and_shown():
    """64 are kept, the rest is dropped, with a remedy."""
    views, monitor = await watch(component("bad", Floods(), timeout=PATIENCE), until=complained("fixed set"))
    assert len(views["bad"].measurements) <= 64
    assert len(monitor.problems) == 1, "told once, not at every probe"


async def test_an_open_that_yields_nothing_is_told():
    """Not an endless wait, and not a traceback."""
    views, _ = await watch(component("bad", BadOpen()), until=bad_is(Status.UNHEALTHY))
    assert "without yielding a probe" in views["bad"].message


async def test_a_probe_that_blocks_the_loop_is_interrupted_and_parked():
    """Noticed within about a second, interrupted, named with its line, no more probed until somebody asks."""
    begin = time.monotonic()
    bad = component("bad", Blocks(seconds=1000), interval=1.0, timeout=0.9)
    views, monitor = await watch(bad, until=complained("isolate"), interrupt=True)
    assert monitor.stats().parked == 1
    assert time.monotonic() - begin < PATIENCE, "the loop came back long before the probe would have let it go"
    assert monitor.stats().loop_blocked >= 1
    problem = next(p for p in monitor.problems if p.stage == "blocked")
    assert "test_zoo.py" in problem.message
    assert "isolate" in problem.remedy
    assert views["bad"].status in (Status.UNHEALTHY, Status.UNKNOWN)


async def test_isolation_in_a_process_is_the_remedy():
    """The same probe in a worker process harms nobody: the worker is killed at the timeout."""
    bad = component("bad", Blocks(seconds=1000), interval=1.0, timeout=0.9, isolate="process")
    views, monitor = await watch(bad, until=bad_is(Status.UNHEALTHY, times=2), interrupt=True)
    assert views["bad"].message == "no answer within 0.9 s"
    assert monitor.stats().parked == 0


async def test_a_good_probe_runs_in_a_process():
    """Isolation changes where a probe runs, not what it says."""
    apart = component("apart", Blocks(seconds=0.01), timeout=PATIENCE, interval=PATIENCE, isolate="process")
    await watch(apart, until=lambda monitor, views: views["apart"].status == Status.HEALTHY)
