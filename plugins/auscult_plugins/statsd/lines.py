"""StatsD's lines, with DogStatsD's tags: ``name:value|type|@rate|#tag:value,tag``. Anything else is refused."""

from __future__ import annotations

import re
from math import isfinite

from msgspec import Struct

__all__ = ["Line", "Refused", "parsed"]

_TYPES = {"c": "counter", "g": "gauge", "ms": "timer", "h": "histogram", "d": "histogram", "s": "set"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MOST_VALUES = 1000


class Refused(ValueError):
    """Why a line is not taken, in one word of a few: they are counted apart."""


class Line(Struct):
    """One line."""

    name: str
    type: str
    """``counter``, ``gauge``, ``timer``, ``histogram``, ``set``."""
    values: list[str]
    """As they were written: of a gauge the sign means something, of a set anything is a value."""
    rate: float
    tags: str


def parsed(text: str) -> Line:
    """Read one line. Raises Refused."""
    head, *parts = text.split("|")
    name, colon, values = head.partition(":")
    if not colon or not name or not parts:
        raise Refused("malformed")
    kind = _TYPES.get(parts[0])
    if kind is None:
        raise Refused("type")
    rate, tags = 1.0, ""
    for part in parts[1:]:
        if part.startswith("@"):
            rate = number(part[1:])
            if not 1e-6 <= rate <= 1:
                raise Refused("rate")
        elif part.startswith("#"):
            tags = part[1:]
        # Others are DogStatsD's container, time, cardinality: they change nothing here.
    told = [values] if kind == "set" else values.split(":", _MOST_VALUES)
    return Line(name, kind, told[:_MOST_VALUES], rate, tags)


def number(text: str) -> float:
    """A finite number. Raises Refused."""
    if not _NUMBER.fullmatch(text) or not isfinite(value := float(text)):
        raise Refused("number")
    return value
