"""``auscult doctor``: looks for what is wrong, says what it found and what to do.

Its sections answer the questions people have at 3 a.m.: health checks fail, alerts are not sent, metrics are not
exported, dashboards do not update.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from msgspec import Struct

from auscult.cli.boards import examine_boards
from auscult.cli.flows import examine_flows
from auscult.cli.options import config_option, json_option, load_settings, print_json
from auscult.cli.quiet import examine_quiet
from auscult.cli.writing import ago, plain, plural
from auscult.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    from auscult.catalogue import Catalogue
    from auscult.config import Settings

__all__ = ["command"]

Level = Literal["ok", "note", "problem"]
_LOOK = {"ok": ("✓", "green"), "note": ("·", "cyan"), "problem": ("✗", "red")}
LOW_DISK = 200 * 1024 * 1024


class Found(Struct, frozen=True):
    """One thing the doctor looked at."""

    section: str
    level: Level
    message: str
    remedy: str = ""


class Patient(Struct):
    """What there is to look at."""

    settings: Settings
    catalogue: Catalogue
    client: httpx.Client
    detailed: dict[str, Any] | None = None
    """``/health/detailed`` of the running server; None when there is none, or it does not let us in."""


@click.command("doctor")
@config_option
@click.option("--token", envvar="AUSCULT_TOKEN", help="Access token of the running server, where it asks for one.")
@json_option
def command(config: Path | None, token: str | None, as_json: bool) -> None:
    """Look for what is wrong, and say what to do. Exits 1 when it found a problem."""
    found = list(_examine(config, token))
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise SystemExit(1 if any(item.level == "problem" for item in found) else 0)


def _examine(config: Path | None, token: str | None) -> Iterator[Found]:
    try:
        settings, catalogue = load_settings(config, quiet=True)  # `_configuration` says its warnings
    except ConfigurationError as error:
        for finding in error.findings:
            yield Found("configuration", "problem", str(finding), "mend the file; `auscult config check` looks again")
        return
    import httpx

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = f"http://{_reachable(settings.server.host)}:{settings.server.port}"
    with httpx.Client(base_url=base, headers=headers, timeout=5, trust_env=False) as client:
        patient = Patient(settings, catalogue, client)
        for look in (_configuration, _plugins, _server, _state, _health, _alerts, _metrics, _dashboards):
            yield from look(patient)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


def _configuration(patient: Patient) -> Iterator[Found]:
    settings = patient.settings
    where = f"{settings.file}" if settings.file else "no file; components were taken from the environment"
    if settings.components:
        yield Found("configuration", "ok", f"{where}: {plural(len(settings.components), 'component')}")
    else:
        remedy = "add a [components.NAME] table; `auscult init --print` shows what this environment has"
        yield Found("configuration", "problem", f"{where}: no component is configured, so nothing is checked", remedy)
    for finding in settings.warnings:
        yield Found("configuration", "note", str(finding))


def _plugins(patient: Patient) -> Iterator[Found]:
    catalogue = patient.catalogue
    for problem in catalogue.problems:
        yield Found("plugins", "problem", f"{problem.plugin} ({problem.stage}): {problem.message}", problem.remedy)
    for info in catalogue.plugins:
        for remedy in info.missing:
            yield Found("plugins", "note", f"{info.name} is not available", remedy)
    if not catalogue.problems:
        yield Found("plugins", "ok", f"{plural(len(catalogue.plugins), 'plugin is', 'plugins are')} in order")


def _state(patient: Patient) -> Iterator[Found]:
    running = _running_state(patient)
    directory = running or Path(patient.settings.store.state_dir)
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    remedy = "set --state-dir or AUSCULT_STATE_DIR to a directory that can be written"
    if not existing.is_dir():
        yield Found("state", "problem", f"{directory} cannot be a directory: {existing} is a file", remedy)
    elif running is None and not os.access(existing, os.W_OK):
        yield Found("state", "problem", f"{existing} cannot be written by this user", remedy)
    free = shutil.disk_usage(existing).free
    level: Level = "ok" if free > LOW_DISK else "problem"
    remedy = "" if free > LOW_DISK else "free some space; below the low-water mark results are not stored"
    whose = ", where the running server keeps its state" if running else ""
    yield Found("state", level, f"{directory}{whose}: {free / 1e9:.1f} GB free", remedy)
    version = sqlite3.sqlite_version_info
    if version < (3, 51, 3) and version not in ((3, 44, 6), (3, 50, 7)):
        yield Found(
            "state",
            "note",
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug, which one writing connection avoids",
            "let no other program write to the state directory",
        )


def _running_state(patient: Patient) -> Path | None:
    """Where the running server keeps its state: whoever started it may have named another place than the file does."""
    if patient.detailed is None:
        return None
    store = _json(patient.client.get("/api/v1/config")).get("store", {})
    directory = Path(store.get("state_dir", ""))
    return directory if directory.is_dir() and directory != Path() else None  # it may see other disks than we do


def _server(patient: Patient) -> Iterator[Found]:
    import httpx

    server = patient.settings.server
    try:
        ready = patient.client.get("/-/ready")
        answer = patient.client.get("/health/detailed")
    except httpx.HTTPError as error:
        yield Found(
            "server", "problem", f"no server answers on {server.host}:{server.port}: {error}", "start it: auscult serve"
        )
        return
    if answer.status_code in (401, 403):
        yield Found("server", "note", "the server asks for a token", "give one with --token or AUSCULT_TOKEN")
    elif "components" in (body := _json(answer)):
        patient.detailed = body
        yield Found("server", "ok", f"the server answers; the system is {body['status']}")
    else:
        remedy = f"see what runs on port {server.port}; auscult can listen elsewhere with --port"
        yield Found("server", "problem", "something else than auscult answers there", remedy)
    if ready.status_code != 200:
        yield Found("server", "note", "the server is not ready: first probes still run", "wait ten seconds")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _health(patient: Patient) -> Iterator[Found]:
    if patient.detailed is None:
        return
    components = patient.detailed["components"]
    wanted = [name for name, component in patient.settings.components.items() if component.enabled]
    if absent := [name for name in wanted if name not in components]:
        listed = ", ".join(f"`{name}`" for name in absent)
        remedy = "let it read the configuration again (SIGHUP, or POST /-/reload), or give it this file"
        yield Found("health checks", "problem", f"the running server does not know {listed}", remedy)
    bad = {name: data for name, data in components.items() if data["status"] != "healthy"}
    for name, data in bad.items():
        why = f": {data['message']}" if data.get("message") else ""
        yield Found("health checks", "problem", f"{name} is {data['status']}{why}", _advice(name, data))
    if not bad:
        yield Found("health checks", "ok", f"{plural(len(components), 'component is', 'components are all')} healthy")


_ADVICE = (
    (
        ("refused", "unreachable", "not resolve", "name or service", "no route"),
        "is it running, and is the address right?",
    ),
    (("no answer within", "timed out", "timeout"), "is it overloaded, or does a firewall swallow the connection?"),
    (
        ("password", "401", "403", "key", "token", "unauthor"),
        "check the credentials in the configuration or environment.",
    ),
    (
        ("silence", "word error"),
        "it answers, but its work is bad: try its voice, model and language by hand, and look at its status page.",
    ),
    (("above", "below"), "compare the threshold in the configuration with what is normal for it."),
)


def _advice(name: str, data: dict[str, Any]) -> str:
    """What to try for that message; the last word is always to look with one's own eyes."""
    message = str(data.get("message", "")).lower()
    hint = next((text for words, text in _ADVICE if any(word in message for word in words)), "read its own log.")
    return f"{hint} Look again with: auscult check {name}"


