"""``auscult user``: a login for a person, with a password."""

from __future__ import annotations

import sys

import click

__all__ = ["command"]

SHORTEST = 10
"""Characters of a password."""


@click.command("user")
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "admin"]), default="viewer", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")
def command(name: str, role: str, password_stdin: bool) -> None:
    """Make a login called NAME for the page: asks for a password, prints the lines to add to the configuration.

    Only the password's hash is kept. Printing the lines anew with another password ends the person's sessions.
    """
    from auscult.config.tables import LOGIN, LOGIN_RULE
    from auscult.config.tokens import hash_token

    if not LOGIN.fullmatch(name):
        raise click.UsageError(f"{name!r}: {LOGIN_RULE}")
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < SHORTEST:
        raise click.UsageError(f"The password is too short: expected at least {SHORTEST} characters")
    quoted = name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'
    click.echo(f'[auth.users.{quoted}]\nrole = "{role}"\nhash = "{hash_token(password)}"')
