"""Datadog for auscult: alerts as events, metrics as series."""

from __future__ import annotations

from auscult import Channel, Exporter, hookimpl
from auscult_datadog.channel import DatadogChannel
from auscult_datadog.exporter import DatadogExporter

__all__ = ["DatadogChannel", "DatadogExporter", "auscult_channels", "auscult_exporters"]


@hookimpl
def auscult_channels() -> list[type[Channel]]:
    """Offer the channel."""
    return [DatadogChannel]


@hookimpl
def auscult_exporters() -> list[type[Exporter]]:
    """Offer the exporter."""
    return [DatadogExporter]
