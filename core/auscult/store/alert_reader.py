"""Questions about alerts on disk. Each blocks, in whatever thread asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from msgspec import Struct

from auscult.alert import Alert, AlertChange, AlertStatus, ChangeKind
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import FINAL, Row, RowState
from auscult.rules.stepping import RuleState

__all__ = ["REMEMBERED_MS", "ROW", "AlertReader", "Kept", "noticed", "row_of"]

HOUR_MS = 3_600_000
REMEMBERED_MS = 24 * HOUR_MS
"""How long after its end an alert is brought back at a start: it may open again, and counts for a day."""

_alert = msgspec.msgpack.Decoder(Alert).decode
_change = msgspec.msgpack.Decoder(AlertChange).decode
_silence = msgspec.msgpack.Decoder(Silence).decode
_state = msgspec.msgpack.Decoder(RuleState).decode
ROW = "key, alert, number, channel, grp, due, state, attempts, since, fence, error, into_key, done_at"
"""The columns of a row of the outbox."""
_OPEN = "state IN ('pending', 'sending', 'dead')"
"""As the index says it: SQLite uses that for these very words only."""
_WANTED = f"""WITH w AS (SELECT id FROM alert WHERE resolved_at IS NULL OR resolved_at > ?
    UNION SELECT alert FROM delivery WHERE {_OPEN} AND state <> 'dead')"""  # noqa: S608
_ALERTS = f"{_WANTED} SELECT body FROM w CROSS JOIN alert ON alert.id = w.id ORDER BY created_at, w.id"  # noqa: S608
_CHANGES = f"{_WANTED} SELECT c.body FROM w CROSS JOIN alert_change AS c ON c.alert = w.id ORDER BY c.id"  # noqa: S608
# Keys begin with the alert, and "0" comes after "/": this way their index is used.
_ROWS = f"{_WANTED} SELECT d.* FROM w CROSS JOIN delivery AS d ON d.key > w.id || '/' AND d.key < w.id || '0'"  # noqa: S608
_ROWS = _ROWS.replace("d.*", ", ".join(f"d.{column}" for column in ROW.split(", ")))

_TELLS = f"""SELECT {", ".join(f"d.{column}" for column in ROW.split(", "))}, c.body FROM ({{chosen}}) AS d
    CROSS JOIN alert_change AS c ON c.alert = d.alert AND c.number = d.number ORDER BY d.id DESC"""  # noqa: S608


class Kept(Struct, frozen=True, kw_only=True):
    """What a start needs of the run before it."""

    alerts: list[Alert]
    """Open ones, and those that were resolved within the last 24 hours or have something on its way."""
    changes: list[AlertChange]
    rows: list[Row]
    noticed: dict[str, list[int]]
    """By alert, when firing notices went out: the latest, and those of the last hour."""
    silences: list[Silence]
    rule_states: list[RuleState]
    posted: list[tuple[int, int, bytes]] = []
    """What others had posted and was not worked off: number, time (ms), body."""


class AlertReader:
    """Asks through `snapshot`, which lends a connection whose answers all come from one moment."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._snapshot = snapshot

    def restore(self, now: int) -> Kept:
        """What a start needs."""
        since = (now - REMEMBERED_MS,)
        with self._snapshot() as connection:
            alerts = [_alert(body) for (body,) in connection.execute(_ALERTS, since)]
            changes = [_change(body) for (body,) in connection.execute(_CHANGES, since)]
            rows = list(map(row_of, connection.execute(_ROWS, since)))
            silences = connection.execute("SELECT body FROM silence WHERE ends_at > ?", (now,)).fetchall()
            states = connection.execute("SELECT body FROM rule_state").fetchall()
            posted = connection.execute("SELECT id, at, body FROM posted ORDER BY id").fetchall()
        return Kept(
            alerts=alerts,
            changes=changes,
            rows=rows,
            noticed=noticed(changes, rows, now),
            silences=[_silence(body) for (body,) in silences],
            rule_states=[_state(body) for (body,) in states],
            posted=posted,
        )

    def history(
        self,
        *,
        before: int | None = None,
        before_id: str = "",
        limit: int = 100,
        status: AlertStatus | None = None,
        rule: str | None = None,
        component: str | None = None,
        severity: str | None = None,
    ) -> list[Alert]:
        """Alerts created before that time (ms), newest first.

        With `before` and `before_id` of the last one seen: those that come after it, none of the same time left out.
        """
        where, values = _where({"status": status, "rule": rule, "component": component, "severity": severity})
        if before is not None:
            where += " AND created_at <= ? AND (created_at < ? OR id < ?)"
            values += [before, before, before_id]
        with self._snapshot() as connection:
            found = connection.execute(
                f"SELECT body FROM alert WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608
                (*values, limit),
            )
            return [_alert(body) for (body,) in found]

    def alert(self, ident: str) -> Alert | None:
        """The alert of that id, whether it goes on or not."""
        with self._snapshot() as connection:
            found = connection.execute("SELECT body FROM alert WHERE id = ?", (ident,)).fetchone()
        return _alert(found[0]) if found else None

    def changes_of(self, alert: str) -> list[AlertChange]:
        """What happened to an alert, oldest first."""
        with self._snapshot() as connection:
            found = connection.execute("SELECT body FROM alert_change WHERE alert = ? ORDER BY number", (alert,))
            return [_change(body) for (body,) in found]

    def last_sequence(self) -> int:
        """The number of the latest change; 0 when there was none."""
        with self._snapshot() as connection:
            (number,) = connection.execute("SELECT ifnull(max(id), 0) FROM alert_change").fetchone()
        return int(number)

    def changes_since(self, number: int, limit: int = 1000) -> list[tuple[int, AlertChange]]:
        """Changes with larger numbers, oldest first."""
        with self._snapshot() as connection:
            found = connection.execute(
                "SELECT id, body FROM alert_change WHERE id > ? ORDER BY id LIMIT ?", (number, limit)
            )
            return [(ident, _change(body)) for ident, body in found]

    def recent_changes(self, since: int, *, limit: int = 200, component: str | None = None) -> list[AlertChange]:
        """Changes since that time (ms), newest first."""
        changes: list[AlertChange] = []
        with self._snapshot() as connection:
            # Numbers grow with time, so the first that is too old ends it.
            for at, body in connection.execute("SELECT at, body FROM alert_change ORDER BY id DESC"):
                if at < since or len(changes) == limit:
                    break
                change = _change(body)
                if component in (None, change.alert.component):
                    changes.append(change)
        return changes

    def deliveries(
        self,
        *,
        channel: str | None = None,
        state: RowState | None = None,
        alert: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[tuple[Row, AlertChange]]:
        """Rows of the outbox with what they tell, newest first; those that come after the one with the key `before`."""
        where, values = _where({"channel": channel, "state": state})
        if state is not None and (state is RowState.DEAD or state not in FINAL):
            where += f" AND {_OPEN}"
        if alert is not None:
            where += " AND key > ? || '/' AND key < ? || '0'"
            values += [alert, alert]
        if before is not None:
            where += " AND id < (SELECT id FROM delivery WHERE key = ?)"
            values.append(before)
        chosen = f"SELECT * FROM delivery WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
        with self._snapshot() as connection:
            found = connection.execute(_TELLS.format(chosen=chosen), (*values, limit))
            return [(row_of(columns), _change(body)) for *columns, body in found]

    def delivery(self, key: str) -> tuple[Row, AlertChange] | None:
        """One row, and the change it tells of."""
        with self._snapshot() as connection:
            found = connection.execute(f"SELECT {ROW} FROM delivery WHERE key = ?", (key,)).fetchone()  # noqa: S608
            if found is None:
                return None
            row = row_of(found)
            found = connection.execute(
                "SELECT body FROM alert_change WHERE alert = ? AND number = ?", (row.alert, row.number)
            ).fetchone()
        return (row, _change(found[0])) if found else None

    def end_of(self, alert: str) -> AlertChange | None:
        """The end of an alert that is over."""
        with self._snapshot() as connection:
            found = connection.execute(
                "SELECT body FROM alert_change WHERE alert = ? ORDER BY number DESC LIMIT 1", (alert,)
            ).fetchone()
        last = _change(found[0]) if found else None
        return last if last is not None and last.kind is ChangeKind.RESOLVED else None

    def audits(self, *, before: int | None = None, limit: int = 100) -> list[tuple[int, int, str, str, str, str]]:
        """Who did what, newest first: growing number, time (ms), who, action, target, details."""
        with self._snapshot() as connection:
            return connection.execute(
                "SELECT id, at, who, action, target, details FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
                (before if before is not None else 1 << 62, limit),
            ).fetchall()


def _where(wanted: dict[str, Any]) -> tuple[str, list[Any]]:
    given = {column: getattr(value, "value", value) for column, value in wanted.items() if value is not None}
    return " AND ".join(["1", *(f"{column} = ?" for column in given)]), list(given.values())


def row_of(found: Sequence[Any]) -> Row:
    """The row of the outbox behind a row of `ROW`."""
    key, alert, number, channel, group, due, state, attempts, since, fence, error, into, done_at = found
    return Row(
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


_ANNOUNCING = frozenset({ChangeKind.FIRED, ChangeKind.REOPENED, ChangeKind.UNSUPPRESSED})


def noticed(changes: Iterable[AlertChange], rows: Iterable[Row], now: int) -> dict[str, list[int]]:
    """When each alert's firings were told, or are to be: the latest, and those of the last hour."""
    announcing = {(change.alert.id, change.alert.number) for change in changes if change.kind in _ANNOUNCING}
    found: dict[tuple[str, int], int] = {}
    for row in rows:
        which = (row.alert, row.number)
        if which in announcing and row.state is not RowState.SILENCED:
            # When it was first tried, or is to be: later dues are those of further attempts.
            at = row.since or row.due
            found[which] = min(found.get(which, at), at)
    times_of: dict[str, set[int]] = {}
    for (alert, _), at in found.items():
        times_of.setdefault(alert, set()).add(at)
    # The latest one counts for the cooldown however long ago it was.
    return {
        alert: [at for at in sorted(times) if at > now - HOUR_MS or at == max(times)]
        for alert, times in times_of.items()
    }
