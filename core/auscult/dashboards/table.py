"""Shapes as CSV, for spreadsheets. A cell that a spreadsheet would take for a formula is kept from being one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from auscult.clock import iso_millis
from auscult.shapes import (
    Bars,
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
)

__all__ = ["as_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = Sequence[Any]


def as_csv(shapes: Iterable[Shape]) -> str:
    """One table for each shape, an empty line between two."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for number, shape in enumerate(shapes):
        if number:
            out.write("\r\n")
        for row in _rows(shape):
            writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Text that begins like a formula gets an apostrophe in front, as spreadsheets advise; numbers stay numbers."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, str):
        text = value.replace("\0", "")
        return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
    return value


def _rows(shape: Shape) -> Iterator[Row]:
    match shape:
        case Stat() | Gauge():
            yield ("name", "value", "unit", "detail")
            yield (shape.name or shape.title, shape.value, shape.unit, shape.detail)
        case Series():
            yield ("time", *(line.name for line in shape.lines))
            for at, time in enumerate(shape.times):
                yield (_time(time), *(line.values[at] for line in shape.lines))
        case Bars():
            yield ("name", "value", "unit", "detail")
            yield from ((bar.name, bar.value, shape.unit, bar.detail) for bar in shape.bars)
        case Pie():
            yield ("name", "value", "unit")
            yield from ((part.name, part.value, shape.unit) for part in shape.slices)
        case Heatmap():
            yield ("time", *("no bound" if bound is None else bound for bound in shape.bounds))
            yield from ((_time(time), *counts) for time, counts in zip(shape.times, shape.counts, strict=True))
        case Table():
            yield [column.name for column in shape.columns]
            times = [column.kind == "time" for column in shape.columns]
            for row in shape.rows:
                yield [
                    _time(cell) if is_time and isinstance(cell, int | float) else cell
                    for cell, is_time in zip(row, times, strict=True)
                ]
        case Timeline():
            yield ("name", "start", "end", "status", "text")
            for line in shape.rows:
                yield from ((line.name, _time(s.start), _time(s.end), s.status.value, s.text) for s in line.spans)
        case Waterfall():
            yield ("name", "start", "duration", "unit", "detail")
            yield from ((s.name, s.start, s.duration, shape.unit, s.detail) for s in shape.spans)
        case Text():
            yield ("text",)
            yield (shape.text,)
        case Waiting():
            yield ("message",)
            yield (shape.message,)


def _time(at: float) -> str:
    try:
        return iso_millis(int(at))
    except (ValueError, OverflowError, OSError):
        return str(at)
