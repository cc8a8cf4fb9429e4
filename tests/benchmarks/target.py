"""The server that both sides check: answers 200 with 15 bytes, and knows when each path was asked for.

``GET /__reset`` forgets; ``GET /__stats?interval=S`` tells arrivals per second and how far the times between
arrivals of one path lie from the interval.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

import uvloop

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\nConnection: close\r\n\r\nall fine here!\n"
)
arrivals: dict[bytes, list[float]] = {}
started = 0.0


def stats(interval: float) -> dict[str, float]:
    """Arrivals per second and lateness in ms, over everything since the reset."""
    late = sorted(
        abs(after - before - interval) for times in arrivals.values() for before, after in itertools.pairwise(times)
    )
    count = sum(map(len, arrivals.values()))
    return {
        "paths": len(arrivals),
        "arrivals": count,
        "per_second": count / (time.monotonic() - started),
        "late_p50_ms": late[len(late) // 2] * 1000 if late else 0.0,
        "late_p99_ms": late[int(len(late) * 0.99)] * 1000 if late else 0.0,
    }


class Target(asyncio.Protocol):
    """One request per connection."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        global started
        path = data.split(b" ", 2)[1]
        if path.startswith(b"/__stats"):
            body = json.dumps(stats(float(path.rpartition(b"=")[2]))).encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
            )
        else:
            if path == b"/__reset":
                arrivals.clear()
                started = time.monotonic()
            else:
                arrivals.setdefault(path, []).append(time.monotonic())
            self.transport.write(ANSWER)
        self.transport.close()


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
