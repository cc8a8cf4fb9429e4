"""``GET /api/v1/recent``: the latest results of every component in one answer, small enough for a wall of hundreds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from auscult.dashboards.changes import KEPT as CHANGES
from auscult.engine.health import Change
from auscult.model import CheckResult, Status
from auscult.monitor import Monitor
from auscult.web.problems import ERRORS

__all__ = ["recent_routes"]

_MESSAGE = 200
"""Characters of a message that are told."""
_get = partial(get, responses=ERRORS)
_Limit = Annotated[int, QueryParameter(description="At most this many results of each component.", ge=1, le=100)]


class Verdicts:
    """What one component was held to be, as far back as its changes are remembered."""

    def __init__(self, changes: Sequence[Change], now: Status) -> None:
        self._times = [change.at for change in changes]
        self._statuses = [changes[0].old if changes else now, *(change.new for change in changes)]

    def judged(self, result: CheckResult) -> Status:
        """The result's own status, unless it was good and the component was degraded all the same."""
        verdict = self._statuses[bisect_right(self._times, result.at)]
        good = result.status is Status.HEALTHY
        return Status.DEGRADED if good and verdict is Status.DEGRADED else result.status


class RecentBody(Struct, frozen=True, kw_only=True):
    """One component's latest results as columns, the oldest first. Times are ms since the epoch."""

    name: str
    times_ms: list[int]
    statuses: list[Status]
    """What the results said; `degraded` too where a good result left the component beyond its levels."""
    response_times_ms: list[float | None]
    messages: dict[int, str]
    """What the results that are not healthy said, by their place in the columns."""

    @classmethod
    def of(cls, name: str, results: Sequence[CheckResult], verdicts: Verdicts) -> RecentBody:
        """The body for results, the oldest first."""
        return cls(
            name=name,
            times_ms=[result.at for result in results],
            statuses=[verdicts.judged(result) for result in results],
            response_times_ms=[
                None if result.response_time_ms is None else round(result.response_time_ms, 2) for result in results
            ],
            messages={
                place: result.message[:_MESSAGE]
                for place, result in enumerate(results)
                if result.status is not Status.HEALTHY
            },
        )


class RecentList(Struct, frozen=True):
    """The latest results of all components."""

    components: list[RecentBody]


def recent_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """The one route."""

    @_get("/recent", operation_id="listRecent", summary="The latest results of every component, in short")
    async def recent(limit: _Limit = 40) -> RecentList:
        changes: dict[str, list[Change]] = {}
        for happened in reversed(monitor.changes.since(0, store=None, limit=CHANGES)):
            if happened.status is not None:
                changes.setdefault(happened.status.component, []).append(happened.status)
        bodies = []
        for name, view in monitor.system_health().components.items():
            verdicts = Verdicts(changes.get(name, ()), view.status)
            bodies.append(RecentBody.of(name, monitor.recent_results(name, limit)[::-1], verdicts))
        return RecentList(bodies)

    return (recent,)
