"""Panels that misbehave harm nobody: each is shown with its error, and all others as they would be without it."""

from __future__ import annotations

import threading
import time

import anyio
import pytest
from tests.core.dashboards.looking import look_at, monitor_with

from auscult import Panel, SecretStr, Stat
from auscult.dashboards import drawing

pytestmark = pytest.mark.anyio


class Good(Panel):
    kind = "good"

    def show(self, view):
        return Stat(value=1.0)


class Raises(Panel):
    kind = "raises"

    def show(self, view):
        raise ValueError("no such table")


class Ends(Panel):
    kind = "ends"

    def show(self, view):
        raise SystemExit(3)


class Tells(Panel):
    kind = "tells"

    key: SecretStr = "hunter2hunter2"

    def show(self, view):
        raise RuntimeError(f"cannot log in with {self.key}")


class WrongWords(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Unspeakable(Panel):
    kind = "unspeakable"

    def show(self, view):
        raise WrongWords


class Recurses(Panel):
    kind = "recurses"

    def show(self, view):
        return self.show(view)


class Answers(Panel):
    kind = "answers"

    what: object = None

    def show(self, view):
        return self.what


class Endless(Panel):
    kind = "endless"

    def show(self, view):
        while True:
            yield Stat(value=1.0)


class Meddles(Panel):
    kind = "meddles"

    def show(self, view):
        view.system = None
        view.variables = {}
        view.alerts = ()
        return Stat(value=2.0)


class Async(Panel):
    kind = "async"

    async def show(self, view):
        return Stat(value=1.0)


def error_of(found, at=0):
    return found.panels[at].error


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Raises(), "ValueError: no such table"),
        (Ends(), "SystemExit: 3"),
        (Unspeakable(), "WrongWords"),
        (Recurses(), "RecursionError"),
        (Async(), "async"),
        (Answers(what=None), "returned None"),
        (Answers(what="<b>hi</b>"), "returned a str, not a shape"),
        (Answers(what={"shape": "stat", "value": 1}), "returned a dict, not a shape"),
        (Answers(what=[Stat(value=1.0), 7]), "returned an int, not a shape"),
        (Answers(what=Good()), "returned a Good, not a shape"),
    ],
)
async def test_a_bad_panel_is_shown_as_an_error_and_others_as_ever(bad, says):
    """The sentence says what is wrong; the panels before and after it have their data."""
    found = await look_at(Good(), bad, Good())
    assert says in error_of(found, 1)
    assert found.panels[1].data == b"[]"
    for at in (0, 2):
        assert not error_of(found, at)
        assert found.panels[at].metrics[0].value == 1.0


async def test_a_secret_in_the_message_is_masked():
    """What a panel raises may repeat its options."""
    found = await look_at(Tells())
    assert "hunter2" not in error_of(found)
    assert "***" in error_of(found)


async def test_a_generator_without_end_is_cut():
    """A dozen shapes are taken, not more."""
    found = await look_at(Endless())
    assert len(found.panels[0].shapes) == drawing.MOST


async def test_one_that_meddles_reaches_nobody_else():
    """The view is shared, the monitor is not: the next look is whole."""
    async with monitor_with(Meddles(), Good()) as monitor:
        await monitor.dashboards.draw("d")
        found = await monitor.dashboards.draw("d", points=100)
        assert found.panels[1].metrics[0].value == 1.0
        assert monitor.system_health() is not None


async def test_one_that_hangs_is_cut_and_left_alone_until_it_ends(monkeypatch):
    """It costs one thread; nobody else waits, and once it comes back it is asked again."""
    monkeypatch.setattr(drawing, "LIMIT", 0.3)
    release, calls = threading.Event(), []

    class Hangs(Panel):
        kind = "hangs"

        def show(self, view):
            calls.append(1)
            release.wait(60)
            return Stat(value=3.0)

    try:
        async with monitor_with(Hangs(), Good()) as monitor:
            monitor.dashboards._easel = drawing.Easel(0.3)
            begin = time.monotonic()
            found = await monitor.dashboards.draw("d")
            assert time.monotonic() - begin < 30
            assert "did not answer within 0.3 s" in error_of(found)
            assert found.panels[1].metrics[0].value == 1.0
            for points in (50, 60, 70):
                found = await monitor.dashboards.draw("d", points=points)
                assert "still busy" in error_of(found)
                assert found.panels[1].metrics[0].value == 1.0
            assert len(calls) == 1
            release.set()
            with anyio.fail_after(30):
                while error_of(found := await monitor.dashboards.draw("d", points=80)):
                    monitor.dashboards._looks.clear()
                    await anyio.sleep(0.02)
            assert found.panels[0].metrics[0].value == 3.0
    finally:
        release.set()


async def test_a_slow_panel_does_not_hold_the_loop():
    """While it computes, probes and requests go on."""

    class Slow(Panel):
        kind = "slow"

        def show(self, view):
            time.sleep(0.5)
            return Stat(value=1.0)

    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with monitor_with(Slow()) as monitor, anyio.create_task_group() as group:
        group.start_soon(tick)
        await monitor.dashboards.draw("d")
        group.cancel_scope.cancel()
    assert ticks >= 3


async def test_who_asks_the_same_at_once_is_served_by_one_look():
    """500 viewers of a wall cost one look a second."""
    calls = []

    class Counts(Panel):
        kind = "counts"

        def show(self, view):
            calls.append(1)
            return Stat(value=1.0)

    async with monitor_with(Counts()) as monitor:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(monitor.dashboards.draw, "d")
        assert len(calls) <= 3
