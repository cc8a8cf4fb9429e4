"""``auscult channels``: where alerts go, and whether they get there."""

from __future__ import annotations

from typing import Any

import click

from auscult.cli.options import json_option, print_json
from auscult.cli.remote import FAILED, ListsByDefault, Server, server_options
from auscult.cli.writing import ago, plain, table

__all__ = ["command"]


@click.group("channels", cls=ListsByDefault)
def command() -> None:
    """Where alerts go, and whether they get there. Without a subcommand: list."""


@command.command("list")
@server_options
@json_option
def listed(url: str, token: str | None, as_json: bool) -> None:
    """List channels and how they are doing, since the server's start."""
    with Server.at(url, token) as server:
        body = server.get("/api/v1/channels")
    if as_json:
        print_json(body)
        return
    channels = body["channels"]
    if not channels:
        click.echo("There are no channels: alerts are logged only.")
    table(
        ("NAME", "KIND", "STATE", "DELIVERED", "FAILED", "GIVEN UP", "WAITING", "LAST ERROR"),
        [
            (
                each["name"],
                each["kind"],
                _state(each),
                each["delivered"],
                each["failed"],
                each["given_up"],
                each["waiting"],
                plain(each["last_error"], 200),
            )
            for each in channels
        ],
        colors=["red" if _is_bad(each) else None for each in channels],
    )


def _is_bad(channel: dict[str, Any]) -> bool:
    return bool(channel["failing_since"] or (channel["given_up"] and not channel["delivered"]))


def _state(channel: dict[str, Any]) -> str:
    if channel["failing_since"]:
        return f"failing for {ago(channel['failing_since'])}" + (", paused" if channel["paused"] else "")
    if channel["delivered"]:
        return "ok"
    return "nothing arrived yet" if channel["failed"] else "not used yet"


@command.command("test")
@click.argument("name")
@server_options
@json_option
def test(name: str, url: str, token: str | None, as_json: bool) -> None:
    """Send a test through the channel NAME and print what came back. Exits 1 when it was not delivered."""
    from urllib.parse import quote

    with Server.at(url, token) as server:
        body = server.post(f"/api/v1/channels/{quote(name, safe='')}/test")
    took = f"{(body['seconds'] or 0) * 1000:.0f} ms"
    if as_json:
        print_json(body)
    elif body["delivered"]:
        click.secho(f"✓ {plain(name)}: delivered in {took}", fg="green")
    else:
        click.secho(f"✗ {plain(name)}: not delivered, after {took}: {plain(body['error'])}", fg="red")
    if not body["delivered"]:
        raise SystemExit(FAILED)
