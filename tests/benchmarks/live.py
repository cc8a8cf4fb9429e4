"""What live viewers cost: events pushed to one server, and when each of many open streams has each of them.

    python -m tests.benchmarks.live [--quick] [--readers 500]

Every reader is a raw socket; all are read by one process beside the server's, so its share of the machine is in the
figures. The clock starts before a reading is posted and stops when a reader has its event. Then SIGTERM: how many
streams get their goodbye, and how long the end takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.goals import Goal, table
from tests.benchmarks.processes import Measured, free_port

CONFIG = """
[server]
port = {port}
log_level = "warning"
[components.pushed]
check = "push"
"""
PER_SECOND = 8
"""Readings pushed: each is an event of its own."""


class Reader(asyncio.Protocol):
    """One open stream."""

    def __init__(self, seen: dict[int, list[float]]) -> None:
        self.seen = seen
        self.ready, self.ended, self.goodbye = asyncio.Event(), asyncio.Event(), False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"GET /api/v1/events?topics=components HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        data = self._rest + data
        for sent in re.findall(rb'"message":"push (\d+) at [0-9.]+","origin"', data):
            self.seen.setdefault(int(sent), []).append(now)
        if b"event: ready" in data:
            self.ready.set()
        if b"event: bye" in data:
            self.goodbye = True
        self._rest = data[data.rfind(b"\n\n") + 2 :] if b"\n\n" in data else data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def push(port: int, number: int) -> float:
    """Post one reading; gives when that began."""
    body = json.dumps({"message": f"push {number} at {time.time()}"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    head = "POST /api/v1/components/pushed/readings HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    assert b" 202 " in answer.split(b"\r\n")[0], answer
    writer.close()
    return begun


async def measure(server: Measured, port: int, readers: int, seconds: int) -> list[Goal]:
    """Open the streams, push, compare, end."""
    loop, seen = asyncio.get_running_loop(), dict[int, list[float]]()
    streams = [Reader(seen) for _ in range(readers)]
    for stream in streams:
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", port)
    await asyncio.gather(*(stream.ready.wait() for stream in streams))
    cpu, sent, begin = server.cpu(), dict[int, float](), time.monotonic()
    for number in range(seconds * PER_SECOND):
        sent[number] = await push(port, number)
        await asyncio.sleep(max(begin + (number + 1) / PER_SECOND - time.monotonic(), 0))
    took = time.monotonic() - begin
    await asyncio.sleep(1)
    cpu = server.cpu() - cpu
    late = sorted(at - sent[number] for number, times in seen.items() for at in times)
    asked = len(sent) * readers
    print(
        f"{readers} readers, {len(sent)} events in {took:.1f} s: {len(late)} of {asked} arrived; "
        f"p50 {late[len(late) // 2] * 1000:.0f} ms, p99 {late[int(len(late) * 0.99)] * 1000:.0f} ms, "
        f"max {late[-1] * 1000:.0f} ms; server {cpu / took * 100:.0f} % of a core, {server.rss() / 2**20:.0f} MiB"
    )
    begin = time.monotonic()
    server.popen.send_signal(signal.SIGTERM)
    await asyncio.gather(*(stream.ended.wait() for stream in streams))
    code = await asyncio.to_thread(server.popen.wait)
    goodbyes = sum(stream.goodbye for stream in streams)
    ended = time.monotonic() - begin
    print(f"SIGTERM: {goodbyes} of {readers} goodbyes, exit code {code} after {ended:.2f} s")
    return [
        Goal(f"{readers} live viewers, p99", 0, late[int(len(late) * 0.99)] * 1000, "ms", 250, 150, absolute=True),
        Goal("events that did not arrive", 0, asked - len(late), "events", 0, 0, absolute=True),
        Goal("end with all of them open", 0, ended, "s", 2.0, 1.0, absolute=True),
    ]


def main(arguments: list[str] | None = None) -> list[Goal]:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer readers, fewer events")
    parser.add_argument("--readers", type=int, default=500)
    options, _ = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory(prefix="auscult-live-") as name:
        directory, port = Path(name), free_port()
        (directory / "auscult.toml").write_text(CONFIG.format(port=port))
        argv = [sys.executable, "-m", "auscult", "serve", "-c", directory / "auscult.toml"]
        server = Measured([*argv, "--state-dir", directory / "state"], log=directory / "log")
        try:
            server.wait_for(f"http://127.0.0.1:{port}/-/healthy")
            time.sleep(2)
            return asyncio.run(
                measure(server, port, 100 if options.quick else options.readers, 3 if options.quick else 20)
            )
        finally:
            server.popen.kill()


if __name__ == "__main__":
    print(table(main()))
