"""Which levels of a `HealthThreshold` are breached, with hysteresis, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping

from auscult.model import HealthThreshold

__all__ = ["RATES", "RESOURCES", "breached", "in_words"]

RATES = ("success_rate_percent", "error_rate_percent")
RESOURCES = ("memory_usage_percent", "cpu_usage_percent", "disk_usage_percent")
_LOWER_IS_WORSE = "success_rate_percent"
_NONE: frozenset[str] = frozenset()
_WORDS = {
    "response_time_ms": ("response time", " ms"),
    "success_rate_percent": ("success rate", " %"),
    "error_rate_percent": ("error rate", " %"),
    "memory_usage_percent": ("memory usage", " %"),
    "cpu_usage_percent": ("CPU usage", " %"),
    "disk_usage_percent": ("disk usage", " %"),
}


def breached(threshold: HealthThreshold, values: Mapping[str, float], before: frozenset[str]) -> frozenset[str]:
    """Names of the levels that `values` breach. One that was breached `before` stays so until its recovery level."""
    found = [name for name, value in values.items() if _is_breached(threshold, name, value, was=name in before)]
    return frozenset(found) if found else _NONE  # each empty one made anew would take two hundred bytes


def _is_breached(threshold: HealthThreshold, name: str, value: float, *, was: bool) -> bool:
    level: float = getattr(threshold, name)
    if was:
        level = threshold.recover.get(name, level)
    return value < level if name == _LOWER_IS_WORSE else value > level


def in_words(threshold: HealthThreshold, values: Mapping[str, float], names: frozenset[str]) -> str:
    """``response time 312 ms is above 250 ms; ...`` in the order of the threshold's fields."""
    return "; ".join(_sentence(threshold, name, values[name]) for name in _WORDS if name in names and name in values)


def _sentence(threshold: HealthThreshold, name: str, value: float) -> str:
    what, unit = _WORDS[name]
    level: float = getattr(threshold, name)
    low = name == _LOWER_IS_WORSE
    if value < level if low else value > level:
        return f"{what} {value:.4g}{unit} is {'below' if low else 'above'} {level:.4g}{unit}"
    recover = threshold.recover[name]
    return f"{what} {value:.4g}{unit} is not yet {'above' if low else 'below'} {recover:.4g}{unit}"
