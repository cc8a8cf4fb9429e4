"""Who is blamed for a blocked loop, and who is not: an import, a machine that stands still, who is only slow."""

from __future__ import annotations

import signal
import sys
import time

import anyio
import pytest
from tests.web.serving import Serving, eventually

from auscult import Check, Component, Monitor, Reading, Status

PATIENCE = 60.0


class Imports(Check):
    """Imports its driver at the first probe, as checks do."""

    kind = "imports"
    module: str

    async def probe(self, ctx):
        __import__(self.module)
        return Reading.healthy("imported")


class Sleeps(Check):
    """Blocks once, and says so."""

    kind = "sleeps"
    seconds: list[float]

    async def probe(self, ctx):
        if self.seconds:
            time.sleep(self.seconds.pop())
        return Reading.healthy()


class Computes(Check):
    """Computes without an await."""

    kind = "computes"

    async def probe(self, ctx):
        until = time.thread_time() + 1000
        while time.thread_time() < until:
            pass


def parked_and_told(monitor):
    """The component is probed no more, and a problem says why."""
    return monitor.stats().parked and any(problem.stage == "blocked" for problem in monitor.problems)


async def watched(check, until, **options):
    """The monitor, stopped, once `until` holds."""
    component = Component(name="one", check=check, interval=0.5, timeout=PATIENCE, failures=1, successes=1)
    monitor = Monitor([component], **options)
    async with monitor:
        with anyio.fail_after(PATIENCE):
            while not until(monitor):
                await anyio.sleep(0.02)
    return monitor


@pytest.mark.anyio
@pytest.mark.parametrize("interrupt", [False, True])
async def test_an_import_is_neither_blamed_nor_interrupted(tmp_path, monkeypatch, interrupt):
    """A driver that takes long to import is imported once and whole."""
    name = f"slow_driver_{interrupt}_{id(tmp_path)}"
    (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(2)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monitor = await watched(
        Imports(module=name), lambda m: m.component_health("one").status == Status.HEALTHY, interrupt=interrupt
    )
    assert sys.modules.pop(name).whole
    assert monitor.stats().parked == 0
    assert not [problem for problem in monitor.problems if problem.stage == "blocked"]


@pytest.mark.anyio
@pytest.mark.parametrize("interrupt", [False, True])
async def test_who_sleeps_on_the_loop_is_blamed(interrupt):
    """Named with the line, with a remedy, and parked; where the loop is ours it comes back at once."""
    seconds = 1000.0 if interrupt else 3.0
    begin = time.monotonic()
    monitor = await watched(Sleeps(seconds=[seconds]), parked_and_told, interrupt=interrupt)
    assert time.monotonic() - begin < PATIENCE
    (problem,) = [problem for problem in monitor.problems if problem.stage == "blocked"]
    assert "time.sleep(self.seconds.pop())" in problem.message
    assert 'isolate = "process"' in problem.remedy


@pytest.mark.anyio
async def test_who_computes_on_the_loop_is_blamed():
    """Though it is at another place at every look."""
    monitor = await watched(Computes(), parked_and_told, interrupt=True)
    assert monitor.stats().loop_blocked == 1


CHECKS = '''
import asyncio
from auscult import Check, Reading, hookimpl


class Fine(Check):
    """Does a little, often."""

    kind = "fine"

    async def probe(self, ctx):
        for _ in range(50):
            sum(range(2000))
            await asyncio.sleep(0)
        return Reading.healthy()


@hookimpl
def auscult_checks():
    return [Fine]
'''


def test_a_machine_that_stands_still_is_nobodys_fault(tmp_path):
    """A process that was stopped, as by a debugger or a suspended virtual machine, blames and parks no probe."""
    (tmp_path / "checks.py").write_text(CHECKS)
    config = 'plugins = ["./checks.py"]\n' + "".join(
        f'[components.c{i}]\ncheck = "fine"\ninterval = "500ms"\ntimeout = "60s"\n' for i in range(20)
    )
    with Serving(tmp_path, config) as server, server.client() as client:
        eventually(lambda: client.get("/health").json()["healthy_components"] == 20)
        for _ in range(5):
            server.signal(signal.SIGSTOP)
            time.sleep(1.2)
            server.signal(signal.SIGCONT)
            time.sleep(0.5)
        assert client.get("/-/healthy").status_code == 200
        eventually(lambda: client.get("/health").json()["healthy_components"] == 20)
        assert "the event loop is blocked by the probe" not in server.said
        assert client.get("/api/v1/plugins").json()["problems"] == []
