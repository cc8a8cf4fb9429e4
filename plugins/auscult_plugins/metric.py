"""The `metric` check: a metric of the history as a component, so that whatever is recorded, scraped or received is
judged, alerted on and shown like everything else.
"""

from __future__ import annotations

from typing import Literal

from auscult import (
    Check,
    CheckContext,
    Duration,
    Measurement,
    MetricAnswer,
    MetricQuery,
    Preferences,
    Reading,
    Status,
    Track,
    hookimpl,
    matchers_of,
)

__all__ = ["MetricCheck", "auscult_checks", "judge"]


class MetricCheck(Check):
    """A metric stays within its levels."""

    kind = "metric"
    measurements = (
        Measurement("value", "", "The metric, the worst of its lines where there are several."),
        Measurement("lines", "", "How many lines were judged."),
    )

    metric: str
    """The sample's name as at `/metrics`: `calls_total`, `call_seconds`; for `quantile` the histogram's."""
    where: tuple[str, ...] = ()
    """Which series: `model=gpt-*`, `route!=/health`."""
    function: Literal["avg", "min", "max", "sum", "count", "last", "rate", "increase", "quantile"] = "avg"
    """What is looked at over the window; `rate` (a second) and `increase` are of counters, `quantile` of histograms."""
    q: float = 0.95
    """For `quantile`: which one."""
    window: Duration = Duration("5m")
    """How far back it looks."""
    aggregate: Literal["", "sum", "avg", "min", "max", "count"] = ""
    """How series become one; empty judges each by itself."""
    by: tuple[str, ...] = ()
    """Labels that stay apart when series become one."""
    degraded_above: float | None = None
    """Degraded when a line is above this, ..."""
    degraded_below: float | None = None
    """... or below this."""
    unhealthy_above: float | None = None
    """Unhealthy when a line is above this, ..."""
    unhealthy_below: float | None = None
    """... or below this."""
    no_data: Literal["unknown", "healthy", "degraded", "unhealthy"] = "unknown"
    """What it means when there is no number."""

    def __post_init__(self) -> None:
        if not self.metric:
            raise ValueError("`metric` names the sample to look at, such as calls_total")
        if not 0 <= self.q <= 1:
            raise ValueError(f"`q`: expected a number from 0 to 1, found {self.q:g}")
        if self.window < 1:
            raise ValueError(f"`window`: expected at least 1s, found {self.window}")
        matchers_of(self.where)

    def prefers(self) -> Preferences:
        """Looked at as often as samples come, believed at once."""
        return Preferences(interval=15.0, failures=1, successes=1, critical=False)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Ask the history and judge its answer."""
        question = MetricQuery(
            name=self.metric,
            match=matchers_of(self.where),
            function=self.function,
            q=self.q,
            aggregate=self.aggregate,
            by=self.by,
        )
        return judge(self, await ctx.ask(question, self.window))


def judge(check: MetricCheck, answer: MetricAnswer) -> Reading:
    """What an answer means. Pure."""
    found = [(value, track) for track in answer.tracks if (value := _latest(track)) is not None]
    if not found:
        reason = answer.reason or next((track.reason for track in answer.tracks if track.reason), "")
        why = reason or f"nothing is known of `{check.metric}` in the last {check.window}"
        return Reading(Status(check.no_data), why)
    judged = [(_status(check, value), value, track) for value, track in found]
    status, value, track = max(judged, key=lambda each: (_RANKS[each[0]], _distance(check, each[1])))
    return Reading(status, _sentence(check, status, value, track), {"value": value, "lines": float(len(found))})


_RANKS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.UNHEALTHY: 2}


def _latest(track: Track) -> float | None:
    return next((value for value in reversed(track.values) if value is not None), None)


def _status(check: MetricCheck, value: float) -> Status:
    if _is_beyond(value, check.unhealthy_above, check.unhealthy_below):
        return Status.UNHEALTHY
    return Status.DEGRADED if _is_beyond(value, check.degraded_above, check.degraded_below) else Status.HEALTHY


def _is_beyond(value: float, above: float | None, below: float | None) -> bool:
    return (above is not None and value > above) or (below is not None and value < below)


def _distance(check: MetricCheck, value: float) -> float:
    """The larger, the worse: where only low values are bad, those."""
    highs = (check.degraded_above, check.unhealthy_above)
    return -value if highs == (None, None) and (check.degraded_below, check.unhealthy_below) != (None, None) else value


def _sentence(check: MetricCheck, status: Status, value: float, track: Track) -> str:
    labels = ",".join(f'{name}="{text}"' for name, text in sorted(track.labels.items()))
    what = f"{_called(check)}{f'{{{labels}}}' if labels else ''} is {value:g}"
    above, below = (
        (check.unhealthy_above, check.unhealthy_below)
        if status is Status.UNHEALTHY
        else (check.degraded_above, check.degraded_below)
    )
    if status is not Status.HEALTHY:
        what += f", above {above:g}" if above is not None and value > above else f", below {below:g}"
    return what


def _called(check: MetricCheck) -> str:
    if check.function == "quantile":
        return f"p{check.q * 100:g} of {check.metric}"
    return check.metric if check.function in ("avg", "last") else f"{check.function} of {check.metric}"


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [MetricCheck]
