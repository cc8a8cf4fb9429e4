"""Alerts over HTTP: the seed document's ``GET /alerts``, and everything about them under ``/api/v1``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import anyio.lowlevel
from litestar import Request, delete, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, PathParameter, QueryParameter

from auscult.alert import Alert, AlertStatus
from auscult.alerts.matching import Matcher
from auscult.alerts.rows import RowState
from auscult.clock import iso_millis
from auscult.errors import ConfigurationError
from auscult.model import AlertSeverity
from auscult.monitor import Monitor
from auscult.runtime.delivery import ChannelStats
from auscult.web.alert_bodies import (
    AcknowledgeBody,
    AlertBody,
    AlertDetailBody,
    AlertList,
    AlertsBody,
    AuditBody,
    AuditList,
    ChannelBody,
    ChannelList,
    DeliveryBody,
    DeliveryList,
    MaintenanceBody,
    MaintenanceList,
    NoteBody,
    PreviewBody,
    ResendBody,
    RuleBody,
    RuleList,
    SeedAlertBody,
    SilenceBody,
    SilenceList,
    SilenceRequest,
    SummaryBody,
    TestedBody,
    ToldBody,
    change_body,
    milliseconds,
)
from auscult.web.json_bodies import require_json
from auscult.web.parameters import number
from auscult.web.problems import BODY_ERRORS, ERRORS

__all__ = ["alert_api_routes", "alert_routes"]

AT_ONCE = 200
"""Alerts put into words before the loop gets a turn."""
_get = partial(get, responses=ERRORS)
_act = partial(post, role="operator", status_code=200, responses=ERRORS | BODY_ERRORS, before_request=require_json)
_Ident = Annotated[str, PathParameter(description="The alert's id.", max_length=200)]
_SilenceIdent = Annotated[str, PathParameter(description="The silence's id.", max_length=64)]
_Name = Annotated[str, PathParameter(description="The channel's name.", max_length=64)]
_Limit = Annotated[int, QueryParameter(description="At most this many.", ge=1, le=1000)]
_Severity = Annotated[AlertSeverity | None, QueryParameter(description="Only alerts of this severity.")]
_Status = Annotated[AlertStatus | None, QueryParameter(description="Only alerts in this state.")]
_Text = Annotated[str | None, QueryParameter(description="Only those with exactly this name.", max_length=200)]
_Before = Annotated[int | None, number("Only alerts created before this (ms since the epoch).", 0, 253_402_300_799_000)]
_BeforeId = Annotated[
    str | None, QueryParameter(description="With `before`: only those after this one at that time.", max_length=200)
]
_BeforeKey = Annotated[str | None, QueryParameter(description="Only deliveries older than this one.", max_length=300)]
_BeforeRow = Annotated[int | None, number("Only rows with smaller ids.", 1, 2**53)]
_State = Annotated[RowState | None, QueryParameter(name="state", description="Only deliveries in this state.")]


def alert_routes(monitor: Monitor) -> list[BaseRouteHandler]:
    """The seed document's endpoint."""

    @_get("/alerts", operation_id="getAlerts", summary="Active and acknowledged alerts, with totals")
    async def alerts(
        severity: _Severity = None, status: _Status = None, component: _Text = None, rule: _Text = None
    ) -> AlertsBody:
        manager = monitor.alerts
        known = manager.open_alerts() if status is AlertStatus.SUPPRESSED else manager.alerts()
        chosen = [alert for alert in known if _is_wanted(alert, severity, status, component, rule)]
        bodies: list[SeedAlertBody] = []
        for begin in range(0, len(chosen), AT_ONCE):
            if begin:
                await anyio.lowlevel.checkpoint()
            bodies += map(SeedAlertBody.of, chosen[begin : begin + AT_ONCE])
        summary = manager.summary()
        return AlertsBody(
            alerts=bodies,
            summary=SummaryBody(
                total_active=summary.total_active,
                total_resolved=summary.total_resolved,
                active_by_severity=summary.active_by_severity,
            ),
        )

    return [alerts]


def _is_wanted(
    alert: Alert, severity: AlertSeverity | None, status: AlertStatus | None, component: str | None, rule: str | None
) -> bool:
    return (
        severity in (None, alert.severity)
        and status in (None, alert.status)
        and component in (None, alert.component)
        and rule in (None, alert.rule)
    )


