"""Names in a match that no alert may ever have: a warning where one is nearly a name that there is.

Alerts that others post bring labels of their own, so an unknown name is allowed, and one like no other says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from auscult.alerts.quiet import MaintenanceWindow
from auscult.alerts.routing import ALONE, Route
from auscult.config.document import KeyPath
from auscult.config.report import Report
from auscult.rules.rule import AlertRule

if TYPE_CHECKING:
    from auscult.component import Component

__all__ = ["warn_of_labels"]

FACETS = frozenset({"rule", "component", "type", "severity"})
OURS = frozenset({"channel", "silence"})
"""Labels of alerts that are about auscult itself."""
OTHERWISE = {"alertname": "rule", "component_type": "type"}
"""What is called differently elsewhere: Prometheus's name of a rule, the data's name of a type."""
NEAR = 0.81
"""One letter too few or too many in a short name, not another one: `role` is no misspelt `rule`."""


def warn_of_labels(
    report: Report,
    routes: Sequence[tuple[int, Route]],
    windows: Iterable[MaintenanceWindow],
    rules: Iterable[AlertRule],
    components: Mapping[str, Component],
) -> None:
    """Say which names in routes, maintenance windows and rules are nearly one that would match."""
    rules = tuple(rules)
    carried = {label for component in components.values() for label in component.labels}
    known = FACETS | OURS | carried | {label for rule in rules for label in rule.labels}
    for at, route in routes:
        for name in route.match:
            _warn(report, ("routes", at, "match", name), name, known)
        for place, name in enumerate(route.group_by):
            if name != ALONE:
                _warn(report, ("routes", at, "group_by", place), name, known)
    for window in windows:
        for matcher in window.matchers:
            _warn(report, ("maintenance", window.name, "match", matcher.name), matcher.name, known)
    for rule in rules:
        for name in rule.match:
            _warn(report, ("rules", rule.name, "match", name), name, carried)


def _warn(report: Report, path: KeyPath, name: str, known: Collection[str]) -> None:
    if name not in known and (near := _nearest(name, known)):
        report.add(path, f"nothing that is configured has a label `{name}`; did you mean `{near}`?", fatal=False)


def _nearest(name: str, known: Collection[str]) -> str:
    """The known name that it is nearly, or empty text."""
    if OTHERWISE.get(name) in known:
        return OTHERWISE[name]
    said = name.casefold()
    alike = {each: _likeness(said, each.casefold()) for each in sorted(known)}
    best = max(alike, key=lambda each: alike[each], default="")
    return best if best and alike[best] >= NEAR else ""


def _likeness(a: str, b: str) -> float:
    """From 0 to 1; letters that changed places are nearly nothing."""
    return 0.9 if sorted(a) == sorted(b) and a != b else SequenceMatcher(None, a, b).ratio()
