"""The `database` check: PostgreSQL, MySQL or MariaDB, and SQLite behind one set of options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from auscult import Check, CheckContext, Discovered, Duration, Measurement, Reading, SecretStr, Status, hookimpl
from auscult_plugins.database.connection import Connection
from auscult_plugins.database.kept import KeptConnection

__all__ = ["DatabaseCheck", "auscult_checks"]

_VARIABLES = ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "MYSQL_URL")
_ENGINES = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
}


class DatabaseCheck(Check):
    """A database takes connections and answers a query."""

    kind = "database"
    component_type: ClassVar[str] = "database"
    measurements = (
        Measurement("size_bytes", "bytes", "Size of the database on disk."),
        Measurement("connections", "connections", "Connections in use on the server."),
        Measurement("max_connections", "connections", "Connections the server allows."),
        Measurement("connections_percent", "percent", "Connections in use of those allowed."),
        Measurement("commits", "transactions", "Transactions committed.", kind="counter"),
        Measurement("rollbacks", "transactions", "Transactions rolled back.", kind="counter"),
        Measurement("cache_hit_percent", "percent", "Reads served from the server's memory."),
        Measurement("deadlocks", "deadlocks", "Deadlocks found.", kind="counter"),
        Measurement("slow_queries", "queries", "Queries running for longer than `slow_query`, now."),
        Measurement("replication_lag_seconds", "seconds", "How far a replica is behind, on replicas."),
        Measurement("rows", "rows", "Rows that the query returned."),
    )

    url: SecretStr
    """Address: ``postgresql://user:password@host:5432/name``, ``mysql://…``, ``mariadb://…`` or ``sqlite:///path/file``;
    a driver suffix as in ``postgresql+asyncpg://`` is ignored."""
    query: str = "SELECT 1"
    """Query to run."""
    expect: str | int | float | None = None
    """What the first column of the first row has to be."""
    min_rows: int = 0
    """Rows that the query has to return at least."""
    statistics: bool = True
    """Also ask the server for size, connections, transactions and the like."""
    slow_query: Duration = Duration("5s")
    """How long a query may run before it is counted as slow."""
    max_connections_percent: float = 90.0
    """Connections in use, in percent of those allowed, from which on the component is degraded."""
    max_lag: Duration = Duration("30s")
    """How far a replica may be behind before the component is degraded."""

    def __post_init__(self) -> None:
        self._engine()

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """From ``DATABASE_URL``, ``POSTGRES_URL``, ``POSTGRESQL_URL`` or ``MYSQL_URL``."""
        for name in _VARIABLES:
            url = environ.get(name, "")
            if _scheme(url) in _ENGINES:
                yield Discovered(
                    name="database", check=cls(url=url), because=f"{name} is set", settings={"url": f"${{{name}}}"}
                )
                return

    async def probe(self, ctx: CheckContext) -> Reading:
        """Connect, look once, disconnect."""
        return await super().probe(ctx)

    async def open(self, ctx: CheckContext) -> AsyncIterator[Callable[[], Awaitable[Reading]]]:
        """Keep one connection."""
        kept = KeptConnection(partial(self._connect, ctx))
        try:
            yield partial(self._once, kept)
        finally:
            await kept.close()

    def _engine(self) -> str:
        scheme = _scheme(self.url)
        if scheme not in _ENGINES:
            raise ValueError(
                f"`url` begins with {scheme + '://' if scheme else 'no scheme'}; expected postgresql://, mysql://, "
                "mariadb:// or sqlite:///"
            )
        return _ENGINES[scheme]

    async def _connect(self, ctx: CheckContext) -> Connection:
        from importlib import import_module

        engine = import_module(f"auscult_plugins.database.{self._engine()}")
        connection: Connection = await engine.connect(self.url, ctx)
        return connection

    async def _once(self, kept: KeptConnection) -> Reading:
        answer = await kept.ask(self.query, self.slow_query if self.statistics else None)
        numbers, stages = answer.numbers, answer.stages
        took = sum(stages.values()) * 1000
        wrong = f"the query failed: {answer.failed}" if answer.failed else self._wrong(answer.rows)
        if wrong:
            return Reading(Status.UNHEALTHY, wrong, numbers, stages, took)
        told = [answer.complaint] if answer.complaint else []
        complaints = "; ".join([*told, *self._complaints(numbers)])
        status = Status.DEGRADED if complaints else Status.HEALTHY
        return Reading(status, complaints or answer.version, numbers, stages, took)

    def _wrong(self, rows: list[tuple[Any, ...]]) -> str:
        if len(rows) < self.min_rows:
            return f"the query returned {len(rows)} rows, expected at least {self.min_rows}"
        if self.expect is None:
            return ""
        if not (rows and rows[0]):
            return f"the query returned nothing, expected {self.expect!r}"
        found = rows[0][0]
        same = found == self.expect or str(found) == str(self.expect)
        return "" if same else f"the query returned {found!r}, expected {self.expect!r}"

    def _complaints(self, numbers: Mapping[str, float]) -> Iterable[str]:
        used = numbers.get("connections_percent", 0.0)
        if used > self.max_connections_percent:
            yield f"{used:.0f} % of the connections are in use, more than {self.max_connections_percent:g} %"
        lag = numbers.get("replication_lag_seconds", 0.0)
        if lag > self.max_lag:
            yield f"the replica is {lag:.0f} s behind, more than {self.max_lag}"


def _scheme(url: str) -> str:
    return urlsplit(url).scheme.partition("+")[0].lower()


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [DatabaseCheck]
