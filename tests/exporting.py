"""What tests of exporters share: snapshots made by hand, a real context, a monitor with something to export."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from prometheus_client import CollectorRegistry
from tests.notices import RealContext

from auscult import Exporter, Family, Monitor, Sample, Samples, Snapshot, labels_of

__all__ = ["PushContext", "family", "monitor_with", "now_ms", "snapshot", "until"]

T = TypeVar("T")


class PushContext(RealContext):
    """What an exporter is given: the real client under the real policy, and threads."""

    __slots__ = ()

    @property
    def exporter(self) -> str:
        """Its name in the configuration."""
        return "out"

    async def in_thread(self, function: Callable[[], T]) -> T:
        """See `ExporterContext.in_thread`."""
        return await to_thread.run_sync(partial(function))


def now_ms() -> int:
    """The wall clock."""
    return int(time.time() * 1000)


def family(
    name: str, kind: str, *samples: tuple[str, Mapping[str, str], float], at: int | None = None, **about: Any
) -> Samples:
    """One family; a sample is a suffix of the name without ``_total``, labels and a value."""
    base = name.removesuffix("_total") if kind == "counter" else name
    base = base.removesuffix("_info") if kind == "info" else base
    made = Family(name, kind, about.get("help", f"Of {name}."), about.get("unit", ""))
    listed = [Sample(base + suffix, labels_of(labels), value, at) for suffix, labels, value in samples]
    return Samples.of(made, listed)


def snapshot(at: int | None, *families: Samples) -> Snapshot:
    """All families at one moment; None is now."""
    return Snapshot(now_ms() if at is None else at, families)


def monitor_with(
    exporters: Mapping[str, Exporter], registry: CollectorRegistry | None = None, state_dir: Path | None = None
) -> Monitor:
    """A monitor whose process has recorded something, with these exporters."""
    monitor = Monitor(state_dir=state_dir)
    if registry is not None:
        monitor.metrics.add_registry(registry)
    for name, exporter in exporters.items():
        monitor.metrics.add_exporter(name, exporter)
    return monitor


async def until(what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not await to_thread.run_sync(what):
        assert time.monotonic() < deadline, "it never came to hold"
        await anyio.sleep(0.05)
