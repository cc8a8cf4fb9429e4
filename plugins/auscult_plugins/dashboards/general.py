"""Panels to build dashboards from: text, one measurement, stages of the latest probe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from auscult import Chart, Panel, Query, Shape, Stage, Stat, View, Waiting, Waterfall
from auscult import Text as TextShape
from auscult_plugins.dashboards.lines import measured, rates, series

__all__ = ["Measured", "Stages", "Text"]


class Text(Panel):
    """A few sentences of your own."""

    kind = "text"
    heading = "Note"
    size = (6, 2)

    text: str
    """What is shown; blank lines separate paragraphs. Variables are filled in."""
    tone: Literal["normal", "good", "warning", "bad"] = "normal"
    """How it looks."""

    def show(self, view: View) -> Shape:
        """The text."""
        return TextShape(text=view.fill(self.text), tone=self.tone)


class Measured(Panel):
    """One measurement of one or more components: the latest value, and how it went."""

    kind = "measurement"
    heading = "Measurement"
    size = (6, 4)

    measurement: Annotated[str, Meta(min_length=1)]
    """What is shown: a name from the check's measurements, or `response_time_ms`."""
    components: tuple[str, ...] = ()
    """Names of components; a variable as `$component`. Without names and types: all that measure it."""
    types: tuple[str, ...] = ()
    """Types of components."""
    unit: str = ""
    """What stands behind the number: `%`, `ms`, `s`, `bytes`, …"""
    factor: float = 1.0
    """What the number is multiplied by."""
    rate: bool = False
    """For numbers that only grow: show how fast, per second."""
    threshold_warning: float | None = None
    """The level from which it is yellow; above `threshold_critical` it means that lower is worse."""
    threshold_critical: float | None = None
    """The level from which it is red."""
    chart: Literal["line", "area", "bars", "none"] = "line"
    """How it is drawn over time."""

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """A number for each component, and lines."""
        lines = {}
        for each in view.chosen(self.components, types=self.types):
            points = measured(
                view,
                each.component_name,
                lambda result: (
                    result.response_time_ms
                    if self.measurement == "response_time_ms"
                    else result.measurements.get(self.measurement)
                ),
            )
            points = [(at, None if value is None else value * self.factor) for at, value in points]
            if points := rates(points) if self.rate else points:
                lines[each.component_name] = points
        if not lines:
            return Waiting(message=f"Nothing has measured `{self.measurement}` within this time.")
        numbers: list[Shape] = [
            Stat(
                title=name if len(lines) > 1 else "",
                name=f"{name}_{self.measurement}",
                value=points[-1][1],
                unit=self.unit,
                threshold_warning=self.threshold_warning,
                threshold_critical=self.threshold_critical,
            )
            for name, points in list(lines.items())[:6]
        ]
        if self.chart == "none":
            return numbers
        levels = {"threshold_warning": self.threshold_warning, "threshold_critical": self.threshold_critical}
        return [*numbers, series(lines, unit=self.unit, chart=self.chart, **levels)]

    def charts(self) -> Sequence[Chart]:
        """Whatever check measures it."""
        names = "|".join(re.sub(r"\*", ".*", name) for name in self.components)
        component = f'component=~"{names}"' if names else ""
        if self.measurement == "response_time_ms":
            expr = (
                f"component_health_response_time_ms{{{component}}}"
                if component
                else "component_health_response_time_ms"
            )
        else:
            name = re.sub(r"(^|_)ms(?=_|$)", r"\1seconds", self.measurement)
            expr = f'{{__name__=~"auscult_[a-z0-9_]+_{name}(_total)?"{"," if component else ""}{component}}}'
        if self.rate:
            expr = f"rate({expr}[5m])"
        warning, critical = self.threshold_warning, self.threshold_critical
        return (Chart(queries=(Query(expr),), unit=self.unit, warning=warning, critical=critical),)


class Stages(Panel):
    """Where the time of a component's latest probe went, stage after stage."""

    kind = "stages"
    heading = "Stages of the latest probe"
    size = (6, 4)

    component: str
    """The component's name; a variable as `$component`."""

    def show(self, view: View) -> Shape:
        """A waterfall."""
        name = view.fill(self.component)
        if name in ("", "*"):
            return Waiting(message="Choose a component to see its stages.")
        found = next((result for result in view.recent(name) if result.stages), None)
        if found is None:
            return Waiting(message=f"No probe of `{name}` has told its stages yet.")
        spans, begin = [], 0.0
        for stage, seconds in found.stages.items():
            spans.append(Stage(name=stage, start=begin, duration=seconds))
            begin += seconds
        return Waterfall(title=name, spans=spans, total=begin)
