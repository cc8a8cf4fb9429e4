"""SQLite files, read-only, in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from auscult import CheckContext
from auscult_plugins.database.connection import ConnectionLost, QueryFailed

__all__ = ["connect"]

PATIENCE = 0.8
"""Share of the probe's time for which a lock is waited for: the sentence about it then comes before the cut."""
T = TypeVar("T")


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection, path: Path, ctx: CheckContext) -> None:
        self._connection, self._path, self._ctx = connection, path, ctx
        self._inode = path.stat().st_ino
        self.version = f"SQLite {sqlite3.sqlite_version}"
        self.complaint = ""

    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        return await self._ctx.in_thread(lambda: self._query(statement))

    def _query(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            if self._path.stat().st_ino != self._inode:
                raise ConnectionLost(f"the file {self._path} was replaced")
        except FileNotFoundError as error:
            raise ConnectionLost(f"the file {self._path} is gone") from error
        try:
            return self._connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise QueryFailed(str(error)) from error

    async def statistics(self, _slow: float) -> dict[str, float]:
        def sizes() -> float:
            files = [self._path, self._path.with_name(self._path.name + "-wal")]
            return float(sum(file.stat().st_size for file in files if file.exists()))

        return {"size_bytes": await self._ctx.in_thread(sizes)}

    async def close(self) -> None:
        # A query that was cut still runs in the component's thread: it is broken off, and closing waits its turn.
        self._connection.interrupt()
        await self._ctx.in_thread(self._connection.close)


async def connect(url: str, ctx: CheckContext) -> _Sqlite:
    """Open the file read-only: a missing one is an error, and is not created."""
    path = Path(unquote(urlsplit(url).path.removeprefix("/")))
    return await ctx.in_thread(lambda: _Sqlite(_open(path, ctx), path, ctx))


def _open(path: Path, ctx: CheckContext) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(f"there is no database file {path}")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return _worded(path, lambda: _first_look(uri, ctx.timeout * PATIENCE))


def _first_look(uri: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=patience, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except BaseException:
        connection.close()
        raise
    return connection


def _worded(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.Error as error:
        raise ConnectionError(f"cannot open {path}: {error}") from error
