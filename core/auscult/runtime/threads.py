"""Threads for what blocks: few for each owner, also when whoever waited has given up and the thread runs on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio
from anyio import to_thread

from auscult.runtime.loop import current_loop

__all__ = ["OwnThreads"]

T = TypeVar("T")


class OwnThreads:
    """At most `most` calls at a time. One that was abandoned counts until its thread has ended."""

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._limiter: anyio.CapacityLimiter | None = None
        self._left: set[_Call[Any]] = set()
        self._ended: anyio.Event | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in a thread; abandoned when the caller is cancelled, and not begun if it has not begun."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._most)
        while len(self._left) >= self._most and self._ended is not None:
            await self._ended.wait()
        call = _Call(function)
        try:
            return await to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._limiter)
        except BaseException:
            self._leave(call)
            raise

    def _leave(self, call: _Call[Any]) -> None:
        loop = current_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it whoever waits
                loop.call_soon_threadsafe(lambda: self._came_back(call))

        if call.abandon(tell):
            self._left.add(call)
            if self._ended is None or self._ended.is_set():
                self._ended = anyio.Event()

    def _came_back(self, call: _Call[Any]) -> None:
        self._left.discard(call)
        if self._ended is not None:
            self._ended.set()
            self._ended = anyio.Event() if self._left else None


class _Call(Generic[T]):
    """One call; `abandon` says whether it runs on all the same, and then `tell` is called at its end."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._begun = self._over = False
        self._tell: Callable[[], None] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._over:
                raise RuntimeError("abandoned before it began")
            self._begun = True
        try:
            return self._function()
        finally:
            with self._lock:
                self._over = True
            if self._tell is not None:
                self._tell()

    def abandon(self, tell: Callable[[], None]) -> bool:
        """Nobody waits any more."""
        with self._lock:
            runs_on = self._begun and not self._over
            if runs_on:
                self._tell = tell
            self._over = self._over or not self._begun
            return runs_on
