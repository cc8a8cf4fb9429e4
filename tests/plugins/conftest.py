"""Checks probed as in production: by a monitor, with its context, its timeout and its kept connection."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from enum import Enum

import anyio
import pytest

from auscult import Check, CheckResult, Component, Monitor
from auscult.runtime import scheduler

Look = Callable[[], Awaitable[CheckResult]]
Watch = Callable[..., AbstractAsyncContextManager[Look]]
HOUR = 3600.0


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """``async with watch(check, timeout=5) as look``: every ``await look()`` probes once over what is kept open.

    Every reading is compared with what its check declares. ``never`` is a text that may stand in no message and in
    no log, not even in the most talkative.
    """

    monkeypatch.setattr(scheduler, "FIRST_WITHIN", 0.0)  # first probes are not spread: there is one component

    @asynccontextmanager
    async def watching(check: Check, timeout: float = 20.0, never: str = "", **options: object) -> AsyncIterator[Look]:
        component = Component(name="tried", check=check, timeout=timeout, interval=HOUR, retry_interval=HOUR)
        monitor = Monitor([component], **options)
        first = anyio.Event()
        results: list[CheckResult] = []

        def listen(result: CheckResult, _change: object) -> None:
            if result.component == "tried":
                results.append(result)
                first.set()

        async def look() -> CheckResult:
            with anyio.fail_after(timeout + 10):
                if first.is_set():
                    results.append(await monitor.check_now("tried"))
                await first.wait()
            result = results[-1]
            first.set()
            _plausible(check, result)
            return result

        monitor.listen(listen)
        caplog.set_level("DEBUG", logger="auscult")
        await monitor.run()
        try:
            yield look
        finally:
            await monitor.stop()
            if never:
                assert never not in caplog.text
                assert not [result.message for result in results if never in result.message]

    return watching


@pytest.fixture
def look(watch: Watch) -> Callable[..., Awaitable[CheckResult]]:
    """``await look(check, timeout=5)``: probe once."""

    async def once(check: Check, timeout: float = 20.0, **options: object) -> CheckResult:
        async with watch(check, timeout, **options) as probe:
            return await probe()

    return once


def _plausible(check: Check, result: CheckResult) -> None:
    """Names are declared, percentages are percentages, nothing is negative, and the message is one line."""
    declared = {measurement.name: measurement for measurement in check.measurements}
    undeclared = set(result.measurements) - set(declared)
    assert check.kind == "command" or not undeclared, f"not declared: {undeclared}"
    for name, value in result.measurements.items():
        unit = declared[name].unit if name in declared else ""
        if unit == "percent":
            assert 0 <= value <= 100, f"{name} is {value}"
        elif name not in ("certificate_days_left", "exit_code") and unit:
            assert value >= 0, f"{name} is {value}"
    assert all(seconds >= 0 for seconds in result.stages.values())
    assert "\n" not in result.message


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that accepts connections, reads, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(listening.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


@pytest.fixture
def closed() -> int:
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class End(Enum):
    """What a server does that has said all."""

    FINISH = "says so, and listens on"
    KEEP = "keeps the connection"
    RESET = "resets the connection"


@pytest.fixture
def end() -> type[End]:
    """`End`, for tests: a module of theirs cannot import this one."""
    return End


@pytest.fixture
def says() -> Iterator[Callable[..., int]]:
    """``says(b"...", 0.5, b"...")``: a port that says so, with pauses, to everybody who connects."""
    opened: list[socket.socket] = []

    def serve(*parts: bytes | float, end: End = End.FINISH) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=_say, args=(connection, parts, end), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listening.getsockname()[1])

    yield serve
    for listening in opened:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _say(connection: socket.socket, parts: tuple[bytes | float, ...], end: End) -> None:
    with connection, suppress(OSError):
        connection.settimeout(5)
        for part in parts:
            if isinstance(part, bytes):
                connection.sendall(part)
            else:
                time.sleep(part)
        if end is End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if end is End.FINISH:
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
