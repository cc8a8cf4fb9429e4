"""CPU per fresh HTTP probe: auscult's `http` check between the floor and a general client, in one run.

    python -m tests.benchmarks.http_probe [--count 3000] [--rounds 3] [--json]

The floor is a bare `asyncio.Protocol` that connects, sends, reads to the end and parses nothing; the ceiling is
httpx, fresh connection each, as plugins are given it. All of them go to the same loopback target under uvloop,
in turn, 50 at a time; figures are medians of the rounds. Only this process's CPU is counted, not the target's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import uvloop
from tests.benchmarks.processes import free_port

from auscult import Component, Reading, SystemClock
from auscult.runtime.context import ProbeContext, Services
from auscult_plugins.http import HttpCheck

AT_ONCE = 50
TARGET = Path(__file__).parent / "target.py"
Once = Callable[[], Awaitable[object]]


class _Floor(asyncio.Protocol):
    def __init__(self, request: bytes, done: asyncio.Future[None]) -> None:
        self.request, self.done = request, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


def floor(port: int) -> Once:
    """Connect, send, wait for the end."""
    loop = asyncio.get_running_loop()
    request = b"GET /1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    async def once() -> None:
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda: _Floor(request, done), "127.0.0.1", port)
        await done

    return once


def ceiling(services: Services, port: int) -> Once:
    """The client that plugins are given."""

    async def once() -> None:
        answer = await services.client.get(f"http://127.0.0.1:{port}/1")
        assert answer.status_code == 200

    return once


async def measure(once: Once, count: int) -> float:
    """CPU milliseconds per call, `AT_ONCE` in flight."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await once()

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return (time.process_time() - before) / count * 1000


async def compare(port: int, count: int, rounds: int) -> dict[str, float]:
    """Median CPU ms per probe of each, in turn."""
    services = Services(SystemClock())
    check = HttpCheck(url=f"http://127.0.0.1:{port}/1")
    ctx = ProbeContext(Component(name="bench", check=check), services)
    async with aclosing(check.open(ctx)) as session:  # type: ignore[type-var]
        probe = await anext(session)
        assert isinstance(reading := await probe(), Reading)
        assert reading.status == "healthy", reading.message
        kinds: dict[str, Once] = {
            "floor": floor(port),
            "auscult http": probe,
            "httpx": ceiling(services, port),
        }
        found: dict[str, list[float]] = {name: [] for name in kinds}
        for once in kinds.values():
            await measure(once, min(300, count))
        for _ in range(rounds):
            for name, once in kinds.items():
                found[name].append(await measure(once, count if name != "httpx" else max(count // 5, 100)))
    await services.close()
    return {name: statistics.median(values) for name, values in found.items()}


def run(count: int = 3000, rounds: int = 3) -> dict[str, float]:
    """Start the target, compare, stop it; CPU ms per probe by name."""
    port = free_port()
    target = subprocess.Popen([sys.executable, TARGET, str(port)], stdout=subprocess.PIPE)
    try:
        assert target.stdout is not None
        target.stdout.readline()
        return uvloop.run(compare(port, count, rounds))
    finally:
        target.terminate()
        target.wait()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = run(options.count, options.rounds)
    if options.json:
        print(json.dumps(figures))
        return
    print("| probe, fresh connection | CPU ms | to the floor | to httpx |\n| --- | --- | --- | --- |")
    for name, value in figures.items():
        print(f"| {name} | {value:.3f} | {value / figures['floor']:.2f}x | {value / figures['httpx']:.2f}x |")


if __name__ == "__main__":
    main()
