"""What has been decided and is to be committed together, before anybody sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auscult.alert import Alert, AlertChange
from auscult.alerts.quiet import Silence

if TYPE_CHECKING:
    from auscult.alerts.outbox import Row
    from auscult.rules.stepping import RuleState

__all__ = ["Audit", "Batch"]

Audit = tuple[int, str, str, str, str]
"""Time (ms), who, action, target, details."""


class Batch:
    """Changes in their order, the alerts after them, the rows of the outbox that changed, and who did what."""

    def __init__(self) -> None:
        self.changes: list[AlertChange] = []
        self.alerts: dict[str, Alert] = {}
        self.rows: dict[str, Row] = {}
        self.silences: dict[str, Silence] = {}
        self.audits: list[Audit] = []
        self.rule_states: list[RuleState] | None = None
        """Everything that waits for time to pass, when that has changed."""
        self.worked_off: list[int] = []
        """Numbers of posted bodies that are done with."""
        self.proof: int | None = None
        """A time (ms) that is written to see whether something can be."""
        self._latest: dict[str, AlertChange] = {}

    def __bool__(self) -> bool:
        return bool(self.changes or self.rows or self.silences or self.audits or self.rule_states is not None)

    def add(self, change: AlertChange) -> None:
        """Note a change."""
        self.changes.append(change)
        self.alerts[change.alert.id] = change.alert
        self._latest[change.alert.id] = change

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Note rows of the outbox as they are now."""
        for row in rows:
            self.rows[row.key] = row

    def latest(self, alert: str) -> AlertChange:
        """The last change of an alert in this batch."""
        return self._latest[alert]
