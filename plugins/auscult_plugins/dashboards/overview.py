"""Panels about all components: the verdict, the table, alerts, trends, what was in which state when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from auscult import (
    AlertSeverity,
    Chart,
    Column,
    Gauge,
    HistoryPoint,
    Panel,
    Query,
    Series,
    Shape,
    Span,
    Status,
    Table,
    Text,
    Timeline,
    TimelineRow,
    View,
    Waiting,
)
from auscult_plugins.dashboards.lines import histories, response_times, series

__all__ = ["ActiveAlerts", "Components", "ResponseTimes", "StatusTimeline", "SuccessRates", "SystemHealthPanel"]

NOTHING_YET = Waiting(message="There are no results within this time yet.")


_VERDICTS: dict[Status, Literal["green", "yellow", "red"]] = {
    Status.HEALTHY: "green",
    Status.DEGRADED: "yellow",
    Status.UNHEALTHY: "red",
}


class SystemHealthPanel(Panel):
    """The share of components that are healthy, in the colour of the verdict: a critical one outweighs many."""

    kind = "system-health"
    heading = "System Health"
    size = (6, 4)

    def show(self, view: View) -> Shape:
        """A gauge; unknown before the first verdict."""
        system = view.system
        return Gauge(
            name="system_health_percentage",
            value=system.health_percentage if system.last_check is not None else None,
            unit="%",
            detail=system.message,
            color=_VERDICTS.get(system.status, ""),
            threshold_warning=80.0,
            threshold_critical=60.0,
        )

    def charts(self) -> Sequence[Chart]:
        """The share of healthy components, and the verdict."""
        return (
            Chart(
                queries=(Query("system_health_percentage", "healthy"),), kind="gauge", unit="%", warning=80, critical=60
            ),
            Chart(queries=(Query("system_health_status", "system"),), title="System", kind="stat", unit="status"),
        )


class Components(Panel):
    """Every component with its state, since when, why, and its figures."""

    kind = "components"
    heading = "Components"
    size = (12, 6)

    components: tuple[str, ...] = ()
    """Names of the components to show. Without names, groups and types: all."""
    groups: tuple[str, ...] = ()
    """Groups to show."""
    types: tuple[str, ...] = ()
    """Types to show, for example `llm_client`."""

    def show(self, view: View) -> Shape:
        """A table, what is worst first."""
        views = view.chosen(self.components, groups=self.groups, types=self.types)
        if not views:
            return Waiting(
                message="No component is monitored that this panel is to show.",
                connect='[components.web]\ncheck = "http"\nurl = "https://example.com/health"',
                language="toml",
                link="tutorial/index.md",
            )
        views = sorted(views, key=lambda each: (-each.status.badness, each.component_name))
        return Table(
            columns=[
                Column(name="component", title="Component", kind="component"),
                Column(name="status", title="State", kind="status"),
                Column(name="since", title="Since", kind="time"),
                Column(name="message", title="Why"),
                Column(name="response_time_ms", title="Response", kind="number", unit="ms"),
                Column(name="p95_ms", title="p95", kind="number", unit="ms"),
                Column(name="success_rate", title="Success", kind="number", unit="%"),
                Column(name="uptime_24h", title="Up 24 h", kind="number", unit="%"),
                Column(name="trend", title="Trend"),
            ],
            rows=[
                (
                    each.component_name,
                    each.status.value,
                    each.since,
                    each.message,
                    each.response_time_ms,
                    each.p95_ms,
                    each.success_rate,
                    each.uptime.get("24h"),
                    each.trend.value,
                )
                for each in views
            ],
        )

    def charts(self) -> Sequence[Chart]:
        """Each component's verdict."""
        return (Chart(queries=(Query("component_health_status"),), kind="stat", unit="status"),)


_LOUDEST = list(AlertSeverity)


class ActiveAlerts(Panel):
    """Alerts that go on, and who has taken them on."""

    kind = "alerts"
    heading = "Active Alerts"
    size = (12, 4)

    components: tuple[str, ...] = ()
    """Only alerts of these components."""

    def show(self, view: View) -> Shape:
        """A table, the worst first, or that all is quiet."""
        names = {view.fill(name) for name in self.components} - {"", "*"}
        alerts = [alert for alert in view.alerts if not names or alert.component in names]
        if not alerts:
            return Text(text="No active alerts.", tone="good")
        alerts.sort(key=lambda alert: _LOUDEST.index(alert.severity))
        return Table(
            columns=[
                Column(name="severity", title="Severity", kind="severity"),
                Column(name="alert", title="Alert"),
                Column(name="component", title="Component", kind="component"),
                Column(name="message", title="What"),
                Column(name="since", title="Since", kind="time"),
                Column(name="state", title="State"),
            ],
            rows=[
                (
                    alert.severity.value,
                    alert.rule,
                    alert.component,
                    alert.message,
                    alert.created_at,
                    f"taken on by {alert.acknowledged.author}" if alert.acknowledged else alert.status.value,
                )
                for alert in alerts
            ],
        )

    def charts(self) -> Sequence[Chart]:
        """How many there are; their texts no metric tells."""
        counted = Query("sum by (severity) (auscult_alerts)", "{{severity}}")
        return (Chart(queries=(counted,), kind="stat", unit="alerts", warning=1, critical=5),)


