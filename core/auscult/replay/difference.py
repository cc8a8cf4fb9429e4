"""What two histories of alerts have in common: the firings and ends of what rules of ours raised."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from auscult.alert import AlertChange, ChangeKind
from auscult.alert_manager import DELIVERY_FAILED

__all__ = ["NOT_RULES", "Episode", "episodes"]

_KINDS = frozenset({ChangeKind.FIRED, ChangeKind.REOPENED, ChangeKind.RESOLVED})
NOT_RULES = frozenset({DELIVERY_FAILED, "silence_ending"})
"""Alerts that the monitor raises about itself, and not about results."""


class Episode(Struct, frozen=True, kw_only=True, order=True):
    """One firing or end of an alert."""

    at: int
    alert: str
    """The alert's id."""
    kind: str
    """``fired``, ``reopened`` or ``resolved``."""
    rule: str
    component: str
    severity: str
    message: str
    resolution: str = ""


def episodes(changes: Iterable[AlertChange], since: int, until: int) -> list[Episode]:
    """Those of [since, until) (ms), in the order of their times."""
    return sorted(
        Episode(
            at=change.at,
            alert=change.alert.id,
            kind=change.kind.value,
            rule=change.alert.rule,
            component=change.alert.component,
            severity=change.alert.severity.value,
            message=change.alert.message,
            resolution=change.alert.resolution,
        )
        for change in changes
        if change.kind in _KINDS
        and since <= change.at < until
        and not change.alert.generator
        and change.alert.rule not in NOT_RULES
    )
