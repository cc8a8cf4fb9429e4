"""`AlertBook`: every alert's life. Verdicts, people and time come in; changes and rows to deliver come out.

Pure: no clock, no I/O. Whoever drives it calls a method with the time, then `collect`s what is to be committed; nobody
is shown anything before that. Who is told when is decided here; the `Outbox` remembers who was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Protocol

import msgspec
from msgspec import Struct

from auscult.alert import (
    Acknowledgement,
    Alert,
    AlertChange,
    AlertStatus,
    ChangeKind,
    alert_id,
    fingerprint,
)
from auscult.alerts.batch import Batch
from auscult.alerts.outbox import Outbox
from auscult.alerts.quieting import Quieting
from auscult.alerts.routing import ALONE, Hit, Route, Router
from auscult.model import AlertSeverity

__all__ = ["AlertBook", "Firing", "Surroundings", "firing_of"]

HOUR_MS = 3_600_000
RECHECK_MS = 60_000
"""How long an alert whose cause is over waits for a fresh result before people are told all the same."""
_PLAIN = Route()
HOLD_MS = 5_000
"""How long a firing is held back while a component it depends on is looked at again."""


class Firing(Struct, frozen=True, kw_only=True):
    """A rule's condition began to hold."""

    rule: str
    component: str = ""
    component_type: str = ""
    labels: dict[str, str] = {}
    severity: AlertSeverity
    message: str
    values: dict[str, float | str] = {}
    runbook: str = ""
    generator: str = ""
    cooldown: float = 300.0
    """Seconds from a firing notice during which no further one is sent for the same alert."""
    per_hour: int = 12
    """Firing notices an hour for the same alert."""

    @property
    def fingerprint(self) -> str:
        """See `auscult.alert.fingerprint`."""
        return fingerprint(self.rule, self.component, self.labels)


class Surroundings(Protocol):
    """What the book needs to know about components."""

    def causes(self, component: str) -> tuple[str, ...]:
        """Unhealthy components that it depends on, directly or through others, the deepest first."""
        ...

    def suspects(self, component: str) -> tuple[str, ...]:
        """Components it depends on of which nothing good is known since it began to fail."""
        ...

    def dependents(self, component: str) -> tuple[str, ...]:
        """Components that depend on it, directly or through others."""
        ...


class _Track:
    """What is remembered of one fingerprint."""

    __slots__ = ("alert", "firing", "hits", "noticed")

    def __init__(self, alert: Alert, firing: Firing) -> None:
        self.alert = alert
        self.firing = firing
        self.hits: list[Hit] = []
        self.noticed: deque[int] = deque()
        """When firing notices went out, or will, within the last hour."""


