"""One plugin while the catalogue is built (`Plugin`), and what people are shown of it (`PluginInfo`)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from auscult.model import Problem

__all__ = ["BUNDLED", "Plugin", "PluginInfo"]

BUNDLED = "auscult"
"""The distribution whose kinds keep their short names, whoever repeats them."""

MAX_PROBLEMS = 20
"""Problems kept of one plugin: nobody reads more, and one that makes them by the thousand must not flood a list."""


class PluginInfo(Struct, frozen=True, kw_only=True):
    """An installed plugin as ``auscult plugins`` lists it, working or not."""

    name: str
    """Its entry point's name; ``distribution:name`` where another distribution has the same; a local file's stem."""
    distribution: str = ""
    """Empty for a local plugin."""
    version: str = ""
    module: str = ""
    """What is imported: a dotted name, or the path of a local file."""
    kinds: dict[str, tuple[str, ...]] = {}
    """What it offers, as configuration names it: ``{"checks": ("redis",)}``."""
    hooks: tuple[str, ...] = ()
    """The hooks it implements, soundly: ``("auscult_commands",)`` offers no kind and still something."""
    missing: tuple[str, ...] = ()
    """Commands that install what its kinds still need: ``pip install 'auscult[redis]'``."""
    optional: tuple[str, ...] = ()
    """The same for what only some options of its kinds need."""
    ok: bool = True
    """False when there is a problem with it."""


class Plugin:
    """A plugin on its way into the catalogue. It stays listed whatever goes wrong with it."""

    def __init__(self, name: str, module: str, distribution: str = "", version: str = "") -> None:
        self.name = name
        self.module = module
        self.distribution = distribution
        self.version = version
        self.target: object = None
        """The imported module (or object); None where that failed."""
        self.hooks: dict[str, Callable[[], object]] = {}
        """Its sound implementations by the name of the hook."""
        self.kinds: dict[str, list[str]] = {}
        self.problems: list[Problem] = []

    @property
    def qualifier(self) -> str:
        """What stands before the slash in a qualified kind."""
        return self.distribution or self.name

    @property
    def origin(self) -> str:
        """Where it comes from, for sentences."""
        return f"{self.distribution} {self.version}".strip() or self.module

    @property
    def mend(self) -> str:
        """What a user can do about a plugin that is broken as a whole."""
        if not self.distribution:
            return f"mend {self.module}, or take it out of `plugins` in the configuration"
        if self.distribution == BUNDLED:
            return f"reinstall it: pip install --force-reinstall {BUNDLED}"
        return f"upgrade or remove it: pip install -U {self.distribution}, or pip uninstall {self.distribution}"

    def complain(self, stage: str, message: str, remedy: str) -> None:
        """Note a problem: whole sentences without a full stop. One that is known, or one too many, is left out."""
        problem = Problem(
            plugin=self.name,
            distribution=self.distribution,
            version=self.version,
            stage=stage,
            message=message,
            remedy=remedy,
        )
        if len(self.problems) < MAX_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)
