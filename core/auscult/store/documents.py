"""What people edit, and what else must outlive a restart: dashboards, incidents, sessions. Small, few, audited."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct

from auscult.alerts.batch import Audit

__all__ = ["TABLES", "Document", "Documents", "read_documents"]

TABLES = (
    """CREATE TABLE document (
        kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL, who TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)
    ) WITHOUT ROWID""",
)
_PUT = "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?)"
_AUDIT = "INSERT INTO audit (at, who, action, target, details) VALUES (?, ?, ?, ?, ?)"


class Document(Struct, frozen=True, kw_only=True):
    """One thing that is kept."""

    kind: str
    id: str
    body: bytes
    revision: int = 1
    """Grows with every change."""
    created_at: int = 0
    """ms."""
    updated_at: int = 0
    who: str = ""
    """Who changed it last."""


class Documents:
    """Reads block; writes do not and are on disk, together with their audit row, when their future has a result."""

    def __init__(
        self,
        snapshot: Callable[[], AbstractContextManager[sqlite3.Connection]],
        submit: Callable[[Callable[[sqlite3.Connection], Any]], Future[Any]],
    ) -> None:
        self._snapshot, self._submit = snapshot, submit

    def read(self, kind: str) -> list[Document]:
        """Everything of that kind, the oldest first."""
        with self._snapshot() as connection:
            return read_documents(connection, kind)

    def write(
        self, put: Iterable[Document] = (), *, drop: Iterable[tuple[str, str]] = (), audits: Iterable[Audit] = ()
    ) -> Future[None]:
        """Put these in the place of those of the same kind and id, and remove those that are named, all or nothing."""
        rows = [(d.kind, d.id, d.revision, d.created_at, d.updated_at, d.who, d.body) for d in put]
        gone, noted = list(drop), list(audits)

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM document WHERE kind = ? AND id = ?", gone)
            connection.executemany(_PUT, rows)
            connection.executemany(_AUDIT, noted)

        return self._submit(work)


def read_documents(connection: sqlite3.Connection, kind: str) -> list[Document]:
    """Everything of that kind, the oldest first."""
    rows = connection.execute(
        "SELECT kind, id, body, revision, created_at, updated_at, who FROM document WHERE kind = ? "
        "ORDER BY created_at, id",
        (kind,),
    ).fetchall()
    return [
        Document(kind=kind, id=ident, body=body, revision=revision, created_at=created, updated_at=updated, who=who)
        for kind, ident, body, revision, created, updated, who in rows
    ]