class AlertBook:
    """See the module. Times are ms since the epoch."""

    def __init__(self, router: Router, outbox: Outbox, surroundings: Surroundings) -> None:
        self.router = router
        self.outbox = outbox
        self.quieting = Quieting()
        self._around = surroundings
        self._tracks: dict[str, _Track] = {}
        self._open: dict[str, _Track] = {}
        self._by_component: dict[str, dict[str, _Track]] = {}
        self._waiting: dict[str, dict[str, int]] = {}
        """Component to open alerts whose cause is over, with the time since when a fresh result is awaited."""
        self._timers: list[tuple[int, str, str, int]] = []
        self._batch = Batch()
        self.rechecks: set[str] = set()
        """Components to look at again soon; whoever drives the book empties it."""

    # What is known

    def open_alerts(self) -> list[Alert]:
        """Alerts that go on, oldest first."""
        return [track.alert for track in self._open.values()]

    def get(self, ident: str) -> Alert | None:
        """The open alert of that id."""
        track = self._open.get(ident)
        return track.alert if track is not None else None

    @property
    def has_news(self) -> bool:
        """Whether there is something to `collect`."""
        return bool(self._batch)

    def also(self, channel: str, fallback: str, now: int) -> None:
        """`channel` stays down: tell `fallback` as well of everything open that waits there."""
        for track in self._open.values():
            alert = track.alert
            if channel in self.outbox.pending_channels(alert.id) and self.outbox.told(alert.id, fallback) is None:
                change = AlertChange(kind=ChangeKind.FIRED, alert=alert, at=alert.updated_at)
                self._batch.add_rows(self.outbox.offer(change, fallback, due=now))

    def collect(self) -> Batch:
        """Everything since the last call, to be committed in one transaction."""
        batch, self._batch = self._batch, Batch()
        return batch

    def next_due(self) -> int | None:
        """When `advance` has something to do next."""
        dues = [
            due for due in (self._timers[0][0] if self._timers else None, self.quieting.next_edge) if due is not None
        ]
        return min(dues, default=None)

    # Verdicts

    def fire(self, firing: Firing, now: int) -> Alert:
        """A condition holds: a new alert, a reopened one, or an open one brought up to date."""
        print_ = firing.fingerprint
        track = self._tracks.get(print_)
        if track is not None and track.alert.status.is_open:
            return self._refresh(track, firing, now)
        if track is not None and self._in_cooldown(track, now):
            alert, kind = self._reopened(track.alert, firing, now), ChangeKind.REOPENED
        else:
            alert, kind = _opened(print_, firing, now), ChangeKind.FIRED
        if track is None:
            track = self._tracks[print_] = _Track(alert, firing)
        track.firing = firing
        self._enter(track, alert)
        self._announce(track, kind, now)
        if firing.component:
            self._take_blame(firing.component, now)
        return track.alert

    def clear(
        self, rule: str, component: str, labels: Mapping[str, str], now: int, resolution: str = "recovered"
    ) -> None:
        """A condition no longer holds."""
        track = self._tracks.get(fingerprint(rule, component, labels))
        if track is not None and track.alert.status.is_open:
            self._resolve(track, now, resolution)

    def looked_at(self, component: str, at: int) -> None:
        """A component has a fresh result, and the rules have judged it."""
        waiting = self._waiting.get(component)
        if waiting is None:
            return
        for ident, since in list(waiting.items()):
            if at > since and ident in self._open:
                self._stop_waiting(component, ident)
                self._unsuppress(self._open[ident], at)

    def forget_rule(self, rule: str, now: int) -> None:
        """The rule is gone: what it raised is over."""
        for track in [t for t in self._open.values() if t.alert.rule == rule]:
            self._resolve(track, now, "rule removed")

    def forget_component(self, component: str, now: int) -> None:
        """The component is gone: its alerts are over."""
        for track in list(self._by_component.get(component, {}).values()):
            self._resolve(track, now, "component removed")

    # People

    def acknowledge(self, ident: str, ack: Acknowledgement) -> Alert:
        """Somebody takes it on. Raises KeyError for an alert that is not open."""
        track = self._open[ident]
        status = track.alert.status
        if status is AlertStatus.ACTIVE:
            status = AlertStatus.ACKNOWLEDGED
        self._change(
            track, ChangeKind.ACKNOWLEDGED, ack.at, by=ack.author, note=ack.note, acknowledged=ack, status=status
        )
        self._tell_others(track, track.alert.number)
        if ack.until is not None:
            self._set_timer(ack.until, "unacknowledge", ident, track.alert.number)
        return track.alert

    def unacknowledge(self, ident: str, by: str, now: int) -> Alert:
        """Nobody has it any more. Raises KeyError for an alert that is not open."""
        track = self._open[ident]
        status = AlertStatus.ACTIVE if track.alert.status is AlertStatus.ACKNOWLEDGED else track.alert.status
        self._change(track, ChangeKind.UNACKNOWLEDGED, now, by=by, acknowledged=None, status=status)
        self._tell_others(track, track.alert.number)
        self._schedule(track, now)
        return track.alert

    def resolve(self, ident: str, by: str, note: str, now: int) -> Alert:
        """Resolved by hand; it fires again when its condition begins to hold anew. Raises KeyError when not open."""
        track = self._open[ident]
        self._resolve(track, now, "by hand", by=by, note=note)
        return track.alert

    def note(self, ident: str, by: str, text: str, now: int) -> Alert:
        """Somebody wrote something down. Raises KeyError for an alert that is not open."""
        track = self._open[ident]
        self._change(track, ChangeKind.NOTED, now, by=by, note=text)
        return track.alert

    def requiet(self, now: int) -> None:
        """Silences or maintenance windows were changed: look at every open alert again."""
        self.quieting.settle(now)
        for track in list(self._open.values()):
            self._quiet(track, now)

    # Time

    def advance(self, now: int) -> None:
        """Do what time alone brings: escalations, reminders, ends of acknowledgements and of quiet."""
        while self._timers and self._timers[0][0] <= now:
            due, what, ident, number = heappop(self._timers)
            track = self._open.get(ident)
            if track is not None:
                self._ring(track, what, number, due, now)
        edge = self.quieting.next_edge
        if edge is not None and edge <= now:
            self.requiet(now)

    def _ring(self, track: _Track, what: str, number: int, due: int, now: int) -> None:
        alert = track.alert
        if what == "unacknowledge":
            ack = alert.acknowledged
            if ack is not None and ack.until is not None and ack.until <= now:
                self.unacknowledge(alert.id, "", now)
        elif what == "recheck":
            if self._waiting.get(alert.component, {}).get(alert.id) == number:
                self._stop_waiting(alert.component, alert.id)
                self._unsuppress(track, now)
        elif alert.status is AlertStatus.ACTIVE:
            if what.startswith("repeat:"):
                self._remind(track, what.removeprefix("repeat:"), number, now)
            elif what.startswith("escalate:") and alert.episodes == number:
                self._escalate(track, what.removeprefix("escalate:"), now)

    def _remind(self, track: _Track, channel: str, episode: int, now: int) -> None:
        hit = next((hit for hit in track.hits if hit.channel == channel), None)
        if hit is None or episode != track.alert.episodes:
            return
        self._change(track, ChangeKind.REMINDED, now)
        self._offer(track, hit, now)
        self._set_timer(now + int(hit.route.repeat * 1000), f"repeat:{channel}", track.alert.id, episode)

    def _escalate(self, track: _Track, step: str, now: int) -> None:
        route, _, index = step.partition("/")
        escalation = self.router.routes[int(route)].escalate[int(index)]
        self._change(track, ChangeKind.ESCALATED, now)
        for channel in escalation.channels:
            self._offer(track, Hit(channel, _PLAIN, ""), now)

    # Inside: the life of one alert

    def _in_cooldown(self, track: _Track, now: int) -> bool:
        last = track.noticed[-1] if track.noticed else None
        return last is not None and now < last + int(track.firing.cooldown * 1000)

    def _reopened(self, alert: Alert, firing: Firing, now: int) -> Alert:
        return msgspec.structs.replace(
            alert,
            status=AlertStatus.ACTIVE,
            message=firing.message,
            severity=firing.severity,
            values=firing.values,
            updated_at=now,
            resolved_at=None,
            resolution="",
            acknowledged=None,
            suppressed_by="",
            number=alert.number + 1,
            episodes=alert.episodes + 1,
        )

    def _enter(self, track: _Track, alert: Alert) -> None:
        track.alert = alert
        self._open[alert.id] = track
        if alert.component:
            self._by_component.setdefault(alert.component, {})[alert.id] = track

    def _announce(self, track: _Track, kind: ChangeKind, now: int) -> None:
        """Record a firing and decide who hears of it, and when."""
        alert = track.alert
        reason, cause = self._reason_for_quiet(alert, now)
        if reason:
            alert = msgspec.structs.replace(alert, status=AlertStatus.SUPPRESSED, suppressed_by=reason, cause=cause)
        track.alert = alert
        self._batch.add(AlertChange(kind=kind, alert=alert, at=now))
        track.hits = self.router.route(alert)
        if reason:
            for hit in track.hits:
                self._offer(track, hit, now, silenced=True)
            self._join_affected(alert, now)
            return
        due = self._earliest(track, now)
        for hit in track.hits:
            self._offer(track, hit, max(due, now + int(hit.route.group_wait * 1000)))
        self._count_notice(track, due)
        self._schedule(track, now)

    def _earliest(self, track: _Track, now: int) -> int:
        """When a firing may be told: after the cooldown, within the hourly limit, once suspects have answered."""
        due = now
        if track.noticed:
            due = max(due, track.noticed[-1] + int(track.firing.cooldown * 1000))
        while track.noticed and track.noticed[0] <= now - HOUR_MS:
            track.noticed.popleft()
        if track.firing.per_hour and len(track.noticed) >= track.firing.per_hour:
            due = max(due, track.noticed[-track.firing.per_hour] + HOUR_MS)
        component = track.alert.component
        if component and (suspects := self._around.suspects(component)):
            self.rechecks.update(suspects)
            due = max(due, now + HOLD_MS)
        return due

    def _count_notice(self, track: _Track, due: int) -> None:
        # A notice that waits covers every firing until it goes out.
        if not track.noticed or due > track.noticed[-1]:
            track.noticed.append(due)

    def _refresh(self, track: _Track, firing: Firing, now: int) -> Alert:
        track.firing = firing
        if firing.severity is not track.alert.severity:
            self._change(
                track, ChangeKind.UPDATED, now, severity=firing.severity, message=firing.message, values=firing.values
            )
        return track.alert

    def _resolve(self, track: _Track, now: int, resolution: str, *, by: str = "", note: str = "") -> None:
        alert = track.alert
        self._change(
            track,
            ChangeKind.RESOLVED,
            now,
            by=by,
            note=note,
            status=AlertStatus.RESOLVED,
            resolved_at=now,
            resolution=resolution,
            suppressed_by="",
        )
        for channel in self._hearers(alert.id):
            self._offer(track, self._hit(track, channel), now)
        self._leave(track, now)

    def _leave(self, track: _Track, now: int) -> None:
        alert = track.alert
        self._open.pop(alert.id, None)
        if not alert.component:
            return
        own = self._by_component.get(alert.component, {})
        own.pop(alert.id, None)
        if not own:
            self._by_component.pop(alert.component, None)
        self._stop_waiting(alert.component, alert.id)
        if not any(True for other in own.values() if not other.alert.cause):
            self._release(alert.component, now)

    def _change(
        self, track: _Track, kind: ChangeKind, now: int, *, by: str = "", note: str = "", **fields: object
    ) -> None:
        track.alert = msgspec.structs.replace(track.alert, number=track.alert.number + 1, updated_at=now, **fields)
        self._batch.add(AlertChange(kind=kind, alert=track.alert, at=now, by=by, note=note))

    # Inside: telling

    def _hit(self, track: _Track, channel: str) -> Hit:
        """How that channel was told before."""
        return next((hit for hit in track.hits if hit.channel == channel), Hit(channel, _PLAIN, ""))

    def _hearers(self, ident: str) -> list[str]:
        """Channels that believe it fires, or are about to be told so."""
        return sorted({*self.outbox.told_channels(ident), *self.outbox.pending_channels(ident)})

    def _offer(self, track: _Track, hit: Hit, due: int, *, silenced: bool = False) -> None:
        self._batch.add_rows(
            self.outbox.offer(
                self._batch.latest(track.alert.id),
                hit.channel,
                due=due,
                group=hit.group,
                interval=int(hit.route.group_interval * 1000) if hit.group not in ("", ALONE) else 0,
                silenced=silenced,
            )
        )

    def _tell_others(self, track: _Track, number: int) -> None:
        """Offer the latest change to channels that know of the alert and understand such changes."""
        kind = self._batch.latest(track.alert.id).kind
        for channel in self.outbox.told_channels(track.alert.id):
            if self.outbox.understands(channel, kind):
                self._offer(track, self._hit(track, channel), track.alert.updated_at)

    def _schedule(self, track: _Track, now: int) -> None:
        """Set the timers of an alert that has just become active."""
        alert = track.alert
        for hit in track.hits:
            if hit.route.repeat:
                self._set_timer(now + int(hit.route.repeat * 1000), f"repeat:{hit.channel}", alert.id, alert.episodes)
        for index, route in enumerate(self.router.routes):
            if any(hit.route is route for hit in track.hits):
                for step, escalation in enumerate(route.escalate):
                    due = alert.updated_at + int(escalation.after * 1000)
                    self._set_timer(due, f"escalate:{index}/{step}", alert.id, alert.episodes)

    def _set_timer(self, due: int, what: str, ident: str, number: int) -> None:
        heappush(self._timers, (due, what, ident, number))

    # Inside: quiet

    def _reason_for_quiet(self, alert: Alert, now: int) -> tuple[str, str]:
        """Why nobody is to be told now, with the component at fault; empty texts when somebody is."""
        if reason := self.quieting.reason(alert, now):
            return reason, ""
        cause = self._cause(alert)
        return (f"dependency {cause}", cause) if cause else ("", "")

    def _cause(self, alert: Alert) -> str:
        """A component at fault, if people hear of that one."""
        if not alert.component:
            return ""
        causes = self._around.causes(alert.component)
        return next((name for name in causes if name != alert.component and name in self._by_component), "")

    def _quiet(self, track: _Track, now: int) -> None:
        """Bring one open alert in line with silences and maintenance."""
        alert = track.alert
        reason = self.quieting.reason(alert, now)
        if reason and not alert.suppressed_by:
            self._suppress(track, reason, "", now)
        elif not reason and alert.suppressed_by and not alert.suppressed_by.startswith("dependency "):
            self._unsuppress(track, now)

    def _suppress(self, track: _Track, reason: str, cause: str, now: int) -> None:
        self._change(
            track, ChangeKind.SUPPRESSED, now, status=AlertStatus.SUPPRESSED, suppressed_by=reason, cause=cause
        )
        self._batch.add_rows(self.outbox.silence(track.alert.id, reason, now))
        if cause:
            self._join_affected(track.alert, now)

    def _unsuppress(self, track: _Track, now: int) -> None:
        """What kept it quiet is over: tell those who were not told before."""
        if not track.alert.suppressed_by:
            return
        reason, cause = self._reason_for_quiet(track.alert, now)
        if reason:
            if reason != track.alert.suppressed_by:
                self._suppress(track, reason, cause, now)
            return
        status = AlertStatus.ACKNOWLEDGED if track.alert.acknowledged else AlertStatus.ACTIVE
        self._change(track, ChangeKind.UNSUPPRESSED, now, status=status, suppressed_by="", cause="")
        track.hits = self.router.route(track.alert)
        due, told = self._earliest(track, now), set(self._hearers(track.alert.id))
        for hit in track.hits:
            if hit.channel not in told:
                self._offer(track, hit, due)
        if {hit.channel for hit in track.hits} - told:
            self._count_notice(track, due)
        self._schedule(track, now)

    # Inside: dependencies

    def _take_blame(self, root: str, now: int) -> None:
        """`root` has an alert: those that depend on it and were not told of yet are its consequences."""
        for name in self._around.dependents(root):
            for track in list(self._by_component.get(name, {}).values()):
                alert = track.alert
                untold = not self.outbox.told_channels(alert.id)
                if untold and not alert.suppressed_by and self._cause(alert) == root:
                    self._suppress(track, f"dependency {root}", root, now)

    def _join_affected(self, alert: Alert, now: int) -> None:
        """List a suppressed component with the alerts of its cause."""
        for track in list(self._by_component.get(alert.cause, {}).values()):
            if alert.component not in track.alert.affected:
                affected = tuple(sorted({*track.alert.affected, alert.component}))
                self._change(track, ChangeKind.UPDATED, now, affected=affected)

    def _release(self, root: str, now: int) -> None:
        """`root` has recovered: its consequences are looked at again before anybody is told of them."""
        for name in self._around.dependents(root):
            for track in self._by_component.get(name, {}).values():
                if track.alert.suppressed_by == f"dependency {root}":
                    self._waiting.setdefault(name, {})[track.alert.id] = now
                    self._set_timer(now + RECHECK_MS, "recheck", track.alert.id, now)
                    self.rechecks.add(name)

    def _stop_waiting(self, component: str, ident: str) -> None:
        waiting = self._waiting.get(component)
        if waiting is not None:
            waiting.pop(ident, None)
            if not waiting:
                del self._waiting[component]

    # After a restart

    def restore(self, alerts: Iterable[Alert], noticed: Mapping[str, Iterable[int]], now: int) -> None:
        """Take in the alerts of an earlier run, the open ones and those resolved within the last hour.

        `noticed` has the times of firing notices by alert id. The outbox has its rows already.
        """
        for alert in sorted(alerts, key=lambda a: a.created_at):
            firing = firing_of(alert)
            track = self._tracks[firing.fingerprint] = _Track(alert, firing)
            track.noticed.extend(sorted(noticed.get(alert.id, ())))
            track.hits = self.router.route(alert)
            if not alert.status.is_open:
                continue
            self._enter(track, alert)
            self._schedule(track, alert.updated_at)
            ack = alert.acknowledged
            if ack is not None and ack.until is not None:
                self._set_timer(ack.until, "unacknowledge", alert.id, alert.number)
        for track in self._open.values():
            if track.alert.suppressed_by.startswith("dependency "):
                name = track.alert.component
                self._waiting.setdefault(name, {})[track.alert.id] = now
                self._set_timer(now + RECHECK_MS, "recheck", track.alert.id, now)
        self.requiet(now)

    def reroute(self, router: Router) -> None:
        """Take in new routes; open alerts are told by them from their next change on."""
        self.router = router
        for track in self._open.values():
            track.hits = router.route(track.alert)

    def trim(self, now: int) -> None:
        """Forget fingerprints that have been quiet for an hour."""
        for print_, track in list(self._tracks.items()):
            resolved = track.alert.resolved_at
            cooldown = int(track.firing.cooldown * 1000)
            if resolved is not None and now - resolved > max(HOUR_MS, cooldown):
                del self._tracks[print_]


def _opened(print_: str, firing: Firing, now: int) -> Alert:
    return Alert(
        id=alert_id(print_, now),
        rule=firing.rule,
        severity=firing.severity,
        status=AlertStatus.ACTIVE,
        message=firing.message,
        component=firing.component,
        component_type=firing.component_type,
        labels=firing.labels,
        created_at=now,
        updated_at=now,
        values=firing.values,
        runbook=firing.runbook,
        generator=firing.generator,
    )


def firing_of(alert: Alert) -> Firing:
    """What raised it, as far as an alert tells."""
    return Firing(
        rule=alert.rule,
        component=alert.component,
        component_type=alert.component_type,
        labels=alert.labels,
        severity=alert.severity,
        message=alert.message,
        values=alert.values,
        runbook=alert.runbook,
        generator=alert.generator,
    )
