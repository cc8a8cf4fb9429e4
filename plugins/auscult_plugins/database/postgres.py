"""PostgreSQL through psycopg."""

from __future__ import annotations

import re
from typing import Any

from auscult import CheckContext, MissingDependency
from auscult_plugins._asyncio import need_asyncio
from auscult_plugins.database.connection import NOT_UNDERSTOOD, ConnectionLost, QueryFailed

__all__ = ["connect"]

# A standby that lost its primary has replayed all it received, which is no sign of being up to date: it is as far
# behind as its last transaction is old. Slow queries are counted only where this user sees those of others.
_STATISTICS = """
SELECT pg_database_size(current_database())::float8,
       (SELECT sum(numbackends) FROM pg_stat_database WHERE datid <> 0)::float8,
       current_setting('max_connections')::float8,
       xact_commit::float8, xact_rollback::float8, deadlocks::float8,
       CASE WHEN blks_hit + blks_read > 0 THEN blks_hit * 100.0::float8 / (blks_hit + blks_read) END,
       CASE WHEN pg_has_role('pg_read_all_stats', 'usage') THEN
            (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend'
                 AND clock_timestamp() - query_start > make_interval(secs => %s)) END::float8,
       CASE WHEN pg_is_in_recovery() THEN
            CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver)
                 THEN 0
                 ELSE extract(epoch FROM clock_timestamp()
                          - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) END END::float8
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
_NOISE = re.compile(r"^(connection failed: )?(connection to server (at|on socket) .*? failed: )?((FATAL|ERROR):\s+)?")


class _Postgres:
    def __init__(self, connection: Any, ctx: CheckContext) -> None:
        self._connection, self._ctx = connection, ctx
        number = connection.info.server_version
        self.version = f"PostgreSQL {number // 10000}.{number % 10000}"
        self.complaint = ""

    async def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            async with self._connection.cursor() as cursor:
                await cursor.execute(statement, values or None)
                return await cursor.fetchall() if cursor.description is not None else []
        except psycopg.Error as error:
            if self._connection.closed:
                raise ConnectionLost(f"the connection broke: {_said(error)}") from error
            raise QueryFailed(error.diag.message_primary or _said(error)) from error

    async def statistics(self, slow: float) -> dict[str, float]:
        try:
            (row,) = await self.query(_STATISTICS, float(slow))
        except QueryFailed as error:
            self._ctx.log.debug("%s: statistics are refused: %s", self._ctx.component, error)
            return {}
        numbers = {name: float(value) for name, value in zip(_NAMES, row, strict=True) if value is not None}
        if numbers.get("max_connections"):
            numbers["connections_percent"] = min(numbers["connections"] / numbers["max_connections"] * 100, 100.0)
        return numbers

    async def close(self) -> None:
        await self._connection.close()


async def connect(url: str, ctx: CheckContext) -> _Postgres:
    """One connection in autocommit mode. What the driver says is kept to its last reason, in one line."""
    try:
        import psycopg
    except ImportError as error:
        raise MissingDependency("psycopg", "postgres") from error
    need_asyncio("psycopg")
    params, place = await _resolved(url, ctx)
    params |= {"connect_timeout": max(int(ctx.timeout), 2), "application_name": "auscult"}
    try:
        connection = await psycopg.AsyncConnection.connect("", autocommit=True, **params)
    except psycopg.Error as error:
        raise ConnectionError(f"cannot connect to {place}: {_said(error)}") from error
    return _Postgres(connection, ctx)


async def _resolved(url: str, ctx: CheckContext) -> tuple[dict[str, Any], str]:
    """What to connect with, and where that is in words. Each host becomes the addresses the egress policy allows."""
    params = _parsed(url)
    hosts = str(params.get("host") or params.get("hostaddr") or "").split(",")
    if any(not host or host.startswith(("/", "@")) for host in hosts):
        return params, f"the socket in {hosts[0]}" if hosts[0] else "the local server"
    ports = [int(port or 5432) for port in str(params.get("port") or "").split(",")]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    ways = [(h, *way) for h, p in zip(hosts, ports, strict=False) for way in await ctx.resolve(h, p)]
    for name, values in zip(("host", "hostaddr", "port"), zip(*ways, strict=True), strict=True):
        params[name] = ",".join(str(value) for value in values)
    return params, ", ".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=False))


def _parsed(url: str) -> dict[str, Any]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        params: dict[str, Any] = conninfo_to_dict(re.sub(r"^\w+(\+\w+)?://", "postgresql://", url))
        for port in str(params.get("port") or "").split(","):
            int(port or 0)
    except (ProgrammingError, ValueError):
        raise ValueError(NOT_UNDERSTOOD) from None
    return params


def _said(error: Exception) -> str:
    """The reason alone, without what the driver tells of its attempts."""
    lines = str(error).strip().splitlines()
    return _NOISE.sub("", lines[0]).strip() if lines else type(error).__name__
