"""The `statsd` source, over real sockets: every type of line, both transports, and whatever else is sent there."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.servers.process import free_port

from auscult import Catalogue, Monitor, Status
from auscult_plugins.statsd.lines import Refused
from auscult_plugins.statsd.series import Book

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "sources"
Statsd = Catalogue.discover().sources["statsd"]


class Listening:
    """A monitor with the source `statsd`, and a way to send to it."""

    def __init__(self, **options):
        self.port = options.pop("port", None) or free_port()
        self.monitor = Monitor()
        self.monitor.metrics.add_source("statsd", Statsd(port=self.port, flush_interval=0.1, **options))

    async def __aenter__(self):
        await self.monitor.__aenter__()
        await self.until(lambda: self.monitor.component_health("source.statsd").status is Status.HEALTHY)
        return self

    async def __aexit__(self, *error):
        await self.monitor.__aexit__(*error)

    async def until(self, what):
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline, self.monitor.component_health("source.statsd")
            await anyio.sleep(0.05)

    async def value(self, name, **labels):
        return (await self.monitor.metrics.snapshot()).value(name, **labels)

    async def reaches(self, wanted, name, **labels):
        """Wait until a series has that value."""
        deadline = time.monotonic() + 60
        while (found := await self.value(name, **labels)) != wanted:
            assert time.monotonic() < deadline, f"{name} is {found}, not {wanted}"
            await anyio.sleep(0.05)

    def udp(self, text):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(text if isinstance(text, bytes) else text.encode(), ("127.0.0.1", self.port))

    async def tcp(self, *pieces):
        async with await anyio.connect_tcp("127.0.0.1", self.port) as stream:
            for piece in pieces:
                await stream.send(piece)
                await anyio.sleep(0.02)


@pytest.mark.anyio
async def test_every_type_of_line():
    """Counters with rates, gauges that are set and moved, timers in seconds, histograms, sets; tags are labels."""
    async with Listening(labels={"host": "a"}, prefix="agent.") as there:
        there.udp("calls:1|c|#line:sales,vip\ncalls:2|c|@0.1|#line:sales,vip")
        there.udp("open:7|g\nopen:+3|g\nopen:-2|g\nlevel:-1.5|g")
        there.udp("answer:240|ms|@0.5\nanswer:20|ms\nfirst_ms:90|h\nsize:0.5:0.7:90|d")
        there.udp("callers:anna|s\ncallers:bert|s\ncallers:anna|s")
        await there.reaches(21, "agent_calls_total", host="a", line="sales", vip="true")
        await there.reaches(8, "agent_open", host="a")
        await there.reaches(-1.5, "agent_level", host="a")
        await there.reaches(3, "agent_answer_seconds_count", host="a")
        assert await there.value("agent_answer_seconds_bucket", host="a", le="0.02") == 1
        assert await there.value("agent_answer_seconds_bucket", host="a", le="0.32") == 3
        assert await there.value("agent_answer_seconds_sum", host="a") == pytest.approx(0.5)
        await there.reaches(1, "agent_first_seconds_bucket", host="a", le="0.16")
        await there.reaches(3, "agent_size_count", host="a")
        assert await there.value("agent_size_bucket", host="a", le="81.92") == 2
        await there.reaches(13, "statsd_lines_total", source="statsd")
        await there.reaches(0, "agent_callers", host="a")
        there.udp("callers:anna|s\ncallers:bert|s\ncallers:carl|s")
        await there.reaches(3, "agent_callers", host="a")
        health = there.monitor.component_health("source.statsd")
        assert health.status is Status.HEALTHY, health.message


@pytest.mark.anyio
async def test_tcp_in_any_pieces():
    """Lines cut anywhere, the last one without its end; several senders at a time."""
    async with Listening(transport="tcp") as there:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(there.tcp, b"ca", b"lls:1", b"|c\ncalls:2|c\nca", b"lls:4|c")
        await there.reaches(35, "calls_total")


@pytest.mark.anyio
async def test_what_is_refused_is_counted_and_harms_nobody():
    """By reason, and the lines beside it are taken."""
    async with Listening() as there:
        lines = {
            "malformed": ["nothing", "a:1", ":1|c", "|c"],
            "type": ["a:1|x", "_e{1,1}:a|b"],
            "rate": ["a:1|c|@0", "a:1|c|@2"],
            "number": ["a:x|c", "a:nan|g", "a:1e999|g", "a:1_0|c", "a:-1|c", "a:|c", "a:0x1|g"],
            "another type": ["taken:1|g"],
            "name": ["..:1|c", "x" * 200 + ":1|c"],
            "length": ["a" * 9000 + ":1|c"],
        }
        there.udp("taken.total:1|g")
        await there.reaches(1, "taken_total")
        lines["another type"] = ["taken:1|c"]
        for told in lines.values():
            there.udp("\n".join([*told, "good:1|c"]))
        there.udp(b"\xff\xfe\x00:\xff|\xff\ngood:1|c\ng\xc3\xa4ste:1|c|#\xff\xfe:\xff")
        await there.reaches(8, "good_total")
        await there.reaches(1, "g_ste_total")
        for reason, told in lines.items():
            more = 1 if reason == "type" else 0
            await there.reaches(len(told) + more, "statsd_lines_refused_total", source="statsd", reason=reason)


@pytest.mark.anyio
async def test_a_line_without_an_end():
    """A sender that never ends its line is cut off; others are not."""
    async with Listening() as there:
        async with await anyio.connect_tcp("127.0.0.1", there.port) as endless:
            cut = False
            with anyio.fail_after(60):
                while not cut:
                    try:
                        await endless.send(b"a" * 65_536)
                        await anyio.sleep(0.01)
                    except anyio.BrokenResourceError:
                        cut = True
        await there.tcp(b"good:1|c\n")
        await there.reaches(1, "good_total")
        await there.reaches(1, "statsd_lines_refused_total", source="statsd", reason="length")


@pytest.mark.anyio
async def test_too_many_connections_are_closed():
    """Those that are there go on."""
    async with Listening(transport="tcp") as there:
        streams = [await anyio.connect_tcp("127.0.0.1", there.port) for _ in range(64)]
        await there.tcp(b"calls:1|c\n")
        await there.reaches(1, "statsd_lines_refused_total", source="statsd", reason="connections")
        await streams[63].send(b"calls:2|c\n")
        await there.reaches(2, "calls_total")
        for stream in streams:
            await stream.aclose()


@pytest.mark.anyio
async def test_a_port_that_is_taken_is_said():
    """In the component, with the address; once it is free the source listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        monitor = Monitor()
        port = taken.getsockname()[1]
        monitor.metrics.add_source("statsd", Statsd(port=port, flush_interval=0.1, transport="udp"))
        async with monitor:
            with anyio.fail_after(60):
                while monitor.component_health("source.statsd").status is not Status.UNHEALTHY:
                    await anyio.sleep(0.05)
                assert f"it cannot listen at 127.0.0.1:{port}" in monitor.component_health("source.statsd").message
                taken.close()
                while monitor.component_health("source.statsd").status is not Status.HEALTHY:
                    await anyio.sleep(0.05)


