"""The seed document's health answers, and the same in the IETF's shape, as bytes ready to send. No framework needed.

``application/health+json`` follows draft-inadarei-api-health-check-06.
"""

from __future__ import annotations

from typing import Any

import msgspec

from auscult import __version__
from auscult.clock import iso_seconds
from auscult.model import ComponentHealth, Status, SystemHealth
from auscult.monitor import Monitor
from auscult.web.bodies import DetailedHealthBody, HealthBody

__all__ = ["IETF", "JSON", "HealthAnswers"]

JSON = "application/json"
IETF = "application/health+json"
_IETF_STATUS = {Status.HEALTHY: "pass", Status.DEGRADED: "warn", Status.UNKNOWN: "warn", Status.UNHEALTHY: "fail"}


class HealthAnswers:
    """Answers for one monitor; the short one is made once per revision and second."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self._key: tuple[int, int] | None = None
        self._short: tuple[int, bytes] = (503, b"")

    def short(self) -> tuple[int, bytes]:
        """Status code and body of ``GET /health``."""
        monitor = self.monitor
        now = monitor.clock.now_ms()
        key = (monitor.revision, now // 1000)
        if key != self._key:
            system = monitor.summary()
            self._short = (_code(system), msgspec.json.encode(HealthBody.of(system, now)))
            self._key = key
        return self._short

    def detailed(self) -> tuple[int, bytes]:
        """Status code and body of ``GET /health/detailed``."""
        system = self.monitor.system_health()
        return _code(system), msgspec.json.encode(DetailedHealthBody.of(system))

    def ietf(self) -> tuple[int, bytes]:
        """Status code and body in the IETF's shape."""
        system = self.monitor.system_health()
        document = {
            "status": "fail" if _code(system) != 200 else _IETF_STATUS.get(system.status, "warn"),
            "releaseId": __version__,
            "description": "auscult",
            "output": system.message,
            "checks": {
                f"{name}:responseTime": [_ietf_check(view)] for name, view in system.components.items() if view.counted
            },
        }
        return _code(system), msgspec.json.encode(document)


def _code(system: SystemHealth) -> int:
    """503 for unhealthy, and before there is any verdict; a component that says unknown later fails no balancer."""
    unknown = system.status == Status.UNKNOWN and (system.last_check is None or not system.healthy_components)
    return 503 if unknown or system.status == Status.UNHEALTHY else 200


def _ietf_check(view: ComponentHealth) -> dict[str, Any]:
    check: dict[str, Any] = {"componentId": view.component_name, "status": _IETF_STATUS.get(view.status, "warn")}
    if view.response_time_ms is not None:
        check |= {"observedValue": view.response_time_ms, "observedUnit": "ms"}
    if view.last_check is not None:
        check["time"] = iso_seconds(view.last_check)
    if view.message and view.status != Status.HEALTHY:
        check["output"] = view.message
    return check
