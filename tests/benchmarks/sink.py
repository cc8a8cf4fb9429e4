"""A webhook receiver that does as little as possible: counts requests, and says how many and when.

    python -m tests.benchmarks.sink

Prints its port. ``GET /count`` answers with the number of POSTs; ``GET /times`` with the time (monotonic, ns) of each.
"""

from __future__ import annotations

import asyncio
import time

import uvloop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
times: list[int] = []


class Sink(asyncio.Protocol):
    """One connection; requests may come in any number of pieces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        data = self.rest + data
        while True:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                break
            if data.startswith(b"GET"):
                body = (str(len(times)) if data.startswith(b"GET /count") else "\n".join(map(str, times))).encode()
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                data = data[head + 4 :]
                continue
            at = data.lower().find(b"content-length:", 0, head)
            length = int(data[at + 15 : data.find(b"\r\n", at)])
            if len(data) < head + 4 + length:
                break
            times.append(time.monotonic_ns())
            self.transport.write(OK)
            data = data[head + 4 + length :]
        self.rest = data


async def main() -> None:
    """Serve."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
