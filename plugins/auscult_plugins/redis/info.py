"""What INFO tells, as measurements and complaints. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

__all__ = ["complaints", "described", "is_replica", "measured", "parse"]

Info = Mapping[str, str]

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


def parse(text: str) -> dict[str, str]:
    """``name:value`` lines; headings and the like are passed over."""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def number(info: Info, name: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(info[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def is_replica(info: Info) -> bool:
    """Whether the server follows another one."""
    return info.get("role") in ("slave", "replica")


def described(info: Info) -> str:
    """Name, version and role, for people."""
    version = info.get("valkey_version") or info.get("redis_version")
    name = "Valkey" if "valkey_version" in info else "Redis"
    return f"{name} {version}, {info.get('role', 'master')}" if version else "PONG"


def measured(info: Info) -> dict[str, float]:
    """The measurements that this server's INFO gives."""
    found = {ours: number(info, theirs) for theirs, ours in _GAUGES.items()}
    numbers = {name: value for name, value in found.items() if value is not None and value >= 0}
    limit = numbers.get("memory_limit_bytes", 0.0)
    if not limit:
        numbers.pop("memory_limit_bytes", None)
    elif "memory_bytes" in numbers and info.get("maxmemory_policy") == "noeviction":
        # A cache that evicts is full most of the time, and that is no use of memory to be judged.
        numbers["memory_usage_percent"] = min(numbers["memory_bytes"] / limit * 100, 100.0)
    hits, misses = number(info, "keyspace_hits") or 0.0, number(info, "keyspace_misses") or 0.0
    if min(hits, misses) >= 0 and hits + misses > 0:
        numbers["hit_ratio_percent"] = hits / (hits + misses) * 100
    ago = number(info, "master_last_io_seconds_ago")
    if ago is not None and ago >= 0:
        numbers["replication_lag_seconds"] = ago
    return numbers


def complaints(info: Info, max_lag: float) -> Iterator[str]:
    """What is wrong with a server that answers."""
    if is_replica(info):
        master = f"{info.get('master_host')}:{info.get('master_port')}"
        ago = number(info, "master_last_io_seconds_ago") or 0.0
        if info.get("master_link_status") == "down":
            yield f"the replica has lost its master {master}"
        elif ago > max_lag:
            yield f"the replica last heard its master {master} {ago:.0f} s ago"
    if info.get("rdb_last_bgsave_status") == "err":
        yield "the last background save failed: see the server's log and its disk"
    if info.get("aof_last_write_status") == "err":
        yield "the append-only file cannot be written: see the server's log and its disk"
    if info.get("loading") == "1":
        yield "the server is still loading its data"
