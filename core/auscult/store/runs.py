"""Runs: where each began in the history and with what, so that it can be replayed."""

from __future__ import annotations

import sqlite3

from msgspec import Struct, msgpack

from auscult.rules.stepping import RuleState

__all__ = ["TABLES", "Run", "note_run", "run_of"]

RUNS_KEPT = 1000

TABLES = (
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, result INTEGER NOT NULL, change INTEGER NOT NULL,
        starts INTEGER NOT NULL, version TEXT NOT NULL, settings TEXT NOT NULL, body BLOB NOT NULL
    )""",
)
COLUMNS = "id, at, result, change, starts, version, settings, body"


# What was never tried waits until its due time, which later attempts overwrite; most are due when their change happens.
_HELD_BACK = """SELECT d.key, d.due FROM delivery AS d CROSS JOIN alert_change AS c
    ON c.alert = d.alert AND c.number = d.number
    WHERE d.state IN ('pending', 'sending', 'dead') AND d.state = 'pending' AND d.since = 0 AND d.due <> c.at"""


class _Start(Struct, frozen=True):
    states: dict[str, tuple[str, int]] = {}
    rule_states: list[RuleState] = []
    dues: dict[str, int] = {}


class Run(Struct, frozen=True, kw_only=True):
    """One run of a monitor, as it began; or went on with other settings."""

    id: int
    at: int
    """When it began (ms)."""
    result: int
    """Number of the last result before it."""
    change: int
    """Number of the last change of an alert before it."""
    starts: bool
    """Whether a process began then; else one went on with another configuration."""
    version: str
    settings: str
    """Fingerprint of the configuration; empty for what was made in code."""
    states: dict[str, tuple[str, int]]
    """Statuses at its begin, with the time since when."""
    rule_states: list[RuleState]
    """What rules remembered at its begin."""
    dues: dict[str, int] = {}
    """Key of what had never been tried to its due time (ms), where that is not the time of its change."""


def note_run(connection: sqlite3.Connection, *, at: int, version: str, settings: str, starts: bool = True) -> None:
    """A run begins, in the caller's transaction; nothing of it is written yet."""
    states = {
        name: (status, since)
        for name, status, since in connection.execute(
            "SELECT name, status, since FROM state JOIN component ON component.id = state.component"
        )
    }
    found = connection.execute("SELECT body FROM rule_state")
    rule_states = [msgpack.decode(body, type=RuleState) for (body,) in found]
    start = _Start(states, rule_states, dict(connection.execute(_HELD_BACK).fetchall()))
    last = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
    connection.execute(
        "INSERT INTO run (at, result, change, starts, version, settings, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (at, last.get("result", 0), last.get("alert_change", 0), starts, version, settings, msgpack.encode(start)),
    )
    connection.execute("DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?", (RUNS_KEPT,))


def run_of(row: tuple[int, int, int, int, int, str, str, bytes]) -> Run:
    """The run behind a row of `COLUMNS`."""
    number, at, result, change, starts, version, settings, body = row
    start = msgpack.decode(body, type=_Start)
    return Run(
        id=number,
        at=at,
        result=result,
        change=change,
        starts=bool(starts),
        version=version,
        settings=settings,
        states=start.states,
        rule_states=start.rule_states,
        dues=start.dues,
    )
