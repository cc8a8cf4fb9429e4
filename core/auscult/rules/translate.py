"""The tree of a condition into the source of two functions: a fast one, and a careful one for when that raises.

Nothing of the user's text is copied: names and texts become string literals, numbers become numbers, and every node
that is not listed here is refused. `not` is moved inwards (``not (a > b)`` becomes ``a <= b``), so that missing data
makes a comparison False on whichever side of a `not` it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Literal, NamedTuple

from auscult.errors import did_you_mean
from auscult.options import Duration
from auscult.rules import windows
from auscult.rules.grammar import Source
from auscult.rules.names import NUMBERS, TEXTS, base_names

__all__ = ["Translation", "translate"]

Kind = Literal["number", "text", "truth", "any"]

_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "_eq"),
    ast.NotEq: ("!=", "_ne"),
    ast.Lt: ("<", "_lt"),
    ast.LtE: ("<=", "_le"),
    ast.Gt: (">", "_gt"),
    ast.GtE: (">=", "_ge"),
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "_add"),
    ast.Sub: ("-", "_sub"),
    ast.Mult: ("*", "_mul"),
    ast.Div: ("/", "_div"),
    ast.Mod: ("%", "_mod"),
}
_FOREIGN = {
    ast.Attribute: "a name cannot be followed by `.`",
    ast.Subscript: "a name cannot be followed by `[`",
    ast.Lambda: "`lambda` has no place in a condition",
    ast.IfExp: "`if` has no place in a condition; combine comparisons with `and` and `or`",
    ast.JoinedStr: "text cannot be an f-string",
    ast.Starred: "`*` can only stand between two numbers",
    ast.Await: "`await` has no place in a condition",
    ast.List: "a list of choices stands in parentheses, after `in`",
    ast.Set: "a list of choices stands in parentheses, after `in`",
    ast.Tuple: "a list of choices can only stand after `in`",
    ast.Dict: "a dictionary has no place in a condition",
}
_FUNCTIONS = ("abs", "has", "round", *windows.FUNCTIONS)
_CONSTANTS = {"true": True, "false": False}


class Translation(NamedTuple):
    """The source of both functions, and what they ask for."""

    fast: str
    careful: str
    names: set[str]
    windows: dict[str, float]


def translate(source: Source, known: Collection[str] | None, scope: str) -> Translation:
    """The functions for a condition. Raises ConditionError for what is not allowed."""
    fast = _Writer(source, known, scope, careful=False)
    careful = _Writer(source, known, scope, careful=True)
    return Translation(
        "lambda get: " + fast.truth(source.tree),
        "lambda get, note: " + careful.truth(source.tree),
        fast.names,
        fast.windows,
    )


class _Writer:
    """Writes one of the two functions."""

    def __init__(self, source: Source, known: Collection[str] | None, scope: str, *, careful: bool) -> None:
        self._source = source
        self._known = known
        self._base = base_names(scope)
        self._careful = careful
        self._note = "note, " if careful else ""
        self.names: set[str] = set()
        self.windows: dict[str, float] = {}

    # What is true or false

    def truth(self, node: ast.expr, *, negated: bool = False) -> str:
        """Code for whether `node` holds, or, `negated`, whether its opposite does."""
        match node:
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) is not negated else " or "
                return "(" + word.join([self.truth(value, negated=negated) for value in values]) + ")"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.truth(operand, negated=not negated)
            case ast.Compare():
                return self._comparison(node, negated)
            case ast.Call(func=ast.Name(id="has")):
                return f"(get({self._only_name(node)!r}) is {'' if negated else 'not '}None)"
            case ast.Constant(value=bool() as value):
                return repr(value is not negated)
            case ast.Name(id=name) if name in _CONSTANTS:
                return repr(_CONSTANTS[name] is not negated)
            case ast.Name():
                return self._flag(node, negated)
        self._refuse_foreign(node)
        raise self._source.error(node, f"`{self._source.piece(node)}` is neither true nor false; compare it")

    def _flag(self, node: ast.Name, negated: bool) -> str:
        if self._kind_of(self._name(node)) == "text":
            raise self._source.error(node, f"`{node.id}` is a text; compare it with `==`, `!=` or `in`")
        return f"_{'no' if negated else 'yes'}({self._note}get({node.id!r}))"

    def _comparison(self, node: ast.Compare, negated: bool) -> str:
        operands = [node.left, *node.comparators]
        pairs = [
            self._pair(left, _OPPOSITE.get(type(op), type(op)) if negated else type(op), right, node)
            for left, op, right in zip(operands, node.ops, operands[1:], strict=False)
        ]
        return pairs[0] if len(pairs) == 1 else "(" + (" or " if negated else " and ").join(pairs) + ")"

    def _pair(self, left: ast.expr, op: type[ast.cmpop], right: ast.expr, whole: ast.Compare) -> str:
        if op in (ast.In, ast.NotIn):
            if len(whole.ops) > 1:
                raise self._source.error(whole, "`in` cannot be part of a chain of comparisons")
            return self._membership(left, right, opposite=op is ast.NotIn)
        if op not in _COMPARE:
            raise self._source.error(whole, "`is` has no place in a condition; write `==`, or `has(name)`")
        equality = op in (ast.Eq, ast.NotEq)
        first, first_kind = self._value(left, inexact=equality and isinstance(right, ast.Constant))
        second, second_kind = self._value(right, inexact=equality and isinstance(left, ast.Constant))
        self._check_kinds(whole, first_kind, second_kind, equality)
        sign, name = _COMPARE[op]
        if self._careful or op is ast.NotEq:
            return f"{name}({self._note}{first}, {second})"
        return f"({first} {sign} {second})"

    def _check_kinds(self, node: ast.Compare, left: Kind, right: Kind, equality: bool) -> None:
        kinds = {left, right}
        if not equality and kinds & {"text", "truth"}:
            what = "text" if "text" in kinds else "true and false"
            raise self._source.error(node, f"{what} has no order; compare with `==`, `!=` or `in`")
        if "text" in kinds and kinds & {"number", "truth"}:
            raise self._source.error(node, "compares a text with a number, which never holds")

    def _membership(self, left: ast.expr, right: ast.expr, *, opposite: bool) -> str:
        if isinstance(right, ast.Tuple):
            return self._one_of(left, right, opposite)
        if isinstance(left, ast.Constant) and isinstance(left.value, str) and isinstance(right, ast.Name):
            if self._kind_of(self._name(right)) == "number":
                raise self._source.error(right, f"`{right.id}` is a number; `in` looks into a text")
            return f"_{'lacks' if opposite else 'holds'}({self._note}get({right.id!r}), {left.value!r})"
        raise self._source.error(
            right, "after `in` stand choices in parentheses, such as ('degraded', 'unhealthy'), or a text's name"
        )

    def _one_of(self, left: ast.expr, right: ast.Tuple, opposite: bool) -> str:
        code, kind = self._value(left, inexact=True)
        choices: list[str] = []
        for each in right.elts:
            choice, choice_kind = self._literal(each)
            if {kind, choice_kind} in ({"text", "number"}, {"text", "truth"}):
                raise self._source.error(each, "compares a text with a number, which never holds")
            choices.append(choice)
        if not choices:
            raise self._source.error(right, "there is nothing to choose from")
        choices_code = "(" + ", ".join(choices) + ",)"
        if opposite:
            return f"_outside({self._note}{code}, {choices_code})"
        return f"_in({self._note}{code}, {choices_code})" if self._careful else f"({code} in {choices_code})"

    def _literal(self, node: ast.expr) -> tuple[str, Kind]:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            code, kind = self._constant(node.operand)
            if kind == "number":
                return f"-{code}", kind
        if isinstance(node, ast.Constant):
            return self._constant(node)
        raise self._source.error(node, "a choice is a text or a number")

    # Values

    def _value(self, node: ast.expr, *, inexact: bool = False) -> tuple[str, Kind]:
        """Code for a value and its kind; `inexact` code may give None for what is missing."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id=name) if name in _CONSTANTS:
                return repr(_CONSTANTS[name]), "truth"
            case ast.Name(id=name):
                kind = self._kind_of(self._name(node))
                return f"get({name!r})" if inexact else f"(v if (v := get({name!r})) is not None else _M)", kind
            case ast.Call() if self._is_has(node):
                return self.truth(node), "truth"
            case ast.Call() | ast.BinOp() | ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return self._number(node), "number"
        self._refuse_foreign(node)
        raise self._source.error(node, "a comparison has numbers, texts or names on both sides")

    def _is_has(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Name) and node.func.id == "has"

    def _constant(self, node: ast.Constant) -> tuple[str, Kind]:
        value = node.value
        if isinstance(value, bool):
            return repr(value), "truth"
        if isinstance(value, str):
            return repr(value), "text"
        if isinstance(value, int | float):
            if abs(value) <= 1e300:  # neither infinity nor what no float can hold
                return repr(value), "number"
            raise self._source.error(node, "the number is too large")
        if value is None:
            raise self._source.error(node, "`None` has no place in a condition; `has(name)` asks whether there is data")
        raise self._source.error(node, f"`{self._source.piece(node)}` is neither a number nor a text")

    def _number(self, node: ast.expr) -> str:
        """Code for a float, or what stands for missing data."""
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                self._constant(node)
                return repr(float(value))
            case ast.Name(id=name) if name not in _CONSTANTS:
                if self._kind_of(self._name(node)) == "text":
                    raise self._source.error(node, f"`{name}` is a text; it cannot be reckoned with")
                return f"_num({self._note}get({name!r}))"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{self._number(operand)})"
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._number(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                sign, name = _ARITHMETIC[type(op)]
                first, second = self._number(left), self._number(right)
                return f"{name}(note, {first}, {second})" if self._careful else f"({first} {sign} {second})"
            case ast.BinOp():
                raise self._source.error(node, "numbers are reckoned with `+`, `-`, `*`, `/` and `%` only")
            case ast.Call():
                return self._call(node)
        self._refuse_foreign(node)
        raise self._source.error(node, f"`{self._source.piece(node)}` is not a number")

    # Functions

    def _call(self, node: ast.Call) -> str:
        if not isinstance(node.func, ast.Name):
            raise self._source.error(node, "only functions can be called")
        name = node.func.id
        if name not in _FUNCTIONS:
            raise self._source.error(node, f"there is no function `{name}`" + did_you_mean(name, _FUNCTIONS))
        if node.keywords:
            raise self._source.error(node, f"`{name}` takes no named arguments")
        if name == "has":
            raise self._source.error(node, "`has(…)` is true or false, not a number")
        if name in windows.FUNCTIONS and (name not in ("min", "max") or _is_text(node.args[-1:])):
            return self._window(name, node)
        if name == "round":
            return self._round(node)
        if name == "abs" and len(node.args) != 1:
            raise self._source.error(node, "`abs` takes one number")
        if name != "abs" and len(node.args) < 2:
            raise self._source.error(node, f'`{name}` takes several numbers, or a name and a time such as "5m"')
        return f"_{name}({self._note}{', '.join([self._number(arg) for arg in node.args])})"

    def _round(self, node: ast.Call) -> str:
        match node.args:
            case [value]:
                return f"_round({self._note}{self._number(value)})"
            case [value, ast.Constant(value=int() as digits)] if 0 <= digits <= 15:
                return f"_round({self._note}{self._number(value)}, {int(digits)})"
        raise self._source.error(node, "`round` takes a number, and how many digits (0 to 15) to keep after the point")

    def _window(self, function: str, node: ast.Call) -> str:
        if function == "rate_of_failures":
            name, rest = windows.FAILED, node.args
        else:
            first = node.args[0] if node.args else None
            if not isinstance(first, ast.Name):
                raise self._source.error(
                    node, f'`{function}` takes a name and a time: {function}(response_time_ms, "5m")'
                )
            name, rest = self._name(first), node.args[1:]
            if self._kind_of(name) == "text":
                raise self._source.error(first, f"`{name}` is a text; a window is made of numbers")
        if len(rest) != 1 or not _is_text(rest):
            raise self._source.error(node, f'`{function}` needs a time such as "5m" as its last argument')
        seconds = self._seconds(rest[0])
        self.windows[name] = max(self.windows.get(name, 0.0), seconds)
        return f"_w_{function}({self._note}get, {name!r}, {seconds!r})"

    def _seconds(self, node: ast.expr) -> float:
        try:
            seconds = float(Duration(str(node.value) if isinstance(node, ast.Constant) else ""))
        except ValueError:
            raise self._source.error(node, "expected a duration such as 30s, 5m or 1h") from None
        if 0 < seconds <= windows.LONGEST:
            return seconds
        raise self._source.error(node, f"a window is at most {Duration(windows.LONGEST)} long")

    # Names

    def _only_name(self, node: ast.Call) -> str:
        if len(node.args) == 1 and isinstance(node.args[0], ast.Name) and not node.keywords:
            return self._name(node.args[0])
        raise self._source.error(node, "`has` takes one name")

    def _name(self, node: ast.Name) -> str:
        name = node.id
        if name not in self._base and self._known is not None and name not in self._known:
            raise self._source.error(node, _unknown(name, {*self._base, *self._known}))
        self.names.add(name)
        return name

    def _kind_of(self, name: str) -> Kind:
        if name not in self._base:
            return "any"
        return "text" if name in TEXTS else "number" if name in NUMBERS else "any"

    def _refuse_foreign(self, node: ast.expr) -> None:
        for kind, message in _FOREIGN.items():
            if isinstance(node, kind):
                raise self._source.error(node, message)
        if isinstance(node, ast.Call) and not self._is_has(node):
            self._call(node)


def _unknown(name: str, known: Collection[str]) -> str:
    words = {"and", "or", "not", "in"}
    if name.lower() in words:
        return f"write `{name.lower()}` instead of `{name}`"
    near = did_you_mean(name, known)
    return f"there is no data `{name}`{near}"


def _is_text(nodes: Collection[ast.expr]) -> bool:
    return all(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes) and bool(nodes)
