"""What panels look at: one moment of a running monitor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from auscult.metrics.query import MetricAnswer, MetricQuery
from auscult.metrics.requests import RequestFigures, Requests
from auscult.model import CheckResult, Status, SystemHealth
from auscult.panels import View

if TYPE_CHECKING:
    from auscult.alert import Alert
    from auscult.dashboards.changes import Changes
    from auscult.families import Event
    from auscult.runtime.health import HealthMonitor
    from auscult.store import HistoryPoint, Store
    from auscult.store.metric_reader import StoredFamily

__all__ = ["LiveView", "TimeRange"]

T = TypeVar("T")
TOGETHER = 30
"""Components whose results are read all at once."""


class TimeRange(Struct, frozen=True, kw_only=True):
    """The stretch of time of one look."""

    start: int
    end: int
    text: str | None = None
    """``6h``, where it ends now."""


class LiveView(View):
    """Made on the loop, from what changes there; read by panels in their threads."""

    __slots__ = (
        "_changes",
        "_health",
        "_lock",
        "_read",
        "_requests",
        "_store",
        "alerts",
        "end",
        "now",
        "points",
        "start",
        "system",
        "variables",
    )

    def __init__(
        self,
        *,
        now: int,
        span: TimeRange,
        points: int,
        system: SystemHealth,
        alerts: Sequence[Alert],
        variables: Mapping[str, str],
        health: HealthMonitor,
        requests: Requests,
        changes: Changes,
        store: Store | None,
    ) -> None:
        self.now, self.start, self.end, self.points = now, span.start, span.end, points
        self.system, self.alerts, self.variables = system, tuple(alerts), variables
        self._health, self._requests, self._changes, self._store = health, requests, changes, store
        self._read: dict[Any, Any] = {}
        self._lock = Lock()

    def history(self, component: str) -> Sequence[HistoryPoint]:
        """See `View.history`."""
        store = self._store
        if store is None or component not in self.components:
            return ()
        # One question serves them all, and where one is asked for, others mostly follow.
        found: Mapping[str, Sequence[HistoryPoint]] = self._once(
            ("history",), lambda: store.histories(list(self.components), self.start, self.end, self.points)
        )
        return found.get(component, ())

    def verdicts(self, component: str) -> Sequence[tuple[int, Status]]:
        """See `View.verdicts`."""
        if component not in self.components:
            return ()
        found = self._once(("verdicts",), lambda: self._changes.verdicts(self.start, store=self._store))
        told = [(change.at, change.new) for change in found.get(component, ()) if change.at < self.end]
        view = self.components[component]
        # Of what an older version has judged, only the last change is known.
        return told if told or view.since is None else [(view.since, view.status)]

    def results(self, component: str) -> Sequence[CheckResult]:
        """See `View.results`."""
        store = self._store
        if component not in self.components:
            return ()
        if store is None:
            recent = reversed(self.recent(component))
            return [result for result in recent if self.start <= result.at < self.end]
        # Reading those of a few costs hardly more than reading those of one: the results lie side by side.
        together = list(self.components) if len(self.components) <= TOGETHER else [component]
        found: Mapping[str, Sequence[CheckResult]] = self._once(
            ("results", *together), lambda: store.sampling.sampled(together, self.start, self.end, self.points)
        )
        return found.get(component, ())

    def recent(self, component: str, limit: int = 100) -> Sequence[CheckResult]:
        """See `View.recent`."""
        return self._health.recent(component, limit) if component in self.components else ()

    def past_alerts(self, limit: int = 100) -> Sequence[Alert]:
        """See `View.past_alerts`."""
        store = self._store
        if store is None:
            return [alert for alert in self.alerts if self.start <= alert.created_at < self.end][:limit]
        found = self._once(("alerts", limit), lambda: store.alerts.history(before=self.end, limit=limit))
        return [alert for alert in found if alert.created_at >= self.start]

    def ask(self, question: MetricQuery) -> MetricAnswer:
        """See `View.ask`."""
        store = self._store
        if store is None:
            return MetricAnswer(times=[], step=0, tracks=[], reason="there is no history: no state directory")
        return self._once(("ask", question), lambda: store.metrics.ask(question, self.start, self.end, self.points))

    def families(self) -> Sequence[StoredFamily]:
        """See `View.families`."""
        store = self._store
        return self._once(("families",), store.metrics.families) if store is not None else ()

    def events(self, kind: str) -> Sequence[Event]:
        """See `View.events`."""
        store = self._store
        if store is None:
            return ()
        return self._once(("events", kind), lambda: store.metrics.events(kind, self.start, self.end))

    def requests(self) -> RequestFigures:
        """See `View.requests`."""
        return self._once(("requests",), lambda: self._requests.within(self.start, self.end, self.points))

    def _once(self, key: Any, read: Callable[[], T]) -> T:
        """What `read` gives, asked once for this look."""
        with self._lock:
            if key not in self._read:
                self._read[key] = read()
            found: T = self._read[key]
            return found
