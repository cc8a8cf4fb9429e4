"""`Catalogue`: what all plugins together offer, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from auscult.catalogue import discovery, local
from auscult.catalogue.collecting import collect
from auscult.catalogue.containment import called
from auscult.catalogue.hooks import find_hooks, make_manager
from auscult.catalogue.naming import Kinds, name_kinds
from auscult.catalogue.plugin import BUNDLED, Plugin, PluginInfo
from auscult.catalogue.refusal import ROLES, Role, refusal
from auscult.catalogue.requirements import absent, install_command
from auscult.errors import AmbiguousKind, MissingDependency, UnknownKind
from auscult.kinds import Channel, Check, Exporter, Panel, Source
from auscult.model import Problem

if TYPE_CHECKING:
    import click

__all__ = ["Catalogue", "plugin_commands"]


class Catalogue:
    """Installed plugins and the kinds they offer. Build one with `discover`; it never changes afterwards.

    `checks`, `channels`, `exporters`, `sources` and `panels` map kinds to classes: one name per class when iterated,
    and every class is also found as ``distribution/kind``. `dashboards` and `rules` are what plugins ship, in order.
    """

    def __init__(self, plugins: Sequence[Plugin] = (), problems: Sequence[Problem] = ()) -> None:
        self._plugins = list(plugins)
        self._problems = list(problems)
        self._owners: dict[type, Plugin] = {}
        self._remedies: dict[type, str | None] = {}
        self._commands: dict[str, click.Command] | None = None
        for plugin in self._plugins:
            find_hooks(plugin)
        self._manager = make_manager(self._plugins)
        kinds = {role.name: name_kinds(role, self._fit(role)) for role in ROLES}
        self.checks: Mapping[str, type[Check]] = kinds["checks"]
        self.channels: Mapping[str, type[Channel]] = kinds["channels"]
        self.exporters: Mapping[str, type[Exporter]] = kinds["exporters"]
        self.sources: Mapping[str, type[Source]] = kinds["sources"]
        self.panels: Mapping[str, type[Panel]] = kinds["panels"]
        self.dashboards: list[Any] = self._shipped("auscult_dashboards")
        self.rules: list[Any] = self._shipped("auscult_rules")

    @classmethod
    def discover(
        cls,
        local: Sequence[str] = (),
        *,
        base: Path | None = None,
        entry_points: Iterable[EntryPoint] | None = None,
    ) -> Self:
        """Import and ask every plugin there is. Raises nothing; see `problems`.

        `local` are plugins without packaging: ``"./my_checks.py"``, a folder, or ``"package.module"``; paths are
        relative to `base` (default: the current directory). `entry_points` replaces those of the environment.
        """
        found, problems = discovery.installed() if entry_points is None else (list(entry_points), [])
        plugins = discovery.load(found)
        plugins += _load_local(local, base, plugins)
        return cls(plugins, problems)

    # What there is

    @property
    def plugins(self) -> list[PluginInfo]:
        """Every plugin, broken ones included: bundled ones first, local ones last."""
        return [self._info(plugin) for plugin in self._plugins]

    @property
    def problems(self) -> list[Problem]:
        """Everything wrong with plugins, in their order."""
        return self._problems + [problem for plugin in self._plugins for problem in plugin.problems]

    def check(self, kind: str) -> type[Check]:
        """The check class of that (short or qualified) kind.

        Raises UnknownKind, AmbiguousKind, and MissingDependency when a package that it needs is not installed.
        """
        return self._get(ROLES[0], self.checks, kind)  # type: ignore[no-any-return]

    def channel(self, kind: str) -> type[Channel]:
        """The channel class of that kind; raises as `check` does."""
        return self._get(ROLES[1], self.channels, kind)  # type: ignore[no-any-return]

    def exporter(self, kind: str) -> type[Exporter]:
        """The exporter class of that kind; raises as `check` does."""
        return self._get(ROLES[2], self.exporters, kind)  # type: ignore[no-any-return]

    def panel(self, kind: str) -> type[Panel]:
        """The panel class of that kind; raises as `check` does."""
        return self._get(ROLES[3], self.panels, kind)  # type: ignore[no-any-return]

    def source(self, kind: str) -> type[Source]:
        """The source class of that kind; raises as `check` does."""
        return self._get(ROLES[4], self.sources, kind)  # type: ignore[no-any-return]

    def of(self, cls: type) -> PluginInfo | None:
        """The plugin that offers `cls`; None for a class that no plugin registered."""
        plugin = self._owners.get(cls)
        return self._info(plugin) if plugin is not None else None

    def missing(self, cls: type) -> str | None:
        """The command that installs what `cls` needs and lacks; None when nothing is missing. Imports nothing."""
        if cls not in self._remedies:
            lacking = absent(getattr(cls, "requires", {}))
            self._remedies[cls] = install_command(lacking, self._distribution(cls)) if lacking else None
        return self._remedies[cls]

    def commands(self) -> dict[str, click.Command]:
        """Commands that plugins add to ``auscult``, by name. Asked for on the first call, not before."""
        if self._commands is None:
            self._commands = {}
            for plugin, command in collect(self._manager, self._plugins, "auscult_commands"):
                _take_command(self._commands, plugin, command)
        return self._commands

    # How it comes together

    def _fit(self, role: Role) -> Iterable[tuple[Plugin, Any]]:
        """Classes of that role that keep the contract; the others are noted as problems."""
        for plugin, candidate in collect(self._manager, self._plugins, role.hook):
            if (refused := refusal(candidate, role)) is not None:
                plugin.complain("kind", refused.message, refused.remedy)
                continue
            self._owners.setdefault(candidate, plugin)
            yield plugin, candidate

    def _shipped(self, hook: str) -> list[Any]:
        items = []
        for plugin, item in collect(self._manager, self._plugins, hook):
            if item is None or isinstance(item, str | bytes | int | float | type):
                plugin.complain("hook", f"`{hook}` returned {item!r} among its objects", "return finished objects")
            else:
                items.append(item)
        return items

    def _get(self, role: Role, kinds: Mapping[str, Any], kind: str) -> Any:
        if kind not in kinds:
            assert isinstance(kinds, Kinds)
            if kind in kinds.ambiguous:
                raise AmbiguousKind(role.key, kind, kinds.ambiguous[kind])
            raise UnknownKind(role.key, kind, kinds)
        cls = kinds[kind]
        if (remedy := self.missing(cls)) is not None:
            raise MissingDependency(next(iter(absent(cls.requires))), install=remedy)
        return cls

    def _distribution(self, cls: type) -> str:
        """Whose extras its `requires` names; a class that no plugin registered uses ours."""
        owner = self._owners.get(cls)
        return owner.distribution if owner is not None else BUNDLED

    def _info(self, plugin: Plugin) -> PluginInfo:
        own = [cls for cls, owner in self._owners.items() if owner is plugin]
        return PluginInfo(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            module=plugin.module,
            kinds={role: tuple(names) for role, names in plugin.kinds.items()},
            hooks=tuple(sorted(plugin.hooks)),
            missing=_unique(self.missing(cls) for cls in own),
            optional=_unique(self._optional(cls) for cls in own),
            ok=not plugin.problems,
        )

    def _optional(self, cls: type) -> str | None:
        lacking = absent(getattr(cls, "may_require", {}))
        return install_command(lacking, self._distribution(cls)) if lacking else None


def _load_local(entries: Sequence[str], base: Path | None, others: Iterable[Plugin]) -> list[Plugin]:
    return local.load_local(entries, base or Path.cwd(), [plugin.name for plugin in others])


def _unique(commands: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(command for command in commands if command))


def _take_command(commands: dict[str, click.Command], plugin: Plugin, command: Any) -> None:
    import click

    if not isinstance(command, click.Command) or not command.name:
        what = "a command without a name" if isinstance(command, click.Command) else called(command)
        plugin.complain("hook", f"`auscult_commands` returned {what}", 'return functions marked @click.command("name")')
    elif command.name in commands:
        plugin.complain(
            "hook", f"another plugin has the command `{command.name}`; the first one counts", "rename the command"
        )
    else:
        commands[command.name] = command


def plugin_commands() -> dict[str, click.Command]:
    """The commands of all installed plugins, by name, for the command line.

    Bundled plugins are not asked: what `auscult` itself can do is built in, and importing them all takes longer than
    everything else that ``auscult --help`` does.
    """
    found, problems = discovery.installed()
    others = [entry for entry in found if discovery.distribution_of(entry) != BUNDLED]
    return Catalogue(discovery.load(others), problems).commands()
