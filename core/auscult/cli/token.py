"""``auscult token``: a token for people and programs, and the lines that let it in."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("token")
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "admin"]), default="viewer", show_default=True)
def command(name: str, role: str) -> None:
    """Make an access token called NAME.

    The token is shown once; the configuration keeps only its hash.
    """
    from auscult.config.tokens import hash_token, new_token

    token = new_token()
    click.echo(f"Token, shown once:\n\n    {token}\n\nAdd to the configuration:\n")
    click.echo(f'    [auth.tokens.{name}]\n    role = "{role}"\n    hash = "{hash_token(token)}"\n')
    click.echo(f"Then: curl -H 'Authorization: Bearer {token}' http://127.0.0.1:8420/health/detailed")
