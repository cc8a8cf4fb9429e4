"""Every exporter that pushes, bundled or contributed, under the same faults.

Hours pass on a clock that the test moves; requests and files are real.
"""

from __future__ import annotations

import asyncio
import gzip
import heapq
import itertools
import json
import random
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from email.utils import formatdate
from typing import Any

import pytest
from tests.exporting import family, monitor_with, now_ms, snapshot, until
from tests.plugins.channels.receiver import Receiver, reply
from tests.plugins.exporters.test_remote_write import decoded
from tests.servers.process import free_port
from tests.servers.vendor import RESET, Answer, serving

from auscult import Catalogue, Exporter, Snapshot, Status
from auscult.metrics_exporter import JSONExporter
from auscult.options import convert_options
from auscult.runtime.context import Services
from auscult.runtime.loop import AsyncioLoop, Handle
from auscult.runtime.pushing import Pushing
from auscult.testing import ManualClock

pytestmark = pytest.mark.anyio
OPTIONS: dict[str, dict[str, Any]] = {
    "json": {"endpoint_url": "{url}/"},
    "prometheus": {"pushgateway_url": "{url}", "delete_on_stop": False},
    "remote-write": {"url": "{url}/api/v1/write", "metadata": False},
    "otlp": {"url": "{url}", "protocol": "http/json"},
    "datadog": {"api_key": "key", "url": "{url}"},
    "newrelic": {"license_key": "key", "metrics_url": "{url}"},
}
HALVED = ("json", "remote-write", "otlp")
"""Those that send less at a time to a destination that takes less."""
INTERVAL = 30.0
MINUTE, HOUR = 60.0, 3600.0


def make(kind: str, url: str, **more: Any) -> Exporter:
    """One exporter of that kind, to that address."""
    filled = {
        name: value.replace("{url}", url) if isinstance(value, str) else value for name, value in OPTIONS[kind].items()
    }
    return convert_options({**filled, **more}, Catalogue.discover().exporter(kind))


def test_none_is_missing():
    """A new exporter that pushes is added here."""
    exporters = Catalogue.discover().exporters
    ours = {kind for kind, cls in exporters.items() if cls.__module__.startswith("auscult")}
    assert {kind for kind in ours if exporters[kind].push is not Exporter.push} == set(OPTIONS)


