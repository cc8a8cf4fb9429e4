"""A configuration as anybody may see it, and what two of them differ in."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from auscult.alerts.quiet import MaintenanceWindow
from auscult.alerts.routing import Route
from auscult.clock import iso_seconds
from auscult.component import Component
from auscult.config.settings import AuthSettings, Settings
from auscult.config.tables import KINDS
from auscult.definitions import define
from auscult.options import Duration, public
from auscult.rules.rule import AlertRule

__all__ = ["Plan", "plan", "show"]

_PACE = ("interval", "timeout", "retry_interval")
_TABLES = ("server", "store", "defaults", "limits", "egress", "deadman", "status_page")
_NAMED = ("channels", "exporters", "sources", "rules", "maintenance", "dashboards")
_AT_START = frozenset(
    (
        *("server.host", "server.port", "server.graceful_timeout", "server.log_format", "server.log_level"),
        *("store.state_dir", "store.retention", "store.low_water_bytes"),
        *("egress.allow", "egress.deny", "egress.strict"),
        "limits.measurements",
    )
)
"""What a running server keeps until it is started anew; the rest of these tables is looked up when it is needed."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a configuration would change, compared with another."""

    added: tuple[str, ...] = ()
    """Names of components."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    """Key paths of everything else that differs: ``server.port``, ``channels.ops``, ``auth.tokens.ci``."""
    restart: tuple[str, ...] = ()
    """Those of `other` that a reload does not change: they need a new start."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.other)


def plan(old: Settings, new: Settings) -> Plan:
    """What going from `old` to `new` means. Components are compared by fingerprint."""
    before, after = _components(old), _components(new)
    other = tuple(_differences(old, new))
    return Plan(
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name in after if name in before and after[name] != before[name]),
        removed=tuple(name for name in before if name not in after),
        other=other,
        restart=tuple(key for key in other if key in _AT_START),
    )


def _components(settings: Settings) -> dict[str, str]:
    found = {name: component.fingerprint for name, component in settings.components.items() if component.enabled}
    return found | ({settings.itself.name: settings.itself.fingerprint} if settings.itself else {})


def _differences(old: Settings, new: Settings) -> list[str]:
    found = ["plugins"] if old.plugins != new.plugins else []
    for table in _TABLES:
        before, after = getattr(old, table), getattr(new, table)
        found += [f"{table}.{key}" for key in after.__struct_fields__ if getattr(before, key) != getattr(after, key)]
    for table in _NAMED:
        found += [f"{table}.{name}" for name in _changed(_named(old, table), _named(new, table))]
    tokens = [{token.name: token for token in settings.auth.tokens} for settings in (old, new)]
    found += [f"auth.tokens.{name}" for name in _changed(*tokens)]
    users = [{user.name: user for user in settings.auth.users} for settings in (old, new)]
    found += [f"auth.users.{name}" for name in _changed(*users)]
    for key in ("oidc", "session_lifetime", "session_idle"):
        if getattr(old.auth, key) != getattr(new.auth, key):
            found.append(f"auth.{key}")
    return found + (["routes"] if old.alerting.routes != new.alerting.routes else [])


def _named(settings: Settings, table: str) -> dict[str, Any]:
    """What is named in a table; rules are all that are in force, those of plugins included."""
    if table in ("rules", "maintenance"):
        things = settings.alerting.rules if table == "rules" else settings.alerting.windows
        return {each.name: each for each in things}
    found: dict[str, Any] = getattr(settings, table)
    return found


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def show(settings: Settings) -> dict[str, Any]:
    """`settings` as plain data, every default filled in and every secret masked; free to print anywhere."""
    shown: dict[str, Any] = {
        "file": str(settings.file) if settings.file else None,
        "discovered": settings.discovered,
        "plugins": list(settings.plugins),
    }
    shown |= {table: public(getattr(settings, table)) for table in _TABLES}
    shown["auth"] = _auth(settings.auth)
    components = [*settings.components.values(), *([settings.itself] if settings.itself else [])]
    shown["components"] = {component.name: _component(component) for component in components}
    built: dict[str, dict[str, Any]] = {
        "channels": settings.alerting.channels,
        "exporters": settings.metrics.exporters,
        "sources": settings.metrics.sources,
    }
    for table, objects in built.items():
        shown[table] = {name: _masked(raw) for name, raw in getattr(settings, table).items() if name not in objects}
        shown[table] |= {name: {KINDS[table]: each.kind, **public(each)} for name, each in objects.items()}
    shown["rules"] = {rule.name: _rule(rule) for rule in settings.alerting.rules}
    shown["maintenance"] = {window.name: _window(window) for window in settings.alerting.windows}
    shown["dashboards"] = {board.id: msgspec.to_builtins(define(board)) for board in settings.boards}
    shown["routes"] = [_route(route) for route in settings.alerting.routes]
    return shown


def _auth(auth: AuthSettings) -> dict[str, Any]:
    return {
        "tokens": {token.name: {"role": token.role, "hash": "***"} for token in auth.tokens},
        "users": {user.name: {"role": user.role, "hash": "***"} for user in auth.users},
        "oidc": public(auth.oidc) if auth.oidc is not None else None,
        "session_lifetime": str(Duration(auth.session_lifetime)),
        "session_idle": str(Duration(auth.session_idle)),
    }


def _component(component: Component) -> dict[str, Any]:
    keys = {
        key: str(Duration(value)) if key in _PACE and value is not None else public(value)
        for key in component.__struct_fields__
        if key not in ("name", "check", "fingerprint", "type")
        for value in (getattr(component, key),)
    }
    return {"check": component.check.kind, "type": component.component_type, **public(component.check), **keys}


def _rule(rule: AlertRule) -> dict[str, Any]:
    """In the words of the configuration; every key that says something."""
    spans = {"for_": "for", "keep_firing": "keep_firing", "absent": "absent"}
    found: dict[str, Any] = {}
    for field in rule.__struct_fields__:
        value = getattr(rule, field)
        if callable(value):
            found[field] = f"a function: {getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', '?')}"
        elif field in spans and value:
            found[spans[field]] = str(Duration(value))
        elif field not in ("name", *spans) and value not in ("", (), {}):
            found[field] = public(value)
    return found


def _route(route: Route) -> dict[str, Any]:
    plain = public(route)
    keys = dict(zip(route.__struct_fields__, route.__struct_encode_fields__, strict=True))
    return {keys[field]: value for field, value in plain.items()}


def _window(window: MaintenanceWindow) -> dict[str, Any]:
    found: dict[str, Any] = {"match": {matcher.name: matcher.value for matcher in window.matchers}}
    if window.cron:
        found |= {"cron": window.cron, "timezone": window.timezone, "duration": str(Duration(window.duration))}
    elif window.starts_at is not None and window.ends_at is not None:
        found |= {"start": iso_seconds(window.starts_at), "end": iso_seconds(window.ends_at)}
    return found | ({"comment": window.comment} if window.comment else {})


_PLAIN_KEYS = (*KINDS.values(), "severity", "for", "op", "metric", "scope", "name")


def _masked(value: Any, key: str = "") -> Any:
    """A table that no installed plugin explains: which of its texts are secret is not known, so all are masked."""
    if isinstance(value, dict):
        return {name: _masked(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, key) for inner in value]
    if isinstance(value, str):
        return value if key in _PLAIN_KEYS or not value else "***"
    return value if isinstance(value, bool | int | float | None) else "***"
