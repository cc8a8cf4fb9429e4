"""A registry of prometheus_client, read without making an object for each sample where nothing but values has changed.

What `collect` gives is the truth: it is asked whenever a metric has new children or lost some, and for everything that
is no plain counter, gauge or histogram. In between the values are read where those keep them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from auscult.metrics.table import Table

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["RegistryReader"]

Values = Callable[[Sequence[Any], int], Iterable[float]]


class RegistryReader:
    """`families` gives what `Intake.put` takes: families anew, or the name of one whose table is up to date."""

    def __init__(self, registry: CollectorRegistry, tables: Callable[[str], Table | None]) -> None:
        self._registry, self._tables = registry, tables
        self._followed: dict[Any, _Followed] = {}

    def families(self, clock: Callable[[], float]) -> Iterator[Metric | str]:
        """All families, in the registry's order."""
        collectors = getattr(self._registry, "_collector_to_names", None)
        if not isinstance(collectors, dict) or getattr(self._registry, "_target_info", None):
            yield from self._registry.collect()
            return
        present = list(collectors)
        self._followed = {each: self._followed[each] for each in present if each in self._followed}
        for collector in present:
            followed = self._followed.get(collector)
            if followed is not None and followed.refresh(self._tables(followed.name), clock()):
                yield followed.name
            else:
                yield from self._anew(collector)

    def _anew(self, collector: Any) -> Iterator[Metric]:
        self._followed.pop(collector, None)
        before = _children(collector)
        metrics = list(collector.collect())
        yield from metrics  # the table is filled when it goes on
        if before and len(metrics) == 1 and before == _children(collector):
            name = metrics[0].name + ("_total" if metrics[0].type == "counter" else "")
            table = self._tables(name)
            if table is not None and len(table) == len(metrics[0].samples):
                self._followed[collector] = _Followed(name, table, collector, before)


class _Followed:
    """One metric with the children it had when it was last collected; each has neighbouring rows in a table."""

    def __init__(self, name: str, table: Table, collector: Any, children: list[Any]) -> None:
        self.name = name
        self._table, self._version = table, table.version
        self._collector, self._children = collector, children
        self._values = _values_of(collector)
        self._each = len(table) // len(children)

    def refresh(self, present: Table | None, now: float) -> bool:
        """Bring the table up to date; False when it takes a whole collection to do so."""
        table = self._table
        if (
            present is not table
            or table.version != self._version
            or table.stamps is not None
            or _children(self._collector) != self._children
        ):
            return False
        values = array("d", self._values(self._children, self._each))
        if len(values) != len(table):
            return False
        table.set_many(0, values, now)
        return True


def _children(collector: Any) -> list[Any]:
    """The children of a plain metric of prometheus_client, itself where it has no labels; none of anything else."""
    from prometheus_client import Counter, Gauge, Histogram
    from prometheus_client.values import MutexValue

    if type(collector) not in (Counter, Gauge, Histogram):
        return []
    if type(collector) is Histogram and collector._kwargs.get("buckets", (0,))[0] < 0:
        return []  # it has no sum
    found = list(collector._metrics.values()) if collector._labelnames else [collector]
    for child in found:
        if "_child_samples" in child.__dict__:  # a gauge that asks a function
            return []
        held = child._sum if type(collector) is Histogram else child._value
        if type(held) is not MutexValue or held._exemplar is not None:
            return []
    if type(collector) is Histogram and any(bucket._exemplar is not None for each in found for bucket in each._buckets):
        return []
    return found


def _values_of(collector: Any) -> Values:
    from prometheus_client import Counter, Histogram

    if type(collector) is Histogram:
        return _of_histograms
    return _of_counters if type(collector) is Counter else _of_gauges


def _of_gauges(children: Sequence[Any], _: int) -> Iterable[float]:
    return [child._value._value for child in children]


def _of_counters(children: Sequence[Any], each: int) -> Iterable[float]:
    if each == 1:
        return [child._value._value for child in children]
    return [value for child in children for value in (child._value._value, child._created)]


def _of_histograms(children: Sequence[Any], each: int) -> Iterable[float]:
    found: list[float] = []
    for child in children:
        buckets = list(accumulate([bucket._value for bucket in child._buckets]))
        rest = [buckets[-1], child._sum._value, child._created]
        found += buckets
        found += rest[: each - len(buckets)]
    return found