def moment(kind: str, request) -> int:
    """The time (s) of the snapshot in a request."""
    if kind == "remote-write":
        return decoded(request).timeseries[0].samples[0].timestamp // 1000
    text = gzip.decompress(request.body).decode()
    if kind == "prometheus":
        return int(float(re.search(r"^marker (\S+)$", text, re.MULTILINE)[1]))
    document = json.loads(text)
    if kind == "json":
        return int(document["metrics"][0]["samples"][0]["value"])
    if kind == "otlp":
        (metric, *_) = document["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        return int(metric["gauge"]["dataPoints"][0]["timeUnixNano"]) // 10**9
    if kind == "datadog":
        return document["series"][0]["points"][0]["timestamp"]
    return document[0]["metrics"][0]["timestamp"] // 1000


class Hours:
    """A loop whose tasks are real and whose timers belong to a clock that is moved by hand."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self._real = clock, AsyncioLoop()
        self._timers: list[tuple[float, int, Callable[[], None] | None, list[bool]]] = []
        self._order = itertools.count()
        self._busy = 0

    def spawn(self, work) -> Handle:
        """See `Loop.spawn`."""

        async def counted() -> None:
            self._busy += 1
            try:
                await work()
            finally:
                self._busy -= 1

        return self._real.spawn(counted)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """See `Loop.call_later`."""
        off = [False]
        heapq.heappush(self._timers, (self._clock.monotonic() + max(delay, 0.001), next(self._order), callback, off))

        class Off:
            def cancel(self) -> None:
                off[0] = True

        return Off()

    async def idle(self) -> None:
        """Until whatever was begun is done."""
        deadline = time.monotonic() + 60
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0 if quiet else 0.0005)
            quiet = 0 if self._busy else quiet + 1
            assert time.monotonic() < deadline, "something never ends"

    async def let_pass(self, seconds: float) -> None:
        """Let that much time pass, with everything that is due meanwhile."""
        end = self._clock.monotonic() + seconds
        await self.idle()
        while self._timers and self._timers[0][0] <= end:
            due, _, callback, off = heapq.heappop(self._timers)
            if not off[0]:
                self._clock.advance(max(0.0, due - self._clock.monotonic()))
                callback()
                await self.idle()
        self._clock.advance(max(0.0, end - self._clock.monotonic()))


class Running:
    """One exporter at work on such a loop."""

    def __init__(self, exporter: Exporter, state_dir) -> None:
        self.clock = ManualClock(now_ms() - 3 * 3_600_000)
        self.hours = Hours(self.clock)
        self.taken: list[int] = []
        self._pushing = Pushing(
            self.hours,
            Services(self.clock, None, state_dir),
            self._take,
            lambda *_: None,
            rng=random.Random(5),
        )
        self._pushing.set_exporters({"out": exporter}, lambda _: INTERVAL)

    async def _take(self, _: int) -> Snapshot:
        at = self.clock.now_ms()
        self.taken.append(at // 1000)
        marker = family("marker", "gauge", ("", {}, at // 1000))
        return snapshot(at, marker, family("turns_total", "counter", ("_total", {}, len(self.taken))))

    @property
    def stats(self):
        """How the exporter is doing."""
        return self._pushing.stats()["out"]


@pytest.fixture
def anyio_backend() -> str:
    """The clock of these tests moves asyncio's tasks; the monitor's own tests run on both."""
    return "asyncio"


@pytest.mark.parametrize("kind", OPTIONS)
async def test_an_hour_without_a_destination(kind, tmp_path):
    """Nobody listens for an hour. Afterwards every snapshot is there, once, in order; what a destination does not take
    of the past is counted as dropped, one by one."""
    port = free_port()
    running = Running(make(kind, f"http://127.0.0.1:{port}"), tmp_path)
    receiver = Receiver(port=port)
    receiver.otherwise = reply(200, b"{}")
    await running.hours.let_pass(5 * MINUTE)
    assert running.stats.pushed >= 9
    assert running.stats.failed == 0
    receiver.close()
    await running.hours.let_pass(HOUR)
    assert running.stats.failed >= 100
    assert "ConnectError" in running.stats.last_error
    before = receiver.requests
    buffers = type(make(kind, "http://127.0.0.1:1")).buffers
    assert (running.stats.waiting >= 100) == buffers
    receiver = Receiver(port=port)
    receiver.otherwise = reply(200, b"{}")
    try:
        await running.hours.let_pass(5 * MINUTE)
    finally:
        receiver.close()
    assert running.stats.waiting == 0
    assert running.stats.last_error == ""
    arrived = [moment(kind, request) for request in (*before, *receiver.requests)]
    assert arrived == sorted(set(arrived))
    assert len(running.taken) == len(arrived) + running.stats.dropped
    if buffers and kind != "datadog":
        assert running.stats.dropped == 0
    assert running.stats.dropped <= (3 if buffers else 10**6), "Datadog takes an hour but for a minute"
    assert max(running.taken) - max(arrived) <= INTERVAL


@pytest.mark.parametrize(
    ("kind", "status"),
    [(kind, status) for kind in OPTIONS for status in (400, 401, 403, 404, 413) if status != 413 or kind not in HALVED],
)
async def test_what_is_refused_for_good(kind, status, tmp_path):
    """Is not tried again, is counted, and told; the next snapshot goes out at its own time."""
    with serving(lambda _: Answer(200, "{}")) as vendor:
        running = Running(make(kind, vendor.url), tmp_path)
        await running.hours.let_pass(3)
        vendor.fail(*[Answer(status, "because I say so")] * 2)
        await running.hours.let_pass(2 * INTERVAL)
        stats = running.stats
        assert (stats.failed, stats.dropped, stats.waiting) == (2, 2, 0)
        assert f"answered {status}" in stats.last_error
        assert "because I say so" in stats.last_error
        await running.hours.let_pass(INTERVAL)
        assert running.stats.last_error == ""
        assert vendor.seen == len(running.taken)


def samples_in(kind: str, request) -> int:
    """How many samples one request holds."""
    if kind == "remote-write":
        return len(decoded(request).timeseries)
    document = json.loads(gzip.decompress(request.body))
    if kind == "json":
        return sum(len(each["samples"]) for each in document["metrics"])
    (scope,) = document["resourceMetrics"][0]["scopeMetrics"]
    return sum(len(each.get("gauge", each.get("sum"))["dataPoints"]) for each in scope["metrics"])


@pytest.mark.parametrize("kind", HALVED)
async def test_a_destination_that_takes_little_at_a_time(kind, tmp_path):
    """413: nothing is lost, and it is asked for too much once, not with every snapshot."""
    taken: list[int] = []

    def judge(request) -> Answer:
        if (count := samples_in(kind, request)) > 1:
            return Answer(413, "too large")
        taken.append(count)
        return Answer(200, "{}")

    with serving(judge) as vendor:
        running = Running(make(kind, vendor.url), tmp_path)
        await running.hours.let_pass(3 * INTERVAL + 3)
        stats = running.stats
        assert (stats.failed, stats.dropped, stats.waiting) == (0, 0, 0)
        assert len(running.taken) >= 3
        assert len(taken) == 2 * len(running.taken)
        assert vendor.seen == len(taken) + 1


@pytest.mark.parametrize("kind", HALVED)
async def test_a_destination_that_takes_nothing_at_all(kind, tmp_path):
    """413 for a single sample as well: refused for good, counted and told."""
    with serving(lambda _: Answer(413, "too large")) as vendor:
        running = Running(make(kind, vendor.url), tmp_path)
        await running.hours.let_pass(3)
        stats = running.stats
        assert (stats.failed, stats.dropped, stats.waiting) == (1, 1, 0)
        assert "answered 413" in stats.last_error


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_destination_that_asks_for_time(kind, form, tmp_path):
    """429 with Retry-After: nothing before its time is over, soon after it everything."""
    asked = 200.0
    times: list[float] = []
    with serving(lambda _: Answer(200, "{}")) as vendor:
        running = Running(make(kind, vendor.url), tmp_path)
        answer = vendor.answer
        vendor.answer = lambda request: times.append(running.clock.monotonic()) or answer(request)
        await running.hours.let_pass(3)
        # The vendor's own `Date` is that of the wall clock, and a date is counted from there.
        value = "200" if form == "seconds" else formatdate(time.time() + asked, usegmt=True)
        vendor.fail(Answer(429, "slow down", {"Retry-After": value}))
        await running.hours.let_pass(asked + 3 * INTERVAL)
        assert "answered 429" not in running.stats.last_error
        assert running.stats.waiting == 0
    refused, after = times[1], times[2]
    assert asked - 5 <= after - refused <= asked * 1.1 + 1.5
    buffers = type(make(kind, "http://127.0.0.1:1")).buffers
    assert (running.stats.dropped == 0) == buffers


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("fault", [RESET, Answer(500), Answer(503, "", {"Retry-After": "5"}), Answer(408)], ids=str)
async def test_what_passes(kind, fault, tmp_path):
    """A reset connection and errors over there: the same snapshot arrives before the next one is due."""
    with serving(lambda _: Answer(200, "{}")) as vendor:
        running = Running(make(kind, vendor.url), tmp_path)
        await running.hours.let_pass(3)
        vendor.fail(fault)
        await running.hours.let_pass(INTERVAL)
        assert running.stats.failed == 1
        await running.hours.let_pass(INTERVAL / 2)
        assert running.stats.last_error == ""
        assert running.stats.waiting == 0
        if type(make(kind, vendor.url)).buffers:
            assert running.stats.dropped == 0
            assert len(vendor.taken) == len(running.taken)


@contextmanager
def never_accepted():
    """A port where connections are made by the kernel, and nobody ever reads from them: half open."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def never_answered():
    """A port where requests are read, and nothing is said."""
    receiver = Receiver()
    receiver.otherwise = receiver.hang
    try:
        yield f"http://127.0.0.1:{receiver.port}"
    finally:
        receiver.close()


@pytest.mark.parametrize("half_open", [never_accepted, never_answered])
@pytest.mark.parametrize("kind", OPTIONS)
async def test_one_that_hangs_delays_no_other(kind, half_open, tmp_path):
    """It is cut at its limit and says so; another exporter of the same monitor keeps its pace meanwhile."""
    with ExitStack() as stack:
        slow = make(kind, stack.enter_context(half_open()), timeout=3, push_interval=0.5)
        other = JSONExporter(file_path=str(tmp_path / "m.json"), push_interval=0.1)
        async with monitor_with({"slow": slow, "other": other}) as monitor:
            await until(lambda: monitor.metrics.exporter_stats()["other"].pushed >= 5)
            assert monitor.metrics.exporter_stats()["slow"].failed == 0, "the other one waited for it"
            await until(lambda: monitor.metrics.exporter_stats()["slow"].failed >= 1)
            assert "no answer within 3 s" in monitor.metrics.exporter_stats()["slow"].last_error
            assert monitor.component_health("exporter.slow").status is Status.UNHEALTHY
            assert monitor.component_health("exporter.other").status is Status.HEALTHY
