"""Dashboards of Grafana, in the classic form that every version since 9 imports (schema version 39)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from auscult.charts import Chart
from auscult.kinds import Panel
from auscult.panels import Dashboard, Placed, Variable

__all__ = ["grafana_dashboard"]

SCHEMA_VERSION = 39
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24
"""Grafana's grid has twice as many columns as ours."""
_UNITS = {
    "%": "percent",
    "ms": "ms",
    "s": "s",
    "bytes": "bytes",
    "bytes/s": "Bps",
    "1/s": "ops",
    "USD": "currencyUSD",
    "percentunit": "percentunit",
}
_VARIABLES = {"components": "label_values(component_health_status, component)"}
_STATES = [
    {"type": "value", "options": {"0": {"text": "unhealthy", "color": "red", "index": 0}}},
    {"type": "value", "options": {"0.5": {"text": "degraded", "color": "orange", "index": 1}}},
    {"type": "value", "options": {"1": {"text": "healthy", "color": "green", "index": 2}}},
    {"type": "special", "options": {"match": "nan", "result": {"text": "unknown", "color": "text", "index": 3}}},
]


def grafana_dashboard(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as JSON for Grafana's import; panels that no metric tells of are left out."""
    seconds = int(dashboard.time_range)
    return {
        "id": None,
        "uid": f"auscult-{dashboard.id}"[:40],
        "title": f"auscult: {dashboard.title}",
        "description": dashboard.description,
        "tags": ["auscult"],
        "timezone": "",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": f"{int(dashboard.refresh_interval or 30)}s",
        "time": {"from": f"now-{seconds}s", "to": "now"},
        "timepicker": {},
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *_variables(dashboard.variables)]},
        "panels": list(_panels(dashboard.placed)),
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "includeAll": False,
        "multi": False,
        "options": [],
        "current": {},
    }


def _variables(variables: Iterable[Variable]) -> Iterator[dict[str, Any]]:
    for variable in variables:
        common = {"name": variable.name, "label": variable.title or variable.name, "includeAll": True, "multi": True}
        if query := _VARIABLES.get(variable.query):
            yield {**common, "type": "query", "datasource": _DATASOURCE, "query": query, "refresh": 2, "allValue": ".*"}
        elif variable.options:
            yield {**common, "type": "custom", "query": ",".join(variable.options), "allValue": ".*"}


def _panels(placed: Iterable[Placed]) -> Iterator[dict[str, Any]]:
    x = y = row_height = 0
    number = 0
    for place in placed:
        charts = _charts_of(place.panel)
        if not charts:
            continue
        width = 2 * (place.width or 6)
        each = max(width // len(charts) if len(charts) <= 3 else width // 3, 6)
        for chart in charts:
            if x + each > _COLUMNS:
                x, y, row_height = 0, y + row_height, 0
            number += 1
            height = 2 * max(place.height or 4, 4) if chart.kind in ("timeseries", "state-timeline", "table") else 6
            height = min(height, 10)
            yield _panel(place, chart, number, {"x": x, "y": y, "w": each, "h": height})
            x, row_height = x + each, max(row_height, height)


def _charts_of(panel: Panel) -> list[Chart]:
    return list(panel.charts())


def _panel(place: Placed, chart: Chart, number: int, position: dict[str, int]) -> dict[str, Any]:
    instant = chart.kind in ("table", "stat", "gauge", "bargauge")
    return {
        "id": number,
        "type": chart.kind,
        "title": chart.title or place.title,
        "description": place.description,
        "gridPos": position,
        "datasource": _DATASOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "instant": instant,
                "range": not instant,
                **({"format": "table"} if chart.kind == "table" else {}),
            }
            for at, query in enumerate(chart.queries)
        ],
        "fieldConfig": {"defaults": _defaults(chart), "overrides": []},
        "options": _options(chart),
    }


def _defaults(chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": "none"}
    if chart.unit == "status":
        found = {"unit": "none", "mappings": _STATES, "min": 0, "max": 1}
    elif chart.unit:
        found["unit"] = _UNITS.get(chart.unit, "short")
    if chart.unit == "%":
        found |= {"min": 0, "max": 100}
    if chart.stacked:
        found["custom"] = {"stacking": {"mode": "normal"}, "fillOpacity": 20}
    found["thresholds"] = {"mode": "absolute", "steps": _steps(chart)}
    return found


def _steps(chart: Chart) -> list[dict[str, Any]]:
    """Grafana's steps go up; a warning above the critical level means that lower is worse (decision 23)."""
    warning, critical = chart.warning, chart.critical
    if warning is None or critical is None:
        if chart.unit == "status":
            return [
                {"color": "red", "value": None},
                {"color": "orange", "value": 0.5},
                {"color": "green", "value": 1},
            ]
        return [{"color": "green", "value": None}]
    if warning > critical:
        return [
            {"color": "red", "value": None},
            {"color": "orange", "value": critical},
            {"color": "green", "value": warning},
        ]
    return [
        {"color": "green", "value": None},
        {"color": "orange", "value": warning},
        {"color": "red", "value": critical},
    ]


def _options(chart: Chart) -> dict[str, Any]:
    if chart.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if chart.kind in ("stat", "gauge", "bargauge"):
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "orientation": "auto"}
    if chart.kind == "state-timeline":
        return {"mergeValues": True, "showValue": "never", "legend": {"displayMode": "list", "placement": "bottom"}}
    return {"showHeader": True}
