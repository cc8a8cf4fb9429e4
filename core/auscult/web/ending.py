"""How our own process ends: asked politely, and in time whatever a probe does.

A probe that swallows its cancellation, blocks the event loop, or hangs in a thread would keep the process alive; the
last resort closes the store and leaves all of that behind.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress

from auscult.monitor import Monitor
from auscult.store import Store

__all__ = ["LastResort"]

log = logging.getLogger("auscult.server")

STORE = 0.3
"""Seconds the store gets to write what it has when everything else is stuck."""


class LastResort:
    """Ends the process with exit code 0 when it has not ended by itself in time. Thread-safe."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._moved = threading.Condition()
        self._deadline: float | None = None

    def within(self, seconds: float) -> None:
        """End at the latest in `seconds`; a later call can only bring it forward."""
        deadline = time.monotonic() + seconds
        with self._moved:
            first, self._deadline = self._deadline is None, min(deadline, self._deadline or deadline)
            self._moved.notify()
        if first:
            threading.Thread(target=self._run, name="auscult-last-resort", daemon=True).start()

    def _run(self) -> None:
        with self._moved:
            while (left := (self._deadline or 0.0) - time.monotonic()) > 0:
                self._moved.wait(left)
        store = self._monitor.store
        if store is not None:
            log.warning("something does not end; the history is written, and the rest is left behind")
            closing = threading.Thread(target=_close, args=(store,), name="auscult-last-close", daemon=True)
            closing.start()
            closing.join(STORE)
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _close(store: Store) -> None:
    with suppress(Exception):  # somebody else may be closing it
        store.close()