class ResponseTimes(Panel):
    """How response times went, one line for each component."""

    kind = "response-times"
    heading = "Response times"
    size = (12, 5)

    components: tuple[str, ...] = ()
    """Names of the components to show. Without names, groups and types: all."""
    groups: tuple[str, ...] = ()
    """Groups to show."""
    types: tuple[str, ...] = ()
    """Types to show."""
    worst: bool = False
    """Show the slowest result of each stretch of time instead of the mean."""
    at_most: int = 20
    """Lines at most; the slowest components come first."""

    def show(self, view: View) -> Shape:
        """Lines in milliseconds."""
        views = view.chosen(self.components, groups=self.groups, types=self.types)
        views.sort(key=lambda each: -(each.p95_ms or 0.0))
        names = [each.component_name for each in views[: self.at_most]]
        lines = response_times(view, names, worst=self.worst)
        return series(lines, unit="ms") if lines else NOTHING_YET

    def charts(self) -> Sequence[Chart]:
        """The latest times, and percentiles of probes."""
        buckets = "sum by (le, component) (rate(auscult_probe_duration_seconds_bucket[5m]))"
        return (
            Chart(queries=(Query("component_health_response_time_ms"),), unit="ms"),
            Chart(queries=(Query(f"histogram_quantile(0.95, {buckets})"),), title="95th percentile", unit="s"),
        )


class SuccessRates(Panel):
    """The share of results that did not fail, over time."""

    kind = "success-rates"
    heading = "Success"
    size = (6, 4)

    components: tuple[str, ...] = ()
    """Names of the components to show. Without names, groups and types: all."""
    groups: tuple[str, ...] = ()
    """Groups to show."""
    types: tuple[str, ...] = ()
    """Types to show."""
    at_most: int = 20
    """Lines at most; the components with the lowest success come first."""

    def show(self, view: View) -> Shape:
        """Lines in percent; unknown results are not counted."""
        views = view.chosen(self.components, groups=self.groups, types=self.types)
        views.sort(key=lambda each: 100.0 if each.success_rate is None else each.success_rate)
        lines = histories(view, [each.component_name for each in views[: self.at_most]], _success)
        if not lines:
            return NOTHING_YET
        drawn: Series = series(lines, unit="%", threshold_warning=95.0, threshold_critical=80.0)
        return drawn

    def charts(self) -> Sequence[Chart]:
        """Per component."""
        return (Chart(queries=(Query("component_health_success_rate"),), unit="%", warning=95, critical=80),)


def _success(point: HistoryPoint) -> float | None:
    counted = point.healthy + point.degraded + point.unhealthy
    return 100 * (counted - point.unhealthy) / counted if counted else None


class StatusTimeline(Panel):
    """Which component was in which state when."""

    kind = "status-timeline"
    heading = "States"
    size = (12, 5)

    components: tuple[str, ...] = ()
    """Names of the components to show. Without names, groups and types: all."""
    groups: tuple[str, ...] = ()
    """Groups to show."""
    types: tuple[str, ...] = ()
    """Types to show."""

    def show(self, view: View) -> Shape:
        """One row for each component; a stretch is as bad as the worst that the component was held to be in it."""
        chosen = view.chosen(self.components, groups=self.groups, types=self.types)
        rows = [TimelineRow(name=name, spans=_states(view, name)) for name in (each.component_name for each in chosen)]
        return Timeline(start=view.start, end=view.end, rows=rows) if any(r.spans for r in rows) else NOTHING_YET

    def charts(self) -> Sequence[Chart]:
        """Verdicts over time."""
        return (Chart(queries=(Query("component_health_status"),), kind="state-timeline", unit="status"),)


def _states(view: View, name: str) -> list[Span]:
    return list(_spans(view.history(name), view.verdicts(name), view))


def _spans(points: Sequence[HistoryPoint], verdicts: Sequence[tuple[int, Status]], view: View) -> Iterator[Span]:
    """Neighbours in the same state as one; where nothing came for long there is a hole."""
    gap = 2 * max(view.step, 60_000)
    held = _Held(verdicts)
    open_: Span | None = None
    for at, point in enumerate(points):
        end = points[at + 1].at if at + 1 < len(points) else min(point.at + gap, max(view.end, point.at + 1))
        end = min(end, point.at + gap)
        status = held.worst(point.at, end) or _worst(point)
        if open_ is not None and open_.status == status and point.at - open_.end <= 0:
            open_ = Span(start=open_.start, end=end, status=status)
            continue
        if open_ is not None:
            yield open_
        open_ = Span(start=point.at, end=end, status=status)
    if open_ is not None:
        yield open_


class _Held:
    """What a component was held to be. Stretches are asked for from the oldest to the latest."""

    def __init__(self, verdicts: Sequence[tuple[int, Status]]) -> None:
        self._verdicts, self._next = verdicts, 0
        self._now: Status | None = None

    def worst(self, start: int, end: int) -> Status | None:
        """The worst in [start, end); None where no verdict is known. Unknown only if there was nothing else."""
        if self._next == len(self._verdicts) or self._verdicts[self._next][0] >= end:
            return self._now  # as in almost every stretch
        found = self._upto(start + 1)[-1:]
        found += self._upto(end)
        known = [status for status in found if status is not None and status is not Status.UNKNOWN]
        return max(known, key=lambda status: status.badness) if known else found[-1]

    def _upto(self, end: int) -> list[Status | None]:
        """What it was held to be since the last question, until before `end`."""
        found = [self._now]
        while self._next < len(self._verdicts) and self._verdicts[self._next][0] < end:
            self._now = self._verdicts[self._next][1]
            found.append(self._now)
            self._next += 1
        return found


def _worst(point: HistoryPoint) -> Status:
    """What the readings themselves say."""
    if point.unhealthy:
        return Status.UNHEALTHY
    if point.degraded:
        return Status.DEGRADED
    return Status.HEALTHY if point.healthy else Status.UNKNOWN
