"""Series as they are now: one `Table` for each family that one place tells of."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from auscult.families import NO_STAMP, Family, Labels, Samples, SeriesKey
from auscult.metrics.kept import Kept

__all__ = ["Key", "Table"]

Key = tuple[str, Labels]
"""The sample's name and its labels: what tells series apart."""
_GROUPED = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}
"""Types whose samples stand together by the rest of their labels, and the label that tells them apart."""


class Table:
    """Columns that grow at the end. `samples` gives a copy that stays as it is."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.rows: dict[Key, int] = {}
        self.values = array("d")
        self.stamps: array[int] | None = None
        self.touched = array("d")
        """When each row was set, on the clock of who sets it."""
        self.version = 0
        """Grows when rows change their places."""
        self.exemplars: dict[int, str] = {}
        """By row the exemplar as OpenMetrics writes it."""
        self._series: list[SeriesKey] = []
        self._frozen: tuple[SeriesKey, ...] | None = ()
        self._kept = Kept()
        self._scattered = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def series(self) -> tuple[SeriesKey, ...]:
        """The series of the rows."""
        if self._frozen is None:
            self._frozen = tuple(self._series)
        return self._frozen

    def add(self, key: Key, value: float, at: int | None = None, now: float = 0.0) -> int:
        """A new series at the end; its row."""
        row = self.rows[key] = len(self.values)
        self._series.append(SeriesKey(*key))
        self._frozen = None
        self.values.append(value)
        self.touched.append(now)
        if self.stamps is not None:
            self.stamps.append(NO_STAMP)
        if at is not None:
            self._stamp(row, at)
        self._scattered = self._scattered or self.family.type in _GROUPED
        return row

    def set(self, row: int, value: float, at: int | None = None, now: float = 0.0) -> None:
        """A new value of a series there is."""
        self.values[row] = value
        self.touched[row] = now
        if at is not None or self.stamps is not None:
            self._stamp(row, at)

    def set_many(self, first: int, values: array[float], now: float) -> None:
        """New values of neighbouring series without times of their own."""
        self.values[first : first + len(values)] = values
        self.touched[first : first + len(values)] = array("d", [now]) * len(values)

    def keep(self, rows: Mapping[int, object] | list[int]) -> None:
        """Leave out every other row; these stand in the order in which they are given."""
        order = list(rows)
        self._series = [self._series[row] for row in order]
        self.values = array("d", [self.values[row] for row in order])
        self.touched = array("d", [self.touched[row] for row in order])
        if self.stamps is not None:
            self.stamps = array("q", [self.stamps[row] for row in order])
        if self.exemplars:
            self.exemplars = {at: self.exemplars[row] for at, row in enumerate(order) if row in self.exemplars}
        self.rows = {(series.name, series.labels): row for row, series in enumerate(self._series)}
        self._frozen = None
        self._kept = Kept()
        self.version += 1

    def expire(self, before: float) -> int:
        """Leave out what was last set before that time; how many that were."""
        if not self.touched or min(self.touched) >= before:
            return 0
        left = [row for row, touched in enumerate(self.touched) if touched >= before]
        gone = len(self) - len(left)
        self.keep(left)
        return gone

    def samples(self) -> Samples:
        """The samples as they are now."""
        if self._scattered:
            self._regroup()
        stamps = None if self.stamps is None else self.stamps[:]
        return Samples(self.family, self.series, self.values[:], stamps, self._kept, dict(self.exemplars))

    def _stamp(self, row: int, at: int | None) -> None:
        if self.stamps is None:
            self.stamps = array("q", [NO_STAMP]) * len(self.values)
        self.stamps[row] = NO_STAMP if at is None else at

    def _regroup(self) -> None:
        """Have the samples of each histogram together, as the formats demand, whatever order they came in."""
        self._scattered = False
        apart = _GROUPED[self.family.type]
        groups: dict[Labels, list[int]] = {}
        for row, series in enumerate(self._series):
            groups.setdefault(tuple([pair for pair in series.labels if pair[0] != apart]), []).append(row)
        order = [row for rows in groups.values() for row in sorted(rows, key=lambda row: self._rank(row, apart))]
        if order != list(range(len(order))):
            self.keep(order)

    def _rank(self, row: int, apart: str) -> tuple[int, float]:
        """Buckets by their bound, then the rest in the order in which it came."""
        for name, value in self._series[row].labels:
            if name == apart:
                try:
                    return 0, float(value)
                except ValueError:
                    return 0, float("inf")
        return 1, row
