"""``auscult silence``: tell nobody of some alerts for a while."""

from __future__ import annotations

from typing import Any

import click

from auscult.cli.alerts import in_seconds, span
from auscult.cli.options import json_option, print_json
from auscult.cli.remote import ListsByDefault, Server, server_options
from auscult.cli.writing import SEVERITY_LOOK, ahead, plain, plural, table

__all__ = ["command"]


@click.group("silence", cls=ListsByDefault)
def command() -> None:
    """Tell nobody of some alerts for a while. Without a subcommand: list.

    A MATCHER is NAME=VALUE or NAME!=VALUE; NAME is a label, or rule, component, type, severity; VALUE may hold *.
    """


def _bodies(matchers: tuple[str, ...]) -> list[dict[str, Any]]:
    from auscult.alerts.matching import matchers_of

    try:
        found = matchers_of(matchers)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return [{"name": each.name, "value": each.value, "negative": each.op == "!="} for each in found]


def _shown(silence: dict[str, Any]) -> str:
    return plain(" ".join(f"{m['name']}{'!=' if m['negative'] else '='}{m['value']}" for m in silence["matchers"]))


@command.command("list")
@server_options
@json_option
def listed(url: str, token: str | None, as_json: bool) -> None:
    """List silences that are not over, those that end first in front."""
    with Server.at(url, token) as server:
        body = server.get("/api/v1/silences")
    if as_json:
        print_json(body)
        return
    if not body["silences"]:
        click.echo("There are no silences.")
    table(
        ("ID", "ENDS IN", "BY", "MATCHES", "COMMENT"),
        [(s["id"], ahead(s["ends_at"]), s["author"], _shown(s), plain(s["comment"], 200)) for s in body["silences"]],
    )


@command.command("add")
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@click.option("--for", "length", callback=span, required=True, metavar="DURATION", help="How long: 30m, 2h, 1d.")
@click.option("--in", "delay", callback=span, metavar="DURATION", help="When it begins, from now. Default: now.")
@click.option("--comment", "-m", required=True, help="Why; others read it.")
@server_options
@json_option
def add(
    matchers: tuple[str, ...],
    length: float,
    delay: float | None,
    comment: str,
    url: str,
    token: str | None,
    as_json: bool,
) -> None:
    """Tell nobody of the alerts that match all MATCHERs.

    auscult silence add component=redis --for 2h --comment "new version"
    """
    body = {"matchers": _bodies(matchers), "ends_at": in_seconds(length + (delay or 0)), "comment": comment}
    if delay is not None:
        body["starts_at"] = in_seconds(delay)
    with Server.at(url, token) as server:
        made = server.post("/api/v1/silences", body)
        matched = server.post("/api/v1/silences/preview", {"matchers": body["matchers"]})["alerts"]
    if as_json:
        print_json(made)
        return
    click.echo(f"Silence {made['id']} until {made['ends_at']}: {_shown(made)}")
    click.echo(_quiet(matched))
    click.echo(f"End it early: auscult silence end {made['id']}")


def _quiet(alerts: list[dict[str, Any]]) -> str:
    if not alerts:
        return "No open alert matches now."
    names = ", ".join(plain(f"{alert['name']}: {alert['component']}".rstrip(": "), 80) for alert in alerts[:5])
    more = f" and {len(alerts) - 5} more" if len(alerts) > 5 else ""
    return f"{plural(len(alerts), 'open alert matches', 'open alerts match')}: {names}{more}"


@command.command("preview")
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@server_options
@json_option
def preview(matchers: tuple[str, ...], url: str, token: str | None, as_json: bool) -> None:
    """Show which open alerts a silence with these MATCHERs would keep quiet."""
    with Server.at(url, token) as server:
        body = server.post("/api/v1/silences/preview", {"matchers": _bodies(matchers)})
    if as_json:
        print_json(body)
        return
    alerts = body["alerts"]
    table(
        ("SEVERITY", "STATUS", "RULE", "COMPONENT", "MESSAGE"),
        [(a["severity"], a["status"], a["name"], a["component"], plain(a["message"], 200)) for a in alerts],
        colors=[SEVERITY_LOOK.get(alert["severity"]) for alert in alerts],
    )
    click.echo(_quiet(alerts) if not alerts else plural(len(alerts), "open alert matches", "open alerts match"))


@command.command("end")
@click.argument("ident", metavar="ID")
@server_options
def end(ident: str, url: str, token: str | None) -> None:
    """End a silence now."""
    from urllib.parse import quote

    with Server.at(url, token) as server:
        ended = server.delete(f"/api/v1/silences/{quote(ident, safe='')}")
    click.echo(f"Silence {ended['id']} has ended: {_shown(ended)}")
