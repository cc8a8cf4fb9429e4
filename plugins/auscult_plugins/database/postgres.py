"""PostgreSQL through psycopg."""

from __future__ import annotations

import re
from typing import Any

from auscult import CheckContext, MissingDependency

__all__ = ["connect"]

_STATISTICS = """
SELECT pg_database_size(current_database())::float8,
       (SELECT count(*) FROM pg_stat_activity)::float8,
       current_setting('max_connections')::float8,
       xact_commit::float8, xact_rollback::float8, deadlocks::float8,
       CASE WHEN blks_hit + blks_read > 0 THEN blks_hit * 100.0::float8 / (blks_hit + blks_read) END,
       (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
            AND now() - query_start > make_interval(secs => %s))::float8,
       CASE WHEN pg_is_in_recovery() THEN
            CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                 ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END END::float8
FROM pg_stat_database WHERE datname = current_database()
"""
_NAMES = (
    "size_bytes",
    "connections",
    "max_connections",
    "commits",
    "rollbacks",
    "deadlocks",
    "cache_hit_percent",
    "slow_queries",
    "replication_lag_seconds",
)


class _Postgres:
    def __init__(self, connection: Any, ctx: CheckContext) -> None:
        self._connection, self._ctx = connection, ctx
        number = connection.info.server_version
        self.version = f"PostgreSQL {number // 10000}.{number % 10000}"

    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        async with self._connection.cursor() as cursor:
            await cursor.execute(statement)
            return await cursor.fetchall() if cursor.description is not None else []

    async def statistics(self, slow: float) -> dict[str, float]:
        import psycopg

        try:
            async with self._connection.cursor() as cursor:
                await cursor.execute(_STATISTICS, (float(slow),))
                row = await cursor.fetchone()
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject) as error:
            self._ctx.log.debug("%s: statistics are refused: %s", self._ctx.component, error)
            return {}
        numbers = {name: float(value) for name, value in zip(_NAMES, row or (), strict=False) if value is not None}
        if numbers.get("max_connections"):
            numbers["connections_percent"] = numbers["connections"] / numbers["max_connections"] * 100
        return numbers

    async def close(self) -> None:
        await self._connection.close()


async def connect(url: str, ctx: CheckContext) -> _Postgres:
    """One connection in autocommit mode. What the driver says is kept to its first line."""
    try:
        import psycopg
    except ImportError as error:
        raise MissingDependency("psycopg", "postgres") from error
    plain = re.sub(r"^\w+(\+\w+)?://", "postgresql://", url)
    try:
        connection = await psycopg.AsyncConnection.connect(
            plain, autocommit=True, connect_timeout=max(int(ctx.timeout), 2), application_name="auscult"
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        raise ConnectionError(f"cannot connect: {reason}") from error
    return _Postgres(connection, ctx)
