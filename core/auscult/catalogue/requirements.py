"""Whether the packages that a kind needs are there, found out without importing them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec

from auscult.catalogue.containment import attempt

__all__ = ["absent", "install_command", "is_importable"]


def absent(required: Mapping[str, str]) -> dict[str, str]:
    """Those of `required` (import name to extra) that cannot be imported here."""
    return {name: extra for name, extra in required.items() if not is_importable(name)}


def is_importable(name: str) -> bool:
    """Whether ``import name`` would find a module. Imports nothing, not even the parent of a dotted name."""
    if name in sys.modules:
        return sys.modules[name] is not None
    path: Sequence[str] | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:depth]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
        if path is None and depth < len(parts):
            return False
    return True


def _find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """What `importlib.util.find_spec` does, without its import of the parent."""
    for finder in list(sys.meta_path):
        found = attempt(lambda f=finder: f.find_spec(name, path))  # type: ignore[misc]
        if isinstance(found, ModuleSpec):
            return found
    return None


def install_command(missing: Mapping[str, str], distribution: str) -> str:
    """The pip command that brings `missing` (import name to extra, which is one of `distribution`'s)."""
    extras = _unique(extra for extra in missing.values() if extra)
    packages = [name.partition(".")[0] for name, extra in missing.items() if not extra]
    if not distribution:
        packages, extras = [*packages, *extras], []
    parts = [f"'{distribution}[{','.join(extras)}]'"] if extras else []
    return f"pip install {' '.join(parts + _unique(packages))}"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
