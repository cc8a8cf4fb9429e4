"""New Relic for auscult: metrics, and custom events."""

from __future__ import annotations

from auscult import Exporter, hookimpl
from auscult_newrelic.exporter import NewRelicExporter

__all__ = ["NewRelicExporter", "auscult_exporters"]


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [NewRelicExporter]
