"""MySQL and MariaDB through aiomysql."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from auscult import CheckContext, MissingDependency

__all__ = ["connect"]

_STATUS = {
    "Com_commit": "commits",
    "Com_rollback": "rollbacks",
    "Threads_connected": "connections",
    "Innodb_deadlocks": "deadlocks",
}
_SIZE = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
_SLOW = "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' AND time > %s"


class _MySql:
    def __init__(self, connection: Any, ctx: CheckContext) -> None:
        self._connection, self._ctx = connection, ctx
        version = str(connection.get_server_info())
        self.version = f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version.partition('-')[0]}"

    async def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._connection.cursor() as cursor:
            await cursor.execute(statement, values or None)
            return [tuple(row) for row in await cursor.fetchall()]

    async def statistics(self, slow: float) -> dict[str, float]:
        status = {name: value for name, value in await self._try("SHOW GLOBAL STATUS") if value is not None}
        numbers = {ours: float(status[theirs]) for theirs, ours in _STATUS.items() if theirs in status}
        for _, value in await self._try("SHOW VARIABLES LIKE 'max_connections'"):
            numbers["max_connections"] = float(value)
        if "connections" in numbers and numbers.get("max_connections"):
            numbers["connections_percent"] = numbers["connections"] / numbers["max_connections"] * 100
        numbers |= _hit_ratio(status)
        for name, rows in (("size_bytes", await self._try(_SIZE)), ("slow_queries", await self._try(_SLOW, int(slow)))):
            if rows and rows[0][0] is not None:
                numbers[name] = float(rows[0][0])
        return numbers | await self._lag()

    async def close(self) -> None:
        self._connection.close()

    async def _try(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        import pymysql

        try:
            return await self.query(statement, *values)
        except pymysql.err.MySQLError as error:
            self._ctx.log.debug("%s: refused: %s", self._ctx.component, error)
            return []

    async def _lag(self) -> dict[str, float]:
        import aiomysql
        import pymysql

        try:
            async with self._connection.cursor(aiomysql.DictCursor) as cursor:
                await cursor.execute("SHOW SLAVE STATUS")
                row = await cursor.fetchone()
        except pymysql.err.MySQLError as error:
            self._ctx.log.debug("%s: refused: %s", self._ctx.component, error)
            return {}
        lag = (row or {}).get("Seconds_Behind_Master")
        return {} if lag is None else {"replication_lag_seconds": float(lag)}


def _hit_ratio(status: dict[str, Any]) -> dict[str, float]:
    requests = float(status.get("Innodb_buffer_pool_read_requests", 0))
    reads = float(status.get("Innodb_buffer_pool_reads", 0))
    return {"cache_hit_percent": (1 - reads / requests) * 100} if requests > 0 else {}


async def connect(url: str, ctx: CheckContext) -> _MySql:
    """One connection in autocommit mode."""
    try:
        import aiomysql
        import pymysql
    except ImportError as error:
        raise MissingDependency("aiomysql", "mysql") from error
    parts = urlsplit(url)
    try:
        connection = await aiomysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            db=parts.path.lstrip("/") or None,
            autocommit=True,
            connect_timeout=ctx.timeout,
        )
    except pymysql.err.MySQLError as error:
        raise ConnectionError(f"cannot connect: {error.args[-1]}") from error
    return _MySql(connection, ctx)
