"""Alerts that others raise and post, in the shape in which Prometheus sends them to an Alertmanager (API v2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from msgspec import Struct

from auscult.alert import Alert
from auscult.alerts.book import AlertBook, Firing, firing_of
from auscult.alerts.posted import Posted, moment_of, text_of, texts_of
from auscult.model import AlertSeverity

__all__ = ["ExternalAlert", "Externals", "external_of", "firing_from", "refusal"]

RESOLVE_AFTER = 300_000
"""Milliseconds after which an alert without an end is over unless it is posted again; as Alertmanager has it."""
MOST_LABELS = 100
LONGEST_NAME = 200
LONGEST_VALUE = 10_000
LONGEST_MESSAGE = 4_000

_SEVERITIES = {
    "critical": AlertSeverity.CRITICAL,
    "page": AlertSeverity.CRITICAL,
    "emergency": AlertSeverity.CRITICAL,
    "error": AlertSeverity.HIGH,
    "high": AlertSeverity.HIGH,
    "major": AlertSeverity.HIGH,
    "warning": AlertSeverity.MEDIUM,
    "medium": AlertSeverity.MEDIUM,
    "minor": AlertSeverity.LOW,
    "low": AlertSeverity.LOW,
    "info": AlertSeverity.INFO,
    "none": AlertSeverity.INFO,
}
"""What people write into the label ``severity``; anything else, and nothing, is medium."""
BY_HAND = "by hand"
"""As the book words why somebody's resolving ended an alert."""
_OWN = frozenset({"alertname", "severity", "component"})


class ExternalAlert(Struct, frozen=True, kw_only=True):
    """One alert as it was posted; times are ms since the epoch."""

    labels: dict[str, str]
    """``alertname`` becomes the rule, ``component`` the component, ``severity`` the severity; the rest stays."""
    annotations: dict[str, str] = {}
    """``summary`` or ``description`` becomes the message, ``runbook_url`` the runbook."""
    ends_at: int | None = None
    """Over from then on; None: until it has not been posted again for the resolve timeout."""
    generator: str = ""


def refusal(labels: dict[str, str]) -> str:
    """Why an alert with these labels is not taken; empty when it is."""
    if not any(labels.values()):
        return "at least one label with a value is needed"
    if len(labels) > MOST_LABELS:
        return f"{len(labels)} labels are more than {MOST_LABELS}"
    for name, value in labels.items():
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            return f"{name[:40]!r} is no name of a label: 1 to {LONGEST_NAME} printable characters"
        if len(value) > LONGEST_VALUE:
            return f"the label `{name}` has more than {LONGEST_VALUE} characters"
    return ""


def firing_from(alert: ExternalAlert, is_ours: Callable[[str], bool] = lambda _: False) -> Firing:
    """What the book is told when it fires. `is_ours` says which names rules of ours have: those stay theirs."""
    labels, notes = alert.labels, alert.annotations
    name = labels.get("alertname") or "external"
    if is_ours(name):
        name = f"external_{name}"
    return Firing(
        rule=name,
        component=labels.get("component", ""),
        labels={key: value for key, value in labels.items() if value and key not in _OWN},
        severity=_SEVERITIES.get(labels.get("severity", "").lower(), AlertSeverity.MEDIUM),
        message=(notes.get("summary") or notes.get("description") or name)[:LONGEST_MESSAGE],
        runbook=notes.get("runbook_url", "")[:LONGEST_NAME],
        generator=alert.generator or "external",
        cooldown=0.0,
        per_hour=0,
    )


def external_of(posted: Posted) -> ExternalAlert:
    """One alert of a body, decoded. Raises ValueError with a sentence."""
    alert = ExternalAlert(
        labels=texts_of(posted.labels, "labels"),
        annotations=texts_of(posted.annotations, "annotations"),
        ends_at=moment_of(posted.ends_at),
        generator=text_of(posted.generator),
    )
    if reason := refusal(alert.labels):
        raise ValueError(reason)
    return alert


class _Known:
    """One that goes on with whoever posts it, whatever people here have done with it."""

    __slots__ = ("alert", "end", "firing", "key", "looked_at", "notes", "print_")

    def __init__(self, firing: Firing, print_: str, end: int) -> None:
        self.firing, self.print_, self.end = firing, print_, end
        self.alert = ""
        """Its id."""
        self.looked_at = end
        """When it is looked at whether it is over."""
        self.key = b""
        """Its labels as they were last posted."""
        self.notes = b""
        """The same of its annotations."""


