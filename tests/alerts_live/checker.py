"""The judge of a run with crashes: from the database and the receiver's ledger alone, after everything is told.

The invariants are those of the promise page, I1 to I8 and I10.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import msgspec

from auscult.alert import AlertChange
from auscult.runtime.delivery import PARALLEL, UNSETTLED

TOLD = {"fired", "reopened", "escalated", "resolved"}
IN_DOUBT = PARALLEL + UNSETTLED
"""Deliveries that may be on the wire, or arrived without that being on disk, when the process is killed."""


class Record:
    """What is on disk and what arrived."""

    def __init__(self, state: Path, ledger: Path) -> None:
        with sqlite3.connect(f"file:{state / 'auscult.sqlite'}?mode=ro", uri=True) as database:
            self.integrity = database.execute("PRAGMA integrity_check").fetchall()
            bodies = database.execute("SELECT body FROM alert_change ORDER BY id").fetchall()
            self.rows = {
                key: (alert, number, state_, into)
                for key, alert, number, state_, into in database.execute(
                    "SELECT key, alert, number, state, into_key FROM delivery"
                )
            }
            self.audits = Counter(
                (action, target) for action, target in database.execute("SELECT action, target FROM audit")
            )
            self.open = {ident for (ident,) in database.execute("SELECT id FROM alert WHERE status <> 'resolved'")}
        database.close()
        self.changes = [msgspec.msgpack.decode(body, type=AlertChange) for (body,) in bodies]
        self.arrivals = [json.loads(line) for line in ledger.read_text().splitlines()]
        self.notices: list[dict] = [
            notice for arrival in self.arrivals for notice in json.loads(arrival["body"])["alerts"]
        ]

    def end_of(self, key: str) -> str:
        """The key of the row that tells of this one in the end."""
        while self.rows[key][3]:
            key = self.rows[key][3]
        return key


def check(record: Record, said: list[list[str]], *, kills: int, expiries: int = 0) -> dict[str, int]:
    """Assert everything; gives the figures to print."""
    acknowledged = {(words[1], int(words[2])) for words in said if words[0] == "change"}
    stored = {(change.alert.id, change.alert.number) for change in record.changes}
    assert acknowledged <= stored, "I1: shown and not on disk"
    assert len(stored) == len(record.changes)

    told_of = {(alert, number) for alert, number, _, _ in record.rows.values()}
    assert told_of <= stored, "I2: a row without its change"
    for change in record.changes:
        assert change.kind.value not in TOLD or (change.alert.id, change.alert.number) in told_of, "I2: no row"

    arrived = {notice["key"]: notice for notice in record.notices}
    states = Counter(state for _, _, state, _ in record.rows.values())
    assert set(states) <= {"done", "merged", "silenced"}, f"I3: not told: {states}"
    for key, (_, number, state, _) in record.rows.items():
        if state == "silenced":
            continue
        notice = arrived.get(record.end_of(key))
        assert notice is not None, f"I3: {key} is said to be told and never arrived"
        assert number in {notice["number"], *notice["covers"]}, f"I3: {key} is not listed in what tells of it"

    bodies: dict[str, str] = {}
    for arrival in record.arrivals:
        assert bodies.setdefault(arrival["id"], arrival["body"]) == arrival["body"], "I4: one key, two bodies"
    notices: dict[str, dict] = {}
    for notice in record.notices:
        assert notices.setdefault(notice["key"], notice) == notice, "I4: one notice, two contents"

    done = {key for key, (_, _, state, _) in record.rows.items() if state == "done"}
    assert done <= set(notices), "I5"
    latest: dict[str, int] = {}
    believes: dict[str, bool] = {}
    for notice in notices.values():  # in the order of their first arrival
        alert, number, ends = notice["id"], notice["number"], notice["change"] == "resolved"
        assert number > latest.get(alert, 0), f"I6: {notice['key']} arrived after a later one"
        assert not ends or believes.get(alert) or notice["first"], f"I7: {notice['key']} ends what never began"
        latest[alert], believes[alert] = number, not ends
    wrong = {alert for alert, goes_on in believes.items() if goes_on} - record.open
    assert not wrong, f"a receiver still believes that {wrong} go on"

    surplus = Counter(notice["key"] for notice in record.notices)
    repeats = sum(surplus.values()) - len(surplus)
    assert max(surplus.values()) - 1 <= kills + expiries, "I8: more repeats of one key than crashes"
    assert repeats <= IN_DOUBT * (kills + expiries), "I8: more repeats than can have been on the wire"
    assert record.integrity == [("ok",)], "I10"

    acts = Counter((words[1], words[2]) for words in said if words[0] == "did")
    assert not acts - record.audits, "an act of a person without its audit row"
    return {
        "kills": kills,
        "changes": len(record.changes),
        "acknowledged": len(acknowledged),
        "told": states["done"],
        "merged": states["merged"],
        "silenced": states["silenced"],
        "arrived": len(record.notices),
        "repeats": repeats,
        "acts": sum(acts.values()),
    }
