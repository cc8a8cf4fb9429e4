"""What the environment and the command line say about the settings: one layer each over the file's tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from auscult.config.document import KeyPath
from auscult.config.references import Given
from auscult.config.report import COMMAND_LINE
from auscult.config.settings import (
    AuthTable,
    DeadManSettings,
    DefaultSettings,
    EgressSettings,
    LimitSettings,
    ServerSettings,
    StatusPageSettings,
    StoreSettings,
)
from auscult.errors import did_you_mean

__all__ = ["LAYERED", "PREFIX", "Layers", "state_directory"]

PREFIX = "AUSCULT_"
LAYERED: dict[str, type[Struct]] = {
    "server": ServerSettings,
    "store": StoreSettings,
    "auth": AuthTable,
    "defaults": DefaultSettings,
    "limits": LimitSettings,
    "egress": EgressSettings,
    "deadman": DeadManSettings,
    "status_page": StatusPageSettings,
}
"""The tables whose keys variables and the command line may set."""
_INTERVALS: dict[str, KeyPath] = {
    "HEALTH_CHECK_INTERVAL": ("defaults", "interval"),
    "ALERT_CHECK_INTERVAL": ("defaults", "alert_check_interval"),
    "METRICS_EXPORT_INTERVAL": ("defaults", "metrics_export_interval"),
    "DASHBOARD_UPDATE_INTERVAL": ("defaults", "dashboard_update_interval"),
}
_ALONE: dict[str, KeyPath] = {"AUSCULT_STATE_DIR": ("store", "state_dir"), "AUSCULT_PLUGINS": ("plugins",)}
_ELSEWHERE = ("AUSCULT_CONFIG", "AUSCULT_TOKEN", "AUSCULT_URL")
"""Variables that are read by others."""
_KUBERNETES = re.compile(r"AUSCULT_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
"""What Kubernetes sets in every pod beside a service that is called ``auscult``; so is ``AUSCULT_PORT=tcp://…``."""


class Layers:
    """The tables of a file under what the environment and then the command line say."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = dict(data)
        self.origins: dict[KeyPath, str] = {}
        """Which variable (or `COMMAND_LINE`) a value came from."""
        self.notes: dict[str, str] = {}
        """What is odd about variables, by name; nothing fatal."""

    def add_environment(self, environ: Mapping[str, str], referenced: Iterable[str]) -> None:
        """Lay the variables over the tables. Those that the file refers to are the user's own."""
        for name, path in (_INTERVALS | _ALONE).items():
            if value := environ.get(name):
                self._put(path, Given(value), name)
        own = set(referenced).union(_ELSEWHERE, _ALONE)
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in own and not _is_kubernetes(name, environ[name]):
                self._add_variable(name, environ[name])

    def _add_variable(self, name: str, value: str) -> None:
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if len(path) > 1 and path[0] in LAYERED and all(path):
            self._put(path, Given(value), name)
        elif len(path) > 1:
            tables = [f"{PREFIX}{table.upper()}__" for table in LAYERED]
            near = did_you_mean(f"{PREFIX}{path[0].upper()}__", tables)
            self.notes[name] = f"names no table that variables can set{near}"
        else:
            self.notes[name] = "is no variable that auscult knows" + _near(name)

    def add_command_line(self, overrides: Mapping[str, Any], path: KeyPath = ()) -> None:
        """Lay what the command line says over everything; None says nothing. Keys may be dotted."""
        for key, value in overrides.items():
            here = (*path, *key.split("."))
            if isinstance(value, Mapping):
                self.add_command_line(value, here)
            elif value is not None:
                given = Given(value) if isinstance(value, str | Path) else value
                self._put(here, list(given) if isinstance(given, tuple) else given, COMMAND_LINE)

    def _put(self, path: KeyPath, value: Any, origin: str) -> None:
        table = self.data
        for part in path[:-1]:
            inner = table.get(str(part))
            table[str(part)] = table = dict(inner) if isinstance(inner, dict) else {}
        table[str(path[-1])] = value
        self.origins[path] = origin


def _is_kubernetes(name: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(name)) or (name == "AUSCULT_PORT" and "://" in value)


def _near(name: str) -> str:
    """The variable of a key of that name, whatever its table, else the one that is spelt most like it."""
    known = _variables()
    same = [variable for variable in known if variable.endswith(f"__{name.removeprefix(PREFIX)}")]
    return did_you_mean(same[0] if same else name, same or known)


def _variables() -> list[str]:
    keys = [f"{PREFIX}{table}__{key}".upper() for table, kind in LAYERED.items() for key in kind.__struct_fields__]
    return [*_ALONE, *_ELSEWHERE, *keys]


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where state is kept when nobody says so (decision 5)."""
    if systemd := environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if xdg := environ.get("XDG_STATE_HOME"):
        return Path(xdg) / "auscult"
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "auscult"
    return Path("/var/lib/auscult")
