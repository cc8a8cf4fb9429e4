"""The seed document's health answers, and the same in the IETF's shape, as bytes ready to send.

``application/health+json`` follows draft-inadarei-api-health-check-06.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from auscult import __version__
from auscult.clock import iso_seconds
from auscult.model import ComponentHealth, Status, SystemHealth
from auscult.monitor import Monitor
from auscult.web.bodies import AliveBody, DetailedHealthBody, HealthBody, ReadyBody
from auscult.web.problems import ERRORS

__all__ = ["IETF", "JSON", "HealthAnswers", "health_routes"]

JSON = "application/json"
IETF = "application/health+json"
_IETF_STATUS = {Status.HEALTHY: "pass", Status.DEGRADED: "warn", Status.UNKNOWN: "warn", Status.UNHEALTHY: "fail"}


class HealthAnswers:
    """Answers for one monitor; the short one is made once per revision and second."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._key: tuple[int, int] | None = None
        self._short: tuple[int, bytes] = (503, b"")

    def short(self) -> tuple[int, bytes]:
        """Status code and body of ``GET /health``."""
        monitor = self._monitor
        now = monitor.clock.now_ms()
        key = (monitor.revision, now // 1000)
        if key != self._key:
            system = monitor.summary()
            self._short = (_code(system), msgspec.json.encode(HealthBody.of(system, now)))
            self._key = key
        return self._short

    def detailed(self) -> tuple[int, bytes]:
        """Status code and body of ``GET /health/detailed``."""
        system = self._monitor.system_health()
        return _code(system), msgspec.json.encode(DetailedHealthBody.of(system))

    def ietf(self) -> tuple[int, bytes]:
        """Status code and body in the IETF's shape."""
        system = self._monitor.system_health()
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


def health_routes(monitor: Monitor, answers: HealthAnswers) -> list[BaseRouteHandler]:
    """Health in short and in full, liveness and readiness."""

    @get(
        "/health",
        public=True,
        operation_id="getHealth",
        summary="The verdict in short",
        responses=_either(HealthBody, "healthy or degraded", "unhealthy, or not known yet"),
        security=[{}],
    )
    async def health(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Comes in the IETF's shape where `Accept` names `application/health+json`."""
        if "health+json" in request.headers.get("accept", ""):
            return _answer(*answers.ietf(), IETF)
        return _answer(*answers.short(), JSON)

    @get(
        "/health/detailed",
        operation_id="getHealthDetailed",
        summary="The verdict with every component",
        responses=ERRORS | _either(DetailedHealthBody, "healthy or degraded", "unhealthy, or not known yet"),
    )
    async def detailed() -> Response[bytes]:
        return _answer(*answers.detailed(), JSON)

    @get("/-/healthy", public=True, operation_id="getLiveness", summary="Liveness: the process answers", security=[{}])
    async def healthy() -> AliveBody:
        return AliveBody()

    @get(
        "/-/ready",
        public=True,
        operation_id="getReadiness",
        summary="Readiness: first verdicts are there",
        responses=_either(ReadyBody, "ready", "starting"),
        security=[{}],
    )
    async def ready() -> Response[ReadyBody]:
        state = monitor.ready
        return Response(ReadyBody("ready" if state else "starting"), status_code=200 if state else 503)

    return [health, detailed, healthy, ready]


def _either(body: type[Struct], good: str, bad: str) -> dict[int, ResponseSpec]:
    """The same body, whether the answer is 200 or 503."""
    return {
        code: ResponseSpec(body, generate_examples=False, description=text) for code, text in ((200, good), (503, bad))
    }


def _answer(status: int, body: bytes, media_type: str) -> Response[bytes]:
    return Response(body, status_code=status, media_type=media_type)
