"""The tables `rules`, `routes` and `maintenance` into what the alert book works with; all of alerting together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from auscult.alerts.matching import Matcher
from auscult.alerts.quiet import MaintenanceWindow
from auscult.alerts.routing import Route
from auscult.config.decode import FAILED, Decoder
from auscult.config.document import KeyPath
from auscult.errors import did_you_mean
from auscult.kinds import Channel
from auscult.options import Duration
from auscult.rules.defaults import default_rules
from auscult.rules.rule import AlertRule, RuleTable
from auscult.rules.stepping import RuleEngine

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["AlertSettings", "MaintenanceTable", "alert_settings"]


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


def decode_routes(raw: Iterable[Any], decoder: Decoder, channels: Mapping[str, object]) -> tuple[Route, ...]:
    """The routes; a channel that does not exist is a finding."""
    found = []
    for at, table in enumerate(raw):
        route = decoder.value(table, Route, ("routes", at))
        if route is FAILED:
            continue
        _check_channels(decoder, route.channels, channels, ("routes", at, "channels"))
        for step, escalation in enumerate(route.escalate):
            _check_channels(decoder, escalation.channels, channels, ("routes", at, "escalate", step, "channels"))
        found.append(route)
    return tuple(found)


def _check_channels(decoder: Decoder, named: Iterable[str], channels: Mapping[str, object], path: KeyPath) -> None:
    for at, name in enumerate(named):
        if name not in channels:
            decoder.report.add((*path, at), f"there is no channel `{name}`{did_you_mean(name, channels)}")


def decode_windows(tables: Mapping[str, Any], decoder: Decoder) -> tuple[MaintenanceWindow, ...]:
    """The maintenance windows."""
    found = []
    for name, raw in tables.items():
        path: KeyPath = ("maintenance", name)
        table = decoder.value(raw, MaintenanceTable, path)
        if table is FAILED:
            continue
        try:
            found.append(_window(name, table))
        except ValueError as error:
            decoder.report.add(path, str(error))
    return tuple(found)


def _window(name: str, table: MaintenanceTable) -> MaintenanceWindow:
    if any(not isinstance(value, str) for value in table.match.values()):
        raise ValueError("`match`: expected one text for each label; write one window for each")
    return MaintenanceWindow(
        name=name,
        matchers=tuple(Matcher(key, str(value)) for key, value in table.match.items()),
        starts_at=_moment("start", table.start),
        ends_at=_moment("end", table.end),
        cron=table.cron,
        timezone=table.timezone,
        duration=float(table.duration),
        comment=table.comment,
    )


def _moment(key: str, text: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{key}`: expected a time such as 2026-12-24T18:00:00Z, found {text!r}") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def decode_rules(tables: Mapping[str, Any], decoder: Decoder, shipped: Iterable[Any]) -> tuple[AlertRule, ...]:
    """The default rules, those that plugins ship, and the configured ones, which change or add to them."""
    rules = {rule.name: rule for rule in (*default_rules(), *shipped) if isinstance(rule, AlertRule)}
    for name, raw in tables.items():
        path = ("rules", name)
        base = _as_table(rules[name]) if name in rules else {}
        if any(key in raw for key in ("condition", "metric", "absent")):
            base = {key: value for key, value in base.items() if key not in ("condition", "absent")}
        table = decoder.value({**base, **raw}, RuleTable, path)
        if table is FAILED:
            continue
        if not table.enabled:
            rules.pop(name, None)
            continue
        try:
            rules[name] = _tried(table.rule(name))
        except ValueError as error:
            decoder.report.add(path, str(error))
    return tuple(rules.values())


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


def _tried(rule: AlertRule) -> AlertRule:
    """The rule, if the engine takes it. Raises ValueError."""
    RuleEngine([rule])
    return rule


def alert_settings(
    decoder: Decoder,
    catalogue: Catalogue,
    data: Mapping[str, Any],
    channels: Mapping[str, Channel],
    check_interval: float = 60.0,
) -> AlertSettings:
    """All of alerting. Without any configured channel, alerts are logged."""
    known = dict(channels)
    if not known and "log" in catalogue.channels:
        known["log"] = catalogue.channels["log"]()
    routes, rules, windows = data.get("routes", []), data.get("rules", {}), data.get("maintenance", {})
    return AlertSettings(
        rules=decode_rules(_tables(rules), decoder, catalogue.rules),
        channels=known,
        routes=decode_routes(routes if isinstance(routes, list) else (), decoder, known),
        windows=decode_windows(_tables(windows), decoder),
        check_interval=check_interval,
    )


def _tables(raw: Any) -> dict[str, Any]:
    """Only what is a table; the rest is in the report already."""
    return {name: table for name, table in raw.items() if isinstance(table, dict)} if isinstance(raw, dict) else {}
