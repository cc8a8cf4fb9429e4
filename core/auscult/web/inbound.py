"""``/api/v2``: what a Prometheus server, or anything else that knows an Alertmanager, posts its alerts to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from auscult import __version__
from auscult.alert import Alert, AlertStatus
from auscult.alerts.matching import facets, matchers_of, matches
from auscult.alerts.posted import decode_posted
from auscult.clock import iso_millis
from auscult.monitor import Monitor
from auscult.web.inbound_bodies import (
    BODY,
    ClusterBody,
    ConfigBody,
    GettableAlert,
    GettableStatus,
    ReceiverBody,
    StateBody,
    VersionBody,
)
from auscult.web.json_bodies import require_json
from auscult.web.problems import BODY_ERRORS, ERRORS, problem

__all__ = ["MAX_POSTED", "inbound_routes"]

MAX_POSTED = 8 << 20
"""Bytes of one body: a sender that was cut off for a while has many alerts at once."""
_NAMED = 5
"""Refused alerts that the answer names."""

_Filter = Annotated[
    list[str] | None,
    QueryParameter(name="filter", description='Only alerts that match: `severity="high"`, `team!=voice`; repeatable.'),
]
_Active = Annotated[bool, QueryParameter(description="Whether alerts that are told are shown.")]
_Silenced = Annotated[bool, QueryParameter(description="Whether silenced alerts, and those in maintenance, are shown.")]
_Inhibited = Annotated[bool, QueryParameter(description="Whether those are shown that are due to another component.")]


class _Body(Schema):
    """The schema as it stands in `inbound_bodies`."""

    def to_schema(self) -> dict[str, Any]:
        """That."""
        return BODY


@dataclass
class _Posting(Operation):
    """Describes the body, which is decoded by hand."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=_Body())}, required=True)


def inbound_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """What senders of alerts ask of an Alertmanager."""

    @post(
        "/api/v2/alerts",
        operation_id="postAlerts",
        operation_class=_Posting,
        role="operator",
        status_code=200,
        media_type="text/plain",
        summary="Take in alerts as Prometheus sends them to an Alertmanager",
        responses=ERRORS | BODY_ERRORS,
        before_request=require_json,
        request_max_body_size=MAX_POSTED,
        tags=["alertmanager"],
    )
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answers when they are committed. With some that cannot be taken the rest is, and the answer is 400."""
        try:
            body = await request.body()
            posted = decode_posted(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ClientException(f"Expected a list of alerts as Alertmanager's API v2 has it: {error}") from error
        refused = await monitor.alerts.post_encoded(posted, body)
        if refused:
            return _refusal(refused, len(posted))
        return Response(b"", status_code=200, media_type="text/plain")

    @get(
        "/api/v2/alerts",
        operation_id="getAlertsV2",
        summary="Open alerts as an Alertmanager shows them",
        responses=ERRORS,
        tags=["alertmanager"],
    )
    async def alerts(
        active: _Active = True,
        silenced: _Silenced = True,
        inhibited: _Inhibited = True,
        chosen: _Filter = None,
    ) -> list[GettableAlert]:
        try:
            wanted = matchers_of(chosen or ())
        except ValueError as error:
            raise ClientException(f"`filter`: {error}") from error
        shown = {"active": active, "silenced": silenced, "inhibited": inhibited}
        return [
            _gettable(alert, monitor)
            for alert in monitor.alerts.open_alerts()
            if shown[_why(alert)] and matches(wanted, facets(alert) | {"alertname": alert.rule})
        ]

    @get(
        "/api/v2/status",
        operation_id="getStatusV2",
        summary="What an Alertmanager says of itself",
        responses=ERRORS,
        tags=["alertmanager"],
    )
    async def status() -> GettableStatus:
        started = monitor.started_at or monitor.clock.now_ms()
        return GettableStatus(
            cluster=ClusterBody(),
            config=ConfigBody(),
            uptime=iso_millis(started),
            version=VersionBody(version=__version__),
        )

    return (take, alerts, status)


def _refusal(refused: list[tuple[int, str]], count: int) -> Response[Any]:
    errors = [{"key": f"[{at}]", "message": reason} for at, reason in refused[:_NAMED]]
    named = "; ".join(f"alert {error['key']}: {error['message']}" for error in errors)
    more = f"; and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    detail = f"{len(refused)} of {count} alerts were not taken, the others were: {named}{more}"
    return problem(400, detail, errors=errors)


def _why(alert: Alert) -> str:
    if alert.status is not AlertStatus.SUPPRESSED:
        return "active"
    return "inhibited" if alert.suppressed_by.startswith("dependency ") else "silenced"


def _gettable(alert: Alert, monitor: Monitor) -> GettableAlert:
    why = _why(alert)
    named = alert.suppressed_by.partition(" ")[2]
    labels = {"alertname": alert.rule, "severity": alert.severity.value} | alert.labels
    if alert.component:
        labels["component"] = alert.component
    return GettableAlert(
        annotations={"summary": alert.message} | ({"runbook_url": alert.runbook} if alert.runbook else {}),
        ends_at=iso_millis(monitor.alerts.ends_at(alert)),
        fingerprint=alert.fingerprint,
        receivers=[ReceiverBody(name) for name in monitor.alerts.channels_of(alert)],
        starts_at=iso_millis(alert.created_at),
        status=StateBody(
            inhibited_by=[named] if why == "inhibited" else [],
            silenced_by=[named] if why == "silenced" else [],
            state="active" if why == "active" else "suppressed",
        ),
        updated_at=iso_millis(alert.updated_at),
        generator=alert.generator,
        labels=labels,
    )
