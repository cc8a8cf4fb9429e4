"""Any function as a check: ``monitor.health.register("billing", check=probe)`` (decision 11)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from auscult.kinds import Check, CheckContext
from auscult.model import Reading
from auscult.runtime.readings import to_reading

__all__ = ["FunctionCheck"]


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) > 1:
        raise TypeError(f"a check function takes no argument or one (the context), not {len(required)}: {function!r}")
    return bool(required)


class FunctionCheck(Check):
    """Calls a function: an async one on the loop, any other in a thread."""

    kind = "function"
    component_type: ClassVar[str] = "custom"

    function: Callable[..., Any]
    """Takes nothing or the context; returns a Reading, bool, number (ms), dict of measurements, or None for healthy."""
    takes_context: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any]) -> FunctionCheck:
        """A check that calls `function`. Raises TypeError when it wants more than one argument."""
        if not callable(function):
            raise TypeError(f"a check is a Check or a function, not {type(function).__name__}")
        return cls(function=function, takes_context=_takes_context(function))

    async def probe(self, ctx: CheckContext) -> Reading:
        """Call it once."""
        call = partial(self.function, ctx) if self.takes_context else self.function
        if inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(
            getattr(self.function, "__call__", None)  # noqa: B004 - an object with an async __call__
        ):
            return to_reading(await call())
        # In a tuple: trio does not let a thread give something to await.
        (value,) = await ctx.in_thread(lambda: (call(),))
        return to_reading(await value if inspect.isawaitable(value) else value)
