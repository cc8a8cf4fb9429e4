"""Alerts on disk: what was decided is written in one transaction, and kept as long as it is of use."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from msgspec import Raw, Struct, msgpack

from auscult.alert import Alert, AlertChange, ChangeKind
from auscult.alerts.batch import Audit, Batch
from auscult.alerts.quiet import Silence
from auscult.alerts.rows import Row, RowState
from auscult.rules.stepping import RuleState
from auscult.store.alert_reader import ROW, AlertReader, Kept
from auscult.store.posted import drop_posted

__all__ = ["TABLES", "AlertReader", "Kept", "forget_alerts", "write_batches"]

ALERTS_KEPT = 90 * 86_400.0
"""Seconds from its end that an alert is kept."""
ROWS_KEPT = 30 * 86_400.0
"""Seconds from its end that a delivery is kept; a dead one as long as its alert."""
_SIZES = (400, 200, 100, 50, 25, 12, 6, 3, 1)
"""Rows per statement: any number of rows takes few statements, and few are ever prepared."""
AT_ONCE = 500
"""Rows deleted per transaction: a few milliseconds."""

# Ids begin with a hash: only slim indexes are in their order, the rows themselves lie in the order in which they came.
TABLES = (
    """CREATE TABLE alert (
        id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, rule TEXT NOT NULL, component TEXT NOT NULL,
        severity TEXT NOT NULL, created_at INTEGER NOT NULL, resolved_at INTEGER, body BLOB NOT NULL
    )""",
    "CREATE INDEX alert_by_start ON alert (created_at)",
    "CREATE INDEX alert_by_end ON alert (resolved_at)",
    """CREATE TABLE alert_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
        kind TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (alert, number)
    )""",
    """CREATE TABLE delivery (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, alert TEXT NOT NULL, number INTEGER NOT NULL,
        channel TEXT NOT NULL, grp TEXT NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL,
        attempts INTEGER NOT NULL, since INTEGER NOT NULL, fence INTEGER NOT NULL, error TEXT NOT NULL,
        into_key TEXT NOT NULL, done_at INTEGER
    )""",
    "CREATE INDEX delivery_open ON delivery (state) WHERE state IN ('pending', 'sending', 'dead')",
    "CREATE TABLE silence (id TEXT PRIMARY KEY, ends_at INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE rule_state (
        rule TEXT NOT NULL, component TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (rule, component)
    ) WITHOUT ROWID""",
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
        target TEXT NOT NULL, details TEXT NOT NULL
    )""",
)

_pack: Callable[[object], bytes] = msgpack.Encoder().encode
_LONE = re.compile("[\ud800-\udfff]")


def _encode(value: object) -> bytes:
    """As MessagePack; text that UTF-8 does not have becomes U+FFFD, for one alert may not hold up all others."""
    try:
        return _pack(value)
    except UnicodeEncodeError:
        return _pack(_fit(msgspec.to_builtins(value)))


def _fit(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_fit(name): _fit(item) for name, item in value.items()}
    return [_fit(item) for item in value] if isinstance(value, list | tuple) else value


_ALERT = "INSERT INTO alert VALUES"
_ALERT_AGAIN = """ON CONFLICT (id) DO UPDATE SET status = excluded.status, severity = excluded.severity,
    resolved_at = excluded.resolved_at, body = excluded.body"""
# A change that is there already was committed although the answer to that got lost.
_CHANGE = "INSERT OR IGNORE INTO alert_change (alert, number, at, kind, body) VALUES"
_ROW = f"INSERT INTO delivery ({ROW}) VALUES"
_ROW_AGAIN = """ON CONFLICT (key) DO UPDATE SET grp = excluded.grp, due = excluded.due, state = excluded.state,
    attempts = excluded.attempts, since = excluded.since, fence = excluded.fence, error = excluded.error,
    into_key = excluded.into_key, done_at = excluded.done_at WHERE excluded.fence >= fence"""
_TOLD = "WITH told (key, attempts, since, fence, done_at) AS (VALUES"
_TOLD_SO = """) UPDATE delivery SET state = 'done', attempts = told.attempts, since = told.since, fence = told.fence,
    error = '', into_key = '', done_at = told.done_at FROM told
    WHERE delivery.key = told.key AND told.fence >= delivery.fence"""
_SILENCE = "INSERT OR REPLACE INTO silence VALUES (?, ?, ?)"
_STATE = "INSERT OR REPLACE INTO rule_state VALUES (?, ?, ?)"
_PROOF = "INSERT OR REPLACE INTO watermark VALUES ('proof', ?)"
_AUDIT = "INSERT INTO audit (at, who, action, target, details) VALUES (?, ?, ?, ?, ?)"


def write_batches(connection: sqlite3.Connection, batches: Sequence[Batch]) -> list[list[int]]:
    """Write them, in the caller's transaction; gives for each the growing numbers of its changes."""
    alerts: dict[str, Alert] = {}
    rows: dict[str, Row] = {}
    silences: dict[str, Silence] = {}
    audits: list[Audit] = []
    for batch in batches:
        alerts |= batch.alerts
        rows |= batch.rows
        silences |= batch.silences
        audits += batch.audits
    packed = {ident: _encode(alert) for ident, alert in alerts.items()}
    numbers = _write_changes(connection, [change for batch in batches for change in batch.changes], alerts, packed)
    _insert(connection, _ALERT, [_alert(alert, packed[ident]) for ident, alert in alerts.items()], _ALERT_AGAIN)
    _write_rows(connection, rows.values())
    if silences:
        connection.executemany(_SILENCE, [(s.id, s.ends_at, _encode(s)) for s in silences.values()])
    if audits:
        connection.executemany(_AUDIT, audits)
    if worked_off := [number for batch in batches for number in batch.worked_off]:
        drop_posted(connection, worked_off)
    proofs = [batch.proof for batch in batches if batch.proof is not None]
    if proofs:
        connection.execute(_PROOF, (proofs[-1],))
    states = next((batch.rule_states for batch in reversed(batches) if batch.rule_states is not None), None)
    if states is not None:
        _write_states(connection, states)
    found = iter(numbers)
    return [[next(found) for _ in batch.changes] for batch in batches]


