"""Panels about an API: how many requests, how fast, what went wrong, route by route. auscult's own, to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from auscult import (
    Bar,
    Chart,
    Column,
    Heatmap,
    Line,
    Panel,
    Pie,
    Query,
    RequestFigures,
    RouteFigures,
    Series,
    Shape,
    Stat,
    Table,
    View,
    Waiting,
)

__all__ = ["Endpoints", "RequestDurations", "RequestErrors", "RequestVolume"]

NONE_YET = Waiting(message="Nobody has asked auscult anything within this time.")
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_BUCKETS = (0.001, 0.005, 0.01, 0.04, 0.16, 0.64, 2.56, 10.24)
"""Upper bounds of the rows of the heat map, seconds: those of the histogram, several together."""


class RequestVolume(Panel):
    """How many requests came, and how fast they came."""

    kind = "api-volume"
    heading = "Request volume and rate"
    size = (6, 5)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Totals, and requests a second over time."""
        figures = view.requests()
        if not figures.total.count:
            return NONE_YET
        seconds = _seconds(figures)
        rate = [count.count / length for count, length in zip(figures.series, seconds, strict=True)]
        return [
            Stat(title="Requests", name="api_requests", value=figures.total.count, unit="requests"),
            Stat(title="Rate", name="api_request_rate", value=figures.total.count / max(sum(seconds), 1), unit="1/s"),
            Series(
                times=figures.times,
                lines=[Line(name="api_request_rate", title="Requests", values=rate)],
                unit="1/s",
                chart="area",
            ),
        ]

    def charts(self) -> Sequence[Chart]:
        """Requests a second, all and by route."""
        rate = "rate(auscult_http_requests_total[5m])"
        return (
            Chart(queries=(Query(f"sum({rate})", "requests"),), title="Rate", kind="stat", unit="1/s"),
            Chart(queries=(Query(f"sum by (route) ({rate})", "{{route}}"),), unit="1/s", stacked=True),
        )


class RequestDurations(Panel):
    """How long requests took."""

    kind = "api-durations"
    heading = "Response time distribution"
    size = (6, 5)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Percentiles over time, and how many took how long."""
        figures = view.requests()
        if not figures.total.count:
            return NONE_YET
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        lines = [
            Line(name=f"api_{name}_ms", title=name, values=[part.quantile_ms(share) for part in figures.series])
            for name, share in shares.items()
        ]
        return [
            *(
                Stat(title=name, name=f"api_{name}_ms", value=figures.total.quantile_ms(share), unit="ms")
                for name, share in shares.items()
            ),
            Series(times=figures.times, lines=lines, unit="ms"),
            Heatmap(
                title="Distribution",
                times=figures.times,
                bounds=[*(bound * 1000 for bound in _BUCKETS), None],
                counts=[_rows(part, figures.bounds) for part in figures.series],
                unit="ms",
            ),
        ]

    def charts(self) -> Sequence[Chart]:
        """Percentiles over all routes."""
        buckets = "sum by (le) (rate(auscult_http_request_duration_seconds_bucket[5m]))"
        shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        queries = tuple(Query(f"histogram_quantile({share}, {buckets})", name) for name, share in shares)
        return (Chart(queries=queries, unit="s"),)


def _rows(part: RouteFigures, bounds: Sequence[float]) -> list[float]:
    """Counts by the heat map's bounds."""
    rows = [0.0] * (len(_BUCKETS) + 1)
    for at, count in enumerate(part.buckets):
        upper = bounds[at] if at < len(bounds) else float("inf")
        rows[next((row for row, bound in enumerate(_BUCKETS) if upper <= bound), len(_BUCKETS))] += count
    return rows


class RequestErrors(Panel):
    """Which share of the requests failed, and how."""

    kind = "api-errors"
    heading = "Error rates and types"
    size = (6, 5)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """The share of 4xx and 5xx over time, and all answers by kind."""
        figures = view.requests()
        if not figures.total.count:
            return NONE_YET
        total = figures.total
        return [
            Stat(
                title="Failed",
                name="api_error_rate",
                value=100 * total.errors / total.count,
                unit="%",
                detail="answers with 5xx",
                threshold_warning=1.0,
                threshold_critical=5.0,
            ),
            Stat(
                title="Refused",
                name="api_refused_rate",
                value=100 * total.refused / total.count,
                unit="%",
                detail="answers with 4xx",
            ),
            Series(
                times=figures.times,
                lines=[
                    Line(name="5xx", values=[_share(part.errors, part) for part in figures.series], color="red"),
                    Line(name="4xx", values=[_share(part.refused, part) for part in figures.series], color="yellow"),
                ],
                unit="%",
            ),
            Pie(
                title="Answers",
                slices=[
                    Bar(name=name, value=count) for name, count in zip(_CLASSES, total.by_status, strict=True) if count
                ],
                unit="requests",
            ),
        ]

    def charts(self) -> Sequence[Chart]:
        """The share of server errors, and answers by status."""
        rate = "rate(auscult_http_requests_total{}[5m])"
        failed, all_ = rate.format('{code=~"5.."}'), rate.format("")
        share = f"100 * (sum({failed}) or vector(0)) / sum({all_})"
        return (
            Chart(queries=(Query(share, "errors"),), title="Errors", kind="stat", unit="%", warning=1, critical=5),
            Chart(queries=(Query(f"sum by (code) ({all_})", "{{code}}"),), title="By status", unit="1/s"),
        )


def _share(count: int, part: RouteFigures) -> float | None:
    return 100 * count / part.count if part.count else None


class Endpoints(Panel):
    """Every route with its figures."""

    kind = "api-endpoints"
    heading = "Per-endpoint performance"
    size = (12, 6)

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """A table, the busiest route first."""
        figures = view.requests()
        if not figures.total.count:
            return NONE_YET
        seconds = max(sum(_seconds(figures)), 1)
        routes = sorted(figures.routes.items(), key=lambda item: -item[1].count)
        return Table(
            columns=[
                Column(name="endpoint", title="Endpoint"),
                Column(name="requests", title="Requests", kind="number", unit="requests"),
                Column(name="rate", title="Rate", kind="number", unit="1/s"),
                Column(name="p50_ms", title="p50", kind="number", unit="ms"),
                Column(name="p95_ms", title="p95", kind="number", unit="ms"),
                Column(name="p99_ms", title="p99", kind="number", unit="ms"),
                Column(name="error_rate", title="Failed", kind="number", unit="%"),
                Column(name="refused_rate", title="Refused", kind="number", unit="%"),
            ],
            rows=[
                (
                    f"{method} {route}",
                    part.count,
                    part.count / seconds,
                    part.quantile_ms(0.5),
                    part.quantile_ms(0.95),
                    part.quantile_ms(0.99),
                    _share(part.errors, part),
                    _share(part.refused, part),
                )
                for (method, route), part in routes
            ],
        )

    def charts(self) -> Sequence[Chart]:
        """Requests by route, the busiest first."""
        busiest = "topk(20, sum by (method, route) (increase(auscult_http_requests_total[1h])))"
        return (Chart(queries=(Query(busiest, "{{method}} {{route}}"),), title="Requests an hour", kind="bargauge"),)


def _seconds(figures: RequestFigures) -> list[float]:
    """How long each stretch really was: the first begins with the counting, the last is not over."""
    found = []
    for at in figures.times:
        begin, end = max(at, figures.since, figures.start), min(at + figures.step, figures.end)
        found.append(max((end - begin) / 1000, 1.0))
    return found
