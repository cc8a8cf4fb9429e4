"""What the dashboard endpoints say, as types. The seed document's fields come first, what auscult adds after them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from auscult.clock import iso_seconds
from auscult.config.fielddocs import summary
from auscult.config.json_schema import options_schema
from auscult.dashboards.book import DrawnDashboard, Entry
from auscult.dashboards.drawing import Drawn
from auscult.dashboards.flat import FlatMetric
from auscult.dashboards.view import TimeRange
from auscult.definitions import PanelDefinition
from auscult.kinds import Panel

__all__ = [
    "DashboardBody",
    "DashboardList",
    "PanelBody",
    "PanelKindList",
    "PreviewRequest",
    "kind_body",
]


class DashboardShort(Struct, frozen=True, kw_only=True):
    """One dashboard without its panels."""

    id: str
    title: str
    description: str
    updated_at: str
    origin: str
    """``plugin``, ``configuration``, ``code`` or ``custom``."""
    editable: bool
    changed: bool
    """Somebody edited one that was shipped."""

    @classmethod
    def of(cls, entry: Entry) -> DashboardShort:
        """The body for a dashboard."""
        return cls(
            id=entry.dashboard.id,
            title=entry.dashboard.title,
            description=entry.dashboard.description,
            updated_at=iso_seconds(entry.updated_at),
            origin=entry.origin,
            editable=entry.editable,
            changed=entry.changed,
        )


class DashboardList(Struct, frozen=True):
    """The seed document's ``GET /dashboards``."""

    dashboards: list[DashboardShort]


class MetricBody(Struct, frozen=True, kw_only=True):
    """One metric as the seed document shows it."""

    name: str
    value: float | None
    unit: str
    timestamp: str
    chart_type: str
    color: str
    threshold_warning: float | None
    threshold_critical: float | None

    @classmethod
    def of(cls, metric: FlatMetric) -> MetricBody:
        """The body for a metric."""
        return cls(
            name=metric.name,
            value=metric.value,
            unit=metric.unit,
            timestamp=iso_seconds(metric.at),
            chart_type=metric.chart_type,
            color=metric.color,
            threshold_warning=metric.threshold_warning,
            threshold_critical=metric.threshold_critical,
        )


class LayoutBody(Struct, frozen=True):
    """Columns of twelve, and rows."""

    width: int
    height: int


class PanelBody(Struct, frozen=True, kw_only=True):
    """One panel with its data."""

    id: str
    title: str
    description: str
    panel_type: str
    layout: LayoutBody
    metrics: list[MetricBody]
    kind: str
    data: msgspec.Raw
    """Shapes to draw, one below the other."""
    error: str | None
    """Why there is no data, in a sentence."""

    @classmethod
    def of(cls, drawn: Drawn) -> PanelBody:
        """The body for what came of a panel."""
        placed = drawn.placed
        return cls(
            id=placed.id,
            title=placed.title,
            description=placed.description,
            panel_type=drawn.panel_type,
            layout=LayoutBody(placed.width or 6, placed.height or 4),
            metrics=[MetricBody.of(metric) for metric in drawn.metrics],
            kind=placed.panel.kind,
            data=msgspec.Raw(drawn.data),
            error=drawn.error or None,
        )


class TimeRangeBody(Struct, frozen=True, kw_only=True):
    """What stretch of time is shown."""

    range: str | None
    """How far back from now; null where start and end were given."""
    start_ms: int
    end_ms: int
    points: int

    @classmethod
    def of(cls, span: TimeRange, points: int) -> TimeRangeBody:
        """The body for a stretch of time."""
        return cls(range=span.text, start_ms=span.start, end_ms=span.end, points=points)


class VariableBody(Struct, frozen=True, kw_only=True):
    """Something to choose."""

    name: str
    title: str
    value: str
    options: list[str]


class DashboardBody(Struct, frozen=True, kw_only=True):
    """The seed document's ``GET /dashboard/{dashboard_id}``."""

    id: str
    title: str
    description: str
    refresh_interval: float
    """Seconds."""
    created_at: str
    updated_at: str
    panels: list[PanelBody]
    origin: str
    editable: bool
    changed: bool
    revision: int
    time_range: TimeRangeBody
    variables: list[VariableBody]

    @classmethod
    def of(cls, drawn: DrawnDashboard, refresh_interval: float) -> DashboardBody:
        """The body for one look; a whole number of seconds is shown as one."""
        entry = drawn.entry
        pace = entry.dashboard.refresh_interval or refresh_interval
        return cls(
            id=entry.dashboard.id,
            title=entry.dashboard.title,
            description=entry.dashboard.description,
            refresh_interval=int(pace) if pace == int(pace) else pace,
            created_at=iso_seconds(entry.created_at),
            updated_at=iso_seconds(drawn.now),
            panels=[PanelBody.of(panel) for panel in drawn.panels],
            origin=entry.origin,
            editable=entry.editable,
            changed=entry.changed,
            revision=entry.revision,
            time_range=TimeRangeBody.of(drawn.span, drawn.points),
            variables=[
                VariableBody(name=each.name, title=each.title or each.name, value=value, options=list(options))
                for each, value, options in drawn.variables
            ],
        )


class PanelKindBody(Struct, frozen=True, kw_only=True):
    """One kind of panel."""

    kind: str
    title: str
    description: str
    plugin: str
    width: int
    height: int
    schema: dict[str, Any]
    """The options, as JSON Schema."""


class PanelKindList(Struct, frozen=True):
    """The kinds of panels there are."""

    panels: list[PanelKindBody]


def kind_body(cls: type[Panel], plugin: str) -> PanelKindBody:
    """The body for a kind of panel."""
    return PanelKindBody(
        kind=cls.kind,
        title=cls.heading or cls.kind,
        description=summary(cls),
        plugin=plugin,
        width=cls.size[0],
        height=cls.size[1],
        schema=options_schema(cls),
    )


class PreviewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A panel to look at before it is saved."""

    panel: PanelDefinition
    range: str | None = None
    variables: dict[str, str] = {}
