"""Conditions in configuration: a small language with Python's spelling, compiled once to native code (decision 16).

`Condition("response_time_ms > 500 and status != 'unknown'")` is called with the data and says whether it holds. It
cannot reach anything but the data, cannot loop, and cannot raise. Missing data makes a comparison False, under `not`
as well: `not (x > 5)` means ``x <= 5``; whether there is data is asked with `has(x)`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from auscult.rules import windows
from auscult.rules.grammar import ConditionError, parse
from auscult.rules.translate import Translation, translate
from auscult.rules.values import CAREFUL, FAST, careful

__all__ = ["Condition", "ConditionError"]

Get = Callable[[str], Any]

_FAST = {"__builtins__": {}, **FAST, **{f"_w_{name}": read for name, read in windows.FUNCTIONS.items()}}
_CAREFUL = {
    "__builtins__": {},
    **CAREFUL,
    **{f"_w_{name}": careful(read) for name, read in windows.FUNCTIONS.items()},
}


class Condition:
    """A condition as text. Two of the same text are equal.

    `known` are names that are valid beside the usual ones (measurements, labels); None allows every name. Raises
    ConditionError, a ValueError, with one sentence.
    """

    __slots__ = ("_careful", "_fast", "mismatches", "names", "text", "windows")

    def __init__(self, text: str, known: Collection[str] | None = None, *, scope: str = "component") -> None:
        translation: Translation = translate(parse(text), known, scope)
        self.text = text
        self.names: frozenset[str] = frozenset(translation.names)
        """Every name of data it asks for."""
        self.windows: Mapping[str, float] = translation.windows
        """Names whose recent past it looks at, with the longest time in seconds."""
        self.mismatches = 0
        """How often it met a value of the wrong type; such a comparison does not hold."""
        self._fast: Callable[[Get], Any] = eval(translation.fast, dict(_FAST))  # noqa: S307 - made by us
        self._careful: Callable[[Get, Callable[[], None]], Any] = eval(  # noqa: S307
            translation.careful, dict(_CAREFUL)
        )

    def __call__(self, data: Mapping[str, Any]) -> bool:
        """Whether it holds for `data`."""
        return self.holds(data.get)

    def holds(self, get: Get) -> bool:
        """Whether it holds for the data that `get(name)` gives, None for what is missing."""
        try:
            return True if self._fast(get) else False  # noqa: SIM210 - half the time of bool()
        except Exception:  # a value of the wrong type, a division by zero, or data that raises by itself
            return self._slowly(get)

    def _slowly(self, get: Get) -> bool:
        def guarded(name: str) -> Any:
            try:
                return get(name)
            except Exception:
                self._note()
                return None

        try:
            return bool(self._careful(guarded, self._note))
        except Exception:
            self._note()
            return False

    def _note(self) -> None:
        self.mismatches += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    def __str__(self) -> str:
        return self.text
