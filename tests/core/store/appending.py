"""What `test_kill` kills: a process that appends as fast as it can and says on stdout what it did.

    python appending.py DIRECTORY store|monitor FIRST_NUMBER

Lines: ``appended NUMBER TIME`` after every result up to NUMBER was handed over, at that time of the monotonic clock;
``committed NUMBER`` when a durable one was acknowledged. Message and measurements of each result say its number.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from functools import partial
from pathlib import Path

BURST = 10


def say(*words: object) -> None:
    """One line in one write: the kill may come at any moment, but not in the middle of a line."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def content(number: int) -> dict:
    """Everything about a result that its number decides."""
    return {
        "message": f"number {number}",
        "measurements": {"number": float(number), "third": number / 3} if number % 4 else {},
        "stages": {"connect": number / 7} if number % 3 else {},
    }


def with_a_store(directory: Path, number: int) -> None:
    from auscult.clock import SystemClock
    from auscult.model import CheckResult, Status
    from auscult.store import Store

    clock = SystemClock()
    store = Store.open(directory, clock=clock)
    pushed, push_at = number, 0.0
    while True:
        for _ in range(BURST):
            store.append(CheckResult("scheduled", Status.HEALTHY, clock.now_ms(), 0.001, 1.0, **content(number)))
            number += 1
        say("appended", number - 1, time.monotonic())
        if time.monotonic() >= push_at:
            result = CheckResult("pushed", Status.HEALTHY, clock.now_ms(), **content(pushed))
            store.append_durably(result, partial(committed, pushed))
            pushed, push_at = pushed + 1, time.monotonic() + pause()
        time.sleep(0.002)


def committed(number: int, error: BaseException | None) -> None:
    if error is None:
        say("committed", number)


def pause() -> float:
    """Seconds to the next durable result: they hurry the others along, so there are stretches without any."""
    return random.choice([0.0, 0.01, 0.1, 0.4])


async def with_a_monitor(directory: Path, number: int) -> None:
    from auscult.component import Component
    from auscult.kinds import Check
    from auscult.model import Reading
    from auscult.monitor import Monitor

    class Counting(Check):
        kind = "counting"

        async def probe(self, ctx):
            nonlocal number
            number += 1
            return Reading(**content(number - 1))

    def taken(result, change) -> None:
        if result.component == "scheduled":
            say("appended", result.message.split()[1], time.monotonic())

    component = Component(name="scheduled", check=Counting(), interval=0.01, timeout=0.01)
    monitor = Monitor([component], state_dir=directory)
    monitor.health.register("pushed")
    monitor.listen(taken)
    await monitor.run()
    pushed = number
    while True:
        await monitor.report_durably("pushed", Reading(**content(pushed)))
        say("committed", pushed)
        pushed += 1
        await asyncio.sleep(pause())


if __name__ == "__main__":
    where, first = Path(sys.argv[1]), int(sys.argv[3])
    if sys.argv[2] == "store":
        with_a_store(where, first)
    else:
        asyncio.run(with_a_monitor(where, first))
