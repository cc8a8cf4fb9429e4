"""From whatever a probe gave back to a `CheckResult` that the rest may trust: finite, bounded, without secrets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from auscult.model import CheckResult, Origin, Reading, Status
from auscult.options import scrub

__all__ = ["MAX_MEASUREMENTS", "Flood", "failure", "settle", "to_reading", "to_result"]

MAX_MEASUREMENTS = 64
"""Measurements kept per reading; more are counted and dropped (a flood would fill every store behind it)."""
MAX_MESSAGE = 1000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_RULES = "names match [a-zA-Z_][a-zA-Z0-9_]*, values are finite, at most {} are kept"
_ONLY_FLOATS = {float}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class Flood(Exception):
    """A reading carried more, or other, measurements than may be kept."""


def to_reading(value: Any) -> Reading:
    """What a function may return (decision 11) as a `Reading`. Raises TypeError for anything else.

    bool: healthy or not; a number: its response time in ms; a mapping: measurements, with ``status`` and
    ``message`` meaning themselves; None: healthy.
    """
    if isinstance(value, Reading):
        return value
    if value is None or value is True:
        return Reading()
    if value is False:
        return Reading.unhealthy("the check returned False")
    if isinstance(value, int | float):
        return Reading(response_time_ms=float(value))
    if isinstance(value, Mapping):
        return _from_mapping(value)
    raise TypeError(f"a probe returns a Reading, bool, number, dict or None, not {type(value).__name__}")


def _from_mapping(value: Mapping[str, Any]) -> Reading:
    rest = dict(value)
    known = {name: rest.pop(name) for name in ("status", "message", "response_time_ms", "stages") if name in rest}
    rest |= rest.pop("measurements", {})
    try:
        return msgspec.convert(known | {"measurements": rest}, Reading, strict=False)
    except msgspec.ValidationError as error:
        raise TypeError(f"the returned dict is not a reading: {error}") from error


def clean_text(text: str, secrets: tuple[str, ...] = ()) -> str:
    """One bounded line: control characters become spaces, secrets ``***``."""
    text = scrub(text, secrets)
    if not text.isprintable():  # lone surrogates cannot be written anywhere
        text = _CONTROL.sub(" ", text.encode("utf-8", "replace").decode())
    text = text.strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


@lru_cache(maxsize=256)
def _are_names(names: tuple[Any, ...]) -> bool:
    return all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)


def _finite(numbers: Mapping[str, Any], limit: int) -> dict[str, float]:
    """A copy of what may be kept. The usual case, floats under the same names as ever, is decided at once."""
    if (
        len(numbers) <= limit
        and _are_names(tuple(numbers))
        and set(map(type, numbers.values())) == _ONLY_FLOATS
        and math.isfinite(sum(numbers.values()))  # it is not when a part of it is not
    ):
        return dict(numbers)
    kept: dict[str, float] = {}
    for name, value in numbers.items():
        if len(kept) == limit:
            break
        if isinstance(name, str) and _NAME.fullmatch(name) and (number := _as_finite(value)) is not None:
            kept[name] = number
    return kept


def _as_finite(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    except OverflowError:  # an integer beyond all floats
        return None


def settle(reading: Reading, secrets: tuple[str, ...] = (), *, limit: int = MAX_MEASUREMENTS) -> tuple[Reading, str]:
    """The reading with everything unfit removed, and what was removed in words ("" when nothing was).

    At most `limit` measurements and as many stages are kept.
    """
    measurements = _finite(reading.measurements, limit) if reading.measurements else {}
    stages = _finite(reading.stages, limit) if reading.stages else {}
    lost = len(reading.measurements) + len(reading.stages) - len(measurements) - len(stages)
    time_ms = reading.response_time_ms
    if time_ms is not None and not (math.isfinite(time_ms) and time_ms >= 0):
        time_ms, lost = None, lost + 1
    settled = Reading(
        _probe_status(reading.status), clean_text(str(reading.message), secrets), measurements, stages, time_ms
    )
    return settled, f"{lost} of its numbers were dropped: {_RULES.format(limit)}" if lost else ""


def _probe_status(status: Any) -> Status:
    return Status(status) if status != Status.MAINTENANCE else Status.UNKNOWN


def to_result(
    component: str, reading: Reading, *, at: int, duration: float = 0.0, origin: Origin = Origin.PROBE
) -> CheckResult:
    """The reading plus what the core knows. The response time is the reading's own, else the duration."""
    own = reading.response_time_ms
    timed = own if own is not None else duration * 1000 if duration else None
    return CheckResult(
        component,
        reading.status,
        at,
        duration,
        timed,
        reading.message,
        reading.measurements,
        reading.stages,
        origin,
    )


def failure(error: BaseException) -> str:
    """An exception as a sentence: its message, its type where the message alone says too little."""
    text = str(error).strip()
    if isinstance(error, BaseExceptionGroup) and error.exceptions:
        return f"{type(error).__name__}: {failure(error.exceptions[0])}"
    if not text:
        return type(error).__name__
    return text if " " in text and len(text) > 12 else f"{type(error).__name__}: {text}"
