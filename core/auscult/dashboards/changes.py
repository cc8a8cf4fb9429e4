"""What happened lately: changes of status, remembered since the start, and of alerts, which the store knows."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from auscult.alert import AlertChange
from auscult.engine.health import Change
from auscult.store import Store

__all__ = ["Changes", "Happened"]

KEPT = 5000
"""Changes of status."""


class Happened(Struct, frozen=True, kw_only=True):
    """One thing that happened: a change of status, or of an alert."""

    at: int
    status: Change | None = None
    alert: AlertChange | None = None


class Changes:
    """`note` is called on the loop; questions may come from any thread."""

    def __init__(self) -> None:
        self._kept: deque[Change] = deque(maxlen=KEPT)

    def note(self, change: Change) -> None:
        """Remember a change of status."""
        self._kept.append(change)

    def since(
        self, start: int, *, store: Store | None, component: str | None = None, limit: int = 200
    ) -> list[Happened]:
        """What happened since `start` (ms), newest first; blocks."""
        found = [
            Happened(at=change.at, status=change)
            for change in list(self._kept)
            if change.at >= start and component in (None, change.component)
        ]
        if store is not None:
            found += [
                Happened(at=change.at, alert=change)
                for change in store.alerts.recent_changes(start, limit=limit, component=component)
            ]
        found.sort(key=lambda happened: happened.at, reverse=True)
        return found[:limit]
