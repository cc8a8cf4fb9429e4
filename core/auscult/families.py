"""Metrics as data: the families and samples that sources give and that exporters, history, panels and rules read.

The words are prometheus_client's: a *family* has a name, a type and a help text, its *samples* have labels and a value.
Here the samples of a family are columns, so that a hundred thousand of them are cheap to copy, to render and to store.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Event", "Export", "Family", "Labels", "Sample", "Samples", "SeriesKey", "Snapshot", "labels_of"]

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name; see `labels_of`."""
NO_STAMP = -(1 << 63)
"""What stands in a column of times for a sample that has none."""

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Family(Struct, frozen=True):
    """One metric family as it is exported."""

    name: str
    """As it stands in front of every sample; a counter's ends in ``_total``, an info's in ``_info``."""
    type: str
    """``gauge``, ``counter``, ``histogram``, ``summary``, ``info``, ``stateset``, ``gaugehistogram`` or ``unknown``."""
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()
    """The names of its labels where they are known beforehand."""
    timestamps: bool = False
    """Carries the time of the evaluation, as the seed document's health families do."""
    factor: float = 1.0
    """What a measurement is multiplied by: Prometheus wants base units."""

    @property
    def base(self) -> str:
        """The name without the suffix of its type, as OpenMetrics and prometheus_client have it."""
        if self.type == "counter":
            return self.name.removesuffix("_total")
        return self.name.removesuffix("_info") if self.type == "info" else self.name


class SeriesKey(Struct, frozen=True, gc=False):
    """What stays the same from sample to sample."""

    name: str
    """The sample's name: the family's, or that with ``_bucket``, ``_sum``, ``_count``."""
    labels: Labels = ()
    """As `labels_of` gives them."""

    def prefix(self) -> str:
        """What stands before the value in the text formats: ``name{a="b"} ``."""
        if not self.labels:
            return f"{self.name} "
        inside = '",'.join([f'{key}="{value}' for key, value in self.labels]) + '"'
        if "\\" in inside or "\n" in inside or inside.count('"') != 2 * len(self.labels):
            inside = ",".join([f'{key}="{value.translate(_ESCAPES)}"' for key, value in self.labels])
        return f"{self.name}{{{inside}}} "


class Sample(NamedTuple):
    """One value of one series."""

    name: str
    labels: Labels
    value: float
    at: int | None
    """Its own time in ms since the epoch; None where that is the snapshot's."""


