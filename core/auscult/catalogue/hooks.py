"""Which hooks a plugin implements: its marked functions, each held against the specs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

from auscult import hookspecs
from auscult.catalogue.containment import Failure, attempt
from auscult.catalogue.plugin import Plugin
from auscult.errors import did_you_mean

__all__ = ["SPECS", "find_hooks"]

_MARK = f"{hookspecs.PROJECT}_impl"
SPECS = tuple(name for name in vars(hookspecs) if name.startswith("auscult_"))
"""Names of all hooks."""


def find_hooks(plugin: Plugin) -> None:
    """Fill `plugin.hooks` with its sound implementations; complain about the others."""
    for name, function, marked in _candidates(plugin.target):
        if complaint := _complaint(name, function, marked):
            plugin.complain("hook", *complaint)
        else:
            plugin.hooks[name] = function
    if plugin.target is not None and not plugin.hooks and not plugin.problems:
        plugin.complain(
            "register",
            f"`{plugin.module}` implements no hook",
            f"mark a function named after a hook with @auscult.hookimpl: {', '.join(SPECS)}",
        )


def _candidates(target: object) -> Iterator[tuple[str, Callable[[], object], object]]:
    """Functions that are marked, or named like a hook and not marked."""
    for name in dir(target):
        function = attempt(lambda name=name: getattr(target, name))  # type: ignore[misc]
        if isinstance(function, Failure) or not inspect.isroutine(function):
            continue
        marked = getattr(function, _MARK, None)
        own = getattr(function, "__module__", None) == getattr(target, "__name__", None)
        if marked is not None or (name.startswith("auscult_") and (own or not isinstance(target, ModuleType))):
            yield name, function, marked


def _complaint(name: str, function: Callable[[], object], marked: object) -> tuple[str, str] | None:
    if marked is None:
        return f"the function `{name}` is not marked as a hook", f"put @auscult.hookimpl above `def {name}()`"
    name = _renamed(name, marked)
    if name not in SPECS:
        return f"there is no hook `{name}`{did_you_mean(name, SPECS)}", "give the function the name of a hook"
    if isinstance(marked, dict) and (marked.get("hookwrapper") or marked.get("wrapper")):
        return f"`{name}` is a hook wrapper", "hooks are called one by one: remove `wrapper=True`"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"`{name}` is async", f"hooks are plain functions: `def {name}()`"
    parameters = attempt(lambda: list(inspect.signature(function).parameters))
    if not isinstance(parameters, Failure) and parameters:
        return f"`{name}` takes {', '.join(parameters)}", f"hooks take no arguments: `def {name}()`"
    return None


def _renamed(name: str, marked: object) -> str:
    other = marked.get("specname") if isinstance(marked, dict) else None
    return str(other) if other else name
