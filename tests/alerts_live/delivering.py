"""Deliveries on a real loop, with an outbox in memory and, where a test wants that, time that runs faster."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

import anyio
from tests.core.alerts.making_changes import change, resolved

from auscult import Channel, SystemClock
from auscult.alert import AlertChange
from auscult.alerts.outbox import Outbox
from auscult.runtime.context import Services
from auscult.runtime.delivery import Delivery
from auscult.runtime.loop import current_loop


class FastClock:
    """Both clocks run `factor` times as fast as the machine's."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._begin, self._wall = time.monotonic(), 1_700_000_000_000

    def monotonic(self) -> float:
        return (time.monotonic() - self._begin) * self.factor

    def now_ms(self) -> int:
        return self._wall + int(self.monotonic() * 1000)


class FastLoop:
    """A loop whose timers ring that much sooner."""

    def __init__(self, factor: float) -> None:
        self._loop, self._factor = current_loop(), factor

    def call_later(self, delay, callback):
        return self._loop.call_later(delay / self._factor, callback)

    def __getattr__(self, name):
        return getattr(self._loop, name)


class Desk:
    """Offers changes to channels and delivers them; ``async with`` it."""

    def __init__(self, channels: Mapping[str, Channel], *, factor: float = 1.0, seed: int = 1) -> None:
        self.channels = dict(channels)
        self.factor = factor
        self.clock = FastClock(factor) if factor != 1.0 else SystemClock()
        self.outbox = Outbox()
        self.dead: list[str] = []
        self.failing: list[str] = []
        self.numbers: dict[str, int] = {}
        self._seed = seed

    async def __aenter__(self):
        self.loop = FastLoop(self.factor) if self.factor != 1.0 else current_loop()
        await self.loop.start()
        self.services = Services(self.clock)
        self.delivery = Delivery(
            self.loop,
            self.clock,
            self.outbox,
            self.services,
            write=self._write,
            gave_up=lambda envelope, _: self.dead.extend(row.key for row in envelope.rows),
            failing=lambda channel, _: self.failing.append(channel),
            recovered=lambda _: None,
            rng=random.Random(self._seed),
        )
        self.delivery.set_channels(self.channels)
        return self

    async def __aexit__(self, *_):
        self.delivery.stop()
        await self.loop.stop()
        await self.services.close()

    def _write(self, rows, done):
        list(rows)
        if done is not None:
            self.loop.call_later(0, done)

    def say(self, made: AlertChange, *channels: str) -> None:
        for channel in channels or self.channels:
            self.outbox.offer(made, channel, due=self.clock.now_ms())
        self.delivery.wake()

    def fire(self, ident: str, *channels: str) -> None:
        number = self.numbers[ident] = self.numbers.get(ident, 0) + 1
        self.say(change(ident, number=number, at=self.clock.now_ms()), *channels)

    def resolve(self, ident: str, *channels: str) -> None:
        number = self.numbers[ident] = self.numbers.get(ident, 0) + 1
        self.say(resolved(ident, number=number, at=self.clock.now_ms()), *channels)

    async def pass_(self, seconds: float) -> None:
        """Let that much of the desk's time pass."""
        await anyio.sleep(seconds / self.factor)

    async def until(self, condition, seconds: float = 30.0) -> None:
        """Wait, in real seconds."""
        with anyio.fail_after(seconds):
            while not condition():
                await anyio.sleep(0.005)
