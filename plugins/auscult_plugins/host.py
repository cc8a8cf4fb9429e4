"""The `host` check: the machine auscult runs on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any

import psutil
from msgspec import Meta

from auscult import Check, CheckContext, Discovered, Measurement, Preferences, Reading, hookimpl

__all__ = ["HostCheck", "auscult_checks"]

_Network = tuple[float, int, int, int]


class HostCheck(Check):
    """CPU, memory, disk, network and load of this machine. Its levels are the component's threshold."""

    kind = "host"
    measurements = (
        Measurement("cpu_usage_percent", "percent", "CPU in use since the last look, all cores."),
        Measurement("memory_usage_percent", "percent", "Memory that is not available."),
        Measurement("memory_available_bytes", "bytes", "Memory that programs can still get."),
        Measurement("swap_usage_percent", "percent", "Swap in use."),
        Measurement("disk_usage_percent", "percent", "Use of the fullest of the watched file systems."),
        Measurement("disk_free_bytes", "bytes", "Free space on that one."),
        Measurement("network_received_bytes_per_second", "bytes", "Received since the last look, all but loopback."),
        Measurement("network_sent_bytes_per_second", "bytes", "Sent since the last look, all but loopback."),
        Measurement("network_errors_per_second", "errors", "Errors and drops since the last look."),
        Measurement("load_1m", "", "Processes that run or wait, mean of a minute."),
        Measurement("load_5m", "", "The same over five minutes."),
        Measurement("load_per_cpu", "", "The one-minute load for each core."),
        Measurement("uptime_seconds", "seconds", "Since the machine started."),
        Measurement("processes", "processes", "Processes on the machine."),
    )

    mounts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("/",)
    """File systems to watch, by a path on each."""
    network: bool = True
    """Measure network traffic."""

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """Always there."""
        yield Discovered(name="host", check=cls(), because="the machine auscult runs on")

    def prefers(self) -> Preferences:
        """One look is enough either way (decision 6)."""
        return Preferences(failures=1, successes=1)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Look once; rates are over a fifth of a second."""
        look = _Look(self)
        await ctx.in_thread(partial(time.sleep, 0.2))
        return await ctx.in_thread(look.again)

    async def open(self, ctx: CheckContext) -> AsyncIterator[Callable[[], Awaitable[Reading]]]:
        """Remember the counters between looks."""
        look = _Look(self)
        await ctx.in_thread(partial(time.sleep, 0.1))

        async def once() -> Reading:
            # In a thread: a file system on a server that is gone keeps whoever asks about it.
            return await ctx.in_thread(look.again)

        yield once


class _Look:
    """The counters of the last look."""

    def __init__(self, check: HostCheck) -> None:
        self._check = check
        self._cpu = psutil.cpu_times()
        self._network = _traffic() if check.network else (0.0, 0, 0, 0)

    def again(self) -> Reading:
        """What happened since the last look, and how things are now."""
        begin = time.perf_counter()
        memory, load = psutil.virtual_memory(), psutil.getloadavg()
        fullest = max((_disk(path) for path in self._check.mounts), key=lambda disk: disk.percent)
        counted = {
            "cpu_usage_percent": self._cpu_percent(),
            "memory_usage_percent": memory.percent,
            "memory_available_bytes": float(memory.available),
            "swap_usage_percent": psutil.swap_memory().percent,
            "disk_usage_percent": fullest.percent,
            "disk_free_bytes": float(fullest.free),
            "load_1m": load[0],
            "load_5m": load[1],
            "load_per_cpu": load[0] / (psutil.cpu_count() or 1),
            "uptime_seconds": time.time() - psutil.boot_time(),
            "processes": float(len(psutil.pids())),
            **(self._traffic() if self._check.network else {}),
        }
        message = (
            f"CPU {counted['cpu_usage_percent']:.0f} %, memory {memory.percent:.0f} %, disk {fullest.percent:.0f} %"
        )
        elapsed = (time.perf_counter() - begin) * 1000
        return Reading(message=message, measurements=counted, response_time_ms=elapsed)

    def _cpu_percent(self) -> float:
        before, self._cpu = self._cpu, psutil.cpu_times()
        total = _busy(self._cpu) - _busy(before) + (idle := _idle(self._cpu) - _idle(before))
        return min(max((total - idle) / total * 100, 0.0), 100.0) if total > 0 else 0.0

    def _traffic(self) -> dict[str, float]:
        before, now = self._network, _traffic()
        self._network = now
        seconds = max(now[0] - before[0], 1e-3)
        received, sent, errors = (max(new - old, 0) / seconds for new, old in zip(now[1:], before[1:], strict=True))
        return {
            "network_received_bytes_per_second": received,
            "network_sent_bytes_per_second": sent,
            "network_errors_per_second": errors,
        }


def _idle(times: Any) -> float:
    return float(times.idle + getattr(times, "iowait", 0.0))


def _busy(times: Any) -> float:
    """Linux counts the time of guests in `user` and `nice` as well."""
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - guests) - _idle(times)


def _disk(path: str) -> Any:
    try:
        return psutil.disk_usage(path)
    except OSError as error:
        raise OSError(f"the file system at {path} cannot be looked at: {error.strerror or error}") from error


def _traffic() -> _Network:
    """Time, and bytes received, bytes sent, errors and drops of all interfaces but loopback."""
    received = sent = errors = 0
    for name, counters in psutil.net_io_counters(pernic=True).items():
        if not name.startswith("lo"):
            received += counters.bytes_recv
            sent += counters.bytes_sent
            errors += counters.errin + counters.errout + counters.dropin + counters.dropout
    return time.monotonic(), received, sent, errors


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [HostCheck]
