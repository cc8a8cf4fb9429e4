"""Local plugins: a file or folder beside the configuration, or a module by its dotted name. No packaging needed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import zlib
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from auscult.catalogue.containment import Failure, attempt, describe
from auscult.catalogue.discovery import complain_of_import, take_target
from auscult.catalogue.plugin import Plugin
from auscult.errors import did_you_mean

__all__ = ["load_local"]

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_STAMP = "__auscult_stamp__"
Stamp = tuple[tuple[str, int, int], ...]


def load_local(entries: Iterable[str], base: Path, taken: Iterable[str] = ()) -> list[Plugin]:
    """A plugin per entry: ``./my_checks.py``, ``./my_checks/`` (relative to `base`) or ``package.module``.

    Names in `taken` belong to other plugins.
    """
    plugins: list[Plugin] = []
    names = set(taken)
    for entry in dict.fromkeys(entries):
        plugin = _load_path(entry, base) if _is_path(entry) else _load_dotted(entry, base)
        if any(plugin.module == other.module for other in plugins):
            continue
        if plugin.name in names:
            plugin.name = entry
        names.add(plugin.name)
        plugins.append(plugin)
    return plugins


def _is_path(entry: str) -> bool:
    return "/" in entry or os.sep in entry or entry.endswith(".py")


# A file or folder


class _FreshLoader(SourceFileLoader):
    """Compiles the source as it is now: no byte code beside a user's file, none that is out of date."""

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, from its source."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _load_path(entry: str, base: Path) -> Plugin:
    path = Path(os.path.abspath(base / Path(entry).expanduser()))  # noqa: PTH100 - as written, links not followed
    plugin = Plugin(path.stem, str(path))
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        plugin.complain("import", f"there is no file {file}", _other_files(entry, path, base))
        return plugin
    loaded = attempt(lambda: _import_file(path, file))
    if isinstance(loaded, Failure):
        _complain_of_file(plugin, loaded.error)
    else:
        take_target(plugin, loaded)
    return plugin


def _import_file(path: Path, file: Path) -> ModuleType:
    """The module of that file, under a name of its own; an unchanged one is not executed again."""
    stem = re.sub(r"\W", "_", path.stem)
    name = f"auscult_local_{stem}_{zlib.crc32(os.fsencode(path)):08x}"
    stamp = _stamp(path)
    if (known := sys.modules.get(name)) is not None and getattr(known, _STAMP, None) == stamp:
        return known
    before = _forget(name)
    spec = importlib.util.spec_from_file_location(name, file, loader=_FreshLoader(name, str(file)))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    written = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # a folder's modules: byte code is told from its source by whole seconds only
    try:
        spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        sys.modules.update(before)
        raise
    finally:
        sys.dont_write_bytecode = written
    setattr(module, _STAMP, stamp)
    return module


def _stamp(path: Path) -> Stamp:
    """What changes when the file, or any in the folder, changes."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return tuple((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)


def _forget(name: str) -> dict[str, ModuleType]:
    """Take a module and what is inside it out of `sys.modules`; returns them."""
    inside = [known for known in sys.modules if known == name or known.startswith(f"{name}.")]
    return {known: sys.modules.pop(known) for known in inside}


def _complain_of_file(plugin: Plugin, error: BaseException) -> None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        beside = Path(plugin.module).parent / f"{error.name.partition('.')[0]}.py"
        if beside.is_file():
            plugin.complain(
                "import",
                f"it imports `{error.name}`, which lies beside it but is on no import path",
                f"make one folder of both files, import `.{error.name}`, and list the folder under `plugins`",
            )
            return
        complain_of_import(plugin, error)
        return
    plugin.complain("import", f"it cannot be imported: {describe(error)}", plugin.mend)


def _other_files(entry: str, path: Path, base: Path) -> str:
    """What to write instead, in the way the entry was written."""
    folder = entry.rstrip("/").rpartition("/")[0] or "."
    names = attempt(lambda: [f"{folder}/{file.name}" for file in path.parent.iterdir() if _is_plugin(file)])
    near = did_you_mean(f"{folder}/{path.name}", names) if isinstance(names, list) else ""
    return f"correct the entry under `plugins`; paths are relative to {base}{near}"


def _is_plugin(file: Path) -> bool:
    return file.suffix == ".py" or (file / "__init__.py").is_file()


# A module by its name


def _load_dotted(entry: str, base: Path) -> Plugin:
    plugin = Plugin(entry, entry)
    if not _DOTTED.fullmatch(entry):
        plugin.complain(
            "import",
            f"{entry!r} is neither a path nor the dotted name of a module",
            'write "./my_checks.py" for a file, or "package.module" for a module',
        )
        return plugin
    loaded = attempt(lambda: _import_dotted(entry, base))
    if isinstance(loaded, Failure):
        complain_of_import(plugin, loaded.error)
        if (base / f"{entry}.py").is_file():
            plugin.problems[-1:] = []
            plugin.complain("import", f"there is no module `{entry}`", f'did you mean the file? write "./{entry}.py"')
    else:
        take_target(plugin, loaded)
    return plugin


def _import_dotted(name: str, base: Path) -> ModuleType:
    """Import by name; a package beside the configuration is found as well, after all others."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package or not (base / package / "__init__.py").is_file() or str(base) in sys.path:
            raise
    sys.path.append(str(base))
    importlib.invalidate_caches()
    return importlib.import_module(name)
