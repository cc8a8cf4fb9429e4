"""``isolate = "process"``: what a probe does there harms nobody here, and it says the same as here."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest
from tests.web.serving import Serving, eventually

from auscult import Check, Component, Monitor, Ping, Reading, SecretStr, Status
from auscult.runtime.egress import EgressPolicy

pytestmark = pytest.mark.anyio
PATIENCE = 60.0
"""A worker process has to start; a busy machine takes its time."""


class Tells(Check):
    """Says what it sees of the world."""

    kind = "tells"
    token: SecretStr = ""

    async def probe(self, ctx):
        (ctx.state_dir / "mark").write_text("was here")
        told = ",".join(ping.message for ping in ctx.pings)
        return Reading.healthy(f"pid {os.getpid()} pings {told} at {ctx.state_dir}", answer=42)


class Reaches(Check):
    """Connects to where it should not."""

    kind = "reaches"

    async def probe(self, ctx):
        return Reading.healthy(str(await ctx.resolve("127.0.0.1", 1)))


class Crashes(Check):
    """Takes its process with it."""

    kind = "crashes"

    async def probe(self, ctx):
        ctypes.string_at(0)


class Leaves(Check):
    """Ends its process."""

    kind = "leaves"

    async def probe(self, ctx):
        os._exit(0)


class Says(Check):
    """Raises with what it was given in confidence."""

    kind = "says"
    token: SecretStr

    async def probe(self, ctx):
        print("noise on standard output", file=sys.stdout)
        raise ValueError(f"the token {self.token} was refused")


class Hangs(Check):
    """Blocks for ever, and tells in which process."""

    kind = "hangs"
    note: str

    async def probe(self, ctx):
        Path(self.note).write_text(str(os.getpid()))
        time.sleep(10_000)


def apart(check, **keys):
    keys = {"interval": 3600.0, "timeout": PATIENCE, "failures": 1, "successes": 1} | keys
    return Component(name="apart", check=check, isolate="process", **keys)


async def once(check, **options):
    async with Monitor([apart(check)], **options) as monitor:
        return await monitor.check_now("apart")


async def test_it_is_another_process_that_sees_the_same(tmp_path):
    """Its own process; the same state directory, the same signs of life."""
    async with Monitor([apart(Tells())], state_dir=tmp_path) as monitor:
        await monitor.check_now("apart")  # the first probe, or the one in flight
        await monitor.ping("apart", Ping(at=monitor.clock.now_ms(), message="hello"))
        result = await monitor.check_now("apart")
        while "hello" not in result.message:
            result = await monitor.check_now("apart")
    assert result.status is Status.HEALTHY, result.message
    assert result.measurements == {"answer": 42}
    assert f"pid {os.getpid()} " not in result.message
    assert str(tmp_path) in result.message
    assert (tmp_path / "components" / "apart" / "mark").read_text() == "was here"


async def test_the_egress_policy_holds_there_too():
    """A process of its own is no way around it."""
    result = await once(Reaches(), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.status is Status.UNHEALTHY
    assert "127.0.0.1 may not be connected to: it is denied by the configuration" in result.message
    assert (await once(Reaches())).message == "[('127.0.0.1', 1)]"


@pytest.mark.parametrize("check", [Crashes(), Leaves()], ids=["segfault", "exit"])
async def test_a_process_that_dies_is_a_result(check):
    """A segmentation fault in a driver takes one probe, not the monitor; the next probe gets a new process."""
    async with Monitor([apart(check)]) as monitor:
        for _ in range(2):
            result = await monitor.check_now("apart")
            assert (result.status, result.message) == (
                Status.UNHEALTHY,
                "its process ended in the middle of the probe",
            )


async def test_what_it_raises_is_its_message_without_secrets(capfd):
    """And what it prints does not disturb the answer."""
    result = await once(Says(token="geheim-geheim"))
    assert (result.status, result.message) == (Status.UNHEALTHY, "the token *** was refused")


async def test_a_function_that_cannot_be_handed_over_is_a_sentence():
    """A function made on the spot exists in this process only."""
    monitor = Monitor()
    monitor.health.register("apart", check=lambda: True, isolate="process", timeout=PATIENCE, interval=3600)
    async with monitor:
        result = await monitor.check_now("apart")
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("what it needs cannot be handed to a process of its own: ")


async def test_a_hang_is_killed_with_its_process(tmp_path):
    """At its timeout, whatever it does; nothing stays behind."""
    note = tmp_path / "pid"
    async with Monitor([apart(Hangs(note=str(note)), timeout=PATIENCE / 3)]) as monitor:
        with anyio.fail_after(PATIENCE):
            while not note.exists() or not note.read_text():
                await anyio.sleep(0.02)
            while not monitor.recent_results("apart", 1):
                await anyio.sleep(0.02)
        assert monitor.recent_results("apart", 1)[0].message == f"no answer within {PATIENCE / 3:g} s"
        pid = int(note.read_text())
        with anyio.fail_after(PATIENCE):
            while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                await anyio.sleep(0.05)
        assert monitor.stats().hung == 0


LOCAL = '''
import os, time
from auscult import Check, Reading, hookimpl


class Blocks(Check):
    """Blocks, as a driver does that knows no event loop."""

    kind = "blocks"
    seconds: float

    async def probe(self, ctx):
        time.sleep(self.seconds)
        return Reading.healthy(f"slept in {os.getpid()}")


@hookimpl
def auscult_checks():
    return [Blocks]
'''


def test_a_local_plugin_in_a_server(tmp_path):
    """The remedy that the server itself names, as a user writes it down: the loop is never blocked."""
    (tmp_path / "slow.py").write_text(LOCAL)
    config = """
    plugins = ["./slow.py"]
    [components.driver]
    check = "blocks"
    seconds = 1.5
    isolate = "process"
    timeout = "60s"
    interval = "60s"
    """
    with Serving(tmp_path, config) as server, server.client() as client:
        eventually(lambda: client.get("/api/v1/components/driver").json()["status"] == "healthy", PATIENCE)
        message = client.get("/api/v1/components/driver").json()["message"]
        assert message.startswith("slept in ")
        assert message != f"slept in {server.process.pid}"
        assert "the event loop is blocked by the probe" not in server.said
        assert server.end()[0] == 0
