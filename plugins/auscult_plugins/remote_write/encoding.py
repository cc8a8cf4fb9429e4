"""Snapshots as write requests of Prometheus' remote write protocol, version 1.0.

https://prometheus.io/docs/specs/prw/remote_write_spec/. Labels are sorted by name, none is empty, none comes twice;
samples of a series go out in the order of their times, for the snapshots do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

from auscult import Family, Samples, SeriesKey, Snapshot
from auscult_plugins._wire import nested, text, uint, varint

__all__ = ["STALE", "Writer"]

STALE = struct.pack("<Q", 0x7FF0_0000_0000_0002)
"""The number that says "this series has ended", which one NaN among all does in Prometheus."""
MAX_BYTES = 1_000_000
"""Bytes of a request before it is compressed, at most; receivers take a multiple of that."""
_VALUE = struct.Struct("<d")
_TYPES = {
    "counter": 1,
    "gauge": 2,
    "histogram": 3,
    "gaugehistogram": 4,
    "summary": 5,
    "info": 6,
    "stateset": 7,
}

Heads = list[bytes]


class Writer:
    """Makes requests of snapshots, one after the other; keeps what stays the same from one to the next."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)
        self._kept: dict[int, tuple[Sequence[SeriesKey], Heads]] = {}
        """By the identity of the column of series, which is held here so that no other gets the same identity."""
        self._written: dict[int, tuple[Sequence[SeriesKey], Heads]] = {}
        """The columns of the snapshot that arrived last."""

    def requests(self, snapshot: Snapshot, limit: int, *, metadata: bool) -> list[bytes]:
        """The snapshot in requests of at most `limit` samples, what has ended since the last one included."""
        kept = {id(samples.series): self._column(samples) for samples in snapshot}
        self._kept = kept
        series = [*self._ended(kept, snapshot.at), *self._series(snapshot, kept)]
        about = [_metadata(family) for family in _families(snapshot)] if metadata else []
        return list(_chunks(series, limit)) + list(_chunks(about, limit))

    def took(self) -> None:
        """What was made last has arrived."""
        self._written = self._kept

    def _column(self, samples: Samples) -> tuple[Sequence[SeriesKey], Heads]:
        known = self._kept.get(id(samples.series))
        return known or (samples.series, [self._head(series) for series in samples.series])

    def _head(self, series: SeriesKey) -> bytes:
        """The labels of one series, as they go out."""
        labels = {**self._labels, **dict(series.labels), "__name__": series.name}
        pairs = sorted((name, value) for name, value in labels.items() if value)
        return b"".join([nested(1, text(1, name) + text(2, value)) for name, value in pairs])

    def _series(self, snapshot: Snapshot, kept: Mapping[int, tuple[Sequence[SeriesKey], Heads]]) -> Iterator[bytes]:
        for samples in snapshot:
            heads = kept[id(samples.series)][1]
            for head, sample in zip(heads, samples, strict=True):
                at = snapshot.at if sample.at is None else sample.at
                yield _one(head, _VALUE.pack(sample.value), at)

    def _ended(self, kept: Mapping[int, tuple[Sequence[SeriesKey], Heads]], at: int) -> Iterator[bytes]:
        """An end for every series that was there last time and is not now."""
        before = [column for same, column in self._written.items() if same not in kept]
        if not before:
            return
        new = {head for same, (_, heads) in kept.items() if same not in self._written for head in heads}
        for _, heads in before:
            for head in heads:
                if head not in new:
                    yield _one(head, STALE, at)


def _one(head: bytes, value: bytes, at: int) -> bytes:
    """A series with one sample: field 1 of a request."""
    time = varint(at)
    sample = b"\x12" + bytes((10 + len(time),)) + b"\x09" + value + b"\x10" + time
    return b"\x0a" + varint(len(head) + len(sample)) + head + sample


def _families(snapshot: Snapshot) -> Iterable[Family]:
    return {samples.family.name: samples.family for samples in snapshot}.values()


def _metadata(family: Family) -> bytes:
    """What a family is: field 3 of a request. Counters go by the name of their series, as Prometheus has it."""
    kind = uint(1, _TYPES.get(family.type, 0))
    return nested(3, kind + text(2, family.name) + text(4, family.help) + text(5, family.unit))


def _chunks(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Requests of at most so many pieces and so many bytes."""
    chunk: list[bytes] = []
    size = 0
    for piece in pieces:
        if chunk and (len(chunk) >= limit or size + len(piece) > MAX_BYTES):
            yield b"".join(chunk)
            chunk, size = [], 0
        chunk.append(piece)
        size += len(piece)
    if chunk:
        yield b"".join(chunk)
