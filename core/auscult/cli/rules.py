"""``auscult rules``: what raises alerts, tests of it, and what it would have raised."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from auscult.cli.options import config_option, json_option, load_settings, print_json
from auscult.cli.remote import ListsByDefault
from auscult.cli.writing import plural
from auscult.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from auscult.config import Settings
    from auscult.replay.difference import Episode
    from auscult.replay.history import Replay
    from auscult.replay.trial import Outcome, Trials
    from auscult.rules.rule import AlertRule

__all__ = ["command"]


@click.group("rules", cls=ListsByDefault)
def command() -> None:
    """What raises alerts: list, test, and replay on stored history. Without a subcommand: list."""


# What there is


@command.command("list")
@config_option
@json_option
def list_rules(config: Path | None, as_json: bool) -> None:
    """List the rules in force, the default ones and those of plugins included."""
    settings, _ = load_settings(config)
    rules = settings.alerting.rules
    if as_json:
        print_json([_plain(rule, settings) for rule in rules])
        return
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        click.echo(f"{rule.name:<{width}}  {rule.severity.value:<8}  {_when(rule)}")


@command.command("show")
@click.argument("name")
@config_option
@json_option
def show_rule(name: str, config: Path | None, as_json: bool) -> None:
    """Show one rule: what it says, which components it looks at, who is told."""
    settings, _ = load_settings(config)
    rules = {rule.name: rule for rule in settings.alerting.rules}
    if name not in rules:
        raise click.UsageError(f"There is no rule `{name}`{did_you_mean(name, rules)}")
    plain = _plain(rules[name], settings)
    if as_json:
        print_json(plain)
        return
    import yaml

    click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


def _when(rule: AlertRule) -> str:
    from auscult.options import Duration

    parts = [_condition(rule)] if rule.condition else []
    if rule.for_:
        parts.append(f"for {Duration(rule.for_)}")
    if rule.absent:
        parts.append(f"{'or ' if parts else ''}no result for {Duration(rule.absent)}")
    where = [f"in {', '.join(rule.components)}"] if rule.components else []
    where += ["(system)"] if rule.scope == "system" else []
    return " ".join(parts + where)


def _condition(rule: AlertRule) -> str:
    return rule.condition if isinstance(rule.condition, str) else f"a function ({_function(rule)})"


def _function(rule: AlertRule) -> str:
    return f"{getattr(rule.condition, '__module__', '?')}.{getattr(rule.condition, '__qualname__', '?')}"


def _plain(rule: AlertRule, settings: Settings) -> dict[str, Any]:
    """Everything about a rule, in the words of the configuration."""
    from auscult.options import Duration
    from auscult.rules.names import data_of

    spans = {"for_": "for", "keep_firing": "keep_firing", "absent": "absent"}
    found: dict[str, Any] = {"name": rule.name, "condition": _condition(rule)}
    for field in rule.__struct_fields__:
        if field not in found:
            value = getattr(rule, field)
            found[spans.get(field, field)] = str(Duration(value)) if field in spans else msgspec.to_builtins(value)
    found["looks_at"] = _looks_at(rule, settings)
    found["data"] = data_of(rule)
    found["told"] = _told(rule, settings)
    return found


def _looks_at(rule: AlertRule, settings: Settings) -> list[str]:
    """Names of the configured components, the monitor's own included."""
    from auscult.alert_manager import SELF

    own = settings.itself
    names = [
        name
        for name, component in settings.components.items()
        if component.enabled and rule.concerns(name, component.component_type, component.labels)
    ]
    return names + ([SELF] if rule.concerns(SELF, SELF, own.labels if own is not None else {}) else [])


