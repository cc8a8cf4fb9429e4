"""A SQLite database with some calls in it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import ClassVar

from auscult_rehearsal.standin import StandIn

__all__ = ["Database"]

_SCHEMA = """
create table if not exists calls (id integer primary key, caller text not null, started text not null, seconds real);
create table if not exists turns (
    id integer primary key, call_id integer not null references calls, speaker text not null, said text not null
);
"""
_CALLS = (
    ("Ada", "2026-01-05T09:00:00Z", 41.5),
    ("Grace", "2026-01-05T09:07:00Z", 63.0),
    ("Alan", "2026-01-05T09:12:00Z", 18.2),
)
_TURNS = (
    (1, "caller", "please tell me the weather in london"),
    (1, "agent", "it is sunny in london today"),
    (2, "caller", "i would like to cancel my order please"),
    (2, "agent", "i have cancelled your order"),
    (3, "caller", "hello"),
)


class Database(StandIn):
    """``silent``: another process holds its lock, so that no query is answered; ``down``: the file is gone."""

    name = "database"
    faults: ClassVar[tuple[str, ...]] = ("silent", "down")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._aside = path.with_suffix(".aside")
        self._lock: sqlite3.Connection | None = None
        self.note = "SQLite, three calls in it"

    @property
    def url(self) -> str:
        """See `StandIn.url`."""
        return f"sqlite:///{self.path}"

    async def start(self) -> None:
        """See `StandIn.start`."""
        await asyncio.to_thread(self._fill)

    def _fill(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._aside.exists():
            self._aside.replace(self.path)
        connection = sqlite3.connect(self.path)
        with connection:
            connection.executescript(_SCHEMA)
            if not connection.execute("select count(*) from calls").fetchone()[0]:
                connection.executemany("insert into calls (caller, started, seconds) values (?, ?, ?)", _CALLS)
                connection.executemany("insert into turns (call_id, speaker, said) values (?, ?, ?)", _TURNS)
        connection.close()

    async def stop(self) -> None:
        """See `StandIn.stop`."""
        await self.mend()

    async def change(self, before: str, after: str) -> None:
        """See `StandIn.change`."""
        if before == "down":
            self._aside.replace(self.path)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if after == "down":
            self.path.replace(self._aside)
        if after == "silent":
            self._lock = sqlite3.connect(self.path, isolation_level=None)
            self._lock.execute("begin exclusive")
