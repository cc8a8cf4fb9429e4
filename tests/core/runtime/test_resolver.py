"""Names to addresses: in few threads, never twice at once, and with a sentence when it fails."""

import socket
import threading
import time

import anyio
import pytest

from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver, is_literal

pytestmark = pytest.mark.anyio


def resolver(look_up=None, **options):
    return Resolver(EgressPolicy(), look_up=look_up, **options)


async def test_a_literal_address_needs_no_thread():
    """An address is given back as it is; nothing is looked up."""
    before = threading.active_count()

    def never(host):
        raise AssertionError(host)

    assert await resolver(never).resolve("127.0.0.1", 80) == [("127.0.0.1", 80)]
    assert await resolver(never).resolve("::1", 443) == [("::1", 443)]
    assert threading.active_count() == before


async def test_a_name_of_this_machine_resolves():
    """The system's resolver is asked; each address comes once."""
    found = await resolver().resolve("localhost", 8080)
    assert ("127.0.0.1", 8080) in found or ("::1", 8080) in found
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "there is no such name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "the name server did not answer, or failed"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable"), "the name server refused or failed"),
        (socket.gaierror(getattr(socket, "EAI_NODATA", -5), "No address"), "the name has no address"),
        (socket.gaierror(socket.EAI_MEMORY, "out of memory"), "out of memory"),
        (UnicodeError("label too long"), "it is not a host name"),
        (ValueError("embedded null character"), "it is not a host name"),
        (RuntimeError("what"), "what"),
    ],
)
async def test_failures_are_told_apart_in_words(error, words):
    """A name that does not exist is not a name server that does not answer."""

    def fails(host):
        raise error

    with pytest.raises(OSError, match=f"cannot resolve db.example: {words}"):
        await resolver(fails).resolve("db.example", 5432)


async def test_an_empty_answer_is_a_failure():
    """No address at all is said, not handed on."""
    with pytest.raises(OSError, match="there is no such name"):
        await resolver(lambda host: []).resolve("empty.example", 80)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "nul\0name", "ü" * 80])
async def test_what_is_no_host_name_is_said_so(host):
    """The system's resolver never sees it, or refuses it."""
    with pytest.raises(OSError, match="cannot resolve"):
        await resolver().resolve(host, 80)


async def test_an_address_that_changes_is_seen():
    """Nothing is remembered from one look to the next."""
    answers = iter([["10.0.0.1"], ["10.0.0.2"]])
    changing = resolver(lambda host: next(answers))
    assert await changing.resolve("moving.example", 80) == [("10.0.0.1", 80)]
    assert await changing.resolve("moving.example", 80) == [("10.0.0.2", 80)]


async def test_probes_of_one_name_share_a_look_up():
    """A hundred questions at once, one thread."""
    asked, release = [], threading.Event()

    def slow(host):
        asked.append(host)
        release.wait(5)
        return ["10.0.0.1"]

    shared, answers = resolver(slow), []

    async def ask(port):
        answers.append(await shared.resolve("busy.example", port))

    async with anyio.create_task_group() as group:
        for port in range(100):
            group.start_soon(ask, port)
        await anyio.sleep(0.05)
        release.set()
    assert asked == ["busy.example"]
    assert sorted(answers) == [[("10.0.0.1", port)] for port in range(100)]


async def test_a_hanging_look_up_is_left_by_whoever_is_cancelled():
    """`getaddrinfo` cannot be cancelled; the probe that waits for it can."""
    release = threading.Event()

    def hangs(host):
        release.wait(10)
        return ["10.0.0.1"]

    try:
        begin = time.monotonic()
        with anyio.move_on_after(0.05) as scope:
            await resolver(hangs).resolve("hangs.example", 80)
        assert scope.cancelled_caught
        assert time.monotonic() - begin < 2
    finally:
        release.set()


async def test_a_stuck_name_server_is_refused_politely_and_used_again_when_it_is_back():
    """Hanging look-ups take the few threads there are; later ones are refused in words at once, until one returns."""
    release = threading.Event()

    def look_up(host):
        if host.startswith("hangs"):
            release.wait(10)
        return ["10.0.0.1"]

    few = resolver(look_up, threads=2, stuck=0.1)
    before = threading.active_count()

    try:
        for number in range(10):
            with anyio.move_on_after(0.05):
                await few.resolve(f"hangs{number % 2}", 80)
        assert threading.active_count() - before <= 2
        await anyio.sleep(0.15)
        begin = time.monotonic()
        with pytest.raises(OSError, match="2 look-ups hang already, the name server is stuck"):
            await few.resolve("other.example", 80)
        assert time.monotonic() - begin < 0.09, "the refusal itself does not wait"
        assert await few.resolve("127.0.0.1", 80) == [("127.0.0.1", 80)]
    finally:
        release.set()
    with anyio.fail_after(60):
        while True:
            try:
                assert await few.resolve("other.example", 80) == [("10.0.0.1", 80)]
                break
            except OSError:
                await anyio.sleep(0.01)


async def test_a_question_that_never_got_a_thread_is_refused_after_a_moment():
    """Asked while every thread had just begun: it waits its turn, and then is told why."""
    release = threading.Event()

    def hangs(host):
        release.wait(10)
        return ["10.0.0.1"]

    one = resolver(hangs, threads=1, stuck=0.1)

    async def first():
        await one.resolve("first.example", 80)

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await anyio.sleep(0.02)
        with pytest.raises(OSError, match="the name server is stuck"):
            await one.resolve("second.example", 80)
        release.set()


def test_the_exit_does_not_wait_for_a_hanging_look_up():
    """The threads are daemons: a process with a hanging name server ends at once."""
    import subprocess
    import sys

    program = """
import anyio, time
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

async def main():
    with anyio.move_on_after(0.05):
        await Resolver(EgressPolicy(), look_up=lambda host: time.sleep(60)).resolve("hangs.example", 80)

anyio.run(main)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


async def test_a_resolver_outlives_its_loop():
    """A look-up begun under one event loop does not spoil the name for another loop."""
    release = threading.Event()

    def look_up(host):
        release.wait(10)
        return ["10.0.0.1"]

    kept = resolver(look_up)

    def elsewhere():
        async def leave():
            with anyio.move_on_after(0.02):
                await kept.resolve("kept.example", 80)

        anyio.run(leave)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    release.set()
    assert await kept.resolve("kept.example", 80) == [("10.0.0.1", 80)]


def test_literals_are_the_usual_spellings_only():
    """Odd spellings are names: the resolver says what they mean, and the policy judges that."""
    assert all(map(is_literal, ["127.0.0.1", "::1", "::ffff:1.2.3.4"]))
    assert not any(map(is_literal, ["127.1", "2130706433", "0x7f.1", "localhost", "", "fe80::1%lo", "1.2.3.4.5", "\0"]))
