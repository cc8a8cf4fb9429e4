"""Finds plugins by their entry points and imports them, each on its own.

pluggy's own loading stops at the first plugin that fails and skips the second of two names in silence.
"""

from __future__ import annotations

import importlib.metadata
import inspect
from collections import Counter
from collections.abc import Iterable
from types import ModuleType

from auscult.catalogue.containment import Failure, attempt, called, describe, raised_at
from auscult.catalogue.plugin import BUNDLED, Plugin
from auscult.hookspecs import PROJECT
from auscult.kinds import Channel, Check, Exporter, Panel
from auscult.model import Problem

__all__ = ["complain_of_import", "distribution_of", "installed", "load", "take_target"]

EntryPoint = importlib.metadata.EntryPoint


def installed() -> tuple[list[EntryPoint], list[Problem]]:
    """All entry points of plugins, and the distributions whose metadata cannot be read."""
    found = attempt(lambda: list(importlib.metadata.entry_points(group=PROJECT)))
    if not isinstance(found, Failure):
        return found, []
    return _one_by_one()


def _one_by_one() -> tuple[list[EntryPoint], list[Problem]]:
    """The slow way, for an environment where some distribution's metadata is broken."""
    found: list[EntryPoint] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        name = attempt(lambda d=distribution: str(d.metadata["Name"]))  # type: ignore[misc]
        if isinstance(name, str) and name in seen:
            continue
        entries = attempt(lambda d=distribution: list(d.entry_points.select(group=PROJECT)))  # type: ignore[misc]
        if isinstance(name, Failure) or isinstance(entries, Failure):
            problems.append(_unreadable(distribution, name, entries))
            continue
        seen.add(name)
        found += entries
    return found, problems


def _unreadable(distribution: object, name: object, entries: object) -> Problem:
    label = str(getattr(distribution, "_path", "")) if isinstance(name, Failure) else str(name)
    return Problem(
        plugin="",
        distribution=label,
        stage="import",
        message=f"the metadata of the installed distribution {label} cannot be read: "
        f"{name if isinstance(name, Failure) else entries}",
        remedy="reinstall that distribution, or remove it",
    )


def load(entry_points: Iterable[EntryPoint]) -> list[Plugin]:
    """A plugin per entry point, imported where that is possible; bundled ones first, then by distribution."""
    origins: dict[int, tuple[str, str]] = {}
    pairs = _distinct([(entry, _plugin(entry, origins)) for entry in entry_points])
    pairs.sort(key=lambda pair: (pair[1].distribution != BUNDLED, pair[1].distribution, pair[1].name))
    _qualify([plugin for _, plugin in pairs])
    for entry, plugin in pairs:
        target = attempt(entry.load)
        if isinstance(target, Failure):
            complain_of_import(plugin, target.error)
        else:
            take_target(plugin, target)
    return [plugin for _, plugin in pairs]


def distribution_of(entry: EntryPoint) -> str:
    """The name of the distribution that an entry point belongs to; empty where it cannot be told."""
    name = attempt(lambda: str(entry.dist.name) if entry.dist else "")
    return "" if isinstance(name, Failure) else name


def _plugin(entry: EntryPoint, origins: dict[int, tuple[str, str]]) -> Plugin:
    """`origins` remembers names and versions: each time they are asked for, all of the metadata is read."""
    distribution = getattr(entry, "dist", None)
    if (origin := origins.get(id(distribution))) is None:
        version = attempt(lambda: str(entry.dist.version) if entry.dist else "")
        origin = distribution_of(entry), "" if isinstance(version, Failure) else version
        origins[id(distribution)] = origin
    return Plugin(entry.name, entry.value, *origin)


def _distinct(pairs: list[tuple[EntryPoint, Plugin]]) -> list[tuple[EntryPoint, Plugin]]:
    """Without the lines that say again what another line of the same distribution says."""
    kept: dict[tuple[str, str, str], tuple[EntryPoint, Plugin]] = {}
    for entry, plugin in pairs:
        kept.setdefault((plugin.distribution, plugin.name, plugin.module), (entry, plugin))
    return list(kept.values())


def _qualify(plugins: list[Plugin]) -> None:
    """Keep all plugins of one name apart as ``distribution:name``, and say so; the bundled one keeps the name."""
    counts = Counter(plugin.name for plugin in plugins)
    repeated = {name: [p for p in plugins if p.name == name] for name, count in counts.items() if count > 1}
    for name, group in repeated.items():
        origins = ", ".join(plugin.origin for plugin in group)
        within = Counter(plugin.distribution for plugin in group)
        for plugin in group:
            if plugin.distribution == BUNDLED:
                continue
            # Two lines of one distribution are told apart by what they lead to.
            own = name if within[plugin.distribution] == 1 else plugin.module
            plugin.name = f"{plugin.qualifier}:{own}"
            plugin.complain(
                "register",
                f"several plugins are named `{name}`: {origins}; this one is kept as `{plugin.name}`",
                "nothing is lost; its author can rename the entry point",
            )


def take_target(plugin: Plugin, target: object) -> None:
    """Accept what was imported as the plugin's module, unless it cannot be one."""
    if isinstance(target, ModuleType):
        plugin.target = target
    elif inspect.isclass(target):
        plugin.complain(
            "register",
            f"`{plugin.module}` is the class {target.__name__}, not a module: its methods have nothing to be called on",
            _instead_of_class(plugin, target),
        )
    elif target is None or inspect.isroutine(target) or isinstance(target, str | int | float | list | tuple | dict):
        what = "a function" if inspect.isroutine(target) else called(target)
        plugin.complain("register", f"`{plugin.module}` is {what}, not a module", _module_only(plugin))
    else:
        plugin.target = target


def _module_only(plugin: Plugin) -> str:
    module = plugin.module.partition(":")[0]
    return f'point the entry point at the module: {plugin.name.rpartition(":")[2]} = "{module}"'


def _instead_of_class(plugin: Plugin, target: type) -> str:
    advice = _module_only(plugin)
    for base, hook in ((Check, "checks"), (Channel, "channels"), (Exporter, "exporters"), (Panel, "panels")):
        if issubclass(target, base):
            return f"{advice}, and return {target.__name__} from its function `auscult_{hook}`"
    return f"{advice}, or make an instance of {target.__name__} there and point at that"


def complain_of_import(plugin: Plugin, error: BaseException) -> None:
    """Put a failed import into words, with what to do about it."""
    module = plugin.module.partition(":")[0].strip()
    if isinstance(error, ModuleNotFoundError) and error.name:
        _complain_of_absence(plugin, error.name, module)
    elif isinstance(error, AttributeError) and ":" in plugin.module and not raised_at(error):
        attribute = plugin.module.partition(":")[2]
        plugin.complain("import", f"the module `{module}` has no `{attribute}`", _module_only(plugin))
    else:
        plugin.complain("import", f"importing `{plugin.module}` failed: {describe(error)}", plugin.mend)


def _complain_of_absence(plugin: Plugin, absent: str, module: str) -> None:
    if module == absent or module.startswith(f"{absent}."):
        plugin.complain("import", f"there is no module `{absent}`", plugin.mend)
        return
    package = absent.partition(".")[0]
    plugin.complain(
        "import",
        f"importing `{plugin.module}` failed: it needs the package `{package}`, which is not installed",
        f"pip install {package}; its author can import it inside `probe`, so that the plugin stays listed without it",
    )
