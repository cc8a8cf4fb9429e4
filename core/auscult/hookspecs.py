"""The whole contract between auscult and its plugins.

A plugin is a module. It carries functions with the names below, marked with `auscult.hookimpl`. Hooks take no
arguments, are called once, and return classes; what the classes do is in their methods. An implementation that
raises, or returns something else, becomes a `Problem` and harms nobody else. Entry-point group: ``auscult``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from auscult.kinds import Channel, Check, Exporter, Panel, Source

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "auscult"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin module as the implementation of the hook it is named after."""


@hookspec
def auscult_checks() -> Iterable[type[Check]]:
    """Checks that configuration finds by their `kind`.

    Called once, when the catalogue is built. Return subclasses of `auscult.Check`.
    """
    return ()


@hookspec
def auscult_channels() -> Iterable[type[Channel]]:
    """Channels that deliver notifications, found by their `kind`.

    Called once, when the catalogue is built. Return subclasses of `auscult.Channel`.
    """
    return ()


@hookspec
def auscult_exporters() -> Iterable[type[Exporter]]:
    """Exporters that take metrics elsewhere, found by their `kind`.

    Called once, when the catalogue is built. Return subclasses of `auscult.Exporter`.
    """
    return ()


@hookspec
def auscult_sources() -> Iterable[type[Source]]:
    """Sources that bring metrics in from elsewhere, found by their `kind`.

    Called once, when the catalogue is built. Return subclasses of `auscult.Source`.
    """
    return ()


@hookspec
def auscult_panels() -> Iterable[type[Panel]]:
    """Panels that dashboards are made of, found by their `kind`.

    Called once, when the catalogue is built. Return subclasses of `auscult.Panel`.
    """
    return ()


@hookspec
def auscult_dashboards() -> Iterable[Any]:
    """Dashboards made of panels, offered beside the user's own.

    Called once, when the catalogue is built.
    """
    return ()


@hookspec
def auscult_rules() -> Iterable[Any]:
    """Alert rules that a plugin ships as defaults.

    Called once, when the catalogue is built.
    """
    return ()


@hookspec
def auscult_commands() -> Iterable[click.Command]:
    """Subcommands for ``auscult``.

    Called only when a command is not built in, or when the full help is shown. Return click commands.
    """
    return ()
