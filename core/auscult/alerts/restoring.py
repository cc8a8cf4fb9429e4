"""Rows of an earlier run, sorted out: what a channel knows of an alert, what waits, and what that covers."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from auscult.alert import AlertChange, AlertStatus, ChangeKind
from auscult.alerts.rows import Row, RowState

__all__ = ["Found", "Stretch", "joined", "stretches"]


class Found(Struct, frozen=True):
    """The rows of one alert and channel, by number."""

    rows: tuple[Row, ...]
    waiting: tuple[Row, ...]
    overtaken: tuple[Row, ...]
    """Those that waited although a later change was delivered: merged into that one."""
    told: int | None
    """Number of the last change that was delivered."""
    covered: dict[str, tuple[int, ...]]
    """Key of a waiting row to the numbers merged into it."""


def joined(rows: Iterable[Row]) -> list[Found]:
    """Every alert and channel that occurs in `rows`."""
    by_slot: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_slot.setdefault((row.alert, row.channel), []).append(row)
    return [_found(sorted(own, key=lambda row: row.number)) for own in by_slot.values()]


def _found(rows: list[Row]) -> Found:
    covered: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row.state is RowState.MERGED:
            covered[row.into] = (*covered.get(row.into, ()), *covered.pop(row.key, ()), row.number)
    last = max((row for row in rows if row.state is RowState.DONE), key=lambda row: row.number, default=None)
    told = last.number if last is not None else 0
    waiting = [row for row in rows if not row.is_final]
    overtaken = [
        msgspec.structs.replace(row, state=RowState.MERGED, into=last.key, done_at=last.done_at)
        for row in waiting
        if last is not None and row.number < told
    ]
    return Found(
        tuple(rows), tuple(row for row in waiting if row.number > told), tuple(overtaken), told or None, covered
    )


class Stretch(Struct):
    """How long an alert has been active without anybody reacting, and what that has brought about (ms)."""

    since: int = 0
    escalated: int = 0
    """When it was escalated last; 0: never."""
    reminded: dict[str, int] = {}
    """Channel to when it was reminded last."""


_BEGINS = frozenset({ChangeKind.FIRED, ChangeKind.REOPENED, ChangeKind.UNSUPPRESSED, ChangeKind.UNACKNOWLEDGED})
_SAYS_AGAIN = frozenset({ChangeKind.REMINDED, ChangeKind.ESCALATED})


def stretches(changes: Iterable[AlertChange], rows: Iterable[Row]) -> dict[str, Stretch]:
    """By alert, the stretch that its changes end with."""
    found: dict[str, Stretch] = {}
    again: dict[tuple[str, int], int] = {}
    for change in sorted(changes, key=lambda change: change.alert.number):
        alert = change.alert
        if change.kind in _BEGINS:
            found[alert.id] = Stretch(since=change.at if alert.status is AlertStatus.ACTIVE else 0)
        elif change.kind in _SAYS_AGAIN:
            again[alert.id, alert.number] = change.at
            if change.kind is ChangeKind.ESCALATED and alert.id in found:
                found[alert.id].escalated = change.at
    for row in rows:
        at, stretch = again.get((row.alert, row.number)), found.get(row.alert)
        if at is not None and stretch is not None and at >= stretch.since:
            stretch.reminded[row.channel] = max(at, stretch.reminded.get(row.channel, 0))
    return found
