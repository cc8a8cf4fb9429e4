"""Imports follow the directions of the design; the offender is named with its line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.core.imports import ROOT, Import, imports_of, sources

CORE = ROOT / "core" / "auscult"
PLUGINS = ROOT / "plugins" / "auscult_plugins"
CONTRIB = ROOT / "contrib"

FACADES = {"health_monitor", "alerting", "metrics_exporter", "dashboard"}
"""The seed document's module names: thin, and the one exception to much (decision 26)."""
PURE = {"engine", "rules", "alerts", "metrics"}
RUNNING = {"store", "runtime", "dashboards"}
WIRED = {"alert_manager", "catalogue", "config", "judge", "metrics_manager", "monitor", "replay"}
ROOMS = {
    "catalogue": set(),
    **dict.fromkeys(PURE, PURE),
    "config": PURE | {"catalogue"},
    "generating": PURE,
    "store": PURE,
    "dashboards": PURE | RUNNING,
    "runtime": PURE | RUNNING,
    "alert_manager": PURE | RUNNING,
    "metrics_manager": PURE | RUNNING,
    "judge": PURE | RUNNING | {"alert_manager"},
    "monitor": PURE | RUNNING | {"alert_manager", "catalogue", "config", "judge", "metrics_manager"},
    "replay": PURE | RUNNING | {"alert_manager", "catalogue", "config", "judge"},
    "testing": PURE | RUNNING | WIRED,
    "web": PURE | RUNNING | WIRED,
    "cli": PURE | RUNNING | WIRED | {"generating", "web"},
    "__main__": {"cli"},
}
"""Room to the rooms it may import, beside itself and the contract. One that is not here is a running part."""


def room_of(file: Path) -> str:
    """The folder or module of the core that a file belongs to."""
    return file.relative_to(CORE).parts[0].removesuffix(".py")


CONTRACT = {
    room_of(file)
    for file in CORE.glob("*.py")
    if room_of(file) not in {*ROOMS, *FACADES, "__init__", "__main__", "monitor"}
}
"""`model`, `errors`, `clock` and the other modules that lie beside them: what everything else is built on."""


def core_imports() -> list[Import]:
    """Every import of the core."""
    return [found for file in sources(CORE) for found in imports_of(file)]


def allowed(room: str) -> set[str]:
    """What `room` may import of the core."""
    if room in CONTRACT:
        return CONTRACT
    if room in FACADES:
        return CONTRACT | PURE | RUNNING | WIRED
    return CONTRACT | ROOMS.get(room, PURE | RUNNING) | {room}


def is_room(name: str) -> bool:
    """Whether the core has a module or folder of that name."""
    return name in ROOMS or (CORE / name).is_dir() or (CORE / f"{name}.py").is_file()


def test_imports_point_inwards():
    """The contract, then what is pure, then the running parts, then the monitor, then web, command line, testing."""
    wrong = []
    for found in core_imports():
        package, _, rest = found.module.partition(".")
        target = rest.partition(".")[0]
        if package != "auscult" or not target or found.file == CORE / "__init__.py":
            continue
        if is_room(target) and target not in allowed(room_of(found.file)):
            wrong.append(str(found))
        elif not is_room(target) and target != "__version__":
            wrong.append(f"{found}: inside the core a name is imported from its home")
    assert not wrong, "\n".join(wrong)


def test_only_the_catalogue_knows_pluggy():
    """Everybody else is handed classes."""
    rooms = {room_of(found.file) for found in core_imports() if found.module.partition(".")[0] == "pluggy"}
    assert rooms == {"catalogue", "hookspecs"}


PLUGIN = re.compile(r"auscult_(plugins|rehearsal|example)[\w.:]*")


def test_the_core_knows_no_plugin():
    """Neither by an import nor by a name that is imported later; bundled plugins take a stranger's road."""
    wrong = [str(found) for found in core_imports() if found.module.startswith("auscult_")]
    for file in sources(CORE):
        if room_of(file) in FACADES:
            continue
        wrong += [
            f"{file.relative_to(ROOT)}:{node.lineno} names {node.value}"
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and PLUGIN.fullmatch(node.value)
        ]
    assert not wrong, "\n".join(wrong)


WORLDLY = re.compile(
    r"(anyio|asyncio|trio|threading|multiprocessing|concurrent|subprocess|socket|ssl|select|selectors|signal"
    r"|sqlite3|http|urllib|httpx|httpcore|litestar|uvicorn|time|os|sys|io|shutil|tempfile|pathlib|random|secrets"
    r"|psutil|logging)(\.|$)"
)
"""Modules through which the world comes in."""


@pytest.mark.parametrize("room", ["engine", "rules", "alerts"])
def test_what_is_pure_does_no_io_and_knows_no_time(room):
    """State, one result and the time go in; new state and what to do come out."""
    wrong = [
        str(found)
        for file in sources(CORE / room)
        for found in imports_of(file)
        if WORLDLY.match(found.module) or found.module == "datetime.datetime.now"
    ]
    assert not wrong, "\n".join(wrong)


def test_the_contract_is_light():
    """What every plugin imports brings no driver, no server and no event loop with it, except inside a function."""
    heavy = re.compile(r"(httpx|httpcore|litestar|uvicorn|sqlite3|prometheus_client|psutil|yaml|click)(\.|$)")
    wrong = []
    for found in core_imports():
        if room_of(found.file) in CONTRACT and heavy.match(found.module):
            line = found.file.read_text(encoding="utf-8").splitlines()[found.line - 1]
            if not line.startswith(" "):
                wrong.append(str(found))
    assert not wrong, "\n".join(wrong)


def test_every_room_says_what_it_may_import():
    """A stranger reads it in the folder's docstring."""
    silent = [
        str(folder.relative_to(ROOT))
        for folder in CORE.iterdir()
        if (folder / "__init__.py").is_file()
        and "May import:" not in (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "")
    ]
    assert not silent


def plugin_of(module: str) -> str:
    """The plugin that a module of the bundled package belongs to; empty for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


PUBLIC = {"testing", "wording"}
"""Modules that are public as a whole: what plugin authors test with, and the texts of alerts that channels share."""


def test_plugins_import_from_auscult_alone():
    """Public names, never a submodule: what a stranger's plugin can do, they do."""
    wrong = [
        str(found)
        for folder in (PLUGINS, *CONTRIB.glob("auscult-*/auscult_*"))
        for file in sources(folder)
        for found in imports_of(file)
        if found.module.startswith("auscult.") and is_room(room := found.module.split(".")[1]) and room not in PUBLIC
    ]
    assert not wrong, "\n".join(wrong)


def test_no_plugin_imports_another():
    """What several share lies in a module whose name begins with an underscore."""
    wrong = []
    for file in sources(PLUGINS):
        own = file.relative_to(PLUGINS).parts[0].removesuffix(".py")
        for found in imports_of(file):
            if not found.module.startswith("auscult_plugins."):
                continue
            other = plugin_of(found.module)
            if other != own and not other.startswith("_"):
                wrong.append(str(found))
    assert not wrong, "\n".join(wrong)


def test_what_plugins_share_depends_on_no_plugin():
    """Otherwise every plugin would import that one."""
    wrong = [
        str(found)
        for file in sources(PLUGINS)
        if file.relative_to(PLUGINS).parts[0].startswith("_") and file.name != "__init__.py"
        for found in imports_of(file)
        if found.module.startswith("auscult_plugins.") and not plugin_of(found.module).startswith("_")
    ]
    assert not wrong, "\n".join(wrong)
