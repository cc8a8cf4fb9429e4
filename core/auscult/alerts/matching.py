"""Which alerts a silence, a maintenance window or a route speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from auscult.alert import Alert

__all__ = ["Matcher", "facets", "matches", "matchers_of"]

_MAX_PATTERN = 200


def facets(alert: Alert) -> dict[str, str]:
    """What matchers may name: the alert's labels, and its ``rule``, ``component``, ``type`` and ``severity``."""
    return alert.labels | {
        "rule": alert.rule,
        "component": alert.component,
        "type": alert.component_type,
        "severity": alert.severity.value,
    }


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    # Runs of stars are one star: only `*` and `?` and sets remain, which cannot backtrack without end.
    return re.compile(translate(re.sub(r"\*+", "*", text)))


class Matcher(Struct, frozen=True):
    """One condition on a label; an absent label is the empty text."""

    name: str
    value: str
    """The text itself, or a pattern with ``*``, ``?`` and ``[...]``."""
    op: Literal["=", "!="] = "="

    def __post_init__(self) -> None:
        if len(self.value) > _MAX_PATTERN:
            raise ValueError(f"a matcher's value has at most {_MAX_PATTERN} characters")
        if self.value.count("*") > 4:
            raise ValueError(f"{self.value!r} has more than four stars")

    def matches(self, found: Mapping[str, str]) -> bool:
        """Whether `found` (label to value) fulfils it."""
        text = found.get(self.name, "")
        equal = text == self.value or _pattern(self.value).match(text) is not None
        return equal is (self.op == "=")

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.value}"


def matchers_of(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Matchers from ``name=value`` and ``name!=value``. Raises ValueError."""
    found = []
    for text in texts:
        match = re.fullmatch(r"\s*([a-zA-Z_][a-zA-Z0-9_.-]*)\s*(!?=)\s*\"?(.*?)\"?\s*", text, re.DOTALL)
        if match is None:
            raise ValueError(f"{text!r} is not a matcher such as component=stt_client or severity!=low")
        found.append(Matcher(match[1], match[3], "=" if match[2] == "=" else "!="))
    return tuple(found)


def matches(matchers: Iterable[Matcher], found: Mapping[str, str]) -> bool:
    """Whether all of them hold."""
    return all(matcher.matches(found) for matcher in matchers)
