"""Gives every class the name by which configuration finds it.

A kind that several distributions offer is kept for all of them, under ``distribution/kind``. The bundled one, if
there is one, also keeps the short name, so that installing a plugin never changes what a configuration means;
between strangers the short name is ambiguous and refused when it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from auscult.catalogue.plugin import BUNDLED, Plugin
from auscult.catalogue.refusal import Role

__all__ = ["Kinds", "name_kinds"]


class Kinds(Mapping[str, Any]):
    """Classes of one role by kind. Iterates over one name per class; finds a class by its qualified name as well."""

    def __init__(self, primary: Mapping[str, type], qualified: Mapping[str, type]) -> None:
        self._primary = dict(primary)
        self._every = {**qualified, **primary}
        self.ambiguous: dict[str, list[str]] = {}
        """Short names that several strangers share, with the qualified ones."""

    def __getitem__(self, kind: str) -> Any:
        return self._every[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._every

    def __iter__(self) -> Iterator[str]:
        return iter(self._primary)

    def __len__(self) -> int:
        return len(self._primary)

    def __repr__(self) -> str:
        return f"Kinds({', '.join(self._primary)})"


def name_kinds(role: Role, offers: Iterable[tuple[Plugin, Any]]) -> Kinds:
    """Name the fit classes of one role, noting repeated kinds as problems of their plugins."""
    by_kind: dict[str, list[tuple[Plugin, Any]]] = defaultdict(list)
    for plugin, cls in offers:
        if _is_first_of_its_distribution(plugin, cls, by_kind[cls.kind], role):
            by_kind[cls.kind].append((plugin, cls))
    primary: dict[str, type] = {}
    qualified: dict[str, type] = {}
    ambiguous: dict[str, list[str]] = {}
    for kind, group in by_kind.items():
        bundled = any(plugin.qualifier == BUNDLED for plugin, _ in group)
        for plugin, cls in group:
            name = f"{plugin.qualifier}/{kind}"
            qualified[name] = cls
            short = len(group) == 1 or plugin.qualifier == BUNDLED
            primary[kind if short else name] = cls
            plugin.kinds.setdefault(role.name, []).append(kind if short else name)
            if not short:
                _complain_of_repetition(plugin, role, kind, group)
        if len(group) > 1 and not bundled:
            ambiguous[kind] = [f"{plugin.qualifier}/{kind}" for plugin, _ in group]
    kinds = Kinds(primary, qualified)
    kinds.ambiguous = ambiguous
    return kinds


def _is_first_of_its_distribution(plugin: Plugin, cls: Any, group: list[tuple[Plugin, Any]], role: Role) -> bool:
    other = next(((p, c) for p, c in group if p.qualifier == plugin.qualifier), None)
    if other is None:
        return True
    # The same class again, from a list that repeats itself or a hook imported into a second module, is harmless.
    if other[1] is not cls:
        plugin.complain(
            "kind",
            f"`{cls.__name__}` repeats the {role.key} kind `{cls.kind}` of `{other[1].__name__}` in the plugin "
            f"`{other[0].name}`; the first one counts",
            "give it a kind of its own",
        )
    return False


def _complain_of_repetition(plugin: Plugin, role: Role, kind: str, group: list[tuple[Plugin, Any]]) -> None:
    others = ", ".join(p.origin for p, _ in group if p is not plugin)
    name = f"{plugin.qualifier}/{kind}"
    plugin.complain(
        "kind",
        f"the {role.key} kind `{kind}` is also offered by {others}; this one is kept as `{name}`",
        f'write {role.key} = "{name}" to use it, or give it a kind of its own',
    )