class Externals:
    """Drives the book with what others post, and ends what they post no more.

    The same alert is posted every minute or so while it goes on. What was posted before in the very same words is
    known by its bytes: nothing of it is decoded again but its end.
    """

    def __init__(self, book: AlertBook, is_ours: Callable[[str], bool] = lambda _: False) -> None:
        self._book, self._is_ours = book, is_ours
        self._open: dict[str, _Known] = {}
        """By fingerprint."""
        self._by_labels: dict[bytes, _Known] = {}
        self._ends: list[tuple[int, str]] = []
        self.repeats = 0
        """Alerts that were posted while they were known already, since the start."""

    def __len__(self) -> int:
        return len(self._open)

    def post(self, alerts: Iterable[ExternalAlert], now: int) -> None:
        """Take in what was posted."""
        for alert in alerts:
            self._take(firing_from(alert, self._is_ours), alert.ends_at, now)

    def post_encoded(self, body: Iterable[Posted], now: int) -> list[tuple[int, str]]:
        """Take in a decoded body; gives place and reason of what is refused, the rest is taken."""
        refused: list[tuple[int, str]] = []
        ends: dict[str, int | None] = {}
        by_labels = self._by_labels
        for at, posted in enumerate(body):
            text = posted.ends_at
            try:
                end = ends[text] if text in ends else ends.setdefault(text, moment_of(text))
                known = by_labels.get(key := bytes(posted.labels))
                if known is None or (end is not None and end <= now) or known.notes != bytes(posted.annotations):
                    self._decode(posted, key, now)
                else:
                    self._again(known, end or now + RESOLVE_AFTER)
            except ValueError as error:
                refused.append((at, str(error)))
        return refused

    def _decode(self, posted: Posted, key: bytes, now: int) -> None:
        alert = external_of(posted)
        known = self._take(firing_from(alert, self._is_ours), alert.ends_at, now)
        if known is not None:
            if known.key != key:
                self._by_labels.pop(known.key, None)
            known.key, known.notes = key, bytes(posted.annotations)
            self._by_labels[key] = known

    def restore(self, alerts: Iterable[Alert], now: int) -> None:
        """Alerts of an earlier run: those that were open, and those that somebody resolved while they went on."""
        for alert in alerts:
            by_hand = alert.resolution == BY_HAND and now - alert.updated_at < RESOLVE_AFTER
            if alert.generator and (alert.status.is_open or by_hand):
                firing = firing_of(alert)
                self._go_on(firing, firing.fingerprint, now + RESOLVE_AFTER).alert = alert.id

    def end_of(self, alert: Alert) -> int | None:
        """When that alert is over unless it is posted again; None for one that nobody posted."""
        known = self._open.get(alert.id.partition("-")[0])
        return known.end if known is not None else None

    def sweep(self, now: int) -> None:
        """End what nobody posts any more."""
        while self._ends and self._ends[0][0] <= now:
            due, print_ = heappop(self._ends)
            known = self._open.get(print_)
            if known is None or known.looked_at != due:
                continue
            if known.end <= now:
                self._end(known, now)
            else:
                self._look_at(known, known.end)

    def next_due(self) -> int | None:
        """When `sweep` may have something to do."""
        return self._ends[0][0] if self._ends else None

    def _take(self, firing: Firing, ends_at: int | None, now: int) -> _Known | None:
        print_ = firing.fingerprint
        known = self._open.get(print_)
        if ends_at is not None and ends_at <= now:
            if known is not None:
                self._end(known, now)
            return None
        if known is None:
            known = self._go_on(firing, print_, ends_at or now + RESOLVE_AFTER)
            known.alert = self._book.fire(firing, now, print_).id
            return known
        self._again(known, ends_at or now + RESOLVE_AFTER)
        if known.firing != firing:
            known.firing = firing
            # What somebody resolved by hand stays resolved until it is over where it comes from.
            if self._book.get(known.alert) is not None:
                self._book.fire(firing, now, print_)
        return known

    def _go_on(self, firing: Firing, print_: str, end: int) -> _Known:
        known = self._open[print_] = _Known(firing, print_, end)
        self._look_at(known, end)
        return known

    def _again(self, known: _Known, end: int) -> None:
        self.repeats += 1
        known.end = end
        if end < known.looked_at:
            self._look_at(known, end)

    def _look_at(self, known: _Known, due: int) -> None:
        known.looked_at = due
        heappush(self._ends, (due, known.print_))

    def _end(self, known: _Known, now: int) -> None:
        del self._open[known.print_]
        if known.key:
            self._by_labels.pop(known.key, None)
        self._book.clear_print(known.print_, now)
