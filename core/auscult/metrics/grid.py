"""What every component has alike: one `Grid` for each such family, a row of numbers for each component."""

from __future__ import annotations

from array import array

from auscult.families import NO_STAMP, Family, Samples
from auscult.metrics.component_series import Column, ComponentSeries
from auscult.metrics.kept import LeanKept

__all__ = ["Grid"]

_NUMBERS: list[int] = []
"""Places as objects, the same for all grids: each of its own would take as much as what stands there."""


class Grid:
    """Rows that grow at the end. `samples` gives a copy that stays as it is."""

    def __init__(self, family: Family, columns: tuple[Column, ...] = ()) -> None:
        self.family = family
        self._columns = columns or ((family.name, ()),)
        self._places: dict[str, int] = {}
        self._values = array("d")
        self._stamps: array[int] | None = array("q") if family.timestamps else None
        self._touched = array("d")
        self._series = ComponentSeries((), self._columns)
        self._kept = LeanKept()

    def __len__(self) -> int:
        return len(self._values)

    def set(self, component: str, value: float, at: int | None, now: float) -> None:
        """The value of a component's only series."""
        place = self._places.get(component)
        if place is None:
            self._add(component, array("d", [value]), now)
            place = len(self._places) - 1
        else:
            self._values[place] = value
            self._touched[place] = now
        if self._stamps is not None:
            self._stamps[place] = NO_STAMP if at is None else at

    def set_all(self, component: str, values: array[float], now: float) -> None:
        """The values of all series of a component, which have no times of their own."""
        place = self._places.get(component)
        if place is None:
            self._add(component, values, now)
        else:
            width = len(self._columns)
            self._values[place * width : (place + 1) * width] = values
            self._touched[place] = now

    def expire(self, before: float) -> None:
        """Leave out the components that were last set before that time."""
        if not self._touched or min(self._touched) >= before:
            return
        width, names = len(self._columns), list(self._places)
        left = [place for place, touched in enumerate(self._touched) if touched >= before]
        values = array("d")
        for place in left:
            values.extend(self._values[place * width : (place + 1) * width])
        self._values = values
        self._touched = array("d", [self._touched[place] for place in left])
        if self._stamps is not None:
            self._stamps = array("q", [self._stamps[place] for place in left])
        self._places = {names[place]: row for row, place in zip(_NUMBERS, left, strict=False)}
        self._series = ComponentSeries(tuple(self._places), self._columns)
        self._kept = LeanKept()

    def samples(self) -> Samples:
        """The samples as they are now."""
        if len(self._series) != len(self._values):
            self._series = ComponentSeries(tuple(self._places), self._columns)
        stamps = None if self._stamps is None else self._stamps[:]
        return Samples(self.family, self._series, self._values[:], stamps, self._kept)

    def _add(self, component: str, values: array[float], now: float) -> None:
        if (place := len(self._places)) >= len(_NUMBERS):
            _NUMBERS.extend(range(len(_NUMBERS), 2 * place + 16))
        self._places[component] = _NUMBERS[place]
        self._values.extend(values)
        self._touched.append(now)
        if self._stamps is not None:
            self._stamps.append(NO_STAMP)
