"""``auscult completion``: the script that makes the shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    bash: auscult completion bash > ~/.local/share/bash-completion/completions/auscult
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "auscult", "_AUSCULT_COMPLETE").source())
