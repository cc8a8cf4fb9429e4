"""Panels as queries to Prometheus: what a dashboard of Grafana is generated from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

__all__ = ["Chart", "Query"]


class Query(Struct, frozen=True):
    """One PromQL expression over names of `auscult.metrics.names` or of checks' measurements."""

    expr: str
    legend: str = "{{component}}"
    """How a series is called: ``{{label}}`` is a label's value."""


class Chart(Struct, frozen=True, kw_only=True):
    """What a panel shows, for whoever reads the metrics instead."""

    queries: Sequence[Query]
    title: str = ""
    """Default: the panel's."""
    kind: Literal["timeseries", "stat", "gauge", "table", "state-timeline", "bargauge"] = "timeseries"
    unit: str = ""
    """``%``, ``ms``, ``s``, ``bytes``, ``bytes/s``, ``1/s``, ``USD``, or a plural noun."""
    warning: float | None = None
    critical: float | None = None
    stacked: bool = False
