"""Samples as text: the Prometheus format 0.0.4 and OpenMetrics 1.0.0.

Written here and not with prometheus_client because a scrape of many series must neither take long nor hold the
event loop: the part of a line before its value never changes and is kept. The bytes are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from auscult.metrics.names import Family

__all__ = ["OPENMETRICS", "TEXT", "head", "line", "number", "prefix"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def number(value: float) -> str:
    """A value as prometheus_client writes it: ``1.0``, ``NaN``, ``+Inf``, ``1.5e+06`` from a million on."""
    if value != value:  # noqa: PLR0124 - NaN
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    dot = text.find(".")
    # Go writes large numbers with an exponent, and the format follows Go.
    if value > 0 and dot > 6:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+0{dot - 1}"
    return text


@lru_cache(maxsize=100_000)
def prefix(name: str, *labels: tuple[str, str]) -> str:
    """What stands before the value: ``name{a="b"} ``."""
    if not labels:
        return f"{name} "
    inside = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sorted(labels))
    return f"{name}{{{inside}}} "


def line(name: str, labels: Iterable[tuple[str, str]], value: float, at: int | None, *, openmetrics: bool) -> str:
    """One sample; `at` in ms since the epoch."""
    stamp = "" if at is None else f" {at / 1000}" if openmetrics else f" {at}"
    return f"{prefix(name, *labels)}{number(value)}{stamp}\n"


def head(family: Family, *, openmetrics: bool) -> str:
    """The ``# HELP`` and ``# TYPE`` lines of a family."""
    name = family.name
    if openmetrics and family.type == "counter":
        name = name.removesuffix("_total")
    text = family.help.translate(_ESCAPES if openmetrics else _HELP_ESCAPES)
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n"
