"""auscult: a plugin-driven monitor, made first for teams that run voice AI agents.

Public names load on first use, so that ``import auscult`` stays cheap: it imports neither Litestar nor httpx nor
any driver. Plugins import from here, never from a submodule; `auscult.wording`, the texts of alerts that channels
share, and `auscult.testing` are public as a whole.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# A library says nothing of its own accord: handlers are the host's, or the command line's.
logging.getLogger("auscult").addHandler(logging.NullHandler())

_HOMES = {
    "auscult.alerts.matching": ("Matcher", "matchers_of"),
    "auscult.alert": ("Alert", "AlertChange", "AlertStatus", "ChangeKind", "Notice", "Notification"),
    "auscult.catalogue": ("Catalogue", "Problem"),
    "auscult.charts": ("Chart", "Query"),
    "auscult.clock": ("Clock", "SystemClock"),
    "auscult.component": ("Component",),
    "auscult.errors": (
        "AuscultError",
        "ComponentNotFound",
        "ConfigurationError",
        "DeliveryError",
        "EgressRefused",
        "MissingDependency",
        "UnknownKind",
    ),
    "auscult.families": ("Event", "Export", "Family", "Sample", "Samples", "SeriesKey", "Snapshot", "labels_of"),
    "auscult.hookspecs": ("hookimpl",),
    "auscult.increases": ("Growth", "Increase", "Increases", "is_counted"),
    "auscult.kinds": (
        "Answer",
        "Channel",
        "ChannelContext",
        "Check",
        "CheckContext",
        "Discovered",
        "Ended",
        "Exporter",
        "ExporterContext",
        "Panel",
        "Preferences",
        "Received",
        "Receiver",
        "Source",
        "SourceContext",
        "Unsent",
    ),
    "auscult.metrics.query": ("MetricAnswer", "MetricQuery", "Track"),
    "auscult.metrics.rendering": ("render",),
    "auscult.metrics.requests": ("RequestFigures", "RouteFigures"),
    "auscult.model": (
        "AlertSeverity",
        "CheckResult",
        "ComponentHealth",
        "HealthThreshold",
        "Measurement",
        "Origin",
        "Ping",
        "Reading",
        "Status",
        "SystemHealth",
        "Trend",
    ),
    "auscult.monitor": ("Monitor",),
    "auscult.options": ("Duration", "SecretStr"),
    "auscult.panels": ("Dashboard", "Placed", "Variable", "View"),
    "auscult.recording.calls": ("Recorder",),
    "auscult.recording.prices": ("Cost", "Prices", "Used", "provider_name"),
    "auscult.recording.requests": ("RequestMetrics",),
    "auscult.replies": ("deliver", "deliver_each", "deliver_parts", "mask", "raise_for_reply", "request_secrets"),
    "auscult.rules.rule": ("AlertRule",),
    "auscult.shapes": (
        "Bar",
        "Bars",
        "Column",
        "Gauge",
        "Heatmap",
        "Line",
        "Mark",
        "Pie",
        "Series",
        "Shape",
        "Span",
        "Stage",
        "Stat",
        "Table",
        "Text",
        "Timeline",
        "TimelineRow",
        "Waiting",
        "Waterfall",
    ),
    "auscult.store": ("HistoryPoint",),
    "auscult.web": ("AuscultPlugin", "create_app"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604

if TYPE_CHECKING:
    from auscult.alert import Alert as Alert
    from auscult.alert import AlertChange as AlertChange
    from auscult.alert import AlertStatus as AlertStatus
    from auscult.alert import ChangeKind as ChangeKind
    from auscult.alert import Notice as Notice
    from auscult.alert import Notification as Notification
    from auscult.alerts.matching import Matcher as Matcher
    from auscult.alerts.matching import matchers_of as matchers_of
    from auscult.catalogue import Catalogue as Catalogue
    from auscult.catalogue import Problem as Problem
    from auscult.charts import Chart as Chart
    from auscult.charts import Query as Query
    from auscult.clock import Clock as Clock
    from auscult.clock import SystemClock as SystemClock
    from auscult.component import Component as Component
    from auscult.errors import AuscultError as AuscultError
    from auscult.errors import ComponentNotFound as ComponentNotFound
    from auscult.errors import ConfigurationError as ConfigurationError
    from auscult.errors import DeliveryError as DeliveryError
    from auscult.errors import EgressRefused as EgressRefused
    from auscult.errors import MissingDependency as MissingDependency
    from auscult.errors import UnknownKind as UnknownKind
    from auscult.families import Event as Event
    from auscult.families import Export as Export
    from auscult.families import Family as Family
    from auscult.families import Sample as Sample
    from auscult.families import Samples as Samples
    from auscult.families import SeriesKey as SeriesKey
    from auscult.families import Snapshot as Snapshot
    from auscult.families import labels_of as labels_of
    from auscult.hookspecs import hookimpl as hookimpl
    from auscult.increases import Growth as Growth
    from auscult.increases import Increase as Increase
    from auscult.increases import Increases as Increases
    from auscult.increases import is_counted as is_counted
    from auscult.kinds import Answer as Answer
    from auscult.kinds import Channel as Channel
    from auscult.kinds import ChannelContext as ChannelContext
    from auscult.kinds import Check as Check
    from auscult.kinds import CheckContext as CheckContext
    from auscult.kinds import Discovered as Discovered
    from auscult.kinds import Ended as Ended
    from auscult.kinds import Exporter as Exporter
    from auscult.kinds import ExporterContext as ExporterContext
    from auscult.kinds import Panel as Panel
    from auscult.kinds import Preferences as Preferences
    from auscult.kinds import Received as Received
    from auscult.kinds import Receiver as Receiver
    from auscult.kinds import Source as Source
    from auscult.kinds import SourceContext as SourceContext
    from auscult.kinds import Unsent as Unsent
    from auscult.metrics.query import MetricAnswer as MetricAnswer
    from auscult.metrics.query import MetricQuery as MetricQuery
    from auscult.metrics.query import Track as Track
    from auscult.metrics.rendering import render as render
    from auscult.metrics.requests import RequestFigures as RequestFigures
    from auscult.metrics.requests import RouteFigures as RouteFigures
    from auscult.model import AlertSeverity as AlertSeverity
    from auscult.model import CheckResult as CheckResult
    from auscult.model import ComponentHealth as ComponentHealth
    from auscult.model import HealthThreshold as HealthThreshold
    from auscult.model import Measurement as Measurement
    from auscult.model import Origin as Origin
    from auscult.model import Ping as Ping
    from auscult.model import Reading as Reading
    from auscult.model import Status as Status
    from auscult.model import SystemHealth as SystemHealth
    from auscult.model import Trend as Trend
    from auscult.monitor import Monitor as Monitor
    from auscult.options import Duration as Duration
    from auscult.options import SecretStr as SecretStr
    from auscult.panels import Dashboard as Dashboard
    from auscult.panels import Placed as Placed
    from auscult.panels import Variable as Variable
    from auscult.panels import View as View
    from auscult.recording.calls import Recorder as Recorder
    from auscult.recording.prices import Cost as Cost
    from auscult.recording.prices import Prices as Prices
    from auscult.recording.prices import Used as Used
    from auscult.recording.prices import provider_name as provider_name
    from auscult.recording.requests import RequestMetrics as RequestMetrics
    from auscult.replies import deliver as deliver
    from auscult.replies import deliver_each as deliver_each
    from auscult.replies import deliver_parts as deliver_parts
    from auscult.replies import mask as mask
    from auscult.replies import raise_for_reply as raise_for_reply
    from auscult.replies import request_secrets as request_secrets
    from auscult.rules.rule import AlertRule as AlertRule
    from auscult.shapes import Bar as Bar
    from auscult.shapes import Bars as Bars
    from auscult.shapes import Column as Column
    from auscult.shapes import Gauge as Gauge
    from auscult.shapes import Heatmap as Heatmap
    from auscult.shapes import Line as Line
    from auscult.shapes import Mark as Mark
    from auscult.shapes import Pie as Pie
    from auscult.shapes import Series as Series
    from auscult.shapes import Shape as Shape
    from auscult.shapes import Span as Span
    from auscult.shapes import Stage as Stage
    from auscult.shapes import Stat as Stat
    from auscult.shapes import Table as Table
    from auscult.shapes import Text as Text
    from auscult.shapes import Timeline as Timeline
    from auscult.shapes import TimelineRow as TimelineRow
    from auscult.shapes import Waiting as Waiting
    from auscult.shapes import Waterfall as Waterfall
    from auscult.store import HistoryPoint as HistoryPoint
    from auscult.web import AuscultPlugin as AuscultPlugin
    from auscult.web import create_app as create_app


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    if home := _HOME_OF.get(name):
        value = globals()[name] = getattr(import_module(home), name)
        return value
    raise AttributeError(f"module 'auscult' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
