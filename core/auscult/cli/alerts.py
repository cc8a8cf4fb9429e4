"""``auscult alerts``: what is wrong now, who has it, and what was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from auscult.cli.options import json_option, print_json
from auscult.cli.remote import FAILED, ListsByDefault, Server, leave, server_options
from auscult.cli.writing import SEVERITY_LOOK, ago, plain, plural, table

__all__ = ["command", "span"]

_SEVERITIES = click.Choice(["critical", "high", "medium", "low", "info"])
_STATUSES = click.Choice(["active", "acknowledged", "suppressed", "resolved"])


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The callback of options that are durations such as ``2h``: gives seconds."""
    from auscult.options import Duration

    if value is None:
        return None
    try:
        seconds = float(Duration(value))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    if seconds < 1:
        raise click.BadParameter(f"expected at least 1s, found {value}", ctx, param)
    return seconds


def in_seconds(seconds: float) -> str:
    """The time that many seconds from now, as the API takes it."""
    try:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        raise click.UsageError("that lies beyond the year 9999") from None


@click.group("alerts", cls=ListsByDefault)
def command() -> None:
    """What is wrong now, who has it, and what was. Without a subcommand: list."""


def _filters(function: Any) -> Any:
    for option in (
        click.option("--rule", help="Only alerts of this rule."),
        click.option("--component", help="Only alerts of this component."),
        click.option("--status", type=_STATUSES, help="Only alerts in this state."),
        click.option("--severity", type=_SEVERITIES, help="Only alerts of this severity."),
    ):
        function = option(function)
    return function


@command.command("list")
@_filters
@server_options
@json_option
def listed(
    severity: str | None,
    status: str | None,
    component: str | None,
    rule: str | None,
    url: str,
    token: str | None,
    as_json: bool,
) -> None:
    """List alerts that go on, the worst first, with totals. Suppressed ones with --status suppressed."""
    with Server.at(url, token) as server:
        body = server.get("/alerts", severity=severity, status=status, component=component, rule=rule)
    if as_json:
        print_json(body)
        return
    if not body["alerts"]:
        filtered = any((severity, status, component, rule))
        click.echo("No open alert fits." if filtered else "No alerts.")
    worst_first = sorted(body["alerts"], key=lambda alert: _SEVERITIES.choices.index(alert["severity"]))
    _print_alerts(worst_first)
    summary = body["summary"]
    counts = ", ".join(f"{count} {name}" for name, count in summary["active_by_severity"].items() if count)
    counts = f" ({counts})" if counts else ""
    click.echo(
        f"{plural(summary['total_active'], 'alert')} open{counts}, "
        f"{summary['total_resolved']} resolved within the last 24 hours"
    )


def _print_alerts(alerts: list[dict[str, Any]]) -> None:
    table(
        ("SEVERITY", "STATUS", "SINCE", "ID", "WHAT", "MESSAGE"),
        [
            (
                alert["severity"],
                _status(alert),
                ago(alert["created_at"]),
                alert["id"],
                _what(alert),
                plain(alert["message"], 200),
            )
            for alert in alerts
        ],
        colors=[SEVERITY_LOOK.get(alert["severity"]) for alert in alerts],
    )


def _what(alert: dict[str, Any]) -> str:
    return plain(f"{alert['name']}: {alert['component']}" if alert["component"] else alert["name"], 200)


def _status(alert: dict[str, Any]) -> str:
    taken = alert["acknowledged"]
    if alert["status"] == "acknowledged" and taken:
        return f"acknowledged by {plain(taken['author'], 40)}"
    if alert["status"] == "suppressed":
        return f"suppressed ({plain(alert['suppressed_by'], 60)})"
    return str(alert["status"])


@command.command("history")
@_filters
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most this many.")
@server_options
@json_option
def history(
    severity: str | None,
    status: str | None,
    component: str | None,
    rule: str | None,
    limit: int,
    url: str,
    token: str | None,
    as_json: bool,
) -> None:
    """List all alerts, those that are over too, newest first."""
    with Server.at(url, token) as server:
        body = server.get(
            "/api/v1/alerts", severity=severity, status=status, component=component, rule=rule, limit=limit
        )
    if as_json:
        print_json(body)
        return
    if not body["alerts"]:
        click.echo("There is no such alert." if any((severity, status, component, rule)) else "There was no alert yet.")
    _print_alerts(body["alerts"])


