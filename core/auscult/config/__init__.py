"""Files and environment into `Settings`; every mistake found at once.

May import: the contract and `catalogue`.

`document` reads a file (`toml_lines`, `yaml_file`), `environment` lays variables and the command line over it,
`references` and `decode` make typed values of it (`words` puts what is wrong into sentences, `report` says where),
`tables` and `components` know what the tables mean, and `loading` runs them all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "auscult.config.discovery": ("discover",),
    "auscult.config.init": ("init_text",),
    "auscult.config.json_schema": ("schema",),
    "auscult.config.loading": ("find_file", "load"),
    "auscult.config.reference_page": ("kind_reference", "reference"),
    "auscult.config.settings": (
        "AuthSettings",
        "DefaultSettings",
        "EgressSettings",
        "LimitSettings",
        "RetentionSettings",
        "ServerSettings",
        "Settings",
        "StoreSettings",
        "Token",
    ),
    "auscult.config.showing": ("Plan", "plan", "show"),
    "auscult.config.tokens": ("check_exposure",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605

if TYPE_CHECKING:
    from auscult.config.discovery import discover as discover
    from auscult.config.init import init_text as init_text
    from auscult.config.json_schema import schema as schema
    from auscult.config.loading import find_file as find_file
    from auscult.config.loading import load as load
    from auscult.config.reference_page import kind_reference as kind_reference
    from auscult.config.reference_page import reference as reference
    from auscult.config.settings import AuthSettings as AuthSettings
    from auscult.config.settings import DefaultSettings as DefaultSettings
    from auscult.config.settings import EgressSettings as EgressSettings
    from auscult.config.settings import LimitSettings as LimitSettings
    from auscult.config.settings import RetentionSettings as RetentionSettings
    from auscult.config.settings import ServerSettings as ServerSettings
    from auscult.config.settings import Settings as Settings
    from auscult.config.settings import StoreSettings as StoreSettings
    from auscult.config.settings import Token as Token
    from auscult.config.showing import Plan as Plan
    from auscult.config.showing import plan as plan
    from auscult.config.showing import show as show
    from auscult.config.tokens import check_exposure as check_exposure


def __getattr__(name: str) -> Any:
    """Load a name from its home on first use."""
    if home := _HOME_OF.get(name):
        value = globals()[name] = getattr(import_module(home), name)
        return value
    raise AttributeError(f"module 'auscult.config' has no attribute {name!r}")
