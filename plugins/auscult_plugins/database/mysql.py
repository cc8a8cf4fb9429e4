"""MySQL and MariaDB through aiomysql."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote, urlsplit

from auscult import CheckContext, MissingDependency
from auscult_plugins._asyncio import need_asyncio
from auscult_plugins.database.connection import NOT_UNDERSTOOD, ConnectionLost, QueryFailed

__all__ = ["connect"]

_STATUS = {
    "Com_commit": "commits",
    "Com_rollback": "rollbacks",
    "Threads_connected": "connections",
    "Innodb_deadlocks": "deadlocks",
}
_ASKED = (*_STATUS, "Innodb_buffer_pool_read_requests", "Innodb_buffer_pool_reads")
_STATUSES = f"SHOW GLOBAL STATUS WHERE Variable_name IN {_ASKED}"
_SIZE = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
# Without the privilege a user sees his own queries alone, and their number would say nothing.
_SLOW = """
SELECT IF(EXISTS (SELECT * FROM information_schema.user_privileges WHERE privilege_type = 'PROCESS'
                  AND grantee = CONCAT("'", REPLACE(CURRENT_USER(), '@', "'@'"), "'")),
          (SELECT COUNT(*) FROM information_schema.processlist
           WHERE command = 'Query' AND time >= %s AND id <> CONNECTION_ID()), NULL)
"""
_BROKEN = (0, 1053, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 4031)
"""Error numbers after which the connection is of no use: shut down, killed, timed out, gone away."""


class _MySql:
    def __init__(self, connection: Any, ctx: CheckContext) -> None:
        self._connection, self._ctx = connection, ctx
        version = str(connection.get_server_info()).removeprefix("5.5.5-")
        self.version = f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version.partition('-')[0]}"
        self.complaint = ""

    async def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        rows, _ = await self._run(statement, *values)
        return rows

    async def statistics(self, slow: float) -> dict[str, float]:
        status = {name: float(value) for name, value in await self._try(_STATUSES) if value is not None}
        numbers = {ours: status[theirs] for theirs, ours in _STATUS.items() if theirs in status}
        for _, value in await self._try("SHOW VARIABLES LIKE 'max_connections'"):
            numbers["max_connections"] = float(value)
        if "connections" in numbers and numbers.get("max_connections"):
            numbers["connections_percent"] = min(numbers["connections"] / numbers["max_connections"] * 100, 100.0)
        numbers |= _hit_ratio(status)
        seconds = max(math.ceil(slow), 1)
        for name, rows in (("size_bytes", await self._try(_SIZE)), ("slow_queries", await self._try(_SLOW, seconds))):
            if rows and rows[0][0] is not None:
                numbers[name] = float(rows[0][0])
        return numbers | await self._replication()

    async def close(self) -> None:
        self._connection.close()

    async def _run(self, statement: str, *values: Any) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Rows and the names of their columns."""
        import pymysql

        try:
            async with self._connection.cursor() as cursor:
                await cursor.execute(statement, values or None)
                names = [column[0] for column in cursor.description or ()]
                return [tuple(row) for row in await cursor.fetchall()], names
        except (pymysql.err.Error, OSError, EOFError, RuntimeError) as error:
            number, text = _told(error)
            if number in _BROKEN or self._connection.closed:
                raise ConnectionLost(f"the connection broke: {text}") from error
            raise QueryFailed(text) from error

    async def _try(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return await self.query(statement, *values)
        except QueryFailed as error:
            self._ctx.log.debug("%s: refused: %s", self._ctx.component, error)
            return []

    async def _replication(self) -> dict[str, float]:
        """The lag of a replica; what stopped it becomes a complaint."""
        self.complaint = ""
        rows, names = list[tuple[Any, ...]](), list[str]()
        for word in ("REPLICA", "SLAVE"):  # MySQL 8.4 knows the first word only, older servers the second
            try:
                rows, names = await self._run(f"SHOW {word} STATUS")
                break
            except QueryFailed as error:
                self._ctx.log.debug("%s: refused: %s", self._ctx.component, error)
        if not rows:
            return {}
        row = dict(zip(names, rows[0], strict=True))
        lag = row.get("Seconds_Behind_Source", row.get("Seconds_Behind_Master"))
        if lag is not None:
            return {"replication_lag_seconds": float(lag)}
        why = row.get("Last_IO_Error") or row.get("Last_SQL_Error") or "see SHOW REPLICA STATUS"
        self.complaint = f"replication has stopped: {why}"
        return {}


def _told(error: Exception) -> tuple[int, str]:
    """Number and text of a driver's error; what is no such error counts as a broken connection."""
    import pymysql

    if not isinstance(error, pymysql.err.Error):
        return 0, " ".join(str(error).split()) or type(error).__name__
    arguments = error.args or ("",)
    number = arguments[0] if isinstance(arguments[0], int) else 0
    return number, " ".join(str(arguments[-1]).split()) or "it is closed"


def _hit_ratio(status: dict[str, float]) -> dict[str, float]:
    requests = status.get("Innodb_buffer_pool_read_requests", 0)
    reads = status.get("Innodb_buffer_pool_reads", 0)
    return {"cache_hit_percent": max(1 - reads / requests, 0.0) * 100} if requests > 0 else {}


async def connect(url: str, ctx: CheckContext) -> _MySql:
    """One connection in autocommit mode, to the first address that takes it."""
    try:
        import aiomysql  # noqa: F401 - told here when it is missing
    except ImportError as error:
        raise MissingDependency("aiomysql", "mysql") from error
    need_asyncio("aiomysql")
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "127.0.0.1", parts.port or 3306
    except ValueError:
        raise ValueError(NOT_UNDERSTOOD) from None
    addresses = await ctx.resolve(host, port)
    for index, (address, _) in enumerate(addresses):
        try:
            return _MySql(await _connect(address, port, url, ctx), ctx)
        except ConnectionRefusedError as error:
            if index + 1 == len(addresses):
                raise ConnectionError(f"cannot connect to {host}:{port}: Connection refused") from error
        except OSError as error:
            raise ConnectionError(f"cannot connect to {host}:{port}: {error}") from error
    raise ConnectionError(f"cannot connect to {host}:{port}: the name has no address")


async def _connect(address: str, port: int, url: str, ctx: CheckContext) -> Any:
    """Raises OSError with the reason alone."""
    import aiomysql
    import pymysql

    parts = urlsplit(url)
    try:
        return await aiomysql.connect(
            host=address,
            port=port,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            db=unquote(parts.path.lstrip("/")) or None,
            autocommit=True,
            connect_timeout=ctx.timeout,
            program_name="auscult",
        )
    except pymysql.err.Error as error:
        if isinstance(error.__cause__, ConnectionRefusedError):
            raise error.__cause__ from error
        raise OSError(_told(error)[1]) from error
    except Exception as error:
        # The driver trusts what it reads: nonsense ends in IndexError, struct.error and the like.
        raise OSError("what answers there does not speak MySQL's protocol") from error
