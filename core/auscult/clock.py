"""Time as an argument: the running parts read it here, so that a test can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "iso_millis", "iso_seconds"]


class Clock(Protocol):
    """What tells the time."""

    def now_ms(self) -> int:
        """Wall clock: ms since the epoch, UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """See `Clock.now_ms`."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()


def iso_seconds(at: int) -> str:
    """RFC 3339 in whole seconds with ``Z``, as the seed document's endpoints show times (decision 12)."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_millis(at: int) -> str:
    """RFC 3339 with milliseconds and ``Z``, as ``/api/v1`` shows times."""
    return f"{datetime.fromtimestamp(at // 1000, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{at % 1000:03d}Z"