def alert_api_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """What lies below ``/api/v1``."""
    makers = (_alert_questions, _alert_actions, _silence_routes, _delivery_routes, _channel_routes, _audit_routes)
    return [handler for make in makers for handler in make(monitor)]


def _alert_questions(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/alerts", operation_id="listAlerts", summary="All alerts, also those that are over, newest first")
    async def alerts(
        severity: _Severity = None,
        status: _Status = None,
        component: _Text = None,
        rule: _Text = None,
        before: _Before = None,
        before_id: _BeforeId = None,
        limit: _Limit = 100,
    ) -> AlertList:
        found = await monitor.alerts.history(
            severity=severity,
            status=status,
            component=component,
            rule=rule,
            before=before,
            before_id=before_id or "",
            limit=limit,
        )
        last = found[-1] if len(found) == limit else None
        return AlertList(
            alerts=[AlertBody.of(alert) for alert in found],
            next_before=None if last is None else iso_millis(last.created_at),
            next_before_id=None if last is None else last.id,
        )

    @_get("/alerts/{ident:str}", operation_id="getAlert", summary="One alert and what happened to it")
    async def alert(ident: _Ident) -> AlertDetailBody:
        changes = await monitor.alerts.changes(ident)
        return AlertDetailBody(
            alert=AlertBody.of(changes[-1].alert), changes=[change_body(change) for change in changes]
        )

    @_get("/rules", operation_id="listRules", summary="The rules in force")
    async def rules() -> RuleList:
        return RuleList(rules=[RuleBody.of(rule) for rule in monitor.alerts.rules()])

    return (alerts, alert, rules)


def _who(request: Request[Any, Any, Any]) -> str:
    """Who asks: the token's name, else where from."""
    name = request.scope.get("state", {}).get("caller")
    return str(name) if name else "local"


def _alert_actions(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_act("/alerts/{ident:str}/acknowledge", operation_id="acknowledgeAlert", summary="Take an alert on")
    async def acknowledge(ident: _Ident, data: JSONBody[AcknowledgeBody], request: Request[Any, Any, Any]) -> AlertBody:
        until = _ms(data.until)
        try:
            taken = await monitor.alerts.acknowledge(ident, by=_who(request), note=data.note, until=until)
        except ConfigurationError as error:
            raise ClientException(str(error)) from error
        return AlertBody.of(taken)

    @_act("/alerts/{ident:str}/unacknowledge", operation_id="unacknowledgeAlert", summary="Give an alert back")
    async def unacknowledge(ident: _Ident, data: JSONBody[NoteBody], request: Request[Any, Any, Any]) -> AlertBody:
        return AlertBody.of(await monitor.alerts.unacknowledge(ident, by=_who(request)))

    @_act("/alerts/{ident:str}/resolve", operation_id="resolveAlert", summary="Say that an alert is over")
    async def resolve(ident: _Ident, data: JSONBody[NoteBody], request: Request[Any, Any, Any]) -> AlertBody:
        return AlertBody.of(await monitor.alerts.resolve(ident, by=_who(request), note=data.note))

    @_act("/alerts/{ident:str}/note", operation_id="noteAlert", summary="Write something down")
    async def note(ident: _Ident, data: JSONBody[NoteBody], request: Request[Any, Any, Any]) -> AlertBody:
        return AlertBody.of(await monitor.alerts.note(ident, by=_who(request), text=data.note))

    return (acknowledge, unacknowledge, resolve, note)


def _ms(moment: Any) -> int | None:
    try:
        return milliseconds(moment)
    except (ValueError, OverflowError) as error:
        raise ClientException(str(error)) from error


def _matchers(bodies: Sequence[Any]) -> list[Matcher]:
    try:
        return [body.matcher() for body in bodies]
    except ValueError as error:
        raise ClientException(str(error)) from error


def _silence_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/silences", operation_id="listSilences", summary="Silences that are not over")
    async def silences() -> SilenceList:
        return SilenceList(silences=[SilenceBody.of(silence) for silence in monitor.alerts.silences()])

    @_get("/maintenance", operation_id="listMaintenance", summary="Maintenance windows of the configuration")
    async def maintenance() -> MaintenanceList:
        now = monitor.clock.now_ms()
        return MaintenanceList(windows=[MaintenanceBody.of(window, now) for window in monitor.alerts.windows()])

    @_act("/silences", operation_id="addSilence", summary="Tell nobody of the alerts that match, for a while")
    async def silence(data: JSONBody[SilenceRequest], request: Request[Any, Any, Any]) -> SilenceBody:
        ends_at = _ms(data.ends_at)
        assert ends_at is not None
        if ends_at <= monitor.clock.now_ms():
            raise ClientException("`ends_at` lies in the past")
        try:
            made = await monitor.alerts.silence(
                _matchers(data.matchers),
                starts_at=_ms(data.starts_at),
                ends_at=ends_at,
                by=_who(request),
                comment=data.comment,
            )
        except ConfigurationError as error:
            raise ClientException(str(error)) from error
        return SilenceBody.of(made)

    @post(
        "/silences/preview",
        operation_id="previewSilence",
        status_code=200,
        summary="The open alerts that a silence would keep quiet",
        responses=ERRORS | BODY_ERRORS,
        before_request=require_json,
    )
    async def preview(data: JSONBody[PreviewBody]) -> AlertList:
        found = monitor.alerts.preview(_matchers(data.matchers))
        return AlertList(alerts=[AlertBody.of(alert) for alert in found], next_before=None, next_before_id=None)

    @delete(
        "/silences/{ident:str}",
        operation_id="endSilence",
        role="operator",
        status_code=200,
        summary="End a silence now",
        responses=ERRORS,
    )
    async def end(ident: _SilenceIdent, request: Request[Any, Any, Any]) -> SilenceBody:
        return SilenceBody.of(await monitor.alerts.end_silence(ident, by=_who(request)))

    return (silences, maintenance, silence, preview, end)


def _delivery_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/deliveries", operation_id="listDeliveries", summary="What is on its way to channels, and what was")
    async def deliveries(
        channel: _Text = None,
        alert: _Text = None,
        wanted: _State = None,
        before: _BeforeKey = None,
        limit: _Limit = 100,
    ) -> DeliveryList:
        found = await monitor.alerts.deliveries(channel=channel, alert=alert, state=wanted, before=before, limit=limit)
        more = found[-1][0].key if len(found) == limit else None
        return DeliveryList(deliveries=[ToldBody.telling(row, change) for row, change in found], next_before=more)

    @_act("/deliveries/resend", operation_id="resendDelivery", summary="Try a dead letter again")
    async def resend(data: JSONBody[ResendBody], request: Request[Any, Any, Any]) -> DeliveryBody:
        return DeliveryBody.of(await monitor.alerts.resend(data.key, by=_who(request)))

    return (deliveries, resend)


def _channel_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/channels", operation_id="listChannels", summary="Channels, and how they are doing")
    async def channels() -> ChannelList:
        stats = monitor.alerts.channel_stats()
        return ChannelList(
            channels=[
                ChannelBody.of(name, channel, stats.get(name, ChannelStats()))
                for name, channel in sorted(monitor.alerts.channels().items())
            ]
        )

    @post(
        "/channels/{name:str}/test",
        operation_id="testChannel",
        role="operator",
        status_code=200,
        summary="Send a test through a channel",
        responses=ERRORS,
    )
    async def test(name: _Name) -> TestedBody:
        """Says what came of it; nothing is tried again."""
        try:
            outcome = await monitor.alerts.try_channel(name)
        except ConfigurationError as error:
            raise NotFoundException(str(error)) from error
        return TestedBody(delivered=not outcome.error, seconds=outcome.seconds, error=outcome.error)

    return (channels, test)


def _audit_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    @_get("/audit", operation_id="listAudit", role="operator", summary="What people changed, newest first")
    async def audit(before: _BeforeRow = None, limit: _Limit = 100) -> AuditList:
        rows = await monitor.alerts.audits(before=before, limit=limit)
        more = rows[-1][0] if len(rows) == limit else None
        return AuditList(rows=[AuditBody.of(*row) for row in rows], next_before=more)

    return (audit,)
