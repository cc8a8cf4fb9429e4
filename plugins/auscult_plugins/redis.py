"""The `redis` check: PING, a round trip of a key, and what INFO tells; Redis and Valkey alike."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from auscult import (
    Check,
    CheckContext,
    Discovered,
    Measurement,
    MissingDependency,
    Reading,
    SecretStr,
    Status,
    hookimpl,
)

__all__ = ["RedisCheck", "auscult_checks"]

_VARIABLES = ("REDIS_URL", "VALKEY_URL", "REDIS_TLS_URL")
_GAUGES = {
    "used_memory": "memory_bytes",
    "maxmemory": "memory_limit_bytes",
    "connected_clients": "connected_clients",
    "blocked_clients": "blocked_clients",
    "instantaneous_ops_per_sec": "operations_per_second",
    "evicted_keys": "evicted_keys",
    "expired_keys": "expired_keys",
    "connected_slaves": "connected_replicas",
    "mem_fragmentation_ratio": "memory_fragmentation_ratio",
}


class RedisCheck(Check):
    """A Redis or Valkey server answers, takes and gives back a value, and is in good order."""

    kind = "redis"
    requires = {"redis": "redis"}
    measurements = (
        Measurement("memory_bytes", "bytes", "Memory in use."),
        Measurement("memory_limit_bytes", "bytes", "The server's `maxmemory`, where one is set."),
        Measurement("memory_usage_percent", "percent", "Memory in use of the limit, where one is set."),
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
    """Address: ``redis://``, ``rediss://`` for TLS or ``unix://``, with user and password where there are any."""
    write: bool = True
    """Write a key of our own and read it back. Left out on a read-only replica."""
    key: Annotated[str, Meta(min_length=1)] = "auscult:probe"
    """Name of that key, the component's name added; it expires after a minute."""
    max_lag: float = 10.0
    """Seconds since a replica last heard its master from which on it is degraded."""

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
        client = _client(self.url, ctx.timeout)
        try:
            yield partial(self._once, client, ctx)
        finally:
            await client.aclose()

    async def _once(self, client: Any, ctx: CheckContext) -> Reading:
        stages: dict[str, float] = {}
        begin = time.perf_counter()
        await client.ping()
        stages["ping"] = time.perf_counter() - begin
        info = await _info(client, ctx)
        replica = info.get("role") in ("slave", "replica")
        if self.write and not (replica and info.get("slave_read_only", 1)):
            begin = time.perf_counter()
            await self._round_trip(client, f"{self.key}:{ctx.component}")
            stages["round_trip"] = time.perf_counter() - begin
        complaints = list(self._complaints(info, replica=replica))
        status = Status.DEGRADED if complaints else Status.HEALTHY
        message = "; ".join(complaints) or _described(info)
        return Reading(status, message, _numbers(info), stages, sum(stages.values()) * 1000)

    async def _round_trip(self, client: Any, key: str) -> None:
        value = str(time.time_ns())
        await client.set(key, value, ex=60)
        if (found := await client.get(key)) != value:
            raise ValueError(f"wrote {value} to the key {key} and read back {found}")

    def _complaints(self, info: Mapping[str, Any], *, replica: bool) -> Iterable[str]:
        if replica and info.get("master_link_status") == "down":
            yield f"the replica has lost its master {info.get('master_host')}:{info.get('master_port')}"
        elif replica and info.get("master_last_io_seconds_ago", 0) > self.max_lag:
            yield f"the replica last heard its master {info['master_last_io_seconds_ago']} s ago"
        if info.get("rdb_last_bgsave_status") == "err":
            yield "the last background save failed: see the server's log and its disk"
        if info.get("aof_last_write_status") == "err":
            yield "the append-only file cannot be written: see the server's log and its disk"
        if info.get("loading"):
            yield "the server is still loading its data"


def _client(url: str, timeout: float) -> Any:
    try:
        import redis.asyncio as redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError as error:
        raise MissingDependency("redis", "redis") from error
    return redis.from_url(
        url,
        decode_responses=True,
        single_connection_client=True,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        client_name="auscult",
    )


async def _info(client: Any, ctx: CheckContext) -> dict[str, Any]:
    """INFO, or nothing where this user may not ask."""
    from redis.exceptions import NoPermissionError, ResponseError

    try:
        return dict(await client.info())
    except (NoPermissionError, ResponseError) as error:
        ctx.log.debug("%s: INFO is refused: %s", ctx.component, error)
        return {}


def _described(info: Mapping[str, Any]) -> str:
    version = info.get("valkey_version") or info.get("redis_version")
    name = "Valkey" if "valkey_version" in info else "Redis"
    return f"{name} {version}, {info.get('role', 'master')}" if version else "PONG"


def _numbers(info: Mapping[str, Any]) -> dict[str, float]:
    numbers = {ours: float(info[theirs]) for theirs, ours in _GAUGES.items() if theirs in info}
    if not numbers.get("memory_limit_bytes"):
        numbers.pop("memory_limit_bytes", None)
    elif "memory_bytes" in numbers:
        numbers["memory_usage_percent"] = numbers["memory_bytes"] / numbers["memory_limit_bytes"] * 100
    hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
    if hits + misses:
        numbers["hit_ratio_percent"] = hits / (hits + misses) * 100
    if "master_last_io_seconds_ago" in info and info["master_last_io_seconds_ago"] >= 0:
        numbers["replication_lag_seconds"] = float(info["master_last_io_seconds_ago"])
    return numbers


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [RedisCheck]
