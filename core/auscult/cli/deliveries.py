"""``auscult deliveries``: what is on its way to channels, what was, and what was given up."""

from __future__ import annotations

from typing import Any

import click

from auscult.cli.options import json_option, print_json
from auscult.cli.remote import USAGE, ListsByDefault, Server, leave, server_options
from auscult.cli.writing import ago, ahead, plain, plural, table

__all__ = ["command"]

_STATES = click.Choice(["pending", "sending", "done", "merged", "silenced", "dead"])
_LOOK = {"dead": "red", "pending": "yellow", "sending": "yellow", "done": "green"}
MOST = 1000


@click.group("deliveries", cls=ListsByDefault)
def command() -> None:
    """What is on its way to channels, what was, and what was given up. Without a subcommand: list."""


def _limit(function: Any) -> Any:
    return click.option(
        "--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most this many."
    )(function)


_channel = click.option("--channel", help="Only those of this channel.")


@command.command("list")
@_channel
@click.option("--alert", metavar="ID", help="Only those of this alert.")
@click.option("--state", type=_STATES, help="Only those in this state.")
@_limit
@server_options
@json_option
def listed(
    channel: str | None, alert: str | None, state: str | None, limit: int, url: str, token: str | None, as_json: bool
) -> None:
    """List notices and how far they are, newest first."""
    with Server.at(url, token) as server:
        body = server.get("/api/v1/deliveries", channel=channel, alert=alert, state=state, limit=limit)
    if as_json:
        print_json(body)
        return
    _print(body["deliveries"], "There is no such delivery." if channel or alert or state else "Nothing was sent yet.")


@command.command("dead")
@_channel
@_limit
@server_options
@json_option
def dead(channel: str | None, limit: int, url: str, token: str | None, as_json: bool) -> None:
    """List what was given up, and why."""
    with Server.at(url, token) as server:
        body = server.get("/api/v1/deliveries", channel=channel, state="dead", limit=limit)
    if as_json:
        print_json(body)
        return
    _print(body["deliveries"], "Nothing was given up.")
    if body["deliveries"]:
        click.echo("Try again: auscult deliveries resend KEY, or --all")


def _print(rows: list[dict[str, Any]], nothing: str) -> None:
    if not rows:
        click.echo(nothing)
    table(
        ("STATE", "WHEN", "TRIES", "CHANNEL", "ABOUT", "KEY", "ERROR"),
        [
            (
                row["state"],
                _when(row),
                row["attempts"],
                row["channel"],
                _about(row),
                row["key"],
                plain(row["error"], 200),
            )
            for row in rows
        ],
        colors=[_LOOK.get(row["state"]) for row in rows],
    )


def _when(row: dict[str, Any]) -> str:
    if row["done_at"]:
        return f"{ago(row['done_at'])} ago"
    return "now" if row["state"] == "sending" else f"in {ahead(row['due'])}"


def _about(row: dict[str, Any]) -> str:
    """``component_unhealthy: redis resolved``: what somebody has heard, or has not."""
    labels = plain(", ".join(f"{name}={value}" for name, value in row["labels"].items()), 60)
    what = ": ".join(filter(None, (row["rule"], row["component"] or labels)))
    return plain(f"{what} {row['change']}", 200)


@command.command("resend")
@click.argument("keys", nargs=-1, metavar="KEY...")
@click.option("--all", "everything", is_flag=True, help="Everything that was given up.")
@_channel
@server_options
def resend(keys: tuple[str, ...], everything: bool, channel: str | None, url: str, token: str | None) -> None:
    """Try what was given up again: these KEYs, or --all."""
    if bool(keys) == everything:
        leave("resend takes KEYs, or --all", USAGE)
    with Server.at(url, token) as server:
        if everything:
            found = server.get("/api/v1/deliveries", channel=channel, state="dead", limit=MOST)["deliveries"]
            keys = tuple(row["key"] for row in found)
        for key in keys:
            server.post("/api/v1/deliveries/resend", {"key": key})
    click.echo(f"{plural(len(keys), 'notice is', 'notices are')} tried again.")
