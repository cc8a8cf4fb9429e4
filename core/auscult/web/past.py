"""What happened lately, how long results took, and what a reload would change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from anyio import to_thread
from litestar import get
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from auscult.clock import iso_millis
from auscult.config import plan
from auscult.dashboards.changes import Happened
from auscult.errors import ComponentNotFound, ConfigurationError
from auscult.monitor import Monitor
from auscult.store import TimedPoint
from auscult.web.problems import ERRORS
from auscult.web.reloading import Reload, Reloading

__all__ = ["past_routes"]

HOUR_MS, DAY_MS, MAX_TIME = 3_600_000, 86_400_000, 253_402_300_799_000
_get = partial(get, responses=ERRORS)
_bounds = {"minimum": 0, "maximum": MAX_TIME}
_Time = Annotated[
    int | None,
    QueryParameter(description="Milliseconds since the epoch, UTC.", ge=0, le=MAX_TIME, schema_extra=_bounds),
]
_Limit = Annotated[int, QueryParameter(description="At most this many.", ge=1, le=1000)]
_Component = Annotated[str | None, QueryParameter(description="Only of this component.", max_length=64)]
_Name = Annotated[str, PathParameter(description="The component's name.", max_length=64)]


class ChangeBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened: `kind` is `status` or `alert`, which says what fields there are."""

    time: str
    kind: str
    component: str
    message: str
    old: str | None = None
    new: str | None = None
    alert: str | None = None
    rule: str | None = None
    severity: str | None = None
    change: str | None = None
    by: str | None = None

    @classmethod
    def of(cls, happened: Happened) -> ChangeBody:
        """The body for one thing that happened."""
        time = iso_millis(happened.at)
        if (status := happened.status) is not None:
            return cls(
                time=time,
                kind="status",
                component=status.component,
                old=status.old.value,
                new=status.new.value,
                message=status.message,
            )
        assert happened.alert is not None
        alert = happened.alert.alert
        return cls(
            time=time,
            kind="alert",
            component=alert.component,
            alert=alert.id,
            rule=alert.rule,
            severity=alert.severity.value,
            change=happened.alert.kind.value,
            message=alert.message,
            by=happened.alert.by,
        )


class ChangeList(Struct, frozen=True):
    """What happened, newest first."""

    changes: list[ChangeBody]


class TimedBody(Struct, frozen=True, kw_only=True):
    """One stretch of time."""

    time: str
    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    stages: dict[str, float]
    """Seconds by stage, of the stretch's last result that has any."""

    @classmethod
    def of(cls, point: TimedPoint) -> TimedBody:
        """The body for a stretch of time."""
        return cls(
            time=iso_millis(point.at),
            count=point.count,
            p50_ms=point.p50_ms,
            p95_ms=point.p95_ms,
            p99_ms=point.p99_ms,
            stages=point.stages,
        )


class TimedList(Struct, frozen=True, kw_only=True):
    """How long a component's results took."""

    component: str
    start: str
    end: str
    points: list[TimedBody]


class FindingBody(Struct, frozen=True):
    """One mistake."""

    key: str
    message: str


class PlanBody(Struct, frozen=True, kw_only=True):
    """What a reload would change."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    other: list[str]
    restart: list[str]
    """Those of `other` that need a new start."""
    errors: list[FindingBody]
    """Mistakes because of which it would change nothing."""


def past_routes(monitor: Monitor, reload: Reload | None) -> Sequence[BaseRouteHandler]:
    """What lies below ``/api/v1``."""

    @_get("/changes", operation_id="listChanges", summary="What happened lately, newest first")
    async def changes(start: _Time = None, component: _Component = None, limit: _Limit = 200) -> ChangeList:
        """Changes of status and of alerts; a restart keeps them."""
        since = monitor.clock.now_ms() - HOUR_MS if start is None else start
        look = partial(monitor.changes.since, since, store=monitor.store, component=component, limit=limit)
        return ChangeList([ChangeBody.of(happened) for happened in await to_thread.run_sync(look)])

    @_get(
        "/components/{name:str}/percentiles",
        operation_id="getPercentiles",
        summary="How long a component's results took, over time",
    )
    async def percentiles(name: _Name, start: _Time = None, end: _Time = None, points: _Limit = 200) -> TimedList:
        """From single results, so as far back as those are kept."""
        if name not in monitor.components():
            raise ComponentNotFound(name, monitor.components())
        upto = monitor.clock.now_ms() if end is None else end
        since = max(upto - DAY_MS, 0) if start is None else start
        store = monitor.store
        found: Sequence[TimedPoint] = ()
        if store is not None and since < upto:
            found = await to_thread.run_sync(partial(store.sampling.timed, name, since, upto, points))
        return TimedList(
            component=name,
            start=iso_millis(since),
            end=iso_millis(upto),
            points=[TimedBody.of(point) for point in found],
        )

    @_get("/config/changes", operation_id="planReload", role="admin", summary="What a reload would change")
    async def config_changes() -> PlanBody:
        """Reads the configuration again and changes nothing."""
        if not isinstance(reload, Reloading) or monitor.settings is None:
            raise NotFoundException("This monitor was not made from a configuration that could be read again")
        try:
            wanted = await reload.look()
        except ConfigurationError as error:
            errors = [FindingBody(finding.key, str(finding)) for finding in error.findings]
            return PlanBody(added=[], changed=[], removed=[], other=[], restart=[], errors=errors)
        found = plan(monitor.settings, wanted)
        return PlanBody(
            added=list(found.added),
            changed=list(found.changed),
            removed=list(found.removed),
            other=list(found.other),
            restart=list(found.restart),
            errors=[],
        )

    return (changes, percentiles, config_changes)
