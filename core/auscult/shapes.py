"""What a panel may show: data of known shapes, no HTML, no script. The page draws them, CSV and Grafana read them.

A number that is not known is None, never 0. Texts are plain. Units are ``%``, ``ms``, ``s``, ``bytes``, ``bytes/s``,
``1/s``, ``USD``, a plural noun, or nothing. Where a `threshold_warning` lies above `threshold_critical`, lower is
worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from auscult.model import Status

__all__ = [
    "Bar",
    "Bars",
    "Color",
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
    "color_of",
]

Color = Literal["", "green", "yellow", "red", "blue", "gray"]
"""Empty: whoever draws chooses, or the thresholds do."""

_Title = Annotated[str, Meta(max_length=200)]
_Unit = Annotated[str, Meta(max_length=40)]
_Words = Annotated[str, Meta(max_length=4000)]
_Value = float | None
_Times = Annotated[Sequence[int], Meta(max_length=5000)]
_Values = Annotated[Sequence[_Value], Meta(max_length=5000)]


class _Shape(Struct, frozen=True, kw_only=True, tag_field="shape", forbid_unknown_fields=True):
    title: _Title = ""
    """A heading of its own, where a panel shows several shapes."""


class Stat(_Shape, frozen=True, kw_only=True, tag="stat"):
    """One number, large."""

    value: _Value
    unit: _Unit = ""
    name: _Title = ""
    """What it is called in the seed document's ``metrics``; default: the panel's id."""
    detail: _Words = ""
    """A few words below the number."""
    color: Color = ""
    threshold_warning: _Value = None
    threshold_critical: _Value = None
    spark: Annotated[Sequence[tuple[int, _Value]], Meta(max_length=5000)] = ()
    """How it was before: time (ms) and value, oldest first."""


class Gauge(_Shape, frozen=True, kw_only=True, tag="gauge"):
    """One number between two ends."""

    value: _Value
    unit: _Unit = "%"
    name: _Title = ""
    detail: _Words = ""
    color: Color = ""
    min: float = 0.0
    max: float = 100.0
    threshold_warning: _Value = None
    threshold_critical: _Value = None


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a `Series`."""

    name: _Title
    values: _Values
    """One for each of the times; None where there is none."""
    title: _Title = ""
    """How people are told; default: the name."""
    color: Color = ""


class Mark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened, drawn across the lines."""

    start: int
    end: int | None = None
    """None: a moment."""
    title: _Title = ""
    color: Color = ""


class Series(_Shape, frozen=True, kw_only=True, tag="series"):
    """Lines over time, all at the same times."""

    times: _Times
    """ms since the epoch, growing."""
    lines: Annotated[Sequence[Line], Meta(max_length=200)]
    unit: _Unit = ""
    chart: Literal["line", "area", "bars"] = "line"
    stacked: bool = False
    threshold_warning: _Value = None
    threshold_critical: _Value = None
    marks: Annotated[Sequence[Mark], Meta(max_length=500)] = ()

    def __post_init__(self) -> None:
        for line in self.lines:
            if len(line.values) != len(self.times):
                raise ValueError(
                    f"the line `{line.name}` has {len(line.values)} values for {len(self.times)} times; "
                    "give one for each, None where there is none"
                )


class Bar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bar, or one slice of a pie."""

    name: _Title
    value: _Value
    detail: _Words = ""
    color: Color = ""


class Bars(_Shape, frozen=True, kw_only=True, tag="bar"):
    """Bars to compare."""

    bars: Annotated[Sequence[Bar], Meta(max_length=500)]
    unit: _Unit = ""


class Pie(_Shape, frozen=True, kw_only=True, tag="pie"):
    """Parts of a whole."""

    slices: Annotated[Sequence[Bar], Meta(max_length=50)]
    unit: _Unit = ""


class Heatmap(_Shape, frozen=True, kw_only=True, tag="heatmap"):
    """How often which values came, over time."""

    times: _Times
    bounds: Annotated[Sequence[_Value], Meta(max_length=100)]
    """Upper bounds of the rows; the last may be None: no bound."""
    counts: Annotated[Sequence[Annotated[Sequence[_Value], Meta(max_length=100)]], Meta(max_length=5000)]
    """For each time one number for each bound."""
    unit: _Unit = ""

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.times) or any(len(column) != len(self.bounds) for column in self.counts):
            raise ValueError("`counts` needs one list for each time, with one number for each bound")


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column of a `Table`."""

    name: _Title
    title: _Title = ""
    """How people are told; default: the name."""
    kind: Literal["text", "number", "status", "severity", "time", "component", "bool"] = "text"
    """``time``: cells are ms since the epoch; ``component``: a name to link to."""
    unit: _Unit = ""


_Cell = _Words | float | int | bool | None


class Table(_Shape, frozen=True, kw_only=True, tag="table"):
    """Rows and columns."""

    columns: Annotated[Sequence[Column], Meta(max_length=50)]
    rows: Annotated[Sequence[Annotated[Sequence[_Cell], Meta(max_length=50)]], Meta(max_length=2000)]

    def __post_init__(self) -> None:
        for at, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {at} has {len(row)} cells for {len(self.columns)} columns")


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of time in one state."""

    start: int
    end: int
    status: Status
    text: _Words = ""


class TimelineRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a `Timeline`."""

    name: _Title
    spans: Annotated[Sequence[Span], Meta(max_length=2000)]
    title: _Title = ""


class Timeline(_Shape, frozen=True, kw_only=True, tag="timeline"):
    """What was in which state when."""

    start: int
    end: int
    rows: Annotated[Sequence[TimelineRow], Meta(max_length=500)]


class Text(_Shape, frozen=True, kw_only=True, tag="text"):
    """A few sentences; blank lines separate paragraphs."""

    text: Annotated[str, Meta(max_length=20_000)]
    tone: Literal["normal", "good", "warning", "bad"] = "normal"


class Stage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bar of a `Waterfall`."""

    name: _Title
    start: float
    duration: float
    detail: _Words = ""
    color: Color = ""


class Waterfall(_Shape, frozen=True, kw_only=True, tag="waterfall"):
    """What came after what, and how long it took."""

    spans: Annotated[Sequence[Stage], Meta(max_length=500)]
    unit: _Unit = "s"
    total: _Value = None


class Waiting(_Shape, frozen=True, kw_only=True, tag="waiting"):
    """There is no data yet; says how to connect it. Show this instead of zeros."""

    message: _Words
    """One sentence: what is missing."""
    connect: Annotated[str, Meta(max_length=4000)] = ""
    """Lines to write or to run."""
    language: Literal["", "toml", "python", "sh"] = ""
    link: _Title = ""
    """A page of the documentation."""


Shape = Stat | Gauge | Series | Bars | Pie | Heatmap | Table | Timeline | Text | Waterfall | Waiting
"""Anything a panel may show."""


def color_of(value: float | None, warning: float | None, critical: float | None) -> Color:
    """Green, yellow or red by two levels; gray for what is not known, nothing without levels."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "gray"
    if warning is None and critical is None:
        return ""
    lower_is_worse = warning is not None and critical is not None and warning > critical

    def beyond(level: float | None) -> bool:
        return level is not None and (value < level if lower_is_worse else value >= level)

    return "red" if beyond(critical) else "yellow" if beyond(warning) else "green"
