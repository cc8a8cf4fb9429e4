"""``auscult config``: check a file, show what is in force, print its schema, say what a reload would change."""

from __future__ import annotations

from pathlib import Path

import click

from auscult.cli.options import config_option, json_option, load_catalogue, load_settings, print_json
from auscult.cli.writing import plural
from auscult.errors import ConfigurationError

__all__ = ["command"]


@click.group("config")
def command() -> None:
    """Check, show or compare configurations."""


@command.command("check")
@config_option
@json_option
def check(config: Path | None, as_json: bool) -> None:
    """Report everything that is wrong with a configuration, all at once."""
    try:
        settings, _ = load_settings(config)
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json({"ok": False, "findings": error.findings})
        raise SystemExit(2) from None
    if as_json:
        print_json({"ok": True, "components": list(settings.components), "findings": settings.warnings})
        return
    where = settings.file or "no file: taken from the environment"
    click.echo(f"{where}: fine, {plural(len(settings.components), 'component')}: {', '.join(settings.components)}")


@command.command("show")
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Print the configuration in force, defaults included, secrets masked."""
    from auscult.config import show as shown

    settings, _ = load_settings(config)
    plain = shown(settings)
    if as_json:
        print_json(plain)
        return
    import yaml

    click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


@command.command("schema")
@config_option
def schema(config: Path | None) -> None:
    """Print the JSON Schema of the configuration, for editors; installed plugins included."""
    from auscult.config import schema as described

    print_json(described(load_catalogue(config)))


@command.command("plan")
@click.argument("new", type=click.Path(path_type=Path))
@config_option
@json_option
def plan(new: Path, config: Path | None, as_json: bool) -> None:
    """Say what NEW would add, change and remove, compared with the configuration in use."""
    from auscult.config import plan as compared

    before, _ = load_settings(config)
    after, _ = load_settings(new)
    difference = compared(before, after)
    if as_json:
        print_json(difference)
        return
    lines = [
        f"{sign} {name}"
        for sign, names in (
            ("+", difference.added),
            ("~", difference.changed),
            ("-", difference.removed),
            ("settings:", difference.other),
        )
        for name in names
    ]
    click.echo("\n".join(lines) or "Nothing would change.")
