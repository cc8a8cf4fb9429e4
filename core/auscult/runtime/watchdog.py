"""Notices within a second that something blocks the event loop, names it, and gets the loop back where it can.

A thread asks the loop for a sign of life. When none comes, it looks at the loop's stack: the frame of the prober's
runner tells which component's probe is at fault. In a process of our own (the server), whose loop runs on the main
thread, a signal then raises inside that probe; elsewhere the loop belongs to somebody else and is only watched.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import CodeType, FrameType

from auscult.runtime.job import Job
from auscult.runtime.loop import Loop
from auscult.runtime.prober import ProbeInterrupted, Prober
from auscult.runtime.sending import Sending

__all__ = ["Watchdog"]

log = logging.getLogger("auscult.watchdog")

BEAT = 0.4
"""Seconds between signs of life; a loop that owes one for this long is blocked."""
_RUNNERS: frozenset[CodeType] = frozenset({Prober._run.__code__})


def _job_on(frame: FrameType | None) -> Job | None:
    while frame is not None:
        if frame.f_code in _RUNNERS:
            job = frame.f_locals.get("job")
            return job if isinstance(job, Job) else None
        frame = frame.f_back
    return None


def _channel_on(frame: FrameType | None) -> str:
    """In words, the channel whose delivery runs."""
    while frame is not None:
        if frame.f_code is Sending._run.__code__ and isinstance(sending := frame.f_locals.get("self"), Sending):
            return f"the channel `{sending.envelope.channel}`"
        frame = frame.f_back
    return ""


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
            try:
                self._loop.call_soon_threadsafe(self._alive.set)
            except RuntimeError:
                return
            if not self._alive.wait(BEAT):
                self._on_blocked()

    def _on_blocked(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None or self._alive.is_set():
            return
        job = _job_on(frame)
        stack = "".join(traceback.format_stack(frame)[-8:])
        del frame
        self.count += 1
        channel = _channel_on(sys._current_frames().get(self._loop_thread))
        who = f"the probe of `{job.component.name}`" if job else channel or "something outside any probe"
        log.warning("the event loop is blocked by %s:\n%s", who, stack)
        seconds = BEAT
        while not self._alive.wait(BEAT) and not self._stop.is_set():
            seconds += BEAT
            if job is not None and self._interrupt:
                self._target = job
                signal.pthread_kill(self._loop_thread, signal.SIGURG)
        self._target = None
        if not self._stop.is_set():
            self._loop.call_soon_threadsafe(lambda: self._blocked(job, seconds, stack))

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        """Runs on the main thread, on top of whatever runs there: raises only while that probe's frame does."""
        target, self._target = self._target, None
        if target is not None and _job_on(frame) is target:
            raise ProbeInterrupted