@pytest.mark.anyio
async def test_the_example_in_the_documentation():
    """Its lines arrive as the page says."""
    async with Listening(labels={"host": "agent-1"}) as there:
        script = (EXAMPLES / "statsd_agent.py").read_text().replace("8125", str(there.port))
        exec(compile(script, "statsd_agent.py", "exec"), {})
        await there.reaches(1, "calls_answered_total", host="agent-1", line="sales")
        await there.reaches(3, "calls_open", host="agent-1")
        await there.reaches(2, "llm_first_token_seconds_count", host="agent-1", model="gpt-4o-mini")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_line_or_refused(line):
    """Nothing else is ever raised."""
    book = Book((1.0,), {}, "")
    with suppress(Refused):
        book.take(line, 0.0)
    assert len(book) <= 1


def test_floods_are_bounded():
    """Series, and members of sets: what is beyond is refused, what is there goes on."""
    book, refused = Book((1.0,), {}, ""), 0
    for number in range(51_000):
        try:
            book.take(b"n%d:1|c" % number, float(number))
        except Refused as error:
            refused += str(error) == "series"
    assert (len(book), refused) == (50_000, 1000)
    book.take(b"n7:1|c", 0.0)
    book.forget(49_000.0)
    assert len(book) == 1000
    for number in range(200_000):
        book.take(b"s:%d|s" % number, 60_000.0)
    with pytest.raises(Refused, match="members"):
        book.take(b"s:one more|s", 60_000.0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"buckets": []}, "1 to 100"),
        ({"buckets": [2.0, 1.0]}, "rise"),
        ({"transport": "pigeon"}, "expected both, udp or tcp"),
        ({"flush_interval": 0.0}, "at least 100ms"),
    ],
)
def test_options_that_cannot_be(options, says):
    """One sentence each."""
    with pytest.raises(ValueError, match=says):
        Statsd(**options)


def test_random_lines_add_up():
    """Ten thousand lines of three series come to the sums they should."""
    book, sums = Book((0.5,), {}, ""), {"a": 0, "b": 0, "c": 0}
    for _ in range(10_000):
        name, value = random.choice("abc"), random.randrange(5)
        sums[name] += value
        book.take(f"{name}:{value}|c".encode(), 0.0)

    class Context:
        told = {}

        def set(self, family, labels, value, **_):
            self.told[family.name] = value

    assert len(list(book.told(Context()))) == 3
    assert Context.told == {f"{name}_total": total for name, total in sums.items()}
    assert not list(book.told(Context())), "nothing has changed since"
