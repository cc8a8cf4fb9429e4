"""`Ledger`: what was decided, in memory, as a store would have it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from auscult.alert import Alert, AlertChange
from auscult.alerts.batch import Batch
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import Row
from auscult.rules.stepping import RuleState
from auscult.store.alert_reader import REMEMBERED_MS, Kept, noticed

__all__ = ["Ledger"]


class Ledger:
    """Takes batches in; `kept` gives what the next run starts from."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.changes: list[AlertChange] = []
        self.rows: dict[str, Row] = {}
        self.rule_states: list[RuleState] = []

    def keep(self, batch: Batch) -> None:
        """Take in what was decided together."""
        self.alerts |= batch.alerts
        self.changes += batch.changes
        self.rows |= batch.rows
        if batch.rule_states is not None:
            self.rule_states = batch.rule_states

    def add(self, kept: Kept) -> None:
        """Take in what an earlier run left."""
        self.alerts |= {alert.id: alert for alert in kept.alerts}
        self.changes += kept.changes
        self.rows |= {row.key: row for row in kept.rows}
        self.rule_states = kept.rule_states

    def kept(self, now: int, silences: list[Silence], told: Mapping[str, Row]) -> Kept:
        """What a run that starts at `now` (ms) finds; see `AlertReader.restore`.

        `told` are rows as they were recorded: what has the same key was told when those say.
        """
        since = now - REMEMBERED_MS
        alerts = [each for each in self.alerts.values() if each.resolved_at is None or each.resolved_at > since]
        alerts.sort(key=lambda alert: (alert.created_at, alert.id))
        wanted = {alert.id for alert in alerts}
        changes = [change for change in self.changes if change.alert.id in wanted]
        rows = [row for row in self.rows.values() if row.alert in wanted]
        return Kept(
            alerts=alerts,
            changes=changes,
            rows=rows,
            noticed=noticed(changes, [_as_told(row, told.get(row.key), now) for row in rows], now),
            silences=silences,
            rule_states=self.rule_states,
        )


def _as_told(row: Row, told: Row | None, now: int) -> Row:
    return row if told is None or not 0 < told.since <= now else replace(row, since=told.since)