def _alerts(patient: Patient) -> Iterator[Found]:
    channels = patient.settings.channels
    if not channels:
        yield Found(
            "alerts",
            "note",
            "no channel is configured: alerts go to the log, and nowhere else",
            "add a [channels.NAME] table, or set ALERT_WEBHOOK_URL",
        )
    for name, table in channels.items():
        kind = table.get("channel", "")
        if kind not in patient.catalogue.channels:
            remedy = "`auscult plugins` lists the channels there are"
            yield Found(
                "alerts", "problem", f"the channel `{name}` wants the kind `{kind}`, which is not installed", remedy
            )
    if patient.detailed is not None:
        yield from _channels(patient)
        for level, message, remedy in examine_quiet(patient.client, patient.settings.alerting.routes):
            yield Found("alerts", level, message, remedy)


def _channels(patient: Patient) -> Iterator[Found]:
    """Whether what the running server sends gets anywhere, and what it has given up."""
    for channel in _json(patient.client.get("/api/v1/channels")).get("channels", []):
        name, since, error = channel["name"], channel["failing_since"], plain(channel["last_error"], 200)
        if since:
            waiting = plural(channel["waiting"], "notice waits", "notices wait")
            remedy = f"mend that, then try it: auscult channels test {name}"
            said = f"the channel `{name}` has failed for {ago(since)}, {waiting}: {error}"
            yield Found("alerts", "problem", said, remedy)
        elif channel["delivered"]:
            yield Found("alerts", "ok", f"the channel `{name}` delivers")
    lost = _json(patient.client.get("/api/v1/deliveries", params={"state": "dead", "limit": 1000})).get(
        "deliveries", []
    )
    for name in dict.fromkeys(row["channel"] for row in lost):
        of_it = [row for row in lost if row["channel"] == name]
        given_up = plural(len(of_it), "notice was", "notices were")
        said = f"{given_up} given up by the channel `{name}`: {plain(of_it[0]['error'], 200)}"
        remedy = f"mend that, then send again: auscult deliveries resend --all --channel {name}"
        yield Found("alerts", "problem", said, remedy)


