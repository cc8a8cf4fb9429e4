"""``python -m auscult_rehearsal DIRECTORY``: the stand-ins in a process of their own.

One line of JSON on standard output says where they are. They stop when standard input ends, so that they never
outlive whoever started them, and at SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from auscult_rehearsal.stack import Stack


async def _run(stack: Stack) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    await stack.start()
    print(json.dumps(stack.describe()), flush=True)  # noqa: T201 - the one line
    waiting = asyncio.create_task(_input_ends())
    waiting.add_done_callback(lambda _: over.set())
    await over.wait()
    waiting.cancel()
    await stack.stop()


async def _input_ends() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m auscult_rehearsal", description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where the database and Redis keep their files")
    parser.add_argument("--clips", action="store_true", help="play the clips even where real speech could be had")
    parser.add_argument("--talk", action="store_true", help="have an agent answer a caller over them, now and then")
    options = parser.parse_args()
    asyncio.run(_run(Stack(options.directory, clips_only=options.clips, talk=options.talk)))


if __name__ == "__main__":
    main()
