"""Notices within a second that something blocks the event loop, names it, and gets the loop back where it can.

A thread asks the loop for a sign of life. When none comes, it looks at the loop's stack: the frame of the prober's
runner tells which component's probe is at fault. In a process of our own (the server), whose loop runs on the main
thread, a signal then raises inside that probe; elsewhere the loop belongs to somebody else and is only watched.

Only who holds the loop is blamed: on the stack at two looks, and either computing or stuck in one place. A machine that
is too busy to run us, or a module being imported for the first time, is nobody's fault.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType

from auscult.runtime.attempt import Attempt
from auscult.runtime.job import Job
from auscult.runtime.loop import Loop
from auscult.runtime.prober import ProbeInterrupted, Prober

__all__ = ["Watchdog"]

log = logging.getLogger("auscult.watchdog")

BEAT = 0.4
"""Seconds between signs of life; a loop that owes one for this long is blocked."""
AGAIN = 0.15
"""Seconds to the second look."""
PATIENT = 2 * BEAT
"""Seconds from which on a probe is interrupted."""
COMPUTING = 0.3
"""Seconds of its own time from which on the loop's thread was computing, and not waiting for the machine."""
IMPORTING = 10.0
"""Seconds that an import may take."""
_RUNNERS: frozenset[CodeType] = frozenset({Prober._run.__code__})


class _Look:
    """What the loop's thread does at one moment: whose work, and where."""

    __slots__ = ("at", "importing", "job", "other", "owner", "place")

    def __init__(self, frame: FrameType) -> None:
        self.at = time.monotonic()
        self.place = (id(frame), frame.f_lasti)
        self.job: Job | None = None
        self.other = ""
        self.owner = 0
        self.importing = False
        looked: FrameType | None = frame
        while looked is not None and not self.owner:
            code = looked.f_code
            if code in _RUNNERS and isinstance(job := looked.f_locals.get("job"), Job):
                self.job, self.owner = job, id(looked)
            elif code is Attempt._run.__code__ and isinstance(attempt := looked.f_locals.get("self"), Attempt):
                self.other, self.owner = attempt.what, id(looked)
            self.importing = self.importing or code.co_filename.startswith("<frozen importlib")
            looked = looked.f_back

    def __str__(self) -> str:
        if self.job is not None:
            return f"the probe of `{self.job.component.name}`"
        return self.other or "something outside any probe"


class _Clock:
    """How much of the time the loop's thread ran, and how much it only wanted to."""

    def __init__(self) -> None:
        self._stat = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        clock = getattr(time, "pthread_getcpuclockid", None)
        self._clock = clock(threading.get_ident()) if clock is not None else None

    def ran(self) -> float:
        """Seconds of its own so far."""
        return time.clock_gettime(self._clock) if self._clock is not None else time.process_time()

    def starved(self) -> float:
        """Seconds it waited for a processor so far; 0 where the system does not say."""
        with suppress(OSError, ValueError, IndexError):
            return int(self._stat.read_text().split()[1]) / 1e9
        return 0.0


class Watchdog:
    """Watches one loop. `blocked(job or None, seconds, stack)` is called on the loop once it is free again."""

    def __init__(
        self, loop: Loop, blocked: Callable[[Job | None, float, str], None], *, interrupt: bool = False
    ) -> None:
        self._loop, self._blocked = loop, blocked
        self._interrupt = interrupt
        self._stop = threading.Event()
        self._alive = threading.Event()
        self._loop_thread = threading.get_ident()
        self._clock = _Clock()
        self._target: Job | None = None
        self._old_handler: object = None
        self.count = 0

    def start(self) -> None:
        """Begin to watch; called on the loop's thread."""
        self._interrupt = self._interrupt and threading.current_thread() is threading.main_thread()
        if self._interrupt:
            self._old_handler = signal.signal(signal.SIGURG, self._on_signal)
        threading.Thread(target=self._watch, name="auscult-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop to watch."""
        self._stop.set()
        if self._interrupt:
            signal.signal(signal.SIGURG, self._old_handler or signal.SIG_DFL)  # type: ignore[arg-type]

    def _watch(self) -> None:
        while not self._stop.wait(BEAT):
            self._alive.clear()
            asked, ran, starved = time.monotonic(), self._clock.ran(), self._clock.starved()
            try:
                self._loop.call_soon_threadsafe(self._alive.set)
            except RuntimeError:
                return
            if not self._alive.wait(BEAT):
                self._on_blocked(asked, ran, starved)

    def _on_blocked(self, asked: float, ran: float, starved: float) -> None:
        """No sign of life since `asked`: find out who holds the loop, say so, and get it back."""
        before: _Look | None = None
        culprit: _Look | None = None
        stack = ""
        while not self._alive.is_set() and not self._stop.is_set():
            frame = sys._current_frames().get(self._loop_thread)
            if frame is None:
                return
            look, seconds = _Look(frame), time.monotonic() - asked
            if culprit is None and self._holds(before, look, seconds, ran, starved):
                culprit, stack = look, "".join(traceback.format_stack(frame)[-8:])
                self.count += 1
                log.warning("the event loop is blocked by %s:\n%s", culprit, stack)
            if culprit is not None and culprit.job is not None and self._interrupt and seconds >= PATIENT:
                self._target = culprit.job
                signal.pthread_kill(self._loop_thread, signal.SIGURG)
            before = look
            del frame
            self._alive.wait(AGAIN if culprit is None else BEAT)
        self._target = None
        if culprit is not None and not self._stop.is_set():
            job, seconds = culprit.job, time.monotonic() - asked
            self._loop.call_soon_threadsafe(lambda: self._blocked(job, seconds, stack))

    def _holds(self, before: _Look | None, look: _Look, seconds: float, ran: float, starved: float) -> bool:
        if before is None or before.owner != look.owner or (look.importing and seconds < IMPORTING):
            return False
        if self._clock.ran() - ran >= COMPUTING:
            return True
        return look.place == before.place and self._clock.starved() - starved < seconds / 2

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        """Runs on the main thread, on top of whatever runs there: raises only while that probe's frame does."""
        target, self._target = self._target, None
        if target is None or frame is None:
            return
        look = _Look(frame)
        if look.job is target and not look.importing:
            raise ProbeInterrupted