def _told(rule: AlertRule, settings: Settings) -> dict[str, list[str]]:
    """Component to the channels that hear of an alert of it; `system` for all together."""
    from auscult.alert import Alert, AlertStatus
    from auscult.alerts.routing import Router

    router = Router(settings.alerting.routes, settings.alerting.channels)

    def channels(component: str, kind: str, labels: dict[str, str]) -> list[str]:
        alert = Alert(
            id="",
            rule=rule.name,
            severity=rule.severity,
            status=AlertStatus.ACTIVE,
            message="",
            component=component,
            component_type=kind,
            labels=labels | rule.labels,
            created_at=0,
            updated_at=0,
        )
        return [hit.channel for hit in router.route(alert)]

    if rule.scope == "system":
        return {"system": channels("", "", {})}
    known = settings.components
    return {
        name: channels(name, known[name].component_type, known[name].labels)
        if name in known
        else channels(name, name, {})
        for name in _looks_at(rule, settings)
    }


# Tests


@command.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@config_option
@json_option
@click.option("--complete", is_flag=True, help="Fail as well when a rule was reached by no test.")
def test_rules(files: tuple[Path, ...], config: Path | None, as_json: bool, complete: bool) -> None:
    """Run tests of rules: FILES give results over virtual time, and what is expected of them.

    Exits 0 when all came as expected, 1 when something did not, 2 when a file cannot be understood.
    """
    from auscult.replay.trial import Trials

    read, findings = [], []
    for file in files:
        try:
            read.append(Trials(file, config=config))
        except ConfigurationError as error:
            findings += error.findings
    if findings:
        raise ConfigurationError(findings)
    outcomes = [(trials, [trials.run(test) for test in trials.tests]) for trials in read]
    unreached = _unreached(outcomes)
    failed = sum(not outcome.passed for _, found in outcomes for outcome in found)
    if as_json:
        print_json(_tests_as_json(outcomes, unreached))
    else:
        _print_tests(outcomes, unreached, failed)
    raise SystemExit(1 if failed or (complete and unreached) else 0)


def _unreached(outcomes: list[tuple[Trials, list[Outcome]]]) -> list[str]:
    rules = dict.fromkeys(rule for trials, _ in outcomes for rule in trials.rules)
    reached = {rule for _, found in outcomes for outcome in found for rule in outcome.reached}
    return [rule for rule in rules if rule not in reached]


def _tests_as_json(outcomes: list[tuple[Trials, list[Outcome]]], unreached: list[str]) -> dict[str, Any]:
    return {
        "ok": all(outcome.passed for _, found in outcomes for outcome in found),
        "tests": [
            {
                "file": str(trials.file),
                "name": outcome.name,
                "passed": outcome.passed,
                "failures": outcome.failures,
                "reached": sorted(outcome.reached),
            }
            for trials, found in outcomes
            for outcome in found
        ],
        "unreached": unreached,
    }


def _print_tests(outcomes: list[tuple[Trials, list[Outcome]]], unreached: list[str], failed: int) -> None:
    count = 0
    for trials, found in outcomes:
        click.echo(f"{trials.file}:")
        for outcome in found:
            count += 1
            sign, color = ("✓", "green") if outcome.passed else ("✗", "red")
            click.secho(f"  {sign} {outcome.name}", fg=color)
            for failure in outcome.failures:
                click.echo(f"      {failure}")
    click.echo(f"{count - failed} of {count} tests passed")
    if unreached:
        click.echo(f"no test reached {len(unreached)} of the rules: {', '.join(unreached)}")


# Replays


def _moment(text: str) -> int:
    """So long ago, or a time; in ms since the epoch."""
    from datetime import UTC, datetime

    from auscult.options import Duration

    try:
        return int(time.time() * 1000 - Duration(text) * 1000)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected a time span such as 24h or 7d, or a time such as 2026-12-24T18:00:00Z, not {text!r}"
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


