"""The seed document's ``health_monitor`` module: the same names, at home elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auscult.model import ComponentHealth, HealthThreshold, SystemHealth
from auscult.model import Status as HealthStatus

if TYPE_CHECKING:
    from auscult.runtime.health import HealthMonitor as HealthMonitor

__all__ = ["ComponentHealth", "HealthMonitor", "HealthStatus", "HealthThreshold", "SystemHealth"]


def __getattr__(name: str) -> Any:
    if name == "HealthMonitor":
        from auscult.runtime.health import HealthMonitor

        return HealthMonitor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
