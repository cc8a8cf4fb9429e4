"""``/api/v1/metrics``: what the history knows of metrics, and what they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from auscult.alerts.matching import Matcher, matchers_of
from auscult.errors import did_you_mean
from auscult.metrics.query import Aggregate, Function, MetricAnswer, MetricQuery
from auscult.monitor import Monitor
from auscult.store.metric_reader import StoredFamily
from auscult.web.problems import ERRORS

__all__ = ["metric_history_routes"]

HOUR_MS = 3_600_000
MAX_TIME = 253_402_300_799_000

_Name = Annotated[
    str,
    QueryParameter(
        description="The sample's name, as at `/metrics`; for `quantile` the histogram's, without `_bucket`.",
        min_length=1,
        max_length=200,
    ),
]
_Time = Annotated[
    int | None,
    QueryParameter(
        description="Milliseconds since the epoch, UTC; default: the last hour.",
        ge=0,
        le=MAX_TIME,
        schema_extra={"minimum": 0, "maximum": MAX_TIME},
    ),
]
_Points = Annotated[int, QueryParameter(description="Stretches at most.", ge=1, le=5000)]
_Function = Annotated[
    Function,
    QueryParameter(description="What is told of each stretch; `rate` and `increase` are of counters, over restarts."),
]
_Aggregate = Annotated[Aggregate, QueryParameter(description="How series become one; empty leaves each by itself.")]
_By = Annotated[
    list[str] | None, QueryParameter(description="Labels that stay apart when series become one; repeatable.")
]
_Match = Annotated[
    list[str] | None,
    QueryParameter(description="Only series that match: `host=a`, `route!=/health`, `model=gpt-*`; repeatable."),
]
_Quantile = Annotated[float, QueryParameter(description="Which quantile.", ge=0, le=1)]
_Top = Annotated[int, QueryParameter(description="Only so many, the largest on average; 0 for all.", ge=0, le=1000)]
_Search = Annotated[str, QueryParameter(description="Only families whose name contains this.", max_length=200)]
_Kind = Annotated[str, QueryParameter(description="What happened: `ai_calls`, `turns`.", min_length=1, max_length=200)]
_Limit = Annotated[int, QueryParameter(description="At most this many, the latest.", ge=1, le=10_000)]


class FamilyBody(Struct, frozen=True, kw_only=True):
    """A family in the history."""

    name: str
    type: str
    unit: str
    help: str
    samples: list[str]
    """The names of its samples, for `name` of a query."""
    labels: list[str]
    series: int


class FamilyList(Struct, frozen=True, kw_only=True):
    """Families, by name."""

    families: list[FamilyBody]

    @classmethod
    def of(cls, families: Sequence[StoredFamily]) -> FamilyList:
        """As the history has them."""
        return cls(
            families=[
                FamilyBody(
                    name=family.name,
                    type=family.type,
                    unit=family.unit,
                    help=family.help,
                    samples=family.samples,
                    labels=family.labels,
                    series=family.series,
                )
                for family in families
            ]
        )


class TrackBody(Struct, frozen=True, kw_only=True):
    """One line."""

    labels: dict[str, str]
    values: list[float | None]
    """One for each of `times`; null where nothing is known."""
    reason: str
    """Why values are null although something was observed."""


class AnswerBody(Struct, frozen=True, kw_only=True):
    """What the history says."""

    name: str
    times: list[int]
    """Where each stretch begins, ms."""
    step_ms: int
    source: str
    """What was read: `samples`, `minutes` or `hours`."""
    reason: str
    """Why there is no line at all."""
    tracks: list[TrackBody]

    @classmethod
    def of(cls, name: str, answer: MetricAnswer) -> AnswerBody:
        """The answer to a question about `name`."""
        return cls(
            name=name,
            times=answer.times,
            step_ms=answer.step,
            source=answer.source,
            reason=answer.reason,
            tracks=[
                TrackBody(labels=track.labels, values=[_finite(value) for value in track.values], reason=track.reason)
                for track in answer.tracks
            ],
        )


class MetricEventBody(Struct, frozen=True, kw_only=True):
    """Something that happened once."""

    at: int
    """When it ended, ms."""
    labels: dict[str, str]
    numbers: dict[str, float | None]


class MetricEventList(Struct, frozen=True, kw_only=True):
    """Events of one kind, oldest first."""

    kind: str
    events: list[MetricEventBody]


def metric_history_routes(monitor: Monitor) -> Sequence[BaseRouteHandler]:
    """The routes below ``/api/v1/metrics``."""

    def window(start: int | None, end: int | None) -> tuple[int, int]:
        upto = monitor.clock.now_ms() if end is None else end
        since = max(upto - HOUR_MS, 0) if start is None else start
        if since >= upto:
            raise ClientException(f"`start` ({since}) has to be before `end` ({upto})")
        return since, upto

    @get("/metrics", operation_id="listMetrics", summary="Families in the history", responses=ERRORS)
    async def families(search: _Search = "") -> FamilyList:
        return FamilyList.of([family for family in await monitor.metrics.families() if search in family.name])

    @get("/metrics/query", operation_id="queryMetrics", summary="A metric over time", responses=ERRORS)
    async def ask(
        name: _Name,
        function: _Function = "avg",
        q: _Quantile = 0.95,
        match: _Match = None,
        aggregate: _Aggregate = "",
        by: _By = None,
        top: _Top = 0,
        start: _Time = None,
        end: _Time = None,
        points: _Points = 500,
    ) -> AnswerBody:
        """Stretches are of equal length and counted from the epoch, so the first may begin before `start`."""
        question = MetricQuery(
            name=name,
            match=_matchers(match),
            function=function,
            q=q,
            aggregate=aggregate,
            by=tuple(by or ()),
            top=top,
        )
        answer = await monitor.metrics.ask(question, *window(start, end), points)
        if answer.reason.startswith("there is no `"):
            known = [sample for family in await monitor.metrics.families() for sample in family.samples]
            return AnswerBody.of(name, _with_hint(answer, did_you_mean(name, known)))
        return AnswerBody.of(name, answer)

    @get("/metrics/events", operation_id="listMetricEvents", summary="Events, one by one", responses=ERRORS)
    async def events(
        kind: _Kind, match: _Match = None, start: _Time = None, end: _Time = None, limit: _Limit = 1000
    ) -> MetricEventList:
        found = await monitor.metrics.events(kind, *window(start, end), _matchers(match), limit)
        bodies = [
            MetricEventBody(
                at=event.at,
                labels=event.labels,
                numbers={key: _finite(value) for key, value in event.numbers.items()},
            )
            for event in found
        ]
        return MetricEventList(kind=kind, events=bodies)

    return (families, ask, events)


def _matchers(texts: list[str] | None) -> tuple[Matcher, ...]:
    try:
        return matchers_of(texts or ())
    except ValueError as error:
        raise ClientException(f"`match`: {error}") from error


def _with_hint(answer: MetricAnswer, hint: str) -> MetricAnswer:
    return MetricAnswer(times=answer.times, step=answer.step, tracks=[], reason=answer.reason + hint)


def _finite(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if value is not None and value - value == 0 else None
