"""SQLite files, read-only, in a thread."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from auscult import CheckContext

__all__ = ["connect"]


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection, path: Path, ctx: CheckContext) -> None:
        self._connection, self._path, self._ctx = connection, path, ctx
        self.version = f"SQLite {sqlite3.sqlite_version}"
        self.complaint = ""

    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        return await self._ctx.in_thread(lambda: self._connection.execute(statement).fetchall())

    async def statistics(self, _slow: float) -> dict[str, float]:
        return {"size_bytes": float(self._path.stat().st_size)}

    async def close(self) -> None:
        self._connection.close()


async def connect(url: str, ctx: CheckContext) -> _Sqlite:
    """Open the file read-only: a missing one is an error, and is not created."""
    path = Path(unquote(urlsplit(url).path.removeprefix("/")))

    def work() -> sqlite3.Connection:
        if not path.exists():
            raise FileNotFoundError(f"there is no database file {path}")
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=ctx.timeout
        )
        connection.execute("SELECT count(*) FROM sqlite_master")
        return connection

    return _Sqlite(await ctx.in_thread(work), path, ctx)
