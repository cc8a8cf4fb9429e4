"""`Catalogue`: every plugin, every kind by its name, every problem."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auscult.catalogue.containment import Failure, attempt, describe
from auscult.catalogue.discovery import installed, load
from auscult.catalogue.hooks import find_hooks
from auscult.catalogue.kinds import ROLES, offered
from auscult.catalogue.local import load_local
from auscult.catalogue.plugin import BUNDLED, Plugin, PluginInfo
from auscult.errors import MissingDependency, UnknownKind
from auscult.kinds import Channel, Check, Exporter, Panel
from auscult.model import Problem

if TYPE_CHECKING:
    import click

__all__ = ["Catalogue", "plugin_commands"]


class Catalogue:
    """What is installed. Made by `discover`; never raises for what a plugin does wrong."""

    def __init__(self, plugins: Iterable[Plugin], problems: Iterable[Problem] = ()) -> None:
        self._plugins = list(plugins)
        self._general = list(problems)
        self._kinds: dict[str, dict[str, type[Any]]] = {role: {} for role in ROLES}
        self._owner: dict[type[Any], Plugin] = {}
        for plugin in self._plugins:
            find_hooks(plugin)
            for role in ROLES:
                for cls in offered(plugin, role):
                    self._take(plugin, role, cls)
        self.dashboards = self._collect("auscult_dashboards")
        self.rules = self._collect("auscult_rules")

    @classmethod
    def discover(
        cls,
        local: Sequence[str] = (),
        *,
        base: Path | None = None,
        entry_points: Iterable[EntryPoint] | None = None,
    ) -> Catalogue:
        """Everything installed, and `local` plugins: files relative to `base`, or dotted module names."""
        found, problems = (list(entry_points), []) if entry_points is not None else installed()
        return cls([*load(found), *load_local(local, base)], problems)

    # What there is

    @property
    def checks(self) -> Mapping[str, type[Check]]:
        """Checks by kind; a kind that is repeated stands under ``distribution/kind`` for all but the first."""
        return self._kinds["checks"]

    @property
    def channels(self) -> Mapping[str, type[Channel]]:
        """Channels by kind."""
        return self._kinds["channels"]

    @property
    def exporters(self) -> Mapping[str, type[Exporter]]:
        """Exporters by kind."""
        return self._kinds["exporters"]

    @property
    def panels(self) -> Mapping[str, type[Panel]]:
        """Panels by kind."""
        return self._kinds["panels"]

    @property
    def plugins(self) -> list[PluginInfo]:
        """Every plugin, working or not."""
        return [self._info(plugin) for plugin in self._plugins]

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong, with what to do about it."""
        return self._general + [problem for plugin in self._plugins for problem in plugin.problems]

    # Looking up

    def check(self, kind: str) -> type[Check]:
        """The check of that kind. Raises UnknownKind, naming the nearest, and MissingDependency."""
        return self._find("checks", "check", kind)

    def channel(self, kind: str) -> type[Channel]:
        """The channel of that kind; see `check`."""
        return self._find("channels", "channel", kind)

    def exporter(self, kind: str) -> type[Exporter]:
        """The exporter of that kind; see `check`."""
        return self._find("exporters", "exporter", kind)

    def panel(self, kind: str) -> type[Panel]:
        """The panel of that kind; see `check`."""
        return self._find("panels", "panel", kind)

    def missing(self, cls: type[Any]) -> str | None:
        """The command that installs what `cls` still needs; None when it needs nothing. Imports nothing."""
        needs = self._needs(cls)
        return needs.remedy if needs is not None else None

    def of(self, cls: type[Any]) -> PluginInfo | None:
        """The plugin that offers `cls`."""
        plugin = self._owner.get(cls)
        return self._info(plugin) if plugin is not None else None

    def commands(self) -> dict[str, click.Command]:
        """Commands of plugins by name; asked on first use."""
        return self._commands

    # Building

    def _take(self, plugin: Plugin, role: str, cls: type[Any]) -> None:
        """Enter a kind; the first one keeps the short name, and bundled plugins come first."""
        kinds, name = self._kinds[role], cls.kind
        if (first := kinds.get(name)) is not None and first is not cls:
            name = f"{plugin.qualifier}/{cls.kind}"
            owner = self._owner[first]
            plugin.complain(
                "kind",
                f"the kind `{cls.kind}` is taken by {owner.origin}; this one is `{name}`",
                f"use `{name}` in the configuration, or rename the kind",
            )
            if name in kinds:
                return
        kinds[name] = cls
        self._owner.setdefault(cls, plugin)
        plugin.kinds.setdefault(role, []).append(name)

    def _collect(self, hook: str) -> list[Any]:
        """Everything that implementations of a hook return, each called alone."""
        collected: list[Any] = []
        for plugin in self._plugins:
            if (function := plugin.hooks.get(hook)) is None:
                continue
            items = attempt(lambda f=function: list(f()))  # type: ignore[misc]
            if isinstance(items, Failure):
                plugin.complain("hook", f"`{hook}` failed: {describe(items.error)}", plugin.mend)
            else:
                collected += items
        return collected

    @cached_property
    def _commands(self) -> dict[str, click.Command]:
        import click

        commands: dict[str, click.Command] = {}
        for item in self._collect("auscult_commands"):
            if isinstance(item, click.Command) and item.name:
                commands.setdefault(item.name, item)
        return commands

    def _find(self, role: str, word: str, kind: str) -> type[Any]:
        cls = self._kinds[role].get(kind)
        if cls is None:
            raise UnknownKind(word, kind, self._kinds[role])
        if (needs := self._needs(cls)) is not None:
            raise needs
        return cls

    def _needs(self, cls: type[Any]) -> MissingDependency | None:
        for package, extra in cls.requires.items():
            if isinstance(found := attempt(lambda p=package: importlib.util.find_spec(p)), Failure) or found is None:  # type: ignore[misc]
                owner = self._owner.get(cls)
                bundled = owner is None or owner.distribution == BUNDLED
                other = None if bundled or owner is None else f"pip install '{owner.distribution}[{extra}]'"
                return MissingDependency(package, extra, install=other)
        return None

    def _info(self, plugin: Plugin) -> PluginInfo:
        classes = [cls for cls, owner in self._owner.items() if owner is plugin]
        missing = dict.fromkeys(remedy for cls in classes if (remedy := self.missing(cls)))
        return PluginInfo(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            module=plugin.module,
            kinds={role: tuple(names) for role, names in plugin.kinds.items()},
            missing=tuple(missing),
            ok=not plugin.problems,
        )


def plugin_commands() -> dict[str, click.Command]:
    """Commands of installed plugins by name. The bundled ones have none, and are not imported to learn that."""
    found, problems = installed()
    others = [entry for entry in found if entry.dist is None or entry.dist.name != BUNDLED]
    return Catalogue([*load(others)], problems).commands()
