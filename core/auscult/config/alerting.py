"""The tables `rules`, `routes` and `maintenance` into what the alert book works with; all of alerting together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from auscult.alerts.matching import Matcher
from auscult.alerts.quiet import MaintenanceWindow
from auscult.alerts.routing import Route
from auscult.component import NAME, Component
from auscult.config.alert_checks import Surroundings, check_routes, check_rule, warn_of_rules
from auscult.config.decode import FAILED, Decoder
from auscult.config.document import KeyPath
from auscult.config.label_names import warn_of_labels
from auscult.errors import did_you_mean
from auscult.kinds import Channel
from auscult.options import Duration
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule, RuleTable
from auscult.rules.stepping import RuleEngine

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["AlertSettings", "MaintenanceTable", "alert_settings"]

_CHANGES = frozenset(RuleTable.__struct_encode_fields__) - {"condition", "metric", "absent"}
"""Keys that alone make no rule, and change one that there is."""


class AlertSettings(Struct, frozen=True, kw_only=True):
    """Rules, channels, routes and maintenance windows, ready to use."""

    rules: tuple[AlertRule, ...] = ()
    channels: dict[str, Channel] = {}
    routes: tuple[Route, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()
    check_interval: float = 60.0
    """`defaults.alert_check_interval`, in seconds."""

    def __repr__(self) -> str:
        return f"AlertSettings(rules={[rule.name for rule in self.rules]}, channels={sorted(self.channels)})"


class MaintenanceTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Planned work, during which nobody is told of the alerts that match."""

    match: dict[str, str | tuple[str, ...]] = {}
    """Labels, `rule`, `component`, `type` and `severity` with the value they need; as in a route. Empty: every
    alert."""
    start: str = ""
    """When it starts, once: `2026-12-24T18:00:00Z`."""
    end: str = ""
    """When it ends."""
    cron: str = ""
    """When it starts, again and again: five fields, as cron has them."""
    timezone: str = "UTC"
    """The time zone of `cron`."""
    duration: Duration = Duration(3600)
    """How long it lasts from each start that `cron` names."""
    comment: str = ""
    """What is done."""


def decode_routes(raw: Iterable[Any], decoder: Decoder) -> list[tuple[int, Route]]:
    """The routes that can be read, with their places in the file."""
    tables = [(at, table) for at, table in enumerate(raw) if isinstance(table, dict)]
    found = [(at, decoder.value(table, Route, ("routes", at))) for at, table in tables]
    return [(at, route) for at, route in found if route is not FAILED]


def decode_windows(tables: Mapping[str, Any], decoder: Decoder) -> tuple[MaintenanceWindow, ...]:
    """The maintenance windows."""
    found = []
    for name, raw in tables.items():
        path: KeyPath = ("maintenance", name)
        plain = {key: value.isoformat() if isinstance(value, date) else value for key, value in raw.items()}
        table = decoder.value(plain, MaintenanceTable, path)
        if table is FAILED:
            continue
        try:
            found.append(_window(name, table))
        except _Wrong as error:
            decoder.report.add((*path, *error.path), str(error))
        except ValueError as error:
            decoder.report.add(path, str(error))
    return tuple(found)


