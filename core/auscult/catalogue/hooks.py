"""Which functions of a plugin implement hooks, and which only look like it.

Sound implementations are registered with pluggy one by one, on a module of our own making: the manager compares
plugins with ``==``, which is other people's code, and refuses a whole plugin for one bad function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import pluggy

from auscult import hookspecs
from auscult.catalogue.containment import Failure, attempt, describe
from auscult.catalogue.plugin import Plugin
from auscult.errors import did_you_mean
from auscult.hookspecs import PROJECT
from auscult.kinds import Channel, Check, Exporter, Panel, Source

__all__ = ["HOOKS", "find_hooks", "make_manager"]

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(f"{PROJECT}_"))
"""Every hook there is."""
_MARKER = f"{PROJECT}_impl"


def make_manager(plugins: Iterable[Plugin]) -> pluggy.PluginManager:
    """A manager in which every sound implementation of `plugins` is registered."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        stand_in = ModuleType(plugin.name)
        vars(stand_in).update(plugin.hooks)
        registered = attempt(lambda s=stand_in, p=plugin: manager.register(s, name=p.name))  # type: ignore[misc]
        if isinstance(registered, Failure):
            plugin.hooks.clear()
            plugin.complain("register", f"its hooks cannot be registered: {describe(registered.error)}", plugin.mend)
    return manager


def find_hooks(plugin: Plugin) -> None:
    """Fill `plugin.hooks` from its target, and note every function that was meant as a hook and is none."""
    if plugin.target is None:
        return
    found = attempt(lambda: _find_hooks(plugin))
    if isinstance(found, Failure):
        plugin.complain("register", f"its hooks cannot be found: {describe(found.error)}", plugin.mend)


def _find_hooks(plugin: Plugin) -> None:
    before = len(plugin.problems)
    for name, function in _functions(plugin.target):
        marker = _marker_of(function)
        if marker is not None:
            _take_marked(plugin, name, function, marker)
        elif _is_own(plugin.target, function) and name.startswith(f"{PROJECT}_"):
            _complain_of_unmarked(plugin, name)
    if not plugin.hooks and len(plugin.problems) == before:
        plugin.complain("register", f"`{plugin.module}` implements no hook, so it offers nothing", _first_hook(plugin))


def _functions(target: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Functions and methods by name. Looked up without running descriptors or a module's ``__getattr__``."""
    names = vars(target) if isinstance(target, ModuleType) else dir(target)
    for name in list(names):
        static = inspect.getattr_static(target, name, None)
        if inspect.isroutine(static) or isinstance(static, staticmethod | classmethod):
            bound = attempt(lambda n=name: getattr(target, n))  # type: ignore[misc]
            if callable(bound):
                yield name, bound
        elif inspect.isclass(static) and _MARKER in vars(static):
            yield name, static


def _marker_of(function: object) -> dict[str, Any] | None:
    marker = attempt(lambda: getattr(function, _MARKER, None))
    return marker if isinstance(marker, dict) else None


def _is_own(target: object, function: object) -> bool:
    """Whether a function was written in that module, not imported into it."""
    home = vars(target)["__name__"] if isinstance(target, ModuleType) else type(target).__module__
    return getattr(function, "__module__", None) == home


def _take_marked(plugin: Plugin, attribute: str, function: Callable[..., Any], marker: dict[str, Any]) -> None:
    name = marker.get("specname") or attribute
    if name not in HOOKS:
        if not marker.get("optionalhook"):
            plugin.complain("register", f"`{name}` is not a hook{_near(name)}", _rename(name))
        return
    if objection := _objection(name, function, marker):
        plugin.complain("register", *objection)
    elif name in plugin.hooks:
        plugin.complain(
            "register", f"`{name}` is implemented twice; the first one counts", "return everything from one function"
        )
    else:
        plugin.hooks[name] = function


def _near(name: str) -> str:
    return did_you_mean(name, HOOKS)


def _rename(name: str) -> str:
    near = get_close_matches(name, HOOKS, n=1)
    return f"rename it to `{near[0]}`" if near else "rename it to one of the hooks, or take `@hookimpl` away"


def _objection(name: str, function: Callable[..., Any], marker: dict[str, Any]) -> tuple[str, str] | None:
    """Why an implementation cannot be called as it is, with what to do."""
    if inspect.isclass(function):
        return f"`{name}` is a class, hooks are functions", "mark a function that returns the classes"
    if marker.get("wrapper") or marker.get("hookwrapper"):
        return (
            f"`{name}` wraps the other plugins' answers, which is not allowed",
            "use plain `@hookimpl` and return your own classes",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"`{name}` is async, hooks are plain functions", "take `async` away; hooks only return classes"
    parameters = attempt(lambda: list(inspect.signature(function).parameters))
    if isinstance(parameters, list) and parameters:
        listed = ", ".join(f"`{parameter}`" for parameter in parameters)
        return f"`{name}` takes {listed}, hooks take no arguments", f"write `def {name}():`"
    return None


def _complain_of_unmarked(plugin: Plugin, name: str) -> None:
    """A function named like a hook and not marked. Far from any hook's name it is the plugin's own business."""
    if name in HOOKS:
        plugin.complain("register", f"`{name}` is not marked as a hook, so nobody calls it", _mark(""))
    elif near := get_close_matches(name, HOOKS, n=1, cutoff=0.75):
        plugin.complain("register", f"`{name}` is not a hook{_near(name)}", _mark(f"rename it to `{near[0]}`, and "))


def _mark(first: str) -> str:
    return f"{first}write `@hookimpl` above it: from auscult import hookimpl"


def _first_hook(plugin: Plugin) -> str:
    """The hook that this module probably lacks, spelt out."""
    module = plugin.target if isinstance(plugin.target, ModuleType) else ModuleType("")
    kinds = {"checks": Check, "channels": Channel, "exporters": Exporter, "sources": Source, "panels": Panel}
    for role, base in kinds.items():
        for value in list(vars(module).values()):
            if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__:
                return f"add a function `auscult_{role}`, marked with `@hookimpl`, that returns [{value.__name__}]"
    return "add a function such as `auscult_checks`, marked with `@hookimpl`, that returns a list of classes"
