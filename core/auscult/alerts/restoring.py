"""Rows of an earlier run, sorted out: what a channel knows of an alert, what waits, and what that covers."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from auscult.alerts.rows import Row, RowState

__all__ = ["Found", "joined"]


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
