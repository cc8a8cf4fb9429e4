"""The seed document's ``dashboard`` module: ``from auscult.dashboard import Dashboard, DashboardManager``.

The manager is what every monitor has as ``monitor.dashboards``; panels and shapes are public names of `auscult`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auscult.dashboards.book import Dashboards
    from auscult.kinds import Panel as Panel
    from auscult.panels import Dashboard as Dashboard
    from auscult.panels import Placed
    from auscult.panels import Variable as Variable
    from auscult.panels import View as View

    DashboardManager = Dashboards
    DashboardPanel = Placed

_HOMES = {
    "Dashboard": ("auscult.panels", "Dashboard"),
    "DashboardManager": ("auscult.dashboards.book", "Dashboards"),
    "DashboardPanel": ("auscult.panels", "Placed"),
    "Panel": ("auscult.kinds", "Panel"),
    "Variable": ("auscult.panels", "Variable"),
    "View": ("auscult.panels", "View"),
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """A name from its home."""
    if home := _HOMES.get(name):
        return getattr(import_module(home[0]), home[1])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
