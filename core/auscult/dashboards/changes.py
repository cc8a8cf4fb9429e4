"""What happened lately: changes of status, the latest of which are remembered, and of alerts, which the store knows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from auscult.alert import AlertChange
from auscult.engine.health import Change
from auscult.store import Store

__all__ = ["Changes", "Happened"]

KEPT = 5000
"""Changes of status that are remembered; the store knows more."""
DAY_MS = 86_400_000


class Happened(Struct, frozen=True, kw_only=True):
    """One thing that happened: a change of status, or of an alert."""

    at: int
    status: Change | None = None
    alert: AlertChange | None = None


class Changes:
    """`note` is called on the loop; questions may come from any thread."""

    def __init__(self) -> None:
        self._kept: deque[Change] = deque(maxlen=KEPT)
        self._whole = 0
        """Since when (ms) every change is remembered here."""

    def restore(self, store: Store, now: int) -> None:
        """Remember what an earlier run has left; blocks."""
        self._whole = now - DAY_MS
        found = store.changes.latest(self._whole, now + DAY_MS, limit=KEPT)
        if len(found) == KEPT:
            self._whole = found[-1].at + 1
        self._kept = deque(reversed(found), maxlen=KEPT)

    def note(self, change: Change) -> None:
        """Remember a change of status."""
        if len(self._kept) == KEPT:
            self._whole = max(self._whole, self._kept[0].at + 1)
        self._kept.append(change)

    def since(
        self, start: int, *, store: Store | None, component: str | None = None, limit: int = 200
    ) -> list[Happened]:
        """What happened since `start` (ms), newest first; blocks."""
        changes = self._within(start, store, component, limit)
        found = [Happened(at=change.at, status=change) for change in changes]
        if store is not None:
            found += [
                Happened(at=change.at, alert=change)
                for change in store.alerts.recent_changes(start, limit=limit, component=component)
            ]
        found.sort(key=lambda happened: happened.at, reverse=True)
        return found[:limit]

    def verdicts(self, start: int, *, store: Store | None) -> dict[str, list[Change]]:
        """By component the changes since `start` (ms) and the one before, oldest first; blocks."""
        found: dict[str, list[Change]] = {}
        for change in store.changes.before(start) if store is not None else ():
            found[change.component] = [change]
        for change in sorted(self._within(start, store), key=lambda change: change.at):
            found.setdefault(change.component, []).append(change)
        return found

    def _within(
        self, start: int, store: Store | None, component: str | None = None, limit: int | None = None
    ) -> Sequence[Change]:
        """Changes of status since `start`: those remembered here, and from the store those before."""
        whole, kept = self._whole, [change for change in list(self._kept) if component in (None, change.component)]
        if store is None:
            return [change for change in kept if change.at >= start]
        found = [change for change in kept if change.at >= max(start, whole)]
        if start < whole and (limit is None or len(found) < limit):
            options = {} if limit is None else {"limit": limit}
            found += store.changes.latest(start, whole, component=component, **options)
        return found