def _insert(connection: sqlite3.Connection, begin: str, rows: Sequence[tuple[object, ...]], end: str = "") -> None:
    """Many rows per statement: SQLite lets go of the interpreter once for all of them, and not for each."""
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            statement = _statement(begin, len(rows[0]), size, end)
            connection.execute(statement, tuple(chain.from_iterable(rows[at : at + size])))
            at += size


@lru_cache(maxsize=64)
def _statement(begin: str, columns: int, rows: int, end: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{begin} {', '.join([row] * rows)} {end}"


def _write_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Most rows change to what was told and nothing else, as it was there before: that takes fewer values."""
    told: list[Row] = []
    others: list[Row] = []
    for row in rows:
        (told if row.state is RowState.DONE else others).append(row)
    before = connection.total_changes
    values = [(row.key, row.attempts, row.since, row.fence, row.done_at) for row in told]
    _insert(connection, _TOLD, values, _TOLD_SO)
    if connection.total_changes - before != len(told):
        others += told
    _insert(connection, _ROW, list(map(_row, others)), _ROW_AGAIN)


def _write_changes(
    connection: sqlite3.Connection, changes: list[AlertChange], alerts: dict[str, Alert], packed: dict[str, bytes]
) -> list[int]:
    """`packed` has what these alerts are on disk: most changes are the latest one of theirs."""
    if not changes:
        return []
    before = connection.total_changes
    rows = [
        _change(change, packed[change.alert.id] if alerts[change.alert.id] is change.alert else None)
        for change in changes
    ]
    _insert(connection, _CHANGE, rows)
    if connection.total_changes - before == len(changes):
        (last,) = connection.execute("SELECT last_insert_rowid()").fetchone()
        return list(range(last - len(changes) + 1, last + 1))
    return [
        connection.execute(
            "SELECT id FROM alert_change WHERE alert = ? AND number = ?", (change.alert.id, change.alert.number)
        ).fetchone()[0]
        for change in changes
    ]


def _write_states(connection: sqlite3.Connection, states: Iterable[RuleState]) -> None:
    connection.execute("DELETE FROM rule_state")
    connection.executemany(_STATE, [(state.rule, state.component, _encode(state)) for state in states])


def _alert(alert: Alert, packed: bytes) -> tuple[object, ...]:
    return (
        alert.id,
        alert.status._value_,
        alert.rule,
        alert.component,
        alert.severity._value_,
        alert.created_at,
        alert.resolved_at,
        packed,
    )


def _change(change: AlertChange, packed: bytes | None) -> tuple[object, ...]:
    body: object = change
    if packed is not None:
        body = _Packed(change.kind, Raw(packed), change.at, change.by, change.note)
    return change.alert.id, change.alert.number, change.at, change.kind._value_, _encode(body)


class _Packed(Struct, gc=False):
    """An `AlertChange` whose alert is packed already."""

    kind: ChangeKind
    alert: Raw
    at: int
    by: str
    note: str


def _row(row: Row) -> tuple[object, ...]:
    return (
        row.key,
        row.alert,
        row.number,
        row.channel,
        row.group,
        row.due,
        row.state._value_,
        row.attempts,
        row.since,
        row.fence,
        row.error,
        row.into,
        row.done_at,
    )


# Forgetting

_OVER = "SELECT id FROM alert WHERE resolved_at < ? ORDER BY resolved_at LIMIT ?"
_SETTLED = """DELETE FROM delivery WHERE id IN (
    SELECT id FROM delivery AS d WHERE id <= ? AND state IN ('done', 'merged', 'silenced') AND done_at < ?
    AND (SELECT resolved_at FROM alert WHERE alert.id = d.alert) IS NOT NULL ORDER BY id LIMIT ?)"""
_LOOKED_AT = 20_000
"""Deliveries looked through for those to forget, oldest first: few of them belong to an alert that goes on."""


def forget_alerts(connection: sqlite3.Connection, now: int) -> bool:
    """Delete one slice of what is over for long, in one transaction; True when more waits.

    Nothing of an alert goes that goes on: who was told of it is to be told of its end.
    """
    connection.execute("BEGIN IMMEDIATE")
    ids = [ident for (ident,) in connection.execute(_OVER, (now - int(ALERTS_KEPT * 1000), AT_ONCE // 5))]
    for ident in ids:
        # Keys begin with the alert, and "0" comes after "/".
        connection.execute("DELETE FROM delivery WHERE key > ?1 || '/' AND key < ?1 || '0'", (ident,))
        connection.execute("DELETE FROM alert_change WHERE alert = ?", (ident,))
        connection.execute("DELETE FROM alert WHERE id = ?", (ident,))
    (oldest,) = connection.execute("SELECT ifnull(min(id), 0) FROM delivery").fetchone()
    settled = connection.execute(_SETTLED, (oldest + _LOOKED_AT, now - int(ROWS_KEPT * 1000), AT_ONCE)).rowcount
    connection.execute("DELETE FROM silence WHERE ends_at < ?", (now - int(ALERTS_KEPT * 1000),))
    connection.execute("COMMIT")
    return len(ids) == AT_ONCE // 5 or settled == AT_ONCE
