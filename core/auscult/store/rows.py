"""Results as rows and back. Names of numbers recur, so they are stored once, as a *shape*."""

from __future__ import annotations

import sqlite3
from array import array
from typing import Any

import msgspec

from auscult.model import CheckResult, Origin, Status

__all__ = ["Names", "StoredResult", "decode", "encode"]

_STATUSES = (Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.UNKNOWN, Status.MAINTENANCE)
_ORIGINS = tuple(Origin)
_STATUS_CODES = {status: i * 16 for i, status in enumerate(_STATUSES)}
_ORIGIN_CODES = {origin: i for i, origin in enumerate(_ORIGINS)}

Row = tuple[int, int, int, float, float | None, str | None, int | None, bytes | None]
COLUMNS = "id, component, at, code, duration, ms, message, shape, numbers"


class StoredResult(msgspec.Struct, frozen=True):
    """A result with its growing number."""

    id: int
    result: CheckResult


class Names:
    """Numbers for component names and shapes; new ones are written on first use, in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._components: dict[str, int] = {}
        self._shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        self.reload()

    def reload(self) -> None:
        """Read what is committed: after a transaction was rolled back, new numbers are gone."""
        self._components = dict(self._connection.execute("SELECT name, id FROM component"))
        self._shapes = {
            _shape_key(names): number for number, names in self._connection.execute("SELECT id, names FROM shape")
        }

    def component(self, name: str) -> int:
        """That component's number."""
        if (number := self._components.get(name)) is None:
            number = self._insert("INSERT INTO component (name) VALUES (?)", name)
            self._components[name] = number
        return number

    def shape(self, result: CheckResult) -> int:
        """The number for the names of that result's measurements and stages."""
        key = (tuple(result.measurements), tuple(result.stages))
        if (number := self._shapes.get(key)) is None:
            number = self._insert("INSERT INTO shape (names) VALUES (?)", msgspec.json.encode(key).decode())
            self._shapes[key] = number
        return number

    def _insert(self, statement: str, value: str) -> int:
        number = self._connection.execute(statement, (value,)).lastrowid
        assert number is not None
        return number


def _shape_key(names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    measurements, stages = msgspec.json.decode(names)
    return tuple(measurements), tuple(stages)


def encode(result: CheckResult, names: Names) -> Row:
    """The row of a result, without its number."""
    shape = numbers = None
    if result.measurements or result.stages:
        shape = names.shape(result)
        numbers = array("d", [*result.measurements.values(), *result.stages.values()]).tobytes()
    return (
        names.component(result.component),
        result.at,
        _STATUS_CODES[result.status] + _ORIGIN_CODES[result.origin],
        result.duration,
        result.response_time_ms,
        result.message or None,
        shape,
        numbers,
    )


def decode(row: tuple[Any, ...], component: str, shapes: dict[int, str]) -> StoredResult:
    """The result behind a row of `COLUMNS`."""
    number, _, at, code, duration, ms, message, shape, numbers = row
    measurements: dict[str, float] = {}
    stages: dict[str, float] = {}
    if shape is not None:
        measured, staged = _shape_key(shapes[shape])
        values = array("d", numbers)
        measurements = dict(zip(measured, values, strict=False))
        stages = dict(zip(staged, values[len(measured) :], strict=False))
    status, origin = _STATUSES[code // 16], _ORIGINS[code % 16]
    return StoredResult(
        number, CheckResult(component, status, at, duration, ms, message or "", measurements, stages, origin)
    )


def status_of(code: int) -> Status:
    """The status inside a row's code."""
    return _STATUSES[code // 16]