class _Wrong(ValueError):
    """A sentence about one key."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


def _window(name: str, table: MaintenanceTable) -> MaintenanceWindow:
    _check_span(table)
    return MaintenanceWindow(
        name=name,
        matchers=tuple(_matcher(key, value) for key, value in table.match.items()),
        starts_at=_moment("start", table.start),
        ends_at=_moment("end", table.end),
        cron=table.cron,
        timezone=table.timezone,
        duration=float(table.duration),
        comment=table.comment,
    )


def _check_span(table: MaintenanceTable) -> None:
    if table.cron:
        if other := next((key for key in ("start", "end") if getattr(table, key)), ""):
            raise _Wrong(f"has both `cron` and `{other}`: either again and again, or once", other)
        if table.duration < 1:
            raise _Wrong(f"expected a duration of at least 1s, found {table.duration}", "duration")
        return
    if not table.start and not table.end:
        raise _Wrong("missing: `start` and `end`, or `cron` and `duration`")
    for key in ("start", "end"):
        if not getattr(table, key):
            raise _Wrong(f"missing: `{key}`, a time such as 2026-12-24T18:00:00Z")
    start, end = _moment("start", table.start), _moment("end", table.end)
    if start is not None and end is not None and end <= start:
        raise _Wrong("expected a time later than `start`", "end")


def _matcher(key: str, value: str | tuple[str, ...]) -> Matcher:
    if not isinstance(value, str):
        raise _Wrong("expected one text: write one window for each", "match", key)
    try:
        return Matcher(key, value)
    except ValueError as error:
        raise _Wrong(str(error), "match", key) from None


def _moment(key: str, text: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(f"expected a time such as 2026-12-24T18:00:00Z, found {text!r}", key) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def decode_rules(tables: Mapping[str, Any], decoder: Decoder, shipped: Iterable[Any]) -> tuple[AlertRule, ...]:
    """The default rules, those that plugins ship, and the configured ones, which change or add to them."""
    rules = {rule.name: rule for rule in default_rules()}
    rules |= {rule.name: rule for rule in shipped if _is_sound(rule, decoder)}
    for name, raw in tables.items():
        rule = _configured(name, raw, rules, decoder)
        if rule is not None:
            rules[name] = rule
        elif raw.get("enabled") is False:
            rules.pop(name, None)
    return tuple(rules.values())


def _is_sound(rule: Any, decoder: Decoder) -> bool:
    """Whether a rule that a plugin ships can be used; a mistake of its author stops nobody else."""
    if not isinstance(rule, AlertRule) or not NAME.fullmatch(rule.name):
        name = getattr(rule, "name", type(rule).__name__)
        decoder.report.add(("rules",), f"a plugin ships {name!r}, which is no rule with a valid name", fatal=False)
        return False
    try:
        RuleEngine([rule])
    except Exception as error:
        message = f"a plugin ships this rule, and it cannot be used: {error}"
        decoder.report.add(("rules", rule.name), message, fatal=False)
        return False
    return True


def _configured(
    name: str, raw: Mapping[str, Any], rules: Mapping[str, AlertRule], decoder: Decoder
) -> AlertRule | None:
    path = ("rules", name)
    base = rules.get(name)
    own = any(key in raw for key in ("condition", "metric", "absent"))
    before = _as_table(base) if base is not None else {}
    if own:
        before = {key: value for key, value in before.items() if key not in ("condition", "absent")}
    table = decoder.value({**before, **raw}, RuleTable, path)
    if table is FAILED or not table.enabled:
        return None
    try:
        if base is not None and callable(base.condition) and not own:
            rule = replace(replace(table, condition="true").rule(name), condition=base.condition)
        else:
            rule = table.rule(name)
    except ValueError as error:
        near = did_you_mean(name, rules)
        meant = near if near.startswith("; did") and set(raw) <= _CHANGES else ""
        decoder.report.add(path, str(error) + meant)
        return None
    return rule if check_rule(decoder.report, path, rule, raw) else None


def _as_table(rule: AlertRule) -> dict[str, Any]:
    """A rule that was made in code as a table to change; what is a function there cannot be changed."""
    plain: dict[str, Any] = {
        RuleTable.__struct_encode_fields__[at]: getattr(rule, field)
        for at, field in enumerate(RuleTable.__struct_fields__)
        if hasattr(rule, field) and not callable(getattr(rule, field))
    }
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()} | {
        "severity": rule.severity.value
    }


def alert_settings(
    decoder: Decoder,
    catalogue: Catalogue,
    data: Mapping[str, Any],
    channels: Mapping[str, Channel],
    components: Mapping[str, Component],
    check_interval: float = 60.0,
) -> AlertSettings:
    """All of alerting. Without any configured channel, alerts are logged."""
    known = dict(channels)
    if not known and "log" in catalogue.channels:
        known["log"] = catalogue.channels["log"]()
    raw, tables, windows = data.get("routes", []), _tables(data.get("rules", {})), data.get("maintenance", {})
    rules = decode_rules(tables, decoder, catalogue.rules)
    routes = decode_routes(raw if isinstance(raw, list) else (), decoder)
    there = dict[str, Any](known) | _tables(data.get("channels", {}))  # one with a mistake has its finding already
    check_routes(decoder.report, routes, there, {rule.name for rule in rules}, {*components, "auscult"})
    warn_of_rules(decoder.report, rules, tables, Surroundings.of(catalogue, components))
    quiet = decode_windows(_tables(windows), decoder)
    warn_of_labels(decoder.report, routes, quiet, rules, components)
    return AlertSettings(
        rules=rules,
        channels=known,
        routes=tuple(route for _, route in routes),
        windows=quiet,
        check_interval=check_interval,
    )


def _tables(raw: Any) -> dict[str, Any]:
    """Only what is a table with a valid name; the rest is in the report already."""
    tables = raw.items() if isinstance(raw, dict) else ()
    return {name: table for name, table in tables if isinstance(table, dict) and NAME.fullmatch(name)}
