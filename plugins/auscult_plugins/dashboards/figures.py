"""The base of panels about one kind of component: its latest figures, and how they went."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct

from auscult import Chart, CheckResult, Column, ComponentHealth, Panel, Query, Shape, Stat, Table, View, Waiting
from auscult_plugins.dashboards.lines import Points, measured, rates, response_times, series

__all__ = ["Figure", "Figures"]

MOST_LINES = 20


class Figure(Struct, frozen=True, kw_only=True):
    """A measurement as people are shown it."""

    name: str
    """As the check calls it; ``response_time_ms`` is the result's own."""
    title: str
    unit: str = ""
    warning: float | None = None
    critical: float | None = None
    factor: float = 1.0
    """What it is multiplied by."""
    rate: bool = False
    """It only grows: show how fast."""
    drawn: bool = True
    """Also as a line over time."""

    def of(self, result: CheckResult | ComponentHealth) -> float | None:
        """Its value in a result; None where it is not measured."""
        value = result.response_time_ms if self.name == "response_time_ms" else result.measurements.get(self.name)
        return None if value is None else value * self.factor


class Figures(Panel):
    """Shows `figures` of every component of `types`; says how to connect one where there is none."""

    size = (6, 8)
    types: ClassVar[tuple[str, ...]] = ()
    figures: ClassVar[tuple[Figure, ...]] = ()
    missing: ClassVar[str] = ""
    """What is missing where there is no such component."""
    connect: ClassVar[str] = ""
    """Lines for the configuration that add one."""
    page: ClassVar[str] = ""

    components: tuple[str, ...] = ()
    """Names of the components to show. Default: all of the type."""

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Numbers for one component, a table for several; lines below."""
        views = self._views(view)
        if not views:
            return Waiting(message=self.missing, connect=self.connect, language="toml", link=self.page)
        if all(each.last_check is None for each in views):
            return Waiting(message=f"{', '.join(v.component_name for v in views)}: the first result is on its way.")
        lines = self._lines(view, views)
        head = self._stats(views[0], lines) if len(views) == 1 else [self._table(views)]
        return [*head, *self._charts(view, views, lines)]

    def charts(self) -> Sequence[Chart]:
        """Figures of one unit in one chart, over every component of the type."""
        by_unit: dict[str, list[tuple[Figure, Query]]] = {}
        for figure in self.figures:
            query = Query(self._expression(figure), f"{{{{component}}}} {figure.title}")
            unit = figure.unit if figure.factor == 1.0 else ""
            by_unit.setdefault("s" if figure.name.endswith("_ms") else unit, []).append((figure, query))
        return [
            Chart(
                title=f"{self.heading}: {figures[0][0].title}"
                if len(figures) == 1
                else f"{self.heading}, {unit or 'numbers'}",
                queries=[query for _, query in figures],
                unit=unit,
                warning=figures[0][0].warning if len(figures) == 1 else None,
                critical=figures[0][0].critical if len(figures) == 1 else None,
            )
            for unit, figures in by_unit.items()
        ]

    def _expression(self, figure: Figure) -> str:
        kind = self.types[0].removesuffix("_client")
        if figure.name == "response_time_ms":
            seconds, count = (f"rate(auscult_probe_duration_seconds_{part}[5m])" for part in ("sum", "count"))
            return f'({seconds} / {count}) and on (component) {{__name__=~"auscult_{kind}_.+"}}'
        name = re.sub(r"(^|_)ms(?=_|$)", r"\1seconds", figure.name)
        return f"rate(auscult_{kind}_{name}_total[5m])" if figure.rate else f"auscult_{kind}_{name}"

    def _views(self, view: View) -> list[ComponentHealth]:
        if any(view.fill(name) not in ("", "*") for name in self.components):
            return view.chosen(self.components)
        return view.chosen(types=self.types)

    def _lines(self, view: View, views: Iterable[ComponentHealth]) -> Mapping[Figure, Mapping[str, Points]]:
        found: dict[Figure, dict[str, Points]] = {}
        for figure in self.figures:
            if not figure.drawn or figure.name == "response_time_ms":
                continue
            for each in views:
                points = measured(view, each.component_name, figure.of)
                if points := rates(points) if figure.rate else points:
                    found.setdefault(figure, {})[each.component_name] = points
        return found

    def _stats(self, view: ComponentHealth, lines: Mapping[Figure, Mapping[str, Points]]) -> list[Shape]:
        shown: list[Shape] = []
        for figure in self.figures:
            spark = lines.get(figure, {}).get(view.component_name, ())
            value = (spark[-1][1] if spark else None) if figure.rate else figure.of(view)
            if value is not None:
                shown.append(
                    Stat(
                        title=figure.title,
                        name=f"{view.component_name}_{figure.name}",
                        value=value,
                        unit=figure.unit,
                        threshold_warning=figure.warning,
                        threshold_critical=figure.critical,
                        spark=list(spark)[-60:],
                    )
                )
        if not shown:
            shown.append(Waiting(message=f"{view.component_name} is {view.status}: {view.message}"))
        return shown[:6]

    def _table(self, views: Sequence[ComponentHealth]) -> Table:
        figures = [
            figure for figure in self.figures if not figure.rate and any(figure.of(each) is not None for each in views)
        ]
        return Table(
            columns=[
                Column(name="component", title="Component", kind="component"),
                Column(name="status", title="State", kind="status"),
                *(Column(name=f.name, title=f.title, kind="number", unit=f.unit) for f in figures),
            ],
            rows=[(each.component_name, each.status.value, *(f.of(each) for f in figures)) for each in views],
        )

    def _charts(
        self, view: View, views: Sequence[ComponentHealth], lines: Mapping[Figure, Mapping[str, Points]]
    ) -> list[Shape]:
        names = [each.component_name for each in views][:MOST_LINES]
        charts: list[Shape] = []
        if times := response_times(view, names):
            charts.append(series(times, title="Response time", unit="ms"))
        by_unit: dict[str, dict[str, Points]] = {}
        for figure, drawn in lines.items():
            for name, points in drawn.items():
                label = figure.title if len(views) == 1 else f"{name}: {figure.title}"
                by_unit.setdefault(figure.unit, {})[label] = points
        for unit, group in list(by_unit.items())[:4]:
            few = dict(list(group.items())[:MOST_LINES])
            charts.append(series(few, title=next(iter(few)) if len(few) == 1 else "", unit=unit))
        return charts
