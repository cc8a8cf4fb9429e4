"""Plugins without packaging: a file beside the configuration, or a module that Python finds."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from auscult.catalogue.containment import Failure, attempt
from auscult.catalogue.discovery import complain_of_import, take_target
from auscult.catalogue.plugin import Plugin

__all__ = ["load_local"]


def load_local(names: Sequence[str], base: Path | None) -> list[Plugin]:
    """A plugin for each of ``./my_checks.py`` (relative to `base`) or ``package.module``."""
    return [_load(name, base or Path.cwd()) for name in names]


def _load(name: str, base: Path) -> Plugin:
    if not (name.endswith(".py") or "/" in name):
        plugin = Plugin(name, name)
        target = attempt(lambda: importlib.import_module(name))
    else:
        path = (base / name).resolve()
        plugin = Plugin(path.stem, str(path))
        if not path.is_file():
            plugin.complain("import", f"there is no file {path}", "correct `plugins` in the configuration")
            return plugin
        target = attempt(lambda: _import_file(path))
    if isinstance(target, Failure):
        complain_of_import(plugin, target.error)
    else:
        take_target(plugin, target)
    return plugin


def _import_file(path: Path) -> ModuleType:
    """Import a file under a name that no other file has; anew each time, so that a reload sees its changes."""
    name = f"auscult_local_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise
    return module