@command.command("show")
@click.argument("ident", metavar="ID")
@server_options
@json_option
def show(ident: str, url: str, token: str | None, as_json: bool) -> None:
    """Show one alert and everything that happened to it. The beginning of either half of an open alert's ID will do."""
    with Server.at(url, token) as server:
        body = server.get(f"/api/v1/alerts/{_whole(server, ident)}")
    if as_json:
        print_json(body)
        return
    alert = body["alert"]
    click.secho(f"{_what(alert)} ({alert['severity']}, {_status(alert)})", bold=True)
    click.echo(plain(alert["message"]))
    for name, value in _facts(alert):
        click.echo(f"  {name}: {value}")
    click.echo()
    table(
        ("WHEN", "WHAT", "BY", "NOTE"),
        [(change["at"], change["kind"], change["by"] or "–", change["note"]) for change in body["changes"]],
    )


def _facts(alert: dict[str, Any]) -> list[tuple[str, str]]:
    taken = alert["acknowledged"] or {}
    said = [
        ("id", alert["id"]),
        ("since", f"{alert['created_at']} ({ago(alert['created_at'])})"),
        ("resolved", f"{alert['resolved_at']} ({alert['resolution']})" if alert["resolved_at"] else ""),
        ("acknowledged until", taken.get("until") or ""),
        ("likely cause", alert["cause"]),
        ("affected", ", ".join(alert["affected"])),
        ("values", ", ".join(f"{name}={value}" for name, value in alert["values"].items())),
        ("labels", ", ".join(f"{name}={value}" for name, value in alert["labels"].items())),
        ("runbook", alert["runbook"]),
        ("from", alert["generator"]),
    ]
    return [(name, plain(value)) for name, value in said if value]


def _whole(server: Server, ident: str) -> str:
    """The id of the open alert that begins like that; an id that fits nothing is left to the server.

    Alerts of one moment have the first half in common, so the beginning of the second half will do as well.
    """
    from urllib.parse import quote

    # The list of everything that goes on: suppressed alerts are left out of the other one.
    known = [alert["id"] for alert in server.get("/alerts")["alerts"]]
    known += [alert["id"] for alert in server.get("/alerts", status="suppressed")["alerts"]]
    fitting = [whole for whole in dict.fromkeys(known) if whole.startswith(ident) or f"-{ident}" in whole]
    if len(fitting) > 1:
        leave(f"{ident!r} fits {plural(len(fitting), 'alert')}: {', '.join(fitting[:5])}", FAILED)
    return fitting[0] if fitting else quote(ident, safe="")


def _act(url: str, token: str | None, ident: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
    with Server.at(url, token) as server:
        return dict(server.post(f"/api/v1/alerts/{_whole(server, ident)}/{action}", body))


_note = click.option("--note", default="", help="What others should know.")


@command.command("ack")
@click.argument("ident", metavar="ID")
@_note
@click.option("--for", "length", callback=span, metavar="DURATION", help="Until when, from now: 2h. Default: its end.")
@server_options
def ack(ident: str, note: str, length: float | None, url: str, token: str | None) -> None:
    """Take an alert on: nothing is repeated, nothing escalates."""
    body = {"note": note} | ({"until": in_seconds(length)} if length is not None else {})
    alert = _act(url, token, ident, "acknowledge", body)
    until = f" until {alert['acknowledged']['until']}" if alert["acknowledged"]["until"] else ""
    click.echo(f"{_what(alert)} is acknowledged by {plain(alert['acknowledged']['author'], 40)}{until}.")


@command.command("unack")
@click.argument("ident", metavar="ID")
@server_options
def unack(ident: str, url: str, token: str | None) -> None:
    """Give an alert back."""
    alert = _act(url, token, ident, "unacknowledge", {})
    click.echo(f"{_what(alert)} is {alert['status']} again.")


@command.command("resolve")
@click.argument("ident", metavar="ID")
@_note
@server_options
def resolve(ident: str, note: str, url: str, token: str | None) -> None:
    """Say that an alert is over. It fires again when its condition begins to hold anew."""
    alert = _act(url, token, ident, "resolve", {"note": note})
    click.echo(f"{_what(alert)} is resolved.")


@command.command("note")
@click.argument("ident", metavar="ID")
@click.argument("text")
@server_options
def note(ident: str, text: str, url: str, token: str | None) -> None:
    """Write something down with an alert."""
    alert = _act(url, token, ident, "note", {"note": text})
    click.echo(f"Noted with {_what(alert)}.")
