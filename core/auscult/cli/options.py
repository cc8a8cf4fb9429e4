"""Options that several commands share, and what they lead to: a loaded configuration, a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from auscult.errors import ConfigurationError

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.config import Settings

__all__ = ["config_option", "json_option", "load_catalogue", "load_settings", "log_options", "print_json"]

F = TypeVar("F", bound=Callable[..., Any])


def config_option(function: F) -> F:
    """``--config FILE``."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path),
        help="Configuration file (TOML or YAML). Default: $AUSCULT_CONFIG, ./auscult.toml, the user's, /etc/auscult/.",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def log_options(function: F) -> F:
    """``--log-level`` and ``--log-format``."""
    function = click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="Lowest level to print; default info. debug shows everything.",
    )(function)
    return click.option(
        "--log-format", type=click.Choice(["text", "json"]), help="Text, or one JSON object a line; default text."
    )(function)


def load_settings(
    config: Path | None, overrides: dict[str, Any] | None = None, *, quiet: bool = False
) -> tuple[Settings, Catalogue]:
    """The configuration as `auscult.config.load` gives it; warnings go to standard error unless it is `quiet`."""
    from auscult.config import load

    settings, catalogue = load(config, environ=os.environ, overrides=overrides or {})
    for finding in () if quiet else settings.warnings:
        click.echo(f"auscult: warning: {finding}", err=True)
    return settings, catalogue


def load_catalogue(config: Path | None) -> Catalogue:
    """What is installed, with the configuration's local plugins; a broken configuration only costs those."""
    from auscult.catalogue import Catalogue
    from auscult.config import load

    try:
        return load(config)[1]
    except ConfigurationError as error:
        click.echo(
            f"auscult: the configuration cannot be read, local plugins are left out: {error.findings[0]}", err=True
        )
        return Catalogue.discover()


def print_json(value: Any) -> None:
    """`value` as indented JSON on standard output."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
