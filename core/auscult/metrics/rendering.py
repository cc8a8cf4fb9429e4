"""A snapshot in the Prometheus text format 0.0.4 and in OpenMetrics 1.0.0, a piece at a time.

The bytes are those of prometheus_client's ``generate_latest``. They are made here because a scrape of many series must
neither take long nor hold the event loop: what stands before a value never changes, and most values have not changed
either since the last scrape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auscult.families import Family, Samples, SeriesKey, Snapshot
from auscult.metrics.kept import Kept
from auscult.metrics.text import number

__all__ = ["OPENMETRICS", "PIECE", "TEXT", "render"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PIECE = 128 << 10
"""Bytes at least in a piece: less than a millisecond's work."""

_TYPES = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "unknown": "untyped"}
"""What the text format calls types that it does not know."""
_APART = ("_created", "_gcount", "_gsum")
"""Samples that the text format does not know: they become gauges of their own, behind the family."""
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_HELP_OPENMETRICS = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def render(snapshot: Snapshot, *, openmetrics: bool = False) -> Iterator[bytes]:
    """The document in pieces of about 128 KiB, each a fraction of a millisecond's work."""
    waiting: list[bytes] = []
    size = 0
    for chunk in _chunks(snapshot, openmetrics=openmetrics):
        waiting.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)


def _chunks(snapshot: Snapshot, *, openmetrics: bool) -> Iterator[bytes]:
    before = ""
    apart: dict[str, list[Iterator[bytes]]] = {}
    last: Family | None = None
    for samples in snapshot.families:
        family = samples.family
        if family.name != before:
            if last is not None and apart:
                yield from _set_apart(last, apart)
            apart, before, last = {}, family.name, family
            yield _head(family, openmetrics=openmetrics).encode()
        yield from _lines(samples, apart, openmetrics=openmetrics)
    if last is not None and apart:
        yield from _set_apart(last, apart)
    if openmetrics:
        yield b"# EOF\n"


def _lines(samples: Samples, apart: dict[str, list[Iterator[bytes]]], *, openmetrics: bool) -> Iterator[bytes]:
    if openmetrics and samples.exemplars:
        yield _with_exemplars(samples)
        return
    kept = samples.kept if isinstance(samples.kept, Kept) else Kept()
    form = "s" if openmetrics and samples.stamps is not None else "ms" if samples.stamps is not None else ""
    rows: Sequence[int] | None = None
    if not openmetrics and samples.family.type != "gauge":
        names = {samples.family.base + suffix: suffix for suffix in _APART}
        rows, odd = kept.sorted_out(samples.series, names)
        for suffix, others in odd.items():
            lines = kept.lines(
                samples.series, samples.values, samples.stamps, rows=others, variant=form + suffix, seconds=openmetrics
            )
            apart.setdefault(suffix, []).append(lines)
    variant = form if rows is None else f"{form}-"
    yield from kept.lines(
        samples.series, samples.values, samples.stamps, rows=rows, variant=variant, seconds=openmetrics
    )


def _with_exemplars(samples: Samples) -> bytes:
    """Lines made one by one: exemplars change with every observation."""
    lines = []
    for row, sample in enumerate(samples):
        stamp = "" if sample.at is None else f" {sample.at / 1000}"
        exemplar = samples.exemplars.get(row)
        end = f" # {exemplar}" if exemplar is not None else ""
        lines.append(f"{SeriesKey(sample.name, sample.labels).prefix()}{number(sample.value)}{stamp}{end}\n")
    return "".join(lines).encode()


def _set_apart(family: Family, apart: dict[str, list[Iterator[bytes]]]) -> Iterator[bytes]:
    text = family.help.translate(_HELP)
    for suffix, parts in sorted(apart.items()):
        name = family.base + suffix
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n".encode()
        for lines in parts:
            yield from lines


def _head(family: Family, *, openmetrics: bool) -> str:
    if not openmetrics:
        kind = _TYPES.get(family.type, family.type)
        return f"# HELP {family.name} {family.help.translate(_HELP)}\n# TYPE {family.name} {kind}\n"
    name = family.base
    unit = f"# UNIT {name} {family.unit}\n" if family.unit and name.endswith(f"_{family.unit}") else ""
    return f"# HELP {name} {family.help.translate(_HELP_OPENMETRICS)}\n# TYPE {name} {family.type}\n{unit}"
