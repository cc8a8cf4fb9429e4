"""Lines that were rendered before, in chunks, so that only what has changed is rendered again."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from operator import add, itemgetter, ne
from typing import TypeVar

from auscult.families import NO_STAMP, SeriesKey
from auscult.metrics.component_series import ComponentSeries
from auscult.metrics.text import number

__all__ = ["CHUNK", "Kept", "LeanKept"]

CHUNK = 64
"""Lines in a chunk: few enough to make anew when one changes, enough that most of them stay."""
T = TypeVar("T")
_LARGE = 1e6
"""From here on the format writes exponents."""


class Kept:
    """What renderers have made of the same series before. One for each list of series; it may grow at its end."""

    __slots__ = ("_odd", "_plain", "_seen", "_sets")

    def __init__(self) -> None:
        self._sets: dict[str, list[_Chunk]] = {}
        self._seen = 0
        self._plain: list[int] = []
        self._odd: dict[str, list[int]] = {}

    def sorted_out(
        self, series: Sequence[SeriesKey], apart: Mapping[str, str]
    ) -> tuple[Sequence[int] | None, Mapping[str, Sequence[int]]]:
        """The rows with none of the names in `apart` (None when that is all of them), and the others by what the
        mapping says of their name.
        """
        for row in range(self._seen, len(series)):
            suffix = apart.get(series[row].name)
            (self._plain if suffix is None else self._odd.setdefault(suffix, [])).append(row)
        self._seen = max(self._seen, len(series))
        return (self._plain if self._odd else None), self._odd

    def lines(
        self,
        series: Sequence[SeriesKey],
        values: array[float],
        stamps: array[int] | None,
        *,
        rows: Sequence[int] | None,
        variant: str,
        seconds: bool,
    ) -> Iterator[bytes]:
        """The lines of these rows (None for all), a chunk at a time.

        `variant` names what is rendered: another one for other rows or another form of time. `seconds` tells times in
        seconds and not in ms.
        """
        chunks = self._sets.setdefault(variant, [])
        make = self._make
        count = len(values) if rows is None else len(rows)
        for at, start in enumerate(range(0, count, CHUNK)):
            picked = None if rows is None else rows[start : start + CHUNK]
            if at == len(chunks):
                chunks.append(make())
            yield chunks[at].lines(series, values, stamps, start, min(start + CHUNK, count), picked, seconds=seconds)

    def _make(self) -> _Chunk:
        return _Chunk()


class LeanKept(Kept):
    """For `ComponentSeries`, of which none is ever set apart: their prefixes are made so quickly that the text alone is
    kept, and that only while it stays the same.
    """

    __slots__ = ()

    def sorted_out(
        self, series: Sequence[SeriesKey], apart: Mapping[str, str]
    ) -> tuple[Sequence[int] | None, Mapping[str, Sequence[int]]]:
        """See `Kept.sorted_out`."""
        return None, {}

    def _make(self) -> _Chunk:
        return _LeanChunk()


class _Chunk:
    __slots__ = ("_bits", "_parts", "_text", "_times")

    def __init__(self) -> None:
        self._bits = array("q")
        self._times: array[int] | None = None
        self._text = b""
        self._parts: list[str] = []
        """``[prefix, value, time, newline and prefix, value, time, …, newline]``; no times where there are none."""

    def lines(
        self,
        series: Sequence[SeriesKey],
        values: array[float],
        stamps: array[int] | None,
        start: int,
        stop: int,
        rows: Sequence[int] | None,
        *,
        seconds: bool,
    ) -> bytes:
        column = values[start:stop] if rows is None else array("d", _pick(rows, values))
        bits = array("q", column.tobytes())
        times = None
        if stamps is not None:
            times = stamps[start:stop] if rows is None else array("q", _pick(rows, stamps))
        # Bits are compared, not numbers: 0.0 and -0.0 are different lines.
        if bits == self._bits and times == self._times:
            return self._text
        width = 2 if times is None else 3
        if len(self._parts) != width * len(column) + 1:
            self._parts = _prefixes(series[start:stop] if rows is None else _pick(rows, series), width)
            self._bits = array("q")
        self._write(column, bits, width)
        if times is not None:
            self._parts[2:-1:3] = map(_in_seconds if seconds else _in_ms, times)
        self._bits, self._times = bits, times
        self._text = "".join(self._parts).encode()
        return self._text

    def _write(self, column: array[float], bits: array[int], width: int) -> None:
        """Put the values into the parts: those that have changed while they are few, or else all of them."""
        parts = self._parts
        if len(self._bits) == len(bits):
            changed = list(compress(range(len(column)), map(ne, self._bits, bits)))
            if len(changed) * 2 < len(column):
                for row in changed:
                    value = column[row]
                    parts[row * width + 1] = repr(value) if -_LARGE < value < _LARGE else number(value)
                return
        parts[1:-1:width] = _texts(column)


class _LeanChunk(_Chunk):
    """Made anew as a whole when anything in it has changed, and kept once nothing has."""

    __slots__ = ()

    def lines(
        self,
        series: Sequence[SeriesKey],
        values: array[float],
        stamps: array[int] | None,
        start: int,
        stop: int,
        rows: Sequence[int] | None,
        *,
        seconds: bool,
    ) -> bytes:
        column = values[start:stop]
        bits = array("q", column.tobytes())
        times = None if stamps is None else stamps[start:stop]
        same = bits == self._bits and times == self._times
        if same and self._text:
            return self._text
        assert isinstance(series, ComponentSeries), "LeanKept is for these only"
        found = map(add, series.prefixes(start, stop), _texts(column))
        if times is not None:
            found = map(add, found, map(_in_seconds if seconds else _in_ms, times))
        self._bits, self._times = bits, times
        text = ("\n".join(found) + "\n").encode()
        # What changes from look to look, as most of it does, is not worth its room.
        self._text = text if same else b""
        return text


def _texts(column: array[float]) -> Iterator[str]:
    numbers = column.tolist()
    total = sum(numbers)
    # One look at all of them: a sum that is finite has neither NaN nor infinity in it.
    plain = total - total == 0.0 and max(numbers) < _LARGE
    return map(repr if plain else number, numbers)


def _pick(rows: Sequence[int], column: Sequence[T]) -> Sequence[T]:
    picked: Sequence[T] = itemgetter(*rows)(column) if len(rows) > 1 else [column[rows[0]]]
    return picked


def _prefixes(series: Sequence[SeriesKey], width: int) -> list[str]:
    parts: list[str] = []
    for each in series:
        parts.append(f"\n{each.prefix()}" if parts else each.prefix())
        parts += [""] * (width - 1)
    parts.append("\n")
    return parts


def _in_ms(stamp: int) -> str:
    return "" if stamp == NO_STAMP else f" {stamp}"


def _in_seconds(stamp: int) -> str:
    return "" if stamp == NO_STAMP else f" {stamp / 1000}"
