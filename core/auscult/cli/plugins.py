"""``auscult plugins``: what is installed, what it offers, and what is wrong with it. Works when nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auscult.cli.options import config_option, json_option, load_catalogue, print_json

if TYPE_CHECKING:
    from auscult.catalogue import PluginInfo

__all__ = ["command"]


@click.command("plugins")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List plugins with distribution, version, kinds and problems.

    Local plugins are those the configuration names under `plugins`.
    """
    catalogue = load_catalogue(config)
    if as_json:
        print_json({"plugins": catalogue.plugins, "problems": catalogue.problems})
        return
    plugins = catalogue.plugins
    names = max((len(info.name) for info in plugins), default=0)
    origins = max((len(_origin(info)) for info in plugins), default=0)
    for info in plugins:
        _print(info, names, origins)
    for problem in catalogue.problems:
        where = f"{problem.distribution} {problem.version}".strip()
        click.echo()
        click.secho(f"problem ({problem.stage}): {problem.plugin}{f' of {where}' if where else ''}", fg="red")
        click.echo(f"  {problem.message}\n  → {problem.remedy}")


def _origin(info: PluginInfo) -> str:
    return f"{info.distribution} {info.version}".strip() or "local"


def _offer(info: PluginInfo) -> str:
    """Kinds by role; what has no kinds (dashboards, rules, commands) by the hook's name."""
    offers = [f"{role}: {', '.join(names)}" for role, names in info.kinds.items() if names]
    others = [hook.removeprefix("auscult_") for hook in info.hooks]
    offers += [hook for hook in others if hook not in ("checks", "channels", "exporters", "sources", "panels")]
    return "; ".join(offers) or "offers nothing"


def _print(info: PluginInfo, names: int, origins: int) -> None:
    state = click.style("✓", fg="green") if info.ok else click.style("✗", fg="red")
    click.echo(f"{state} {info.name:<{names}}  {_origin(info):<{origins}}  {_offer(info)}")
    for remedy in info.missing:
        click.echo(f"  {'':<{names}}  unavailable until: {remedy}")
