"""What can be wrong with rules, routes and maintenance windows beyond the types of their keys: one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from auscult.alerts.matching import Matcher
from auscult.alerts.routing import Route
from auscult.config.document import KeyPath
from auscult.config.report import Report
from auscult.errors import did_you_mean
from auscult.model import AlertSeverity
from auscult.rules.expression import Condition
from auscult.rules.names import MESSAGE_NAMES, base_names
from auscult.rules.rule import DEFAULT_MESSAGE, AlertRule
from auscult.rules.template import Template

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.component import Component

__all__ = ["Surroundings", "check_routes", "check_rule", "warn_of_rules"]


class Surroundings(Struct, frozen=True, kw_only=True):
    """What rules may speak of, and what is there to speak of."""

    components: Mapping[str, Component]
    data: frozenset[str]
    """Measurements that installed checks declare, and labels of components."""
    is_open: bool
    """Whether some component may measure anything, so that a name that nobody declares may still come."""

    @classmethod
    def of(cls, catalogue: Catalogue, components: Mapping[str, Component]) -> Surroundings:
        """Those of a configuration."""
        declared = {measurement.name for check in catalogue.checks.values() for measurement in check.measurements}
        labels = {label for component in components.values() for label in component.labels}
        is_open = any(not component.check.measurements for component in components.values())
        return cls(components=components, data=frozenset(declared | labels), is_open=is_open)


# Rules


def check_rule(report: Report, path: KeyPath, rule: AlertRule, raw: Mapping[str, Any]) -> bool:
    """Whether its texts can be read; a sentence at the key that cannot."""
    texts: tuple[tuple[str, Any, Callable[[str], object]], ...] = (
        ("metric" if "metric" in raw else "condition", rule.condition, lambda text: _condition(rule, text)),
        ("clear", rule.clear, lambda text: _condition(rule, text)),
        ("message_template", rule.message_template, Template),
    )
    sound = True
    for key, text, read in texts:
        try:
            if isinstance(text, str) and text:
                read(text)
        except ValueError as error:
            report.add((*path, key) if key in raw else path, str(error))
            sound = False
    return _check_scope(report, path, rule) and sound


def _condition(rule: AlertRule, text: str) -> Condition:
    # What there is to know of the whole system is known; a component may measure anything.
    return Condition(text, known=() if rule.scope == "system" else None, scope=rule.scope)


def _check_scope(report: Report, path: KeyPath, rule: AlertRule) -> bool:
    if rule.scope != "system":
        return True
    wrong = [key for key in ("components", "component_types", "match", "absent") if getattr(rule, key)]
    for key in wrong:
        report.add((*path, key), f'a rule with scope = "system" looks at all components together: leave `{key}` out')
    return not wrong


def warn_of_rules(report: Report, rules: Iterable[AlertRule], names: Collection[str], around: Surroundings) -> None:
    """Say what cannot be right in the rules of these names, and still does no harm."""
    for rule in rules:
        if rule.name in names:
            path = ("rules", rule.name)
            _warn_of_data(report, path, rule, around)
            _warn_of_components(report, path, rule, around)


def _warn_of_data(report: Report, path: KeyPath, rule: AlertRule, around: Surroundings) -> None:
    known = {*base_names(rule.scope), *(around.data if rule.scope == "component" else ()), *rule.labels}
    texts = [("condition", rule.condition), ("clear", rule.clear)]
    asked = {key: _condition(rule, text).names for key, text in texts if isinstance(text, str) and text}
    if rule.message_template != DEFAULT_MESSAGE:
        asked["message_template"] = Template(rule.message_template).names - MESSAGE_NAMES
    for key, names in asked.items():
        for name in sorted(names - known):
            near = did_you_mean(name, known)
            near = near if near.startswith("; did") else ""
            if near or not around.is_open or rule.scope == "system":
                report.add((*path, key), f"nothing that is installed measures `{name}`{near}", fatal=False)


def _warn_of_components(report: Report, path: KeyPath, rule: AlertRule, around: Surroundings) -> None:
    names = [*around.components, "auscult"]
    for at, pattern in enumerate(rule.components):
        if not any(fnmatchcase(name, pattern) for name in names):
            message = f"there is no component `{pattern}`{did_you_mean(pattern, names)}"
            report.add((*path, "components", at), message, fatal=False)


# Routes


def check_routes(
    report: Report,
    routes: Sequence[tuple[int, Route]],
    channels: Mapping[str, object],
    rules: Collection[str],
    components: Collection[str],
) -> None:
    """Report channels that do not exist, matches that can never hold, routes that are never tried."""
    everything: int | None = None
    for at, route in routes:
        path: KeyPath = ("routes", at)
        if everything is not None:
            message = f"is never tried: routes[{everything}] takes every alert and has no `continue`"
            report.add(path, message, fatal=False)
        _check_channels(report, route, path, channels)
        _check_match(report, route, path, {"rule": rules, "component": components})
        if 0 < route.repeat < 1:
            report.add((*path, "repeat"), f"expected 0 or a duration of at least 1s, found {route.repeat}")
        if not route.match and not route.continue_ and everything is None:
            everything = at


def _check_channels(report: Report, route: Route, path: KeyPath, channels: Mapping[str, object]) -> None:
    named: list[tuple[KeyPath, str]] = [(("channels", at), name) for at, name in enumerate(route.channels)]
    named += [(("fallback", at), name) for at, name in enumerate(route.fallback)]
    for step, escalation in enumerate(route.escalate):
        named += [(("escalate", step, "channels", at), name) for at, name in enumerate(escalation.channels)]
    for where, name in named:
        if name not in channels:
            report.add((*path, *where), f"there is no channel `{name}`{did_you_mean(name, channels)}")


def _check_match(report: Report, route: Route, path: KeyPath, known: Mapping[str, Collection[str]]) -> None:
    severities = [severity.value for severity in AlertSeverity]
    for name, value in route.match.items():
        for text in (value,) if isinstance(value, str) else value:
            here = (*path, "match", name)
            try:
                matcher = Matcher(name, text)
            except ValueError as error:
                report.add(here, str(error))
                continue
            if name == "severity" and not any(matcher.matches({name: each}) for each in severities):
                report.add(here, f"there is no severity `{text}`{did_you_mean(text, severities)}")
            elif name in known and not any(matcher.matches({name: each}) for each in known[name]):
                near = did_you_mean(text, known[name])
                if near.startswith("; did"):  # alerts that others post have rules and components of their own
                    report.add(here, f"there is no {name} `{text}`{near}", fatal=False)
