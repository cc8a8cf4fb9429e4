"""A webhook receiver in a process of its own that keeps a ledger: every request is written down before it is answered.

    python ledger.py FILE SLOWEST

Prints its port. Lines of the ledger are JSON: the webhook's id, and its body. An answer takes anything from nothing to
SLOWEST seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys

dice = random.Random(11)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ledger: int, slowest: float) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            headers = dict(
                line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if ": " in line
            )
            body = await reader.readexactly(int(headers["content-length"]))
            line = json.dumps({"id": headers["webhook-id"], "body": body.decode()})
            os.write(ledger, line.encode() + b"\n")
            if slowest:
                await asyncio.sleep(dice.uniform(0, slowest))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    slowest = float(sys.argv[2])
    server = await asyncio.start_server(lambda r, w: serve(r, w, ledger, slowest), "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
