"""The seed document's names for exporting: ``from auscult.metrics_exporter import PrometheusExporter, JSONExporter``.

The bundled exporters are plugins like any other; their names here are looked up among the installed ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auscult.kinds import Exporter as Exporter
    from auscult.metrics_manager import MetricsManager as MetricsManager

_HOMES = {"Exporter": "auscult.kinds", "MetricsManager": "auscult.metrics_manager"}
_KINDS = {"JSONExporter": "json", "PrometheusExporter": "prometheus"}

__all__ = [*_HOMES, *_KINDS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """A name from its home, or an exporter's class from the plugin that offers its kind."""
    if home := _HOMES.get(name):
        return getattr(import_module(home), name)
    if kind := _KINDS.get(name):
        from auscult.catalogue import Catalogue

        return Catalogue.discover().exporter(kind)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
