"""Families of the same name that come from several places become one, as the formats demand."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from auscult.families import Samples, SeriesKey
from auscult.metrics.intake import Refusals

__all__ = ["Merger"]


class Merger:
    """Puts the parts of a family side by side; the first part counts where two tell of the same series."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._known: dict[str, tuple[list[Sequence[SeriesKey]], list[list[int] | None]]] = {}
        """By family the series of its parts at the last look, and the rows to take of each (None for all)."""

    def merged(self, parts: Iterable[Samples]) -> list[Samples]:
        """The parts, those of one family being neighbours, every series once."""
        families: dict[str, list[Samples]] = {}
        for samples in parts:
            families.setdefault(samples.family.name, []).append(samples)
        found: list[Samples] = []
        for name, each in families.items():
            if len(each) == 1:
                self._known.pop(name, None)
                found += each
            else:
                found += self._without_doubles(name, self._of_one_type(name, each))
        return found

    def _of_one_type(self, name: str, parts: list[Samples]) -> list[Samples]:
        kind = parts[0].family.type
        for samples in parts:
            if samples.family.type != kind:
                what = f"the family `{name}` is a {kind} in one place and a {samples.family.type} in another"
                self._refusals.count("merge", "type", what, len(samples))
        return [samples for samples in parts if samples.family.type == kind]

    def _without_doubles(self, name: str, parts: list[Samples]) -> list[Samples]:
        series = [samples.series for samples in parts]
        known = self._known.get(name)
        # The same series as before, recognised without a look at each of them.
        if (
            known is None
            or len(known[0]) != len(series)
            or any(a is not b for a, b in zip(known[0], series, strict=True))
        ):
            known = self._known[name] = (series, _first_ones(series))
        found = []
        for samples, rows in zip(parts, known[1], strict=True):
            if rows is None:
                found.append(samples)
                continue
            what = f"a series of `{name}` comes from two places"
            self._refusals.count("merge", "series_twice", what, len(samples) - len(rows))
            if rows:
                found.append(_only(samples, rows))
        return found


def _first_ones(parts: list[Sequence[SeriesKey]]) -> list[list[int] | None]:
    seen: set[tuple[str, object]] = set()
    found: list[list[int] | None] = []
    for series in parts:
        keys = [(each.name, each.labels) for each in series]
        rows = [row for row, key in enumerate(keys) if key not in seen]
        found.append(None if len(rows) == len(keys) else rows)
        seen.update(keys)
    return found


def _only(samples: Samples, rows: list[int]) -> Samples:
    stamps = samples.stamps
    return Samples(
        samples.family,
        [samples.series[row] for row in rows],
        array("d", [samples.values[row] for row in rows]),
        None if stamps is None else array("q", [stamps[row] for row in rows]),
    )
