"""What comes in from outside: registries of prometheus_client, sources. What the limits refuse is counted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from auscult.families import Family, Samples, SeriesKey, labels_of
from auscult.metrics.table import Key, Table
from auscult.metrics.text import number

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Exemplar
    from prometheus_client.samples import Sample as ClientSample

__all__ = ["Intake", "Limits", "Refusals", "family_of_metric"]

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FOREIGN = re.compile(r"^[^a-zA-Z_:]|[^a-zA-Z0-9_:]")
_SUFFIXES = {
    "counter": ("_total", "_created", ""),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "summary": ("", "_count", "_sum", "_created"),
    "info": ("_info", ""),
}


class Limits(Struct, frozen=True, kw_only=True):
    """What one series may look like, and how many there may be from outside."""

    labels: int = 32
    label_name: int = 128
    label_value: int = 1024
    series: int = 50_000


class Refusals:
    """Counts what is refused, by where it came from and why, and tells of the first of each."""

    def __init__(self, complain: Callable[[str, str], None]) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._complain = complain

    def count(self, origin: str, reason: str, what: str, number: int = 1) -> None:
        """`reason` is one of a few words, `what` names an example."""
        if (origin, reason) not in self.counts:
            self._complain(origin, f"{what}; it is left out, and so are others like it")
        self.counts[origin, reason] = self.counts.get((origin, reason), 0) + number


class Intake:
    """The tables of one origin: a registry, or a source. `total` is shared by all origins: what they hold together."""

    def __init__(
        self, origin: str, limits: Limits, refusals: Refusals, total: Callable[[], int], *, clock: Callable[[], float]
    ) -> None:
        self.origin = origin
        self.limits = limits
        self._refusals, self._total, self._clock = refusals, total, clock
        self._tables: dict[str, Table] = {}
        self._layouts: dict[str, _Layout] = {}
        self._count = 0
        self._next_look = 0.0

    def __len__(self) -> int:
        return self._count

    def samples(self) -> list[Samples]:
        """What there is now, family by family."""
        return [table.samples() for table in self._tables.values() if len(table)]

    def expire(self, seconds: float) -> None:
        """Leave out what was not set for that long."""
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + seconds / 50
        before = now - seconds
        for name, table in list(self._tables.items()):
            table.expire(before)
            if not len(table):
                del self._tables[name]
                self._layouts.pop(name, None)
        self._recount()

    def _recount(self) -> None:
        self._count = sum(map(len, self._tables.values()))

    def set(
        self, family: Family, labels: Mapping[str, str], value: float, name: str = "", at: int | None = None
    ) -> None:
        """One sample of one series."""
        table = self._table(family)
        if table is None:
            return
        self._row(table, (name or family.name, labels_of(labels)), value, at, self._clock())

    def table(self, name: str) -> Table | None:
        """The table of that family."""
        return self._tables.get(name)

    def put(self, families: Iterable[Metric | Samples | str]) -> None:
        """All there is, in place of what there was; the name of a family whose table is up to date stands for it."""
        named: dict[str, Table] = {}
        for each in families:
            if isinstance(each, str):
                named[each] = self._tables[each]
                continue
            family = each.family if isinstance(each, Samples) else family_of_metric(each)
            if family.name in named:
                self._refusals.count(self.origin, "family_twice", f"the family `{family.name}` is there twice")
            elif (table := self._table(family)) is not None:
                named[family.name] = table
                self._replace(table, each)
        for name in self._tables.keys() - named.keys():
            self._layouts.pop(name, None)
        self._tables = named
        self._recount()

    def _replace(self, table: Table, given: Metric | Samples) -> None:
        layout = self._layouts.get(table.family.name)
        if layout is None:
            layout = self._layouts[table.family.name] = _Layout()
        now = self._clock()
        table.exemplars.clear()
        if isinstance(given, Samples):
            rows = [self._row(table, (name, labels), value, at, now) for name, labels, value, at in given]
        else:
            rows = layout.rows(table, given.samples, now, self._row)
        if rows != list(range(len(table))):
            # Something is gone, was refused, or moved: the rows stand in the order in which they came.
            seen = list(dict.fromkeys(row for row in rows if row >= 0))
            if seen != list(range(len(table))):
                table.keep(seen)

    def _row(self, table: Table, key: Key, value: float, at: int | None, now: float) -> int:
        row = table.rows.get(key)
        if row is None:
            name, labels = key
            key = _clean(name), tuple([(_clean(label), str(value)) for label, value in labels])
            row = table.rows.get(key)
        if row is None:
            return self._add(table, key, value, at)
        table.set(row, value, at, now)
        return row

    def _add(self, table: Table, key: Key, value: float, at: int | None) -> int:
        """A new series, if the limits allow it; -1 if not."""
        if refused := self._objection(table.family, key):
            self._refusals.count(self.origin, *refused)
            return -1
        self._count += 1
        return table.add(key, float(value), at, self._clock())

    def _objection(self, family: Family, key: Key) -> tuple[str, str] | None:
        name, labels = key
        limits = self.limits
        if not _belongs(name, family):
            return "sample_name", f"the sample {name[:100]!r} does not belong to the {family.type} `{family.name}`"
        if len(labels) > limits.labels:
            return (
                "labels",
                f"a series of `{name}` has {len(labels)} labels, more than the {limits.labels} of the limit",
            )
        for label, value in labels:
            if not label or len(label) > limits.label_name:
                return "label_name", f"a series of `{name}` has a label named {label[:100]!r}"
            if len(value) > limits.label_value or len(value.encode(errors="replace")) > limits.label_value:
                size = f"{limits.label_value} bytes of the limit"
                return "label_value", f"the label `{label}` of a series of `{name}` is longer than the {size}"
        if self._total() >= limits.series:
            return "series", f"there are {limits.series} series already, the limit, when `{name}` came with another one"
        return None

    def _table(self, family: Family) -> Table | None:
        table = self._tables.get(family.name)
        if table is None or table.family != family:
            if not family.name or len(family.name) > self.limits.label_name or _clean(family.name) != family.name:
                self._refusals.count(self.origin, "name", f"a metric is named {family.name[:100]!r}")
                return None
            if table is not None and table.family.type == family.type:
                table.family = family  # another help text
            else:
                table = self._tables[family.name] = Table(family)
                self._layouts.pop(family.name, None)
        return table


class _Layout:
    """Which row each sample of a family had the last time: most families come in the same order again."""

    def __init__(self) -> None:
        self._known: list[tuple[str, dict[str, str], int]] = []
        self._version = 0

    def rows(
        self,
        table: Table,
        samples: Iterable[ClientSample],
        now: float,
        place: Callable[[Table, Key, float, int | None, float], int],
    ) -> list[int]:
        if table.version != self._version:
            self._known.clear()
            self._version = table.version
        known, values, touched = self._known, table.values, table.touched
        stamped = table.stamps is not None
        rows: list[int] = []
        for position, sample in enumerate(samples):
            value = sample.value
            if position < len(known) and sample.timestamp is None and sample.exemplar is None and not stamped:
                name, labels, row = known[position]
                if sample.name == name and sample.labels == labels:
                    values[row] = value
                    touched[row] = now
                    rows.append(row)
                    continue
            at = None if sample.timestamp is None else _in_ms(sample.timestamp)
            row = place(table, (sample.name, labels_of(sample.labels)), _number(value), at, now)
            rows.append(row)
            stamped = table.stamps is not None
            if row >= 0 and sample.exemplar is not None:
                table.exemplars[row] = _exemplar(sample.exemplar)
            if row >= 0:
                known[position:] = [(sample.name, sample.labels, row)]
        return rows


def _number(value: Any) -> float:
    return float(value) if value is not None else math.nan


def _exemplar(exemplar: Exemplar) -> str:
    """As OpenMetrics writes it: labels, value, time."""
    found = f"{SeriesKey('', labels_of(exemplar.labels)).prefix().strip() or '{}'} {number(float(exemplar.value))}"
    return found if exemplar.timestamp is None else f"{found} {exemplar.timestamp}"


def _in_ms(stamp: Any) -> int:
    return round(float(stamp) * 1000)


def family_of_metric(metric: Metric) -> Family:
    """The family that prometheus_client's object stands for."""
    name = _clean(metric.name)
    if metric.type == "counter":
        name += "_total"
    elif metric.type == "info":
        name += "_info"
    return Family(name, metric.type, metric.documentation, metric.unit)


def _belongs(name: str, family: Family) -> bool:
    base = family.base
    return name.startswith(base) and name[len(base) :] in _SUFFIXES.get(family.type, ("",))


def _clean(name: str) -> str:
    """A name with underscores for what the formats do not allow, as prometheus_client writes it."""
    return name if _NAME.fullmatch(name) else _FOREIGN.sub("_", name)
