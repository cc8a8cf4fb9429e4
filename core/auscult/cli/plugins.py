"""``auscult plugins``: what is installed, what it offers, and what is wrong with it. Works when nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auscult.cli.options import config_option, json_option, print_json
from auscult.errors import ConfigurationError

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue, PluginInfo

__all__ = ["command"]


@click.command("plugins")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List plugins with distribution, version, kinds and problems.

    Local plugins are those the configuration names under `plugins`.
    """
    catalogue = _catalogue(config)
    if as_json:
        print_json({"plugins": catalogue.plugins, "problems": catalogue.problems})
        return
    for info in catalogue.plugins:
        _print(info)
    for problem in catalogue.problems:
        where = f"{problem.distribution} {problem.version}".strip()
        click.echo()
        click.secho(f"problem ({problem.stage}): {problem.plugin}{f' of {where}' if where else ''}", fg="red")
        click.echo(f"  {problem.message}\n  → {problem.remedy}")


def _catalogue(config: Path | None) -> Catalogue:
    """The catalogue with the configuration's local plugins; a broken configuration only costs those."""
    from auscult.catalogue import Catalogue
    from auscult.config import load

    try:
        return load(config)[1]
    except ConfigurationError as error:
        click.echo(
            f"auscult: the configuration cannot be read, local plugins are left out: {error.findings[0]}", err=True
        )
        return Catalogue.discover()


def _print(info: PluginInfo) -> None:
    origin = f"{info.distribution} {info.version}".strip()
    kinds = "; ".join(f"{role}: {', '.join(names)}" for role, names in info.kinds.items() if names)
    state = click.style("✓", fg="green") if info.ok else click.style("✗", fg="red")
    click.echo(f"{state} {info.name:<14} {origin:<20} {kinds or 'offers nothing'}")
    for remedy in info.missing:
        click.echo(f"  {'':<14} unavailable until: {remedy}")
