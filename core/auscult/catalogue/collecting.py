"""Calls each implementation of a hook alone and keeps what is usable of its answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pluggy
from msgspec import Struct

from auscult.catalogue.containment import Failure, attempt, called, describe
from auscult.catalogue.plugin import Plugin

__all__ = ["MAX_ITEMS", "collect"]

MAX_ITEMS = 1000
"""Things taken from one implementation: a generator may never end."""


def collect(manager: pluggy.PluginManager, plugins: Iterable[Plugin], hook: str) -> Iterator[tuple[Plugin, Any]]:
    """Everything that `plugins` return for `hook`, with the plugin; in the order of `plugins`.

    What is raised, missing or shaped wrongly becomes a problem of its plugin alone.
    """
    implementations = {impl.plugin_name: impl.function for impl in getattr(manager.hook, hook).get_hookimpls()}
    for plugin in plugins:
        if hook in plugin.hooks:
            for item in _answer(plugin, hook, implementations[plugin.name]):
                yield plugin, item


def _answer(plugin: Plugin, hook: str, implementation: Callable[[], Any]) -> list[Any]:
    answer = attempt(implementation)
    if isinstance(answer, Failure):
        plugin.complain("hook", f"`{hook}` raised {describe(answer.error)}", plugin.mend)
        return []
    if wrong := _misshapen(answer):
        plugin.complain("hook", f"`{hook}` {wrong[0]}", wrong[1])
        return []
    return _items(plugin, hook, answer)


def _misshapen(answer: Any) -> tuple[str, str] | None:
    """What is wrong with an answer as a whole, with what to do."""
    if answer is None:
        return "returned None", "it forgot its `return`; return a list, an empty one to offer nothing"
    if inspect.isclass(answer):
        return f"returned the class {answer.__name__} alone", f"return it in a list: [{answer.__name__}]"
    if inspect.iscoroutine(answer):
        answer.close()
        return "returned a coroutine", "hooks are plain functions: take `async` away"
    if isinstance(answer, str | bytes | Mapping | Struct) or not isinstance(answer, Iterable):
        return f"returned {called(answer)}, not a list", "return a list"
    return None


def _items(plugin: Plugin, hook: str, answer: Iterable[Any]) -> list[Any]:
    """The items, those before an exception included."""
    items: list[Any] = []

    def take() -> bool:
        for item in answer:
            if len(items) == MAX_ITEMS:
                return False
            items.append(item)
        return True

    complete = attempt(take)
    if isinstance(complete, Failure):
        plugin.complain("hook", f"`{hook}` raised {describe(complete.error)} after {len(items)} items", plugin.mend)
    elif not complete:
        plugin.complain("hook", f"`{hook}` gives more than {MAX_ITEMS} items; the rest is left out", "return a list")
    return items
