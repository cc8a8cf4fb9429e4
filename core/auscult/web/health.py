"""The routes of health: in short, in full, liveness and readiness."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from auscult.monitor import Monitor
from auscult.web.answers import IETF, JSON, HealthAnswers
from auscult.web.bodies import AliveBody, DetailedHealthBody, HealthBody, ReadyBody
from auscult.web.problems import ERRORS

__all__ = ["health_routes"]


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
        if "health+json" in ",".join(request.headers.getall("accept", [])).lower():
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
    return Response(body, status_code=status, media_type=media_type, headers={"Vary": "Accept"})
