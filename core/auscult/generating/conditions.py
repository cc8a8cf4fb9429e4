"""Conditions of rules as PromQL, as far as metrics know what they ask for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

__all__ = ["CannotSay", "promql"]

_STATES = {"healthy": "1", "degraded": "0.5", "unhealthy": "0"}
_NAMES = {
    "response_time_ms": "component_health_response_time_ms",
    "success_rate": "component_health_success_rate",
    "error_rate": "component_health_error_rate",
    "window_results": "auscult_component_window_results",
    "flapping": "auscult_component_flapping",
}
_SYSTEM = {"health_percentage": "system_health_percentage"}
_RESOURCES = ("memory_usage", "cpu_usage", "disk_usage")
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}


class CannotSay(ValueError):
    """The condition asks for something that no metric tells."""


Families = Callable[[str], Iterable[tuple[str, float]]]
"""The metrics that carry a measurement of that name, and what it was multiplied by on its way there."""


def promql(condition: str, *, scope: str, families: Families, selector: str = "") -> str:
    """The condition as an expression that gives a series for each component for which it holds.

    `selector` is put behind each metric of components, as ``{component=~"…"}``. Raises CannotSay.
    """
    try:
        tree = ast.parse(condition, mode="eval").body
    except SyntaxError as error:
        raise CannotSay("it is not a simple expression") from error
    return _Writer(scope, families, selector).expression(tree)


class _Writer:
    def __init__(self, scope: str, families: Families, selector: str) -> None:
        self._scope, self._families, self._selector = scope, families, selector

    def expression(self, node: ast.expr) -> str:
        """A series where it holds."""
        if isinstance(node, ast.BoolOp):
            word = " or " if isinstance(node.op, ast.Or) else f" {self._and} "
            return word.join(self._inside(value) for value in node.values)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Name):
            return self._compared(node.id, "==", 1)
        raise CannotSay(f"`{ast.unparse(node)}` has no counterpart among the metrics")

    @property
    def _and(self) -> str:
        return "and" if self._scope == "system" else "and on (component)"

    def _inside(self, node: ast.expr) -> str:
        return f"({self.expression(node)})"

    def _comparison(self, node: ast.Compare) -> str:
        parts = []
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            if (word := _OPERATORS.get(type(operator))) is None:
                raise CannotSay(f"`{ast.unparse(node)}` compares in a way that PromQL does not")
            parts.append(self._one(left, word, right))
        return parts[0] if len(parts) == 1 else f" {self._and} ".join(f"({part})" for part in parts)

    def _one(self, left: ast.expr, word: str, right: ast.expr) -> str:
        if not isinstance(left, ast.Name):
            left, word, right = right, _MIRRORED[word], left
        if not isinstance(left, ast.Name):
            raise CannotSay(f"`{ast.unparse(left)}` is not the name of a metric")
        value = _constant(right)
        if left.id == "status":
            return self._status(word, value)
        if not isinstance(value, int | float):
            raise CannotSay(f"`{left.id}` is text, and metrics are numbers")
        return self._compared(left.id, word, value)

    def _status(self, word: str, value: object) -> str:
        name = "system_health_status" if self._scope == "system" else f"component_health_status{self._selector}"
        if value == "unknown" and word in ("==", "!="):  # NaN is the one number that is not itself
            return f"{name} != {name}" if word == "==" else f"{name} == {name}"
        if not isinstance(value, str) or value not in _STATES or word not in ("==", "!="):
            raise CannotSay(f"`status {word} {value!r}` has no counterpart")
        return f"{name} {word} {_STATES[value]}"

    def _compared(self, name: str, word: str, value: float) -> str:
        if self._scope == "system":
            if name in _SYSTEM:
                return f"{_SYSTEM[name]} {word} {value!r}"
        elif name in _NAMES:
            return f"{_NAMES[name]}{self._selector} {word} {value!r}"
        else:
            measured = f"{name}_percent" if name in _RESOURCES else name
            found = sorted(set(self._families(measured)))
            parts = [f"{family}{self._selector} {word} {value * factor:.15g}" for family, factor in found]
            if parts:
                return parts[0] if len(parts) == 1 else " or ".join(parts)
        raise CannotSay(f"no metric tells `{name}`")


def _constant(node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        raise CannotSay(f"`{ast.unparse(node)}` is not a plain value") from error
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | float | str):
        raise CannotSay(f"`{ast.unparse(node)}` is not a plain value")
    return value
