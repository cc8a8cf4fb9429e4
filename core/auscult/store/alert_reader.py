"""Questions about alerts on disk. Each blocks, in whatever thread asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from msgspec import Struct

from auscult.alert import Alert, AlertChange, AlertStatus, ChangeKind
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import FINAL, Row, RowState
from auscult.rules.stepping import RuleState

__all__ = ["ROW", "AlertReader", "Kept"]

HOUR_MS = 3_600_000

_alert = msgspec.msgpack.Decoder(Alert).decode
_change = msgspec.msgpack.Decoder(AlertChange).decode
_silence = msgspec.msgpack.Decoder(Silence).decode
_state = msgspec.msgpack.Decoder(RuleState).decode
ROW = "key, alert, number, channel, grp, due, state, attempts, since, fence, error, into_key, done_at"
"""The columns of a row of the outbox."""
_OF_ALERT = "key > ?1 || '/' AND key < ?1 || '0'"
"""The key begins with the alert, and ``0`` comes after ``/``: this way its index is used."""
_ALIVE = (
    "resolved_at IS NULL OR resolved_at > ? OR id IN (SELECT alert FROM delivery WHERE state IN ('pending', 'sending'))"
)


class Kept(Struct, frozen=True, kw_only=True):
    """What a start needs of the run before it."""

    alerts: list[Alert]
    """Open ones, and those that were resolved within the last hour or have something on its way."""
    changes: list[AlertChange]
    rows: list[Row]
    noticed: dict[str, list[int]]
    """By alert, when firing notices of the last hour went out."""
    silences: list[Silence]
    rule_states: list[RuleState]


class AlertReader:
    """Asks through `snapshot`, which lends a connection whose answers all come from one moment."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._snapshot = snapshot

    def restore(self, now: int) -> Kept:
        """What a start needs."""
        with self._snapshot() as connection:
            alerts = [
                _alert(body)
                for (body,) in connection.execute(f"SELECT body FROM alert WHERE {_ALIVE}", (now - HOUR_MS,))  # noqa: S608
            ]
            rows: list[Row] = []
            changes: list[AlertChange] = []
            for alert in alerts:
                rows += _rows(connection, _OF_ALERT, alert.id)
                changes += _changes(connection, alert.id)
            silences = connection.execute("SELECT body FROM silence WHERE ends_at > ?", (now,)).fetchall()
            states = connection.execute("SELECT body FROM rule_state").fetchall()
        return Kept(
            alerts=alerts,
            changes=changes,
            rows=rows,
            noticed=_noticed(changes, rows, now),
            silences=[_silence(body) for (body,) in silences],
            rule_states=[_state(body) for (body,) in states],
        )

    def history(
        self,
        *,
        before: int | None = None,
        limit: int = 100,
        status: AlertStatus | None = None,
        rule: str | None = None,
        component: str | None = None,
        severity: str | None = None,
    ) -> list[Alert]:
        """Alerts created before that time (ms), newest first."""
        where, values = _where(
            {
                "created_at <": before,
                "status =": status,
                "rule =": rule,
                "component =": component,
                "severity =": severity,
            }
        )
        with self._snapshot() as connection:
            found = connection.execute(
                f"SELECT body FROM alert WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608
                (*values, limit),
            )
            return [_alert(body) for (body,) in found]

    def changes_of(self, alert: str) -> list[AlertChange]:
        """What happened to an alert, oldest first."""
        with self._snapshot() as connection:
            return _changes(connection, alert)

    def changes_since(self, number: int, limit: int) -> list[tuple[int, AlertChange]]:
        """Changes with larger numbers, oldest first."""
        with self._snapshot() as connection:
            found = connection.execute(
                "SELECT id, body FROM alert_change WHERE id > ? ORDER BY id LIMIT ?", (number, limit)
            )
            return [(ident, _change(body)) for ident, body in found]

    def deliveries(
        self,
        *,
        channel: str | None = None,
        state: RowState | None = None,
        alert: str | None = None,
        limit: int = 100,
    ) -> list[Row]:
        """Rows of the outbox, newest first."""
        where, values = _where({"channel =": channel, "state =": state, "alert =": alert})
        with self._snapshot() as connection:
            return list(_rows(connection, f"{where} ORDER BY id DESC LIMIT ?", *values, limit))

    def delivery(self, key: str) -> tuple[Row, AlertChange] | None:
        """One row, and the change it tells of."""
        with self._snapshot() as connection:
            row = next(_rows(connection, "key = ?", key), None)
            if row is None:
                return None
            found = connection.execute(
                "SELECT body FROM alert_change WHERE alert = ? AND number = ?", (row.alert, row.number)
            ).fetchone()
        return (row, _change(found[0])) if found else None


def _where(wanted: dict[str, Any]) -> tuple[str, list[Any]]:
    given = {test: value for test, value in wanted.items() if value is not None}
    return " AND ".join(["1", *(f"{test} ?" for test in given)]), [getattr(v, "value", v) for v in given.values()]


def _changes(connection: sqlite3.Connection, alert: str) -> list[AlertChange]:
    found = connection.execute("SELECT body FROM alert_change WHERE alert = ? ORDER BY number", (alert,))
    return [_change(body) for (body,) in found]


def _rows(connection: sqlite3.Connection, where: str, *values: Any) -> Iterator[Row]:
    for each in connection.execute(f"SELECT {ROW} FROM delivery WHERE {where}", values):  # noqa: S608
        key, alert, number, channel, group, due, state, attempts, since, fence, error, into, done_at = each
        yield Row(
            key=key,
            alert=alert,
            number=number,
            channel=channel,
            group=group,
            due=due,
            state=RowState(state),
            attempts=attempts,
            since=since,
            fence=fence,
            error=error,
            into=into,
            done_at=done_at,
        )


def _noticed(changes: Iterable[AlertChange], rows: Iterable[Row], now: int) -> dict[str, list[int]]:
    """When each alert's firings were told, or are to be, within the last hour."""
    firing = {(c.alert.id, c.alert.number) for c in changes if c.kind in (ChangeKind.FIRED, ChangeKind.REOPENED)}
    told = {RowState.DONE, *(set(RowState) - FINAL)}
    noticed: dict[str, set[int]] = {}
    for row in rows:
        if (row.alert, row.number) in firing and row.state in told and (at := row.since or row.due) > now - HOUR_MS:
            noticed.setdefault(row.alert, set()).add(at)
    return {alert: sorted(times) for alert, times in noticed.items()}