def _metrics(patient: Patient) -> Iterator[Found]:
    if patient.detailed is None:
        return
    answer = patient.client.get("/metrics")
    if answer.status_code == 200:
        lines = sum(not line.startswith("#") for line in answer.text.splitlines())
        yield Found("metrics", "ok", f"/metrics answers with {plural(lines, 'sample')}")
    else:
        remedy = "let your Prometheus send a viewer's token, or set `public_metrics = true` under [server]"
        yield Found("metrics", "problem", f"/metrics answers {answer.status_code}", remedy)
    for name, table in patient.settings.exporters.items():
        kind = table.get("exporter", "")
        if kind not in patient.catalogue.exporters:
            remedy = "`auscult plugins` lists the exporters there are"
            yield Found(
                "metrics", "problem", f"the exporter `{name}` wants the kind `{kind}`, which is not installed", remedy
            )
    for level, message, remedy in examine_flows(patient.client, patient.settings.exporters, patient.settings.sources):
        yield Found("metrics", level, message, remedy)


def _dashboards(patient: Patient) -> Iterator[Found]:
    if patient.detailed is None:
        return
    from datetime import UTC, datetime

    last = patient.detailed.get("last_check")
    if last is None:
        yield Found(
            "dashboards", "problem", "no component has been checked yet", "wait for the first probes, then look again"
        )
        return
    age = (datetime.now(UTC) - datetime.fromisoformat(last)).total_seconds()
    slowest = max((c.interval for c in patient.settings.components.values()), default=30)
    if age > 3 * slowest:
        remedy = "look at the component `auscult` and at the log"
        yield Found("dashboards", "problem", f"the latest result is {age:.0f} s old", remedy)
    else:
        yield Found("dashboards", "ok", f"the latest result is {max(age, 0):.0f} s old")
    intervals = {
        name: component.interval
        for name, component in patient.settings.components.items()
        if component.enabled and not component.check.passive
    }
    for level, message, remedy in examine_boards(patient.client, patient.detailed["components"], intervals):
        yield Found("dashboards", level, message, remedy)


def _print(found: list[Found]) -> None:
    section = ""
    for item in found:
        if item.section != section:
            section = item.section
            click.secho(f"\n{section}", bold=True)
        sign, color = _LOOK[item.level]
        click.echo(f"  {click.style(sign, fg=color)} {item.message}")
        if item.remedy:
            click.echo(f"    → {item.remedy}")
