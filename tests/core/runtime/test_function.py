"""Any function as a check (decision 11): what it may take, what it may give back, how it ends."""

from __future__ import annotations

import functools
import threading
import time

import anyio
import pytest

from auscult import CheckContext, ConfigurationError, Monitor, Reading, Status

pytestmark = pytest.mark.anyio


async def probed(function, **keys):
    """The result of one probe of `function`, by a monitor."""
    monitor = Monitor()
    monitor.health.register("tried", check=function, **({"interval": 3600, "timeout": 60} | keys))
    async with monitor:
        with anyio.fail_after(90):
            return await monitor.check_now("tried")


ANSWERS = [
    (True, Status.HEALTHY, {}, None),
    (None, Status.HEALTHY, {}, None),
    (False, Status.UNHEALTHY, {}, None),
    (12.5, Status.HEALTHY, {}, 12.5),
    (3, Status.HEALTHY, {}, 3.0),
    ({"queue": 3, "age": 1.5}, Status.HEALTHY, {"queue": 3.0, "age": 1.5}, None),
    ({"status": "degraded", "message": "behind", "queue": 9}, Status.DEGRADED, {"queue": 9.0}, None),
    (Reading.unknown("cannot tell"), Status.UNKNOWN, {}, None),
    (Reading(measurements={"a": 1.0}, response_time_ms=7.0), Status.HEALTHY, {"a": 1.0}, 7.0),
]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("answer", "status", "measurements", "time_ms"), ANSWERS)
async def test_what_it_may_return(answer, status, measurements, time_ms, is_async):
    """bool, number of ms, dict, Reading, None; a response time of its own counts, else the probe's duration does."""

    async def later():
        return answer

    result = await probed(later if is_async else lambda: answer)
    assert (result.status, result.measurements) == (status, measurements)
    assert result.response_time_ms == (time_ms if time_ms is not None else result.duration * 1000)


class Object:
    """Callable, sync and async, with methods."""

    def __call__(self):
        return {"called": 1}

    async def method(self, ctx):
        return {"called": len(ctx.component)}

    def with_default(self, name="nobody"):
        return {"called": len(name)}

    @staticmethod
    def static(*arguments, **options):
        return {"called": len(arguments)}


class AsyncObject:
    """Its call is a coroutine function."""

    async def __call__(self, ctx):
        return {"called": ctx.timeout}


async def _awaited():
    return {"called": 5}


@pytest.mark.parametrize(
    ("function", "called"),
    [
        (Object(), 1),
        (Object().method, len("tried")),
        (Object().with_default, len("nobody")),
        (Object.static, 0),
        (AsyncObject(), 60),
        (functools.partial(Object().with_default, "somebody"), len("somebody")),
        (lambda ctx: {"called": len(ctx.component)}, len("tried")),
        (lambda: _awaited(), 5),  # a plain function that gives something to await
    ],
)
async def test_what_may_be_called(function, called):
    """With no argument, or with the context; whatever is callable."""
    assert (await probed(function)).measurements == {"called": called}


async def test_it_gets_the_context():
    """The same that a check class gets: HTTP client, clock, logger, state directory."""
    seen: list[CheckContext] = []
    await probed(seen.append)
    assert seen[0].component == "tried"
    assert seen[0].http is not None
    assert seen[0].log.name == "auscult.plugins.function"
    assert seen[0].clock.now_ms() > 0


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda one, two: True, "takes no argument or one .the context., not 2"),
        ("billing", "a check is a Check or a function, not str"),
    ],
)
def test_what_is_no_check(function, sentence):
    """Refused where it is registered."""
    with pytest.raises((TypeError, ConfigurationError), match=sentence):
        Monitor().health.register("tried", check=function)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_what_it_raises_is_an_unhealthy_result(is_async):
    """With its message."""

    def now():
        raise ConnectionError("billing does not answer")

    async def later():
        raise ConnectionError("billing does not answer")

    result = await probed(later if is_async else now)
    assert (result.status, result.origin) == (Status.UNHEALTHY, "exception")
    assert result.message == "billing does not answer"


@pytest.mark.parametrize("answer", ["healthy", [1], object(), {"status": "excellent"}, {"queue": "many"}])
async def test_another_answer_is_told_with_a_remedy(answer):
    """An unhealthy result that says what may be returned, and a problem for whoever wrote it."""
    monitor = Monitor()
    monitor.health.register("tried", check=lambda: answer, interval=3600, timeout=60)
    async with monitor:
        result = await monitor.check_now("tried")
        assert result.status is Status.UNHEALTHY
        assert "a probe returns" in result.message or "not a reading" in result.message


async def test_a_function_that_blocks_blocks_nobody():
    """It runs in a thread, is cut at its timeout, and is not called a second time while it still runs."""
    release, running, most = threading.Event(), [], []

    def blocks():
        running.append(1)
        most.append(len(running))
        release.wait(120)
        running.pop()

    monitor = Monitor()
    monitor.health.register("blocks", check=blocks, interval=0.2, timeout=0.2)
    monitor.health.register("fine", check=lambda: True, interval=0.1, timeout=60)
    try:
        async with monitor:
            with anyio.fail_after(90):
                while monitor.component_health("blocks").status is not Status.UNHEALTHY:
                    await anyio.sleep(0.02)
                seen = monitor.stats().checks_finished
                while monitor.stats().checks_finished < seen + 20:
                    await anyio.sleep(0.02)
            assert monitor.component_health("fine").status is Status.HEALTHY
            assert monitor.component_health("blocks").message.startswith("no answer within 0.2 s")
            assert monitor.stats().loop_blocked == 0
            assert max(most) == 1
    finally:
        release.set()
        time.sleep(0.05)