@command.command("replay")
@click.option(
    "--since",
    type=_moment,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="From when on: a time span back from now, such as 7d, or a time.",
)
@click.option("--until", type=_moment, metavar="TIME", help="Until when; by default until now.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where the history is; by default as configured.")
@config_option
@json_option
def replay_rules(since: int, until: int | None, state_dir: Path | None, config: Path | None, as_json: bool) -> None:
    """Say what the rules of a configuration would have sent on stored history.

    Reads only, also while a server runs. The configuration that recorded the history gives the alerts that were
    recorded; a changed one (-c changed.toml) shows what it would change. Exits 3 when nothing is stored.
    """
    from auscult.replay.history import replay
    from auscult.store.record import recorded

    settings, _ = load_settings(config, {"store.state_dir": state_dir})
    with recorded(settings.store.state_dir) as record:
        found = replay(record, settings, since=since, until=until if until is not None else 1 << 62)
    if found is None:
        click.echo("auscult: no results are stored", err=True)
        raise SystemExit(3)
    notes = _notes(found, settings, since)
    if as_json:
        print_json(_replay_as_json(found, notes))
        return
    for note in notes:
        click.echo(f"auscult: {note}", err=True)
    _print_replay(found)


def _notes(found: Replay, settings: Settings, since: int) -> list[str]:
    """What keeps a replay from being exact, or whole."""
    import auscult
    from auscult.clock import iso_seconds
    from auscult.config.fingerprint import settings_fingerprint

    notes = []
    if found.cut and found.since > since:
        notes.append(f"results are kept since {iso_seconds(found.since)} only; see `store.retention.raw`")
    if found.exact_from is None or found.exact_from > found.since:
        notes.append("the begin of that run is not kept: what was open before is taken over, windows start empty")
    if found.skipped:
        names = ", ".join(sorted(found.skipped))
        notes.append(f"{sum(found.skipped.values())} results of components without a configuration: {names}")
    if len(found.settings) > 1:
        notes.append(f"{len(found.settings)} configurations were in force meanwhile; one is used for all")
    elif found.settings and found.settings[0] and found.settings[0] != settings_fingerprint(settings):
        notes.append("the configuration is not the one that recorded this")
    if others := [version for version in found.versions if version and version != auscult.__version__]:
        notes.append(f"recorded by auscult {', '.join(others)}; this is {auscult.__version__}")
    return notes


def _replay_as_json(found: Replay, notes: list[str]) -> dict[str, Any]:
    return {
        "since": found.since,
        "until": found.until,
        "results": found.results,
        "same": found.same,
        "notes": notes,
        "notices": _notices(found),
        "replayed": found.replayed,
        "recorded": found.recorded,
    }


def _notices(found: Replay) -> dict[str, int]:
    return dict(Counter(sent.channel for sent in found.sent for _ in sent.notification.notices))


def _print_replay(found: Replay) -> None:
    from auscult.clock import iso_seconds

    click.echo(f"{found.results} results since {iso_seconds(found.since)}")
    _print_counts(found)
    told = ", ".join(f"{channel} {count}" for channel, count in sorted(_notices(found).items()))
    click.echo(f"notices: {told or 'none'}")
    if found.same:
        click.echo("the same alerts as recorded")
        return
    replayed, recorded = set(found.replayed), set(found.recorded)
    for episode in sorted(replayed ^ recorded):
        _print_difference("+" if episode in replayed else "-", episode)


def _print_counts(found: Replay) -> None:
    now = Counter(each.rule for each in found.replayed if each.kind != "resolved")
    before = Counter(each.rule for each in found.recorded if each.kind != "resolved")
    width = max((len(rule) for rule in {*now, *before}), default=0)
    for rule in sorted({*now, *before}):
        click.echo(f"  {rule:<{width}}  fires {plural(now[rule], 'time')}, {before[rule]} recorded")


def _print_difference(sign: str, episode: Episode) -> None:
    from auscult.clock import iso_millis

    of = f" for {episode.component}" if episode.component else ""
    line = f"{sign} {iso_millis(episode.at)} {episode.rule}{of} {episode.kind} ({episode.severity}): {episode.message}"
    click.secho(line, fg="green" if sign == "+" else "red")
