"""What compiled conditions compute with: data that may be missing, and values that may be of the wrong type.

Missing data makes every comparison False and every sum missing. A value of the wrong type raises WrongType in the
fast functions; the careful ones (`CAREFUL`) count it and go on as with missing data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["CAREFUL", "FAST", "MISSING", "WrongType", "careful"]

Note = Callable[[], None]
_PLAIN = (str, int, float)
_NUMBERS = (int, float)


class WrongType(TypeError):
    """A comparison or a sum of values that do not go together."""


class _Missing:
    """Stands for data that does not exist: unequal to everything, neither more nor less."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    def __hash__(self) -> int:
        return 0

    def _never(self, other: object) -> bool:
        return False

    def _still(self, other: object = None) -> _Missing:
        return self

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _never
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _still
    __truediv__ = __rtruediv__ = __mod__ = __rmod__ = _still
    __neg__ = __pos__ = __abs__ = _still


MISSING: Any = _Missing()


def number(value: Any) -> Any:
    """`value` as a float, so that no sum of whole numbers can grow without end."""
    if value.__class__ is float:
        return value
    if value is None or value is MISSING:
        return MISSING
    if isinstance(value, _NUMBERS):
        try:
            return float(value)
        except OverflowError:
            return MISSING
    raise WrongType


def yes(value: Any) -> bool:
    """Whether a value that stands alone is true."""
    return bool(value)


def no(value: Any) -> bool:
    """Whether it exists and is false."""
    return value is not None and value is not MISSING and not value


def unequal(left: Any, right: Any) -> bool:
    """Whether both exist, are of one kind, and differ."""
    if left is None or right is None or left is MISSING or right is MISSING:
        return False
    if isinstance(left, _PLAIN) and isinstance(right, _PLAIN) and isinstance(left, str) is isinstance(right, str):
        return bool(left != right)
    raise WrongType


def outside(value: Any, choices: tuple[Any, ...]) -> bool:
    """Whether it exists and is none of them."""
    return value is not None and value is not MISSING and value not in choices


def holds(value: Any, text: str) -> bool:
    """Whether a text exists and has `text` in it."""
    if value is None or value is MISSING:
        return False
    if isinstance(value, str):
        return text in value
    raise WrongType


def lacks(value: Any, text: str) -> bool:
    """Whether a text exists and does not have `text` in it."""
    return value is not None and value is not MISSING and not holds(value, text)


def least(*values: Any) -> Any:
    """The smallest; missing when one of them is."""
    return MISSING if any(value is MISSING for value in values) else min(values)


def most(*values: Any) -> Any:
    """The largest; missing when one of them is."""
    return MISSING if any(value is MISSING for value in values) else max(values)


def rounded(value: Any, digits: int = 0) -> Any:
    """Rounded to that many digits after the point."""
    return value if value is MISSING else round(value, digits)


# The careful ones take a `note` to call for each value of the wrong type.


def careful(act: Callable[..., Any], instead: Any = MISSING) -> Callable[..., Any]:
    """`act` with a `note` before its operands, giving `instead` where it raises."""

    def attempt(note: Note, *operands: Any) -> Any:
        try:
            return act(*operands)
        except ZeroDivisionError:
            return instead
        except Exception:  # data may be anything, and its operators may do anything
            note()
            return instead

    return attempt


def _ordered(act: Callable[[Any, Any], Any]) -> Callable[..., bool]:
    def compare(left: Any, right: Any) -> bool:
        if left is MISSING or right is MISSING:
            return False
        if isinstance(left, _PLAIN) and isinstance(right, _PLAIN) and isinstance(left, str) is isinstance(right, str):
            return bool(act(left, right))
        raise WrongType

    return careful(compare, False)


FAST: Mapping[str, Any] = {
    "_M": MISSING,
    "_num": number,
    "_yes": yes,
    "_no": no,
    "_ne": unequal,
    "_outside": outside,
    "_holds": holds,
    "_lacks": lacks,
    "_min": least,
    "_max": most,
    "_abs": abs,
    "_round": rounded,
}
"""Names in the code of a condition as it runs first; whatever raises there is done again with `CAREFUL`."""

CAREFUL: Mapping[str, Any] = {
    "_M": MISSING,
    **{name: careful(FAST[name]) for name in ("_num", "_min", "_max", "_abs", "_round")},
    **{name: careful(FAST[name], False) for name in ("_yes", "_no", "_ne", "_outside", "_holds", "_lacks")},
    "_eq": careful(lambda left, right: bool(left == right), False),
    "_in": careful(lambda value, choices: value in choices, False),
    "_lt": _ordered(lambda left, right: left < right),
    "_le": _ordered(lambda left, right: left <= right),
    "_gt": _ordered(lambda left, right: left > right),
    "_ge": _ordered(lambda left, right: left >= right),
    "_add": careful(lambda left, right: left + right),
    "_sub": careful(lambda left, right: left - right),
    "_mul": careful(lambda left, right: left * right),
    "_div": careful(lambda left, right: left / right),
    "_mod": careful(lambda left, right: left % right),
}
"""The same, one comparison or sum at a time, never raising."""
