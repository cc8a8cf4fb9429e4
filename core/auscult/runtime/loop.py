"""The little that the running parts need of an event loop, once for asyncio and once for trio.

A probe gets a task of its own that is cancelled once and then left alone: a probe that swallows cancellation under
a level-triggered cancel scope would burn a core (asyncio under anyio re-delivers it at every step).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import trio

__all__ = ["AsyncioLoop", "Handle", "Loop", "TrioLoop", "current_loop"]

Work = Callable[[], Coroutine[Any, Any, None]]


class Handle(Protocol):
    """Something that can be called off."""

    def cancel(self) -> Any:
        """Call it off; a running task is asked to stop once."""
        ...


class Loop(Protocol):
    """Where tasks and timers live. All methods but `call_soon_threadsafe` are called on the loop's own thread."""

    async def start(self) -> None:
        """Get ready to spawn."""
        ...

    async def stop(self) -> None:
        """Ask every task spawned here to stop, and wait for those that do so within half a second."""
        ...

    def spawn(self, work: Work) -> Handle:
        """Run `work` as a task; it must not raise."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Call after `delay` seconds."""
        ...

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """Call on the loop, from any thread. Raises RuntimeError once the loop is gone."""
        ...


class AsyncioLoop:
    """The running asyncio (or uvloop) loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """See `Loop.start`."""

    async def stop(self) -> None:
        """See `Loop.stop`."""
        waiting = self._tasks - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting, timeout=0.5)

    def spawn(self, work: Work) -> Handle:
        """See `Loop.spawn`."""
        task = self._loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """See `Loop.call_soon_threadsafe`."""
        self._loop.call_soon_threadsafe(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """See `Loop.call_later`."""
        # uvloop turns less than a millisecond into none and spins.
        return self._loop.call_later(max(delay, 0.001), callback)


class TrioLoop:
    """The running trio loop. Tasks live in a nursery that a system task holds open, so that no caller has to."""

    def __init__(self) -> None:
        import trio

        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._nursery: trio.Nursery | None = None
        self._opened = trio.Event()
        self._closed = trio.Event()

    async def start(self) -> None:
        """See `Loop.start`."""
        self._trio.lowlevel.spawn_system_task(self._hold, name="auscult")
        await self._opened.wait()

    async def _hold(self) -> None:
        try:
            async with self._trio.open_nursery() as self._nursery:
                self._opened.set()
                await self._trio.sleep_forever()
        finally:
            self._closed.set()

    async def stop(self) -> None:
        """See `Loop.stop`."""
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
            with self._trio.move_on_after(0.5):
                await self._closed.wait()

    def spawn(self, work: Work) -> Handle:
        """See `Loop.spawn`."""
        scope = self._trio.CancelScope()

        async def scoped() -> None:
            with scope:
                await work()

        assert self._nursery is not None, "start() comes first"
        self._nursery.start_soon(scoped)
        return scope

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """See `Loop.call_soon_threadsafe`."""
        self._token.run_sync_soon(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """See `Loop.call_later`."""

        async def later() -> None:
            await self._trio.sleep(max(delay, 0.0))
            callback()

        return self.spawn(later)


def current_loop() -> Loop:
    """The loop of the calling task."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return TrioLoop()
    return AsyncioLoop()
