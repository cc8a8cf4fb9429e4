"""`Quieting`: which silences and maintenance windows there are, and whether one covers an alert."""

from __future__ import annotations

from collections.abc import Iterable

from auscult.alert import Alert
from auscult.alerts.matching import Matcher, facets, matches
from auscult.alerts.quiet import MaintenanceWindow, Silence

__all__ = ["SILENCE_ENDING", "Quieting"]

SILENCE_ENDING = "silence_ending"
"""The rule under which people are reminded of a silence that ends; no silence keeps that quiet."""


class Quieting:
    """Silences and windows; those in force now are kept apart, so that asking is cheap."""

    def __init__(self) -> None:
        self.silences: dict[str, Silence] = {}
        self.windows: dict[str, MaintenanceWindow] = {}
        self.next_edge: int | None = None
        """When the next one starts or ends (ms), as of the last `settle`: past until the book has seen to it."""
        self._edge: int | None = None
        """The same as of when somebody last asked."""
        self._now: list[tuple[tuple[Matcher, ...], str]] = []

    def put(self, silence: Silence) -> None:
        """Add or replace a silence; `settle` follows."""
        self.silences[silence.id] = silence

    def set_windows(self, windows: Iterable[MaintenanceWindow]) -> None:
        """Replace the maintenance windows; `settle` follows."""
        self.windows = {window.name: window for window in windows}

    def settle(self, now: int) -> None:
        """Find out which are in force; over ones are forgotten."""
        self.silences = {ident: silence for ident, silence in self.silences.items() if silence.ends_at > now}
        self._look(now)
        self.next_edge = self._edge

    def _look(self, now: int) -> None:
        every: list[tuple[str, Silence | MaintenanceWindow]] = [
            *((f"silence {silence.id}", silence) for silence in self.silences.values()),
            *((f"maintenance {window.name}", window) for window in self.windows.values()),
        ]
        self._now = [(quiet.matchers, reason) for reason, quiet in every if quiet.covers(now)]
        self._edge = min((edge for _, quiet in every if (edge := quiet.next_edge(now)) is not None), default=None)

    def reason(self, alert: Alert, now: int) -> str:
        """What keeps the alert quiet: ``silence ID``, ``maintenance NAME``, or nothing."""
        if self._edge is not None and self._edge <= now:
            self._look(now)  # and not `settle`: open alerts are still to be brought in line with it
        if not self._now or alert.rule == SILENCE_ENDING:
            return ""
        found = facets(alert)
        return next((reason for matchers, reason in self._now if matches(matchers, found)), "")

    def preview(self, matchers: Iterable[Matcher], alerts: Iterable[Alert]) -> list[Alert]:
        """The alerts that a silence with these matchers would keep quiet."""
        wanted = tuple(matchers)
        return [alert for alert in alerts if matches(wanted, facets(alert))]
