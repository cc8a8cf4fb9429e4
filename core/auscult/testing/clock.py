"""A clock that a test moves by hand."""

from __future__ import annotations

__all__ = ["ManualClock"]


class ManualClock:
    """An `auscult.Clock` that stands still until it is told to move.

    `start` is what the wall clock says first, in ms since the epoch: by default 2024-01-15T10:30:00Z.
    """

    def __init__(self, start: int = 1_705_314_600_000) -> None:
        self._wall_ms = float(start)
        self._monotonic = 1000.0

    def now_ms(self) -> int:
        """See `auscult.Clock.now_ms`."""
        return round(self._wall_ms)

    def monotonic(self) -> float:
        """See `auscult.Clock.monotonic`."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks. Raises ValueError for a negative number: time does not go back."""
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds:g} s; `jump` moves the wall clock alone")
        self._wall_ms += seconds * 1000
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forwards or back, as an administrator or NTP does; the monotonic one does not notice."""
        self._wall_ms += seconds * 1000
