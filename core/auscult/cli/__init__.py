"""The ``auscult`` command, one file per command, each loaded when it is called.

May import: everything.

Exit codes: 0 fine, 1 something is unhealthy, 2 usage or configuration, 3 unknown.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

import auscult

__all__ = ["main"]

_COMMANDS = {
    "serve": "Run the monitor with its HTTP server.",
    "check": "Probe components once and print what they say.",
    "rules": "List, test and replay what raises alerts.",
    "alerts": "List, acknowledge and resolve alerts of a running server.",
    "silence": "Tell nobody of some alerts for a while.",
    "channels": "List channels, and send a test through one.",
    "deliveries": "List what was sent or given up; send it again.",
    "plugins": "List what is installed, problems included.",
    "config": "Check, show or compare configurations.",
    "init": "Write a configuration for what this environment has.",
    "doctor": "Look for what is wrong, and say what to do.",
    "grafana": "Make dashboards for Grafana.",
    "prometheus": "Make alert rules for Prometheus.",
    "token": "Make an access token.",
    "user": "Make a login with a password.",
    "completion": "Print a shell completion script.",
}


class _Commands(click.Group):
    """Knows its commands' names and summaries; loads a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands first, in a sensible order; then those of plugins."""
        return [*_COMMANDS, *sorted(set(self._of_plugins()) - set(_COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, a plugin's only when none is built in."""
        if cmd_name in _COMMANDS:
            command = import_module(f"auscult.cli.{cmd_name}").command
            assert isinstance(command, click.Command)
            return command
        return self._of_plugins().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming the nearest command for a wrong one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from auscult.errors import did_you_mean

            raise click.UsageError(
                f"There is no command `{args[0]}`{did_you_mean(args[0], self.list_commands(ctx))}", ctx
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Summaries of built-in commands come from the table, so that help loads no command."""
        rows = list(_COMMANDS.items())
        rows += [(name, found.get_short_help_str(70)) for name, found in sorted(self._of_plugins().items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _of_plugins(self) -> dict[str, click.Command]:
        if self._found is None:
            from auscult.catalogue import plugin_commands

            self._found = plugin_commands()
        return self._found

    _found: dict[str, click.Command] | None = None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(auscult.__version__, prog_name="auscult", message="%(prog)s %(version)s")
def group() -> None:
    """auscult: listens to the components of your system and tells how they are.

    Start with `auscult serve`: without any configuration it monitors what the environment names, and this machine.
    """


def main() -> None:
    """The console script: errors that are ours end in a sentence, not in a traceback."""
    from auscult.errors import AuscultError, ConfigurationError

    try:
        group.main(prog_name="auscult")
    except ConfigurationError as error:
        for finding in error.findings:
            click.echo(
                f"auscult: {finding}" if finding.key or finding.file else f"auscult: {finding.message}", err=True
            )
        sys.exit(2)
    except AuscultError as error:
        click.echo(f"auscult: {error}", err=True)
        sys.exit(2)