def labels_of(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Labels in the order in which they are kept and shown."""
    items = labels.items() if isinstance(labels, Mapping) else labels
    return tuple(sorted(items))


class Samples:
    """The samples of one family at one moment, as columns of equal length. Nobody changes them."""

    __slots__ = ("exemplars", "family", "kept", "series", "stamps", "values")

    def __init__(
        self,
        family: Family,
        series: Sequence[SeriesKey],
        values: array[float],
        stamps: array[int] | None = None,
        kept: Any = None,
        exemplars: Mapping[int, str] | None = None,
    ) -> None:
        self.family, self.series, self.values = family, series, values
        self.stamps = stamps
        """Times in ms, `NO_STAMP` for none; None where no sample has a time of its own."""
        self.kept = kept
        """Where renderers keep what they made of the same series before; None where nothing is kept."""
        self.exemplars = exemplars or {}
        """By row the exemplar as OpenMetrics writes it: ``{trace_id="…"} 0.7 1700000000.0``."""

    @classmethod
    def of(cls, family: Family, samples: Iterable[Sample]) -> Samples:
        """Columns made of single samples."""
        listed = list(samples)
        stamps = None
        if any(sample.at is not None for sample in listed):
            stamps = array("q", [NO_STAMP if sample.at is None else sample.at for sample in listed])
        series = [SeriesKey(sample.name, sample.labels) for sample in listed]
        return cls(family, series, array("d", [sample.value for sample in listed]), stamps)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Sample]:
        stamps = self.stamps
        for row, (series, value) in enumerate(zip(self.series, self.values, strict=True)):
            at = None if stamps is None or stamps[row] == NO_STAMP else stamps[row]
            yield Sample(series.name, series.labels, value, at)

    def metric(self) -> Metric:
        """The same as prometheus_client has it."""
        from prometheus_client import Metric

        metric = Metric(self.family.base, self.family.help, self.family.type)
        metric.unit = self.family.unit if self.family.base.endswith(f"_{self.family.unit}") else ""
        for name, labels, value, at in self:
            metric.add_sample(name, dict(labels), value, None if at is None else at / 1000)
        return metric


class Snapshot:
    """All metrics at one moment. Iterate over it for the `Samples` of each family.

    Samples of one family that come from several places are neighbours. A snapshot is also a prometheus_client
    collector: ``generate_latest(snapshot)`` works.
    """

    __slots__ = ("at", "families")

    def __init__(self, at: int, families: Iterable[Samples]) -> None:
        self.at = at
        """When it was taken, ms since the epoch."""
        self.families = tuple(families)

    def __iter__(self) -> Iterator[Samples]:
        return iter(self.families)

    def __len__(self) -> int:
        """How many samples there are."""
        return sum(map(len, self.families))

    def family(self, name: str) -> list[Sample]:
        """The samples of the family of that name."""
        return [sample for samples in self.families if samples.family.name == name for sample in samples]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one series; None where there is none."""
        wanted = labels_of(labels)
        for samples in self.families:
            if name.startswith(samples.family.base):
                for series, value in zip(samples.series, samples.values, strict=True):
                    if series.name == name and series.labels == wanted:
                        return value
        return None

    def without_stamps(self) -> Snapshot:
        """The same where no sample has a time of its own: a Pushgateway refuses them."""
        bare = [
            Samples(each.family, each.series, each.values, None, each.kept, each.exemplars) for each in self.families
        ]
        return Snapshot(self.at, bare)

    def collect(self) -> Iterator[Metric]:
        """Families as prometheus_client has them, one for each name."""
        waiting: Metric | None = None
        for samples in self.families:
            metric = samples.metric()
            if waiting is not None and waiting.name == metric.name:
                waiting.samples.extend(metric.samples)
                continue
            if waiting is not None:
                yield waiting
            waiting = metric
        if waiting is not None:
            yield waiting

    def encode(self) -> bytes:
        """The snapshot as compressed bytes, for a buffer on disk; see `decode`."""
        import zlib

        import msgspec

        families = [
            (
                samples.family,
                [(series.name, series.labels) for series in samples.series],
                samples.values.tobytes(),
                None if samples.stamps is None else samples.stamps.tobytes(),
            )
            for samples in self.families
        ]
        return zlib.compress(msgspec.msgpack.encode((self.at, families)), 1)

    @classmethod
    def decode(cls, encoded: bytes) -> Snapshot:
        """What `encode` made. Raises ValueError for bytes that are none."""
        import zlib

        import msgspec

        try:
            at, families = msgspec.msgpack.decode(zlib.decompress(encoded), type=_Encoded)
            return cls(at, [_decoded(*family) for family in families])
        except (zlib.error, msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"these bytes are no snapshot: {error}") from error


_Encoded = tuple[int, list[tuple[Family, list[tuple[str, Labels]], bytes, bytes | None]]]


def _decoded(family: Family, series: list[tuple[str, Labels]], values: bytes, stamps: bytes | None) -> Samples:
    column = array("d", values)
    times = None if stamps is None else array("q", stamps)
    if len(column) != len(series) or (times is not None and len(times) != len(series)):
        raise ValueError("the columns of a family differ in length")
    return Samples(family, [SeriesKey(*each) for each in series], column, times)


class Export(Struct, frozen=True):
    """What an exporter that renders gives back: a document, in one piece or in chunks made one after the other."""

    content_type: str
    body: bytes | Iterable[bytes]
    """Chunks are asked for one by one, and others get a turn in between: make each in a few milliseconds."""
    headers: dict[str, str] = {}


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened once and is kept one by one: a call to an AI service, a turn of a conversation.

    Exact percentiles come from events, where histograms are too coarse.
    """

    kind: str
    """What happened, in the plural as a table is named: ``ai_calls``, ``turns``."""
    at: int
    """When it ended, ms since the epoch."""
    labels: dict[str, str] = {}
    """What it can be told apart by: model, provider, outcome."""
    numbers: dict[str, float] = {}
    """What was measured, in base units: ``duration_seconds``, ``input_tokens``, ``cost_usd``."""
