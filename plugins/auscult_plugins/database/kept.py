"""A connection that is kept between probes, and opened anew when it turns out to be dead."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from auscult_plugins.database.connection import Connection, ConnectionLost, QueryFailed

__all__ = ["Answer", "KeptConnection"]


class Answer:
    """What one look brought: rows or the server's complaint, numbers, and the time of each stage."""

    __slots__ = ("complaint", "failed", "numbers", "rows", "stages", "version")

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.failed = ""
        self.complaint = ""
        self.numbers: dict[str, float] = {}
        self.stages: dict[str, float] = {}
        self.version = ""


class KeptConnection:
    """Connects on first use. A server that was restarted between two probes is well, and no probe says otherwise."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._connection: Connection | None = None

    async def ask(self, query: str, slow: float | None) -> Answer:
        """Run `query`, then ask for statistics unless `slow` is None. Raises ConnectionError."""
        fresh = self._connection is None
        try:
            return await self._ask(query, slow)
        except ConnectionLost:
            await self.close()
            if fresh:
                raise
        return await self._ask(query, slow)

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(self, query: str, slow: float | None) -> Answer:
        answer, begin = Answer(), time.perf_counter()
        if self._connection is None:
            self._connection = await self._connect()
            answer.stages["connect"] = time.perf_counter() - begin
            begin = time.perf_counter()
        connection = self._connection
        answer.version = connection.version
        try:
            answer.rows = await connection.query(query)
            answer.numbers["rows"] = float(len(answer.rows))
        except QueryFailed as error:
            answer.failed = str(error)
        answer.stages["query"] = time.perf_counter() - begin
        if slow is not None:
            answer.numbers |= await connection.statistics(slow)
            answer.complaint = connection.complaint
        return answer
