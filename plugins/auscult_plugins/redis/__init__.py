"""The `redis` check: PING, a round trip of a key, and what INFO tells; Redis and Valkey alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Annotated, TypeVar

from msgspec import Meta

from auscult import Check, CheckContext, Discovered, Duration, Measurement, Reading, SecretStr, Status, hookimpl
from auscult_plugins.redis import info as told
from auscult_plugins.redis.connection import Connection, ConnectionLost, connect, parse_address
from auscult_plugins.redis.resp import ErrorReply, NotRedis

__all__ = ["RedisCheck", "auscult_checks"]

_VARIABLES = ("REDIS_URL", "VALKEY_URL", "REDIS_TLS_URL")
T = TypeVar("T")


class RedisCheck(Check):
    """A Redis or Valkey server answers, takes and gives back a value, and is in good order."""

    kind = "redis"
    measurements = (
        Measurement("memory_bytes", "bytes", "Memory in use."),
        Measurement("memory_limit_bytes", "bytes", "The server's `maxmemory`, where one is set."),
        Measurement(
            "memory_usage_percent", "percent", "Memory in use of the limit, where one is set and nothing is evicted."
        ),
        Measurement("memory_fragmentation_ratio", "", "Memory from the system over memory in use."),
        Measurement("hit_ratio_percent", "percent", "Look-ups that found their key, since the server started."),
        Measurement("evicted_keys", "keys", "Keys thrown out for lack of memory.", kind="counter"),
        Measurement("expired_keys", "keys", "Keys that reached their end.", kind="counter"),
        Measurement("connected_clients", "clients", "Clients connected now."),
        Measurement("blocked_clients", "clients", "Clients that wait in a blocking call."),
        Measurement("operations_per_second", "operations", "Commands a second, as the server measures it."),
        Measurement("connected_replicas", "replicas", "Replicas connected to this server."),
        Measurement("replication_lag_seconds", "seconds", "Time since the master was last heard; on replicas."),
    )

    url: SecretStr = "redis://127.0.0.1:6379/0"
    """Address: ``redis://user:password@host:6379/0``, ``rediss://`` for TLS, ``unix:///path?db=0``. Of the parameters
    that other clients know, ``ssl_cert_reqs=none``, ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile`` and ``db`` are
    read."""
    write: bool = True
    """Write a key of our own and read it back. Left out on a read-only replica."""
    key: Annotated[str, Meta(min_length=1)] = "auscult:probe"
    """Name of that key, the component's name added; it expires after a minute."""
    max_lag: Duration = Duration("10s")
    """How long ago a replica may have heard its master before it is degraded."""

    def __post_init__(self) -> None:
        parse_address(self.url)

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """From ``REDIS_URL``, ``VALKEY_URL`` or ``REDIS_TLS_URL``."""
        for name in _VARIABLES:
            if url := environ.get(name):
                yield Discovered(
                    name="redis", check=cls(url=url), because=f"{name} is set", settings={"url": f"${{{name}}}"}
                )
                return

    async def probe(self, ctx: CheckContext) -> Reading:
        """Connect, look once, disconnect."""
        return await super().probe(ctx)

    async def open(self, ctx: CheckContext) -> AsyncIterator[Callable[[], Awaitable[Reading]]]:
        """Keep one connection."""
        session = _Session(self, ctx)
        try:
            yield session.probe
        finally:
            await session.close()


class _Session:
    """A connection that is kept between probes, and opened anew when it turns out to be dead."""

    def __init__(self, check: RedisCheck, ctx: CheckContext) -> None:
        self._check, self._ctx = check, ctx
        self._address = parse_address(check.url)
        self._connection: Connection | None = None

    async def probe(self) -> Reading:
        """Look once. Raises ConnectionError."""
        fresh = self._connection is None
        try:
            return await self._look()
        except ConnectionLost as error:
            await self.close()
            if fresh:
                raise ConnectionError(f"{self._address.place}: {error}") from error
        return await self._look()

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _look(self) -> Reading:
        stages: dict[str, float] = {}
        if self._connection is None:
            self._connection = await connect(self._address, self._ctx, stages)
        connection = self._connection
        try:
            await _timed(stages, "ping", connection.ask("PING"))
        except ErrorReply as error:
            what = "the login is refused" if error.code == "NOAUTH" else "PING is refused"
            return Reading(Status.UNHEALTHY, f"{what}: {error.text}", {}, stages)
        except NotRedis as error:
            raise ConnectionError(f"{error} (at {self._address.place})") from error
        info = await self._info(connection)
        wrong = ""
        if self._check.write and not (told.is_replica(info) and info.get("slave_read_only", "1") == "1"):
            wrong = await _timed(stages, "round_trip", self._round_trip(connection))
        numbers, took = told.measured(info), sum(stages.values()) * 1000
        if wrong:
            return Reading(Status.UNHEALTHY, wrong, numbers, stages, took)
        complaints = "; ".join(told.complaints(info, self._check.max_lag))
        status = Status.DEGRADED if complaints else Status.HEALTHY
        return Reading(status, complaints or told.described(info), numbers, stages, took)

    async def _info(self, connection: Connection) -> dict[str, str]:
        """INFO, or nothing where this user may not ask."""
        try:
            return told.parse(str(await connection.ask("INFO")))
        except ErrorReply as error:
            self._ctx.log.debug("%s: INFO is refused: %s", self._ctx.component, error)
            return {}

    async def _round_trip(self, connection: Connection) -> str:
        """What went wrong, in words."""
        key, value = f"{self._check.key}:{self._ctx.component}", str(time.time_ns())
        try:
            await connection.ask("SET", key, value, "EX", "60")
            found = await connection.ask("GET", key)
        except ErrorReply as error:
            # In a cluster the key may belong to another node; that this one says so is all that can be asked of it.
            return "" if error.code == "MOVED" else f"the key {key} cannot be written and read: {error.text}"
        return "" if found == value else f"wrote {value} to the key {key} and read back {found}"


async def _timed(stages: dict[str, float], name: str, work: Awaitable[T]) -> T:
    begin = time.perf_counter()
    try:
        return await work
    finally:
        stages[name] = time.perf_counter() - begin


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [RedisCheck]
