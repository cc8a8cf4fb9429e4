"""The Litestar app: health, metrics, API, page, authentication.

May import: everything but `cli`. Nothing but `cli` and the embedding user imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auscult.web.app import create_app as create_app
    from auscult.web.plugin import AuscultPlugin as AuscultPlugin

__all__ = ["AuscultPlugin", "create_app"]

_HOMES = {"create_app": "auscult.web.app", "AuscultPlugin": "auscult.web.plugin"}


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        from importlib import import_module

        return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
