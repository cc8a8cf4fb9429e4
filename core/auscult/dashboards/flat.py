"""The seed document's ``metrics``: the latest value of everything that a panel shows, one below the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from auscult.model import Status
from auscult.shapes import (
    Bars,
    Color,
    Gauge,
    Heatmap,
    Pie,
    Series,
    Shape,
    Stat,
    Table,
    Text,
    Timeline,
    Waiting,
    Waterfall,
    color_of,
)

__all__ = ["FlatMetric", "flat", "panel_type"]

MOST = 500
"""Metrics per panel."""
_LEVELS = {Status.HEALTHY: 1.0, Status.DEGRADED: 0.5, Status.UNHEALTHY: 0.0}
_COLORS: dict[str, Color] = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("timeseries", (Series, Heatmap)),
    ("timeline", (Timeline,)),
    ("waterfall", (Waterfall,)),
    ("table", (Table,)),
    ("metrics", (Stat, Gauge, Bars, Pie)),
)


class FlatMetric(Struct, frozen=True, kw_only=True):
    """One metric as the seed document's ``GET /dashboard/{dashboard_id}`` shows it."""

    name: str
    value: float | None
    """None where it is not known."""
    unit: str
    at: int
    """ms."""
    chart_type: str
    color: str
    threshold_warning: float | None = None
    threshold_critical: float | None = None


def panel_type(shapes: Sequence[Shape]) -> str:
    """The seed document's ``panel_type`` (decision 23)."""
    for name, kinds in _TYPES:
        if any(isinstance(shape, kinds) for shape in shapes):
            return name
    return "text"


def flat(shapes: Iterable[Shape], *, panel: str, now: int) -> list[FlatMetric]:
    """Every latest value."""
    found: list[FlatMetric] = []
    for shape in shapes:
        found += _of(shape, panel, now)
    return found[:MOST]


def _of(shape: Shape, panel: str, now: int) -> Iterator[FlatMetric]:
    match shape:
        case Stat() | Gauge():
            yield _metric(
                shape.name or panel,
                shape.value,
                shape.unit,
                now,
                "gauge" if isinstance(shape, Gauge) else "stat",
                shape.color,
                shape.threshold_warning,
                shape.threshold_critical,
            )
        case Series():
            for line in shape.lines:
                at, value = _latest(shape.times, line.values, now)
                levels = (shape.threshold_warning, shape.threshold_critical)
                yield _metric(line.name, value, shape.unit, at, shape.chart, line.color, *levels)
        case Bars():
            for bar in shape.bars:
                yield _metric(bar.name, bar.value, shape.unit, now, "bar", bar.color)
        case Pie():
            for part in shape.slices:
                yield _metric(part.name, part.value, shape.unit, now, "pie", part.color)
        case Heatmap():
            for bound, count in zip(shape.bounds, shape.counts[-1] if shape.counts else (), strict=False):
                name = f"{panel}_le_{'inf' if bound is None else format(bound, 'g')}"
                yield _metric(name, count, "", shape.times[-1], "heatmap", "")
        case Table():
            yield from _of_table(shape, now)
        case Timeline():
            for row in shape.rows:
                last = row.spans[-1] if row.spans else None
                status = last.status if last is not None else Status.UNKNOWN
                value, color = _LEVELS.get(status), _COLORS.get(status, "gray")
                yield _metric(row.name, value, "", last.end if last else now, "timeline", color)
        case Waterfall():
            for span in shape.spans:
                yield _metric(span.name, span.duration, shape.unit, now, "waterfall", span.color)
        case Text() | Waiting():
            return


def _of_table(table: Table, now: int) -> Iterator[FlatMetric]:
    """The numbers of every row, named after its first text; a status counts as the seed document's metric does."""
    label = next((at for at, column in enumerate(table.columns) if column.kind in ("component", "text")), None)
    for number, row in enumerate(table.rows):
        called = str(row[label]) if label is not None else str(number)
        for column, cell in zip(table.columns, row, strict=True):
            name = f"{called}_{column.name}"
            if column.kind == "status":
                value = next((level for status, level in _LEVELS.items() if status == cell), None)
                yield _metric(name, value, "", now, "table", _COLORS.get(str(cell), "gray"))
            elif column.kind == "number" and not isinstance(cell, str):
                yield _metric(name, None if cell is None else float(cell), column.unit, now, "table", "")


def _latest(times: Sequence[int], values: Sequence[float | None], now: int) -> tuple[int, float | None]:
    for at, value in zip(reversed(times), reversed(values), strict=True):
        if value is not None:
            return at, value
    return now, None


def _metric(
    name: str,
    value: float | None,
    unit: str,
    at: int,
    chart: str,
    color: str,
    warning: float | None = None,
    critical: float | None = None,
) -> FlatMetric:
    known = value if value is not None and math.isfinite(value) else None
    return FlatMetric(
        name=name,
        value=known,
        unit=unit,
        at=at,
        chart_type=chart,
        color=color or color_of(known, warning, critical) or "blue",
        threshold_warning=warning,
        threshold_critical=critical,
    )
