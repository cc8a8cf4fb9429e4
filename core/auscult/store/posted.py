"""Alerts as they were posted, until they are worked off; see `auscult.runtime.intake`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

__all__ = ["TABLES", "drop_posted", "keep_posted"]

TABLES = ("CREATE TABLE posted (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, body BLOB NOT NULL)",)


def keep_posted(connection: sqlite3.Connection, at: int, body: bytes) -> int:
    """Keep one body, in the caller's transaction; gives its number."""
    number = connection.execute("INSERT INTO posted (at, body) VALUES (?, ?)", (at, body)).lastrowid
    assert number is not None
    return number


def drop_posted(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """These are worked off."""
    connection.executemany("DELETE FROM posted WHERE id = ?", [(number,) for number in numbers])
