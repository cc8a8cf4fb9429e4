"""``auscult init``: a commented configuration for what this environment has."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = ["command"]


@click.command("init")
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("auscult.toml"), show_default=True)
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@click.option("--print", "to_stdout", is_flag=True, help="Print it instead of writing a file.")
def command(output: Path, force: bool, to_stdout: bool) -> None:
    """Write a configuration for what this environment has.

    It holds what `auscult serve` would monitor without a file, commented, secrets as ${NAME} references.
    """
    from auscult.catalogue import Catalogue
    from auscult.config import init_text

    text = init_text(Catalogue.discover(), os.environ)
    if to_stdout:
        click.echo(text, nl=False)
        return
    if output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force overwrites it, --print shows what would be written")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {output}. Look it over, then: auscult config check && auscult serve")
