"""Destinations of metrics, and the places they come from, as components: `exporter.NAME` and `source.NAME`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from auscult.component import NAME
from auscult.errors import AuscultError
from auscult.model import Measurement, Reading
from auscult.runtime.health import HealthMonitor
from auscult.runtime.passive import PassiveCheck

__all__ = ["Destinations", "ExporterCheck", "SourceCheck"]

log = logging.getLogger("auscult.metrics")


class ExporterCheck(PassiveCheck):
    """How the destination of an exporter is: each push is a result."""

    kind = "exporter"
    component_type: ClassVar[str] = "exporter"
    measurements = (
        Measurement("samples", "samples", help="Samples of the latest push."),
        Measurement("waiting_snapshots", "snapshots", help="Snapshots kept on disk until the destination takes them."),
        Measurement(
            "dropped_snapshots", "snapshots", kind="counter", help="Snapshots that the destination will never get."
        ),
    )


class SourceCheck(PassiveCheck):
    """How a source of metrics is: each look at it is a result."""

    kind = "source"
    component_type: ClassVar[str] = "source"
    measurements = (Measurement("series", "series", help="Series that it gives."),)


class Destinations:
    """Keeps those components. They are shown, and left out of the totals: your system works without them."""

    def __init__(self, health: HealthMonitor, report: Callable[[str, Reading], None]) -> None:
        self._health, self._report = health, report
        self._known: set[str] = set()

    def watch(self, name: str, check: PassiveCheck, interval: float) -> None:
        """Have a component of that name; results are expected at least every `interval` seconds."""
        name = name[:64]
        if name in self._health.components or not NAME.fullmatch(name):
            return
        # A result may be late by a time-out and a wait before it is called missing.
        self._health.register(
            name, check, interval=max(interval, 30.0), counted=False, critical=False, failures=1, successes=1
        )
        self._known.add(name)

    def forget(self, name: str) -> None:
        """Have it no more."""
        if name[:64] in self._known:
            self._known.discard(name[:64])
            self._health.unregister(name[:64])

    def tell(self, name: str, reading: Reading) -> None:
        """One more result."""
        if name[:64] in self._known:
            try:
                self._report(name[:64], reading)
            except AuscultError as error:
                log.debug("%s: %s", name, error)
