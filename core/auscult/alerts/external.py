"""Alerts that others raise and post, in the shape in which Prometheus sends them to an Alertmanager (API v2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from msgspec import Struct

from auscult.alert import Alert
from auscult.alerts.book import AlertBook, Firing, firing_of
from auscult.alerts.posted import Posted, moment_of, text_of, texts_of
from auscult.model import AlertSeverity

__all__ = ["RESOLVE_AFTER", "ExternalAlert", "Externals", "Known", "Task", "external_of", "firing_from", "refusal"]

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
_MEDIUM = AlertSeverity.MEDIUM
BY_HAND = "by hand"
"""As the book words why somebody's resolving ended an alert."""
_OWN = frozenset({"alertname", "component"})
"""Labels that become something of the alert itself. `severity` stays a label as well: it tells alerts of one name
apart, as it does in Prometheus."""


class ExternalAlert(Struct, frozen=True, gc=False):
    """One alert as it was posted; times are ms since the epoch."""

    labels: dict[str, str]
    """``alertname`` becomes the rule, ``component`` the component; ``severity`` says how loud it is, and stays."""
    annotations: dict[str, str] = {}
    """``summary`` or ``description`` becomes the message, ``runbook_url`` the runbook."""
    ends_at: int | None = None
    """Over from then on; None: until it has not been posted again for the resolve timeout."""
    generator: str = ""


def refusal(labels: dict[str, str]) -> str:
    """Why an alert with these labels is not taken; empty when it is."""
    names, values = "".join(labels), "".join(labels.values())
    if not values:
        return "at least one label with a value is needed"
    if len(labels) > MOST_LABELS:
        return f"{len(labels)} labels are more than {MOST_LABELS}"
    if not names.isprintable() or "" in labels or len(names) > LONGEST_NAME:
        bad = [name for name in labels if not name or len(name) > LONGEST_NAME or not name.isprintable()]
        if bad:
            return f"{bad[0][:40]!r} is no name of a label: 1 to {LONGEST_NAME} printable characters"
    if len(values) > LONGEST_VALUE:
        for name, value in labels.items():
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
        name,
        _SEVERITIES.get(labels.get("severity", "").lower(), _MEDIUM),
        (notes.get("summary") or notes.get("description") or name)[:LONGEST_MESSAGE],
        labels.get("component", ""),
        labels={key: value for key, value in labels.items() if value and key not in _OWN},
        runbook=notes.get("runbook_url", "")[:LONGEST_NAME],
        generator=alert.generator or "external",
        cooldown=0.0,
        per_hour=0,
    )


def external_of(posted: Posted, ends_at: int | None) -> ExternalAlert:
    """One alert of a body, decoded. Raises ValueError with a sentence."""
    labels, annotations = texts_of(posted.labels, "labels"), texts_of(posted.annotations, "annotations")
    alert = ExternalAlert(labels, annotations, ends_at, text_of(posted.generator))
    if reason := refusal(alert.labels):
        raise ValueError(reason)
    return alert


class Known(Struct, eq=False, gc=False):
    """One that goes on with whoever posts it, whatever people here have done with it."""

    key: bytes
    """Its labels as they were posted."""
    notes: bytes
    """The same of its annotations."""
    end: int
    firing: Firing | None = None
    """What the book was told; None until it was."""
    print_: str = ""
    alert: str = ""
    """The alert's id."""
    looked_at: int = 0
    """When it is looked at whether it is over; 0: not yet."""


class Task(Struct, frozen=True, gc=False):
    """Something posted that the book is still to be told."""

    alert: ExternalAlert
    known: Known | None
    """None: it is over."""


