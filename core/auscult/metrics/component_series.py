"""The series that components have alike, put together from their names when somebody asks.

Thousands of components have more than a hundred thousand series, of which no two differ in anything but the component's
name and a histogram's bound. An object for each would take a quarter of all memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from auscult.families import SeriesKey

__all__ = ["Column", "ComponentSeries"]

Column = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name, and the labels that it has behind the component's."""


class ComponentSeries(Sequence[SeriesKey]):
    """The series of some components, each made when it is asked for. Nobody changes them."""

    __slots__ = ("_columns", "_names")

    def __init__(self, names: tuple[str, ...], columns: tuple[Column, ...]) -> None:
        self._names, self._columns = names, columns

    def __len__(self) -> int:
        return len(self._names) * len(self._columns)

    def __iter__(self) -> Iterator[SeriesKey]:
        for component in self._names:
            yield from self._row(component)

    @overload
    def __getitem__(self, at: int) -> SeriesKey: ...

    @overload
    def __getitem__(self, at: slice) -> list[SeriesKey]: ...

    def __getitem__(self, at: int | slice) -> SeriesKey | list[SeriesKey]:
        rows = range(len(self))[at]
        return self._one(rows) if isinstance(rows, int) else [self._one(row) for row in rows]

    def prefixes(self, start: int, stop: int) -> list[str]:
        """What stands before the values of these rows in the text formats."""
        width = len(self._columns)
        names = self._names[start // width : -(-stop // width)]
        if (text := "".join(names)).isprintable() and '"' not in text and "\\" not in text:
            around = list(map(_around, self._columns))
            found = [left + name + right for name in names for left, right in around]
        else:
            found = [series.prefix() for name in names for series in self._row(name)]
        skipped = start % width
        return found[skipped : skipped + stop - start]

    def _row(self, component: str) -> list[SeriesKey]:
        label = ("component", component)
        return [SeriesKey(name, (label, *more)) for name, more in self._columns]

    def _one(self, row: int) -> SeriesKey:
        place, column = divmod(row, len(self._columns))
        name, more = self._columns[column]
        return SeriesKey(name, (("component", self._names[place]), *more))


def _around(column: Column) -> tuple[str, str]:
    """What stands before and behind the component's name."""
    name, more = column
    behind = "".join([f',{label}="{value}"' for label, value in more])
    return f'{name}{{component="', f'"{behind}}} '
