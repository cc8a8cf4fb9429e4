"""Whatever a panel shows arrives as it was, as JSON, CSV and in the seed's flat form; what is no shape does not."""

from __future__ import annotations

import csv
import io
import json
import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auscult import (
    Bar,
    Bars,
    Column,
    Gauge,
    Heatmap,
    Line,
    Mark,
    Panel,
    Pie,
    Placed,
    Series,
    Shape,
    Span,
    Stage,
    Stat,
    Status,
    Table,
    Text,
    Timeline,
    TimelineRow,
    Waiting,
    Waterfall,
)
from auscult.dashboards.drawing import look
from auscult.dashboards.flat import flat, panel_type
from auscult.dashboards.table import as_csv
from auscult.shapes import color_of

VALUES = st.none() | st.floats()
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.lists(st.integers(0, 4_000_000_000_000), max_size=8, unique=True).map(sorted)
COLORS = st.sampled_from(["", "green", "yellow", "red", "blue", "gray"])
BARS = st.lists(st.builds(Bar, name=WORDS, value=VALUES, detail=WORDS, color=COLORS), max_size=5)


@st.composite
def series(draw):
    times = draw(TIMES)
    column = st.lists(VALUES, min_size=len(times), max_size=len(times))
    lines = draw(st.lists(st.builds(Line, name=WORDS, values=column, color=COLORS), max_size=4))
    marks = draw(st.lists(st.builds(Mark, start=st.integers(0, 2**40), title=WORDS), max_size=2))
    return Series(times=times, lines=lines, unit=draw(WORDS), marks=marks, threshold_warning=draw(VALUES))


@st.composite
def heatmaps(draw):
    times, bounds = draw(TIMES), draw(st.lists(VALUES, max_size=4))
    counts = [draw(st.lists(VALUES, min_size=len(bounds), max_size=len(bounds))) for _ in times]
    return Heatmap(times=times, bounds=bounds, counts=counts)


@st.composite
def tables(draw):
    kinds = st.sampled_from(["text", "number", "status", "severity", "time", "component", "bool"])
    columns = draw(st.lists(st.builds(Column, name=WORDS, kind=kinds), max_size=4))
    cell = WORDS | VALUES | st.booleans() | st.integers(-(2**53), 2**53)
    rows = draw(st.lists(st.lists(cell, min_size=len(columns), max_size=len(columns)), max_size=4))
    return Table(columns=columns, rows=rows)


SPANS = st.lists(
    st.builds(Span, start=st.integers(0, 2**41), end=st.integers(0, 2**41), status=st.sampled_from(Status), text=WORDS),
    max_size=4,
)
STAGES = st.lists(st.builds(Stage, name=WORDS, start=st.floats(0, 9), duration=st.floats(0, 9)), max_size=4)
ANY = st.one_of(
    st.builds(Stat, value=VALUES, unit=WORDS, detail=WORDS, threshold_warning=VALUES, threshold_critical=VALUES),
    st.builds(Gauge, value=VALUES, title=WORDS, threshold_warning=VALUES),
    series(),
    st.builds(Bars, bars=BARS),
    st.builds(Pie, slices=BARS),
    heatmaps(),
    tables(),
    st.builds(
        Timeline,
        start=st.integers(0, 2**41),
        end=st.integers(0, 2**41),
        rows=st.lists(st.builds(TimelineRow, name=WORDS, spans=SPANS), max_size=3),
    ),
    st.builds(Text, text=WORDS),
    st.builds(Waterfall, spans=STAGES),
    st.builds(Waiting, message=WORDS, connect=WORDS),
)


class Shows(Panel):
    kind = "shows"

    what: list = []

    def show(self, view):
        return self.what


class _View:
    now = 1_700_000_000_000


def drawn(what):
    return look(Placed(panel=Shows(what=what), id="p", width=6, height=4), _View())


