"""Names to addresses, under the egress policy. A literal address costs nothing; a name costs a thread.

`getaddrinfo` cannot be cancelled, so its threads are few and of our own: probes that ask for the same name at the
same time share one look-up, a name server that hangs uses up the threads and nothing else, and further look-ups then
say so at once.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache

import anyio

from auscult.runtime.egress import EgressPolicy
from auscult.runtime.loop import current_loop

__all__ = ["Resolver"]

THREADS = 16
STUCK = 5.0
"""Seconds without progress after which look-ups that wait for a thread are refused."""
IDLE = 10.0
"""Seconds after which a thread without work ends."""
_REASONS = {
    socket.EAI_NONAME: "there is no such name",
    getattr(socket, "EAI_NODATA", -5): "the name has no address",
    socket.EAI_AGAIN: "the name server did not answer, or failed",
    socket.EAI_FAIL: "the name server refused or failed",
}

LookUp = Callable[[str], Iterable[str]]
"""A host name to its addresses; blocks; raises OSError."""


class Resolver:
    """Resolves for the probes of one monitor. `look_up` stands for the system's resolver in tests."""

    def __init__(
        self, policy: EgressPolicy, *, look_up: LookUp | None = None, threads: int = THREADS, stuck: float = STUCK
    ) -> None:
        self._policy = policy
        self._stuck = stuck
        self._desk = _Desk(look_up or _ask_system, threads, stuck)

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Addresses of `host` to try in order, as ``(literal address, port)``; those the policy forbids are left out.

        Raises OSError when there is none, EgressRefused when none is allowed.
        """
        if is_literal(host):
            self._policy.check(host)
            return [(host, port)]
        addresses = await self._look_up(host)
        allowed = [(address, port) for address in addresses if self._policy.allows(address)]
        if not allowed:
            self._policy.check(addresses[0])
        return allowed

    async def _look_up(self, host: str) -> list[str]:
        loop, answered = current_loop(), anyio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it whoever asked
                loop.call_soon_threadsafe(answered.set)

        task = self._desk.ask(host, tell)
        try:
            with anyio.move_on_after(self._stuck):
                await answered.wait()
            if not answered.is_set():
                self._desk.give_up_unless_begun(task)
                await answered.wait()
        finally:
            task.forget(tell)
        return task.outcome()


class _Task:
    """One name being looked up, and who waits for it. Everything but `outcome` is called with the desk locked."""

    __slots__ = ("addresses", "begun", "error", "host", "lock", "waiting")

    def __init__(self, host: str, lock: threading.Condition) -> None:
        self.host, self.lock = host, lock
        self.waiting: list[Callable[[], None]] = []
        self.begun = False
        self.addresses: list[str] = []
        self.error = ""

    def forget(self, tell: Callable[[], None]) -> None:
        """Whoever waited does so no more."""
        with self.lock, suppress(ValueError):
            self.waiting.remove(tell)

    def outcome(self) -> list[str]:
        """The addresses. Raises OSError with a sentence."""
        if self.error:
            raise OSError(f"cannot resolve {self.host}: {self.error}")
        return list(self.addresses)


class _Desk:
    """Hands names to a few threads that may hang. The threads are daemons: a hanging one does not hold the exit."""

    def __init__(self, look_up: LookUp, threads: int, stuck: float) -> None:
        self._look_up, self._most, self._stuck = look_up, threads, stuck
        self._lock = threading.Condition()
        self._tasks: dict[str, _Task] = {}
        self._queue: deque[_Task] = deque()
        self._threads = self._idle = 0
        self._progress = 0.0

    def ask(self, host: str, tell: Callable[[], None]) -> _Task:
        """Look `host` up; `tell` is called from a thread when the outcome is there. Raises OSError when stuck."""
        with self._lock:
            task = self._tasks.get(host)
            if task is None:
                self._refuse_if_stuck(host)
                task = self._tasks[host] = _Task(host, self._lock)
                self._queue.append(task)
                self._summon()
            task.waiting.append(tell)
            return task

    def give_up_unless_begun(self, task: _Task) -> None:
        """Raises OSError, and takes `task` out of the queue, when no thread has become free for it."""
        with self._lock:
            if task.begun:
                return
            with suppress(ValueError):
                self._queue.remove(task)
            if self._tasks.get(task.host) is task:
                del self._tasks[task.host]
            raise self._refusal(task.host)

    def _refuse_if_stuck(self, host: str) -> None:
        busy = self._threads - self._idle
        if busy >= self._most and time.monotonic() - self._progress > self._stuck:
            raise self._refusal(host)

    def _refusal(self, host: str) -> OSError:
        return OSError(f"cannot resolve {host}: {self._most} look-ups hang already, the name server is stuck")

    def _summon(self) -> None:
        if self._idle >= len(self._queue) or self._threads >= self._most:
            self._lock.notify()
            return
        self._threads += 1
        threading.Thread(target=self._work, name="auscult resolver", daemon=True).start()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            addresses, error = self._try(task.host)
            with self._lock:
                task.addresses, task.error = addresses, error
                self._tasks.pop(task.host, None)
                self._progress = time.monotonic()
                waiting = list(task.waiting)
            for tell in waiting:
                tell()

    def _next(self) -> _Task | None:
        with self._lock:
            self._idle += 1
            found = self._lock.wait_for(lambda: self._queue, IDLE)
            self._idle -= 1
            if not found:
                self._threads -= 1
                return None
            task = self._queue.popleft()
            task.begun = True
            self._progress = time.monotonic()
            return task

    def _try(self, host: str) -> tuple[list[str], str]:
        try:
            addresses = list(dict.fromkeys(self._look_up(host)))
        except socket.gaierror as error:
            return [], _REASONS.get(error.errno or 0) or str(error.strerror or error)
        except (UnicodeError, ValueError):
            return [], "it is not a host name"
        except Exception as error:
            return [], str(error) or type(error).__name__
        return addresses, "" if addresses else _REASONS[socket.EAI_NONAME]


def _ask_system(host: str) -> list[str]:
    return [str(item[4][0]) for item in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


@lru_cache(maxsize=10_000)
def is_literal(host: str) -> bool:
    """Whether `host` is an address and not a name. Only the usual spellings are; the rest goes to the resolver."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
