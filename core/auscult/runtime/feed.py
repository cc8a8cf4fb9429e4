"""`Feed`: what has changed, gathered for a moment and handed to whoever shows it live.

An outlet: nothing in the core listens.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable

from auscult.alert import AlertChange
from auscult.alerts.batch import Batch
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import Row
from auscult.model import CheckResult
from auscult.runtime.loop import Handle, Loop

__all__ = ["Changes", "Feed"]

log = logging.getLogger("auscult.feed")

GATHER = 0.05
"""Seconds for which changes are gathered."""
COMPONENTS_AT_ONCE = 200
ALERTS_AT_ONCE = 500
RESULTS_AT_ONCE = 20
"""Results of one component told each time; the oldest are left out."""
ROWS_AT_ONCE = 100
"""Told each time; of further rows only that there were some."""
MOST_ALERTS = 20_000
"""Changes of alerts that may wait to be told; when there are more, readers have to ask the store."""


class Changes:
    """What is told at once."""

    __slots__ = ("alerts", "channels", "components", "gone", "overflowed", "rows", "silences")

    def __init__(self) -> None:
        self.components: dict[str, list[CheckResult]] = {}
        """By name, with the results there were, oldest first."""
        self.gone: list[str] = []
        self.alerts: list[tuple[int, AlertChange]] = []
        """Committed ones with their growing numbers."""
        self.rows: list[Row] = []
        self.channels: set[str] = set()
        """Whose counts have changed."""
        self.silences: list[Silence] = []
        self.overflowed = False
        """Changes of alerts were left out."""


class Feed:
    """Fed and read on the loop. Without a listener nothing is gathered."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Changes | None], None]] = []
        self._components: dict[str, list[CheckResult]] = {}
        self._gone: dict[str, None] = {}
        self._alerts: deque[tuple[int, AlertChange]] = deque()
        self._rows: dict[str, Row] = {}
        self._channels: set[str] = set()
        self._silences: dict[str, Silence] = {}
        self._overflowed = False
        self._loop: Loop | None = None
        self._timer: Handle | None = None
        self.closed = True

    def open(self, loop: Loop) -> None:
        """Begin to tell."""
        self._loop, self.closed = loop, False

    def close(self) -> None:
        """The end is near: whoever listens hears None, and nothing afterwards."""
        if self.closed:
            return
        self.closed, self._loop = True, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell(None)

    def listen(self, listener: Callable[[Changes | None], None]) -> None:
        """Have `listener` called on the loop with what has changed; with None at the end."""
        self._listeners.append(listener)

    # Fed by the pipeline

    def result(self, result: CheckResult) -> None:
        """A component has a result."""
        if self._listeners:
            results = self._components.setdefault(result.component, [])
            results.append(result)
            if len(results) > RESULTS_AT_ONCE:
                del results[0]
            self._arm()

    def changed(self, names: Iterable[str]) -> None:
        """Components came, changed, or went stale."""
        if self._listeners:
            for name in names:
                self._components.setdefault(name, [])
                self._gone.pop(name, None)
            self._arm()

    def removed(self, names: Iterable[str]) -> None:
        """Components are monitored no more."""
        if self._listeners:
            for name in names:
                self._components.pop(name, None)
                self._gone[name] = None
            self._arm()

    def committed(self, batch: Batch, numbers: list[int]) -> None:
        """What was decided about alerts is on disk."""
        if not self._listeners:
            return
        self._alerts.extend(zip(numbers, batch.changes, strict=True))
        if len(self._alerts) > MOST_ALERTS:
            self._alerts.clear()
            self._overflowed = True
        for row in batch.rows.values():
            self._channels.add(row.channel)
            if len(self._rows) < ROWS_AT_ONCE or row.key in self._rows:
                self._rows[row.key] = row
        self._silences |= batch.silences
        self._arm()

    # Telling

    def _arm(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(GATHER, self._tick)

    def _tick(self) -> None:
        self._timer = None
        changes = Changes()
        for name in list(self._components)[:COMPONENTS_AT_ONCE]:
            changes.components[name] = self._components.pop(name)
        changes.alerts = [self._alerts.popleft() for _ in range(min(ALERTS_AT_ONCE, len(self._alerts)))]
        changes.gone, self._gone = list(self._gone), {}
        changes.rows, self._rows = list(self._rows.values()), {}
        changes.channels, self._channels = self._channels, set()
        changes.silences, self._silences = list(self._silences.values()), {}
        changes.overflowed, self._overflowed = self._overflowed, False
        if self._components or self._alerts:
            self._arm()
        self._tell(changes)

    def _tell(self, changes: Changes | None) -> None:
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:
                log.exception("somebody who shows changes stumbled over some")
