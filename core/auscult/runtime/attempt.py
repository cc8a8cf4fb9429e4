"""One go at something that a plugin does: whatever its code does, there is exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from auscult.errors import DeliveryError
from auscult.runtime.loop import Handle, Loop

__all__ = ["Attempt"]

GRACE = 1.0
"""Seconds that something that was cut has to end before it counts as hung."""


class Attempt:
    """Calls `ended(attempt, error)` once: when `work` is done, or after `timeout` seconds.

    A task of its own, cancelled once and then left alone: code that swallows cancellation harms nobody else.
    """

    def __init__(
        self,
        loop: Loop,
        work: Callable[[], Awaitable[None]],
        timeout: float,
        ended: Callable[[Any, BaseException | None], None],
        what: str = "",
    ) -> None:
        self.what = what
        """Whose work it is, for whoever finds the loop blocked."""
        self.running = True
        """Whether the plugin's code has not come back yet."""
        self.hung = False
        """It was cut a while ago, and still runs."""
        self.came_back: Callable[[], None] | None = None
        """Called when it ends although it was cut."""
        self._loop, self._work, self._timeout, self._ended = loop, work, timeout, ended
        self._open = True
        self._timer: Handle = loop.call_later(timeout, self._cut)
        self._task: Handle = loop.spawn(self._run)

    def stop(self) -> None:
        """Cut it without an outcome."""
        self._open = False
        self._timer.cancel()
        self._task.cancel()

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            await self._work()
        except BaseException as raised:
            if self._is_our_cancellation(raised):
                if self.came_back is not None:
                    self._loop.call_later(0.0, self.came_back)
                raise
            error = raised
        finally:
            self.running = self.hung = False
        if self._open:
            self._tell(error)
        elif self.came_back is not None:
            self.came_back()

    def _is_our_cancellation(self, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            return not self._open  # one that nobody asked for is the plugin's own failure
        return type(error).__module__.startswith("trio") and type(error).__name__ == "Cancelled"

    def _tell(self, error: BaseException | None) -> None:
        self._open = False
        self._timer.cancel()
        self._ended(self, error)

    def _cut(self) -> None:
        if self._open:
            self._tell(DeliveryError(f"no answer within {self._timeout:g} s"))
            self._task.cancel()
            self._loop.call_later(GRACE, self._check_ended)

    def _check_ended(self) -> None:
        self.hung = self.running