class Externals:
    """Drives the book with what others post, and ends what they post no more.

    The same alert is posted every minute or so while it goes on. What was posted before in the very same words is
    known by its bytes: nothing of it is decoded again but its end. What is new is taken in two steps, `take` and `do`:
    the second one, which costs more, can wait.
    """

    def __init__(self, book: AlertBook, is_ours: Callable[[str], bool] = lambda _: False) -> None:
        self._book, self._is_ours = book, is_ours
        self._open: dict[str, Known] = {}
        """By fingerprint."""
        self._by_labels: dict[bytes, Known] = {}
        self._ends: list[tuple[int, str]] = []
        self.repeats = 0
        """Alerts that were posted while they were known already, since the start."""

    def __len__(self) -> int:
        return len(self._open)

    def take(self, body: Iterable[Posted], now: int) -> tuple[list[Task], list[tuple[int, str]]]:
        """Look through a decoded body: what is left to do, and place and reason of what is refused."""
        tasks: list[Task] = []
        refused: list[tuple[int, str]] = []
        ends: dict[str, int | None] = {}
        for at, posted in enumerate(body):
            text = posted.ends_at
            try:
                end = ends[text] if text in ends else ends.setdefault(text, moment_of(text))
                known = self._by_labels.get(key := bytes(posted.labels))
                over = end is not None and end <= now
                if known is None or over or known.notes != bytes(posted.annotations):
                    tasks.append(self._task(posted, key, end, known, now, over=over))
                else:
                    self._again(known, end or now + RESOLVE_AFTER)
            except ValueError as error:
                refused.append((at, str(error)))
        return tasks, refused

    def _task(self, posted: Posted, key: bytes, end: int | None, known: Known | None, now: int, *, over: bool) -> Task:
        alert = external_of(posted, end)
        if over:
            self._by_labels.pop(key, None)  # the same again is a new one
            return Task(alert, None)
        until = end or now + RESOLVE_AFTER
        if known is None:
            known = self._by_labels[key] = Known(key, bytes(posted.annotations), until)
        else:
            known.notes = bytes(posted.annotations)
            self._again(known, until)
        return Task(alert, known)

    def do(self, task: Task, now: int) -> None:
        """Tell the book."""
        firing = firing_from(task.alert, self._is_ours)
        print_ = firing.fingerprint
        current = self._open.get(print_)
        if task.known is None:
            if current is not None:
                self._end(current, now)
        elif current is None:
            self._fire(task.known, firing, print_, now)
        else:
            self._go_on(current, task.known, firing, now)

    def post(self, alerts: Iterable[ExternalAlert], now: int) -> None:
        """Take in alerts that were made in code."""
        for alert in alerts:
            over = alert.ends_at is not None and alert.ends_at <= now
            self.do(Task(alert, None if over else Known(b"", b"", alert.ends_at or now + RESOLVE_AFTER)), now)

    def restore(self, alerts: Iterable[Alert], now: int) -> None:
        """Alerts of an earlier run: those that were open, and those that somebody resolved while they went on."""
        for alert in alerts:
            by_hand = alert.resolution == BY_HAND and now - alert.updated_at < RESOLVE_AFTER
            if alert.generator and (alert.status.is_open or by_hand):
                firing, known = firing_of(alert), Known(b"", b"", now + RESOLVE_AFTER)
                self._enter(known, firing, firing.fingerprint)
                known.alert = alert.id

    def end_of(self, alert: Alert) -> int | None:
        """When that alert is over unless it is posted again; None for one that nobody posted."""
        known = self._open.get(alert.fingerprint)
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

    def _fire(self, known: Known, firing: Firing, print_: str, now: int) -> None:
        self._enter(known, firing, print_)
        known.alert = self._book.fire(firing, now, print_).id

    def _enter(self, known: Known, firing: Firing, print_: str) -> None:
        known.firing, known.print_ = firing, print_
        self._open[print_] = known
        self._look_at(known, known.end)

    def _go_on(self, current: Known, posted: Known, firing: Firing, now: int) -> None:
        """It is there already: other annotations, or the same labels in other bytes, or after a restart."""
        if posted is not current:
            if posted.key:
                self._forget_key(current)
                current.key, current.notes = posted.key, posted.notes
                self._by_labels[current.key] = current
            self._again(current, posted.end)
        if current.firing != firing:
            current.firing = firing
            # What somebody resolved by hand stays resolved until it is over where it comes from.
            if self._book.get(current.alert) is not None:
                self._book.fire(firing, now, current.print_)

    def _again(self, known: Known, end: int) -> None:
        self.repeats += 1
        known.end = end
        if end < known.looked_at:
            self._look_at(known, end)

    def _look_at(self, known: Known, due: int) -> None:
        known.looked_at = due
        heappush(self._ends, (due, known.print_))

    def _end(self, known: Known, now: int) -> None:
        del self._open[known.print_]
        self._forget_key(known)
        self._book.clear_print(known.print_, now)

    def _forget_key(self, known: Known) -> None:
        # Under its key there may be one by now that is still to be told.
        if self._by_labels.get(known.key) is known:
            del self._by_labels[known.key]