def plain(value):
    """As JSON has it: what is no number is nothing."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(st.lists(ANY, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_shape_arrives_as_it_was(shapes):
    """JSON keeps every field; a number that is none is null, never 0; names and colours left open are filled in."""
    found = drawn(shapes)
    assert not found.error
    told = json.loads(found.data)
    for shape, said in zip(shapes, told, strict=True):
        wanted = plain(msgspec.to_builtins(shape))
        if isinstance(shape, Stat | Gauge):
            wanted["name"] = wanted["name"] or "p"
            wanted["color"] = wanted["color"] or said["color"]
        assert said == wanted


@given(ANY)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_shape_has_a_flat_form_and_a_table(shape):
    """The seed document's metrics hold finite numbers or null; CSV can be read back and holds no formula."""
    for metric in flat([shape], panel="p", now=5):
        assert metric.value is None or math.isfinite(metric.value)
        assert metric.color in ("green", "yellow", "red", "blue", "gray")
        assert metric.chart_type
    assert panel_type([shape]) in ("metrics", "timeseries", "table", "timeline", "text", "waterfall")
    for row in csv.reader(io.StringIO(as_csv([shape]), newline="")):
        for cell in row:
            if cell.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r"):
                float(cell)  # a number may begin with a sign; anything else has an apostrophe in front


@pytest.mark.parametrize(
    "formula", ['=HYPERLINK("http://evil")', "+1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "  =1"]
)
def test_no_cell_is_a_formula(formula):
    """In names and in values alike; numbers stay numbers."""
    text = as_csv([Table(columns=[Column(name=formula), Column(name="n", kind="number")], rows=[(formula, -3.5)])])
    (head, row) = list(csv.reader(io.StringIO(text, newline="")))
    assert head[0] == f"'{formula}"
    assert row == [f"'{formula}", "-3.5"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Series(times=[1, 2], lines=[Line(name="a", values=[1.0])]), "1 values for 2 times"),
        (lambda: Heatmap(times=[1], bounds=[1.0, None], counts=[[1.0]]), "one number for each bound"),
        (lambda: Table(columns=[Column(name="a")], rows=[("x", "y")]), "2 cells for 1 columns"),
    ],
)
def test_shapes_that_do_not_fit_together_are_refused_when_they_are_made(make, says):
    """The author learns of it at once."""
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    "wrong",
    [
        Stat(value="12"),
        Stat(value=1, unit=3),
        Stat(value=1, color="pink"),
        Series(times=["now"], lines=[Line(name="a", values=[1.0])]),
        Series(times=[1], lines=[Line(name="a", values=["x"])]),
        Text(text="x" * 30_000),
        Table(columns=[Column(name="a", kind="html")], rows=[]),
        Timeline(start=1, end=2, rows=[TimelineRow(name="a", spans=[Span(start=1, end=2, status="fine")])]),
        Text(text="\ud800"),
    ],
)
def test_fields_of_the_wrong_type_or_size_make_an_error(wrong):
    """Objects made in code are checked before anybody sees them."""
    found = drawn([wrong])
    assert found.error
    assert found.data == b"[]"
    assert not found.metrics


@pytest.mark.parametrize(
    ("value", "warning", "critical", "color"),
    [
        (50, 80, 90, "green"),
        (85, 80, 90, "yellow"),
        (90, 80, 90, "red"),
        (100, 80, 60, "green"),
        (80, 80, 60, "green"),
        (79, 80, 60, "yellow"),
        (59, 80, 60, "red"),
        (None, 80, 60, "gray"),
        (math.nan, 80, 60, "gray"),
        (1, None, None, ""),
    ],
)
def test_a_warning_above_the_critical_level_means_that_lower_is_worse(value, warning, critical, color):
    """As the seed document's gauge has it: 80 and 60."""
    assert color_of(value, warning, critical) == color


def test_every_shape_is_covered_here():
    """Whoever adds one adds it to the strategies."""
    assert {cls.__name__ for cls in Shape.__args__} == {
        "Stat",
        "Gauge",
        "Series",
        "Bars",
        "Pie",
        "Heatmap",
        "Table",
        "Timeline",
        "Text",
        "Waterfall",
        "Waiting",
    }
