"""`probe_once` does to a check what the monitor does, on both event loops."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import httpx
import pytest

from auscult import Check, Measurement, Origin, Ping, Reading, SecretStr, Status
from auscult.testing import FakeContext, ManualClock, probe_once

pytestmark = pytest.mark.anyio


class Probes(Check):
    """Does what it is told."""

    kind = "probes"
    measurements = (Measurement("documents", "documents", "How many there are."),)

    what: object
    password: SecretStr = ""

    async def probe(self, ctx):
        return await self.what(ctx)


class Keeps(Check):
    """Keeps a connection."""

    kind = "keeps"
    seen: list[str]

    async def open(self, ctx):
        self.seen.append("open")

        async def once():
            self.seen.append("once")
            return Reading.healthy()

        yield once
        self.seen.append("close")

    async def probe(self, ctx):
        return await super().probe(ctx)


@pytest.fixture
def server() -> Iterator[str]:
    """A real HTTP server on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


async def test_a_reading_becomes_a_result():
    """With the component's name, a duration and the origin."""

    async def what(ctx):
        assert ctx.component == "kb"
        return Reading.healthy("fine", documents=12)

    result = await probe_once(Probes(what=what), name="kb")
    assert (result.component, result.status, result.message, result.origin) == ("kb", "healthy", "fine", Origin.PROBE)
    assert result.measurements == {"documents": 12}
    assert result.duration >= 0
    assert result.at > 1_700_000_000_000


async def test_the_client_reaches_loopback_and_no_metadata_service(server):
    """The monitor's own transport and policy, no stand-in."""

    async def what(ctx):
        return Reading.healthy((await ctx.http.get(server)).text)

    assert (await probe_once(Probes(what=what))).message == "hello"

    async def forbidden(ctx):
        await ctx.http.get("http://169.254.169.254/latest/meta-data")

    result = await probe_once(Probes(what=forbidden))
    assert result.status == Status.UNHEALTHY
    assert "may not be connected to" in result.message


async def test_a_function_may_answer_instead():
    """For answers that no server gives on demand."""

    async def what(ctx):
        reply = await ctx.http.get("http://kb.internal/ready")
        return Reading.degraded(f"{reply.status_code} {reply.text}")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, text=f"no {request.url.path}")

    result = await probe_once(Probes(what=what), answer=answer)
    assert (result.status, result.message) == ("degraded", "503 no /ready")


async def test_an_exception_is_unhealthy_without_its_secrets():
    """What the probe raises is the message; a secret option in it is masked."""

    async def what(ctx):
        raise ConnectionError("the password hunter2hunter2 was refused")

    result = await probe_once(Probes(what=what, password="hunter2hunter2"))
    assert (result.status, result.origin) == ("unhealthy", Origin.EXCEPTION)
    assert result.message == "the password *** was refused"


async def test_the_time_limit_is_real():
    """A probe that takes too long is cut, whatever the test's own clock says."""

    async def what(ctx):
        await anyio.sleep_forever()

    begin = time.monotonic()
    result = await probe_once(Probes(what=what), timeout=0.2, clock=ManualClock())
    assert (result.status, result.origin) == ("unhealthy", Origin.TIMEOUT)
    assert time.monotonic() - begin < 10


async def test_a_kept_connection_is_closed_again():
    """`open`, one probe, and the part after the yield."""
    check = Keeps(seen=[])
    await probe_once(check)
    assert check.seen == ["open", "once", "close"]


async def test_clock_pings_and_state_are_the_tests():
    """A heartbeat's time and signs of life are given; the state directory is temporary and gone afterwards."""
    clock = ManualClock()
    places = []

    async def what(ctx):
        places.append(ctx.state_dir)
        (ctx.state_dir / "seen").write_text("x")
        return Reading.healthy(f"{len(ctx.pings)} at {ctx.clock.now_ms()}")

    result = await probe_once(Probes(what=what), clock=clock, pings=[Ping(1), Ping(2)])
    assert result.message == f"2 at {clock.now_ms()}"
    assert not places[0].exists()


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("healthy", "a probe returns a Reading"),
        (Reading.healthy(documents=float("nan")), "1 of its numbers were dropped"),
        (Reading.healthy(pages=3.0), "carries `pages`, which Probes.measurements does not declare"),
    ],
)
async def test_what_the_monitor_would_list_as_a_problem_fails(returned, sentence):
    """A test that gets no reading from its plugin must not pass."""

    async def what(ctx):
        return returned

    with pytest.raises(AssertionError, match=sentence):
        await probe_once(Probes(what=what))


async def test_a_blocked_event_loop_fails():
    """As the watchdog of the server sees it, with the line at fault."""

    async def what(ctx):
        time.sleep(1.2)
        return Reading.healthy()

    with pytest.raises(AssertionError, match=r"blocked the event loop.*isolate"):
        await probe_once(Probes(what=what))


async def test_a_swallowed_cancellation_fails():
    """It would burn a core, or hang for ever."""
    released = False

    async def what(ctx):
        while not released:
            try:
                await anyio.sleep(0.01)
            except BaseException:
                time.sleep(0.01)

    try:
        with pytest.raises(AssertionError, match="ignored its cancellation"):
            await probe_once(Probes(what=what), timeout=0.1)
    finally:
        released = True


async def test_a_context_for_calling_probe_oneself(server):
    """`FakeContext` alone: the exception arrives as it was raised."""
    async with FakeContext() as ctx:
        assert (await ctx.http.get(server)).text == "hello"
        assert await ctx.in_thread(lambda: 3) == 3
        assert await ctx.resolve("127.0.0.1", 80) == [("127.0.0.1", 80)]
        assert ctx.log.name == "auscult.plugins.test"
