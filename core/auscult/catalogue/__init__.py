"""What is installed: plugins, the kinds they offer, and what is wrong with them.

May import: the contract (`model`, `errors`, `clock`, `component`, `kinds`, `options`, `hookspecs`).

Everything that a plugin does wrong here becomes a `Problem` with a remedy and harms nobody else; nothing is raised.
Only this folder and `hookspecs` know pluggy.
"""

from __future__ import annotations

from auscult.catalogue.catalogue import Catalogue, plugin_commands
from auscult.catalogue.plugin import PluginInfo
from auscult.model import Problem

__all__ = ["Catalogue", "PluginInfo", "Problem", "plugin_commands"]
