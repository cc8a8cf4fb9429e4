"""The classes that a plugin offers, each held against what a kind has to be."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from auscult.catalogue.containment import Failure, attempt, describe
from auscult.catalogue.plugin import Plugin
from auscult.component import Component
from auscult.kinds import Channel, Check, Exporter, Panel

__all__ = ["COMMON_KEYS", "ROLES", "offered"]

ROLES: dict[str, type[Any]] = {"checks": Check, "channels": Channel, "exporters": Exporter, "panels": Panel}
"""Roles by the end of their hook's name, with the base class of each."""
COMMON_KEYS = frozenset(Component.__struct_fields__) - {"name", "fingerprint"}
"""Keys of every component: a check's option of such a name could never be set."""
_KIND = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def offered(plugin: Plugin, role: str) -> list[type[Any]]:
    """The sound classes that the plugin's hook for `role` returns; complaints about the rest go to the plugin."""
    items = _called(plugin, f"auscult_{role}")
    sound = []
    for item in items:
        if complaint := _complaint(item, role):
            plugin.complain("kind", *complaint)
        else:
            sound.append(item)
    return sound


def _called(plugin: Plugin, hook: str) -> list[Any]:
    """What a hook returns, as a list; the hook is called once."""
    function = plugin.hooks.get(hook)
    if function is None:
        return []
    answer = attempt(lambda: _listed(function()))
    if isinstance(answer, Failure):
        plugin.complain("hook", f"`{hook}` failed: {describe(answer.error)}", plugin.mend)
        return []
    if answer is None:
        plugin.complain(
            "hook", f"`{hook}` returned None", "it seems to lack its `return`; an empty list offers nothing"
        )
        return []
    return answer


def _listed(answer: object) -> list[Any] | None:
    if answer is None:
        return None
    if inspect.isclass(answer) or isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        raise TypeError(f"it returned {answer!r:.80}, expected a list of classes")
    return list(answer)


def _complaint(item: Any, role: str) -> tuple[str, str] | None:
    base = ROLES[role]
    if not inspect.isclass(item):
        return (
            f"`auscult_{role}` returned {item!r:.80}, which is no class",
            f"return the class itself, a subclass of auscult.{base.__name__}",
        )
    if not issubclass(item, base):
        return (
            f"{item.__name__} is not a subclass of auscult.{base.__name__}",
            f"derive it from auscult.{base.__name__}",
        )
    name = item.__name__
    kind = getattr(item, "kind", "")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return f"the kind of {name} is {kind!r}", "give the class a `kind`: lower case letters, digits, `-`, `_`, `.`"
    if inspect.isabstract(item):
        missing = ", ".join(sorted(item.__abstractmethods__))
        return f"{name} does not implement {missing}", f"implement {missing} in {name}"
    if taken := sorted(COMMON_KEYS & set(item.__struct_fields__)) if role == "checks" else []:
        return (
            f"{name} has an option `{taken[0]}`, which is a key of every component",
            f"rename the option, for example to `{taken[0]}_option`",
        )
    return None
