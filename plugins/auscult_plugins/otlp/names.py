"""Names, units and labels as Prometheus has them; providers under one name; what people said left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from functools import lru_cache

from auscult_plugins.otlp.model import Scalar

__all__ = ["PROVIDERS", "label_name", "matcher", "named", "says_something", "worded"]

_FOREIGN = re.compile(r"[^a-zA-Z0-9_:]+|_{2,}")
_LABEL_FOREIGN = re.compile(r"[^a-zA-Z0-9_]+|_{2,}")
_ANNOTATION = re.compile(r"\{[^}]*\}")
_MILLISECONDS = re.compile(r"(?:_(?:ms|millis|milliseconds)|(?<=[a-z0-9])Ms)$")
_UNITS: Mapping[str, tuple[str, float]] = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "ns": ("seconds", 1e-9),
    "min": ("seconds", 60.0),
    "h": ("seconds", 3600.0),
    "d": ("seconds", 86_400.0),
    "seconds": ("seconds", 1.0),
    "milliseconds": ("seconds", 1e-3),
    "By": ("bytes", 1.0),
    "KiBy": ("bytes", 1024.0),
    "MiBy": ("bytes", 1024.0**2),
    "GiBy": ("bytes", 1024.0**3),
    "kBy": ("bytes", 1e3),
    "MBy": ("bytes", 1e6),
    "GBy": ("bytes", 1e9),
    "bytes": ("bytes", 1.0),
    "%": ("percent", 1.0),
    "Cel": ("celsius", 1.0),
    "Hz": ("hertz", 1.0),
    "V": ("volts", 1.0),
    "A": ("amperes", 1.0),
    "W": ("watts", 1.0),
    "J": ("joules", 1.0),
    "m": ("meters", 1.0),
}
_PER = {"s": "second", "min": "minute", "h": "hour", "d": "day"}

PROVIDERS = frozenset({"model_provider", "gen_ai.provider.name", "gen_ai.system"})
"""Attributes that name a provider: LiveKit says ``api.openai.com`` and ``OpenAI`` for the same one."""

_SPOKEN = frozenset(
    {
        "pii",
        "transcript",
        "transcripts",
        "messages",
        "prompt",
        "prompts",
        "completion",
        "completions",
        "content",
        "system_instructions",
        "documents",
    }
)
"""Attributes with such a segment hold what was said, or may."""
_SPOKEN_AT_END = frozenset(
    {"text", "input", "output", "message", "instructions", "arguments", "result", "description", "stacktrace"}
)
_SPOKEN_WHOLE = frozenset({"input.value", "output.value", "system"})


@lru_cache(4096)
def says_something(attribute: str) -> bool:
    """Whether an attribute holds, or may hold, what was said in a conversation."""
    segments = attribute.lower().split(".")
    last = segments[-1]
    return (
        not _SPOKEN.isdisjoint(segments)
        or last in _SPOKEN_AT_END
        or last.endswith(("_transcript", "_text", "_message", "_messages", "_prompt", "_instructions"))
        or attribute.lower() in _SPOKEN_WHOLE
    )


def named(name: str, unit: str, shape: str, *, monotonic: bool) -> tuple[str, str, float]:
    """A metric's name with its unit, that unit, and what its values are multiplied by to be in it."""
    base = _tidy(_FOREIGN, name)
    unit, factor = _unit(unit, shape)
    if _MILLISECONDS.search(base) and unit in ("", "seconds"):
        # Node has milliseconds, and says so in the unit, or in the name alone.
        base = _MILLISECONDS.sub("", base)
        unit, factor = "seconds", factor if factor != 1.0 else 1e-3
    base = base.removesuffix("_total") if shape == "sum" and monotonic else base
    if unit and base != unit and not base.endswith(f"_{unit}"):
        base = f"{base}_{unit}" if base else unit
    return f"{base}_total" if shape == "sum" and monotonic else base, unit, factor


def _unit(unit: str, shape: str) -> tuple[str, float]:
    unit = _ANNOTATION.sub("", unit).strip()
    if unit == "1":
        return ("ratio", 1.0) if shape == "gauge" else ("", 1.0)
    of, slash, per = unit.partition("/")
    what, factor = _UNITS.get(of, (_tidy(_FOREIGN, of), 1.0))
    if not slash or not per:
        return what, factor
    return f"{what}_per_{_PER.get(per, _tidy(_FOREIGN, per))}".lstrip("_"), factor


def _tidy(foreign: re.Pattern[str], name: str) -> str:
    found = foreign.sub("_", name).strip("_")
    return f"_{found}" if found[:1].isdigit() else found


@lru_cache(4096)
def label_name(attribute: str) -> str:
    """An attribute's name as a label."""
    return _tidy(_LABEL_FOREIGN, attribute) or "_"


def worded(value: Scalar) -> str:
    """An attribute's value as a label has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a name fits one of the patterns."""
    patterns = list(patterns)
    if not patterns:
        return lambda name: False
    pattern = re.compile("|".join(translate(each) for each in patterns))
    return lambda name: pattern.match(name) is not None
