"""`AlertBook`: every alert's life. Verdicts, people and time come in; changes and rows to deliver come out.

Pure: no clock, no I/O. Whoever drives it calls a method with the time, then `collect`s what is to be committed; nobody
is shown anything before that. Who is told when is decided here; the `Outbox` remembers who was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
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
from auscult.alerts.restoring import Stretch
from auscult.alerts.routing import ALONE, Hit, Route, Router
from auscult.alerts.track import Track
from auscult.model import AlertSeverity

__all__ = ["BY_HAND", "AlertBook", "Firing", "Surroundings", "firing_of"]

HOUR_MS = 3_600_000
RECHECK_MS = 60_000
"""How long an alert whose cause is over waits for a fresh result before people are told all the same."""
TRIMMED = 2_000
"""Ended alerts looked at in one go."""
HOLD_MS = 5_000
"""How long a firing is held back while a component it depends on is looked at again."""
BY_HAND = "by hand"
"""The resolution of what somebody said is over."""
NEVER_HEARD = "nobody there was told that it fired"
_PLAIN = Route()


class Firing(Struct, frozen=True, gc=False):
    """A rule's condition began to hold."""

    rule: str
    severity: AlertSeverity
    message: str
    component: str = ""
    component_type: str = ""
    labels: dict[str, str] = {}
    values: dict[str, float | str] = {}
    runbook: str = ""
    generator: str = ""
    cooldown: float = 300.0
    """Seconds from a firing notice during which no further one is sent for the same alert."""
    per_hour: int = 12
    """Firing notices an hour for the same alert; 0: any number."""

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


class AlertBook:
    """See the module. Times are ms since the epoch."""

    def __init__(self, router: Router, outbox: Outbox, surroundings: Surroundings) -> None:
        self.router = router
        self.outbox = outbox
        self.quieting = Quieting()
        self._around = surroundings
        self._tracks: dict[str, Track] = {}
        self._open: dict[str, Track] = {}
        self._by_component: dict[str, dict[str, Track]] = {}
        self._blamed: dict[str, set[str]] = {}
        """Component to the open alerts that are its consequences."""
        self._waiting: dict[str, dict[str, int]] = {}
        """Component to open alerts whose cause is over, with the time since when a fresh result is awaited."""
        self._timers: list[tuple[int, str]] = []
        self._over: deque[tuple[int, str, str]] = deque()
        """What ended: when, its fingerprint, its id."""
        self._batch = Batch()
        self._until = 0
        self._announcing: Track | None = None
        """The one that fires just now: what it affects is said with that."""
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

    def knows(self, print_: str) -> bool:
        """Whether there is or lately was an alert of that fingerprint."""
        return print_ in self._tracks

    @property
    def remembered(self) -> int:
        """Alerts in memory, those included that are over and may open again."""
        return len(self._tracks)

    @property
    def has_news(self) -> bool:
        """Whether there is something to `collect`."""
        return bool(self._batch)

    def collect(self) -> Batch:
        """Everything since the last call, to be committed in one transaction."""
        batch, self._batch = self._batch, Batch()
        return batch

    def next_due(self) -> int | None:
        """When `advance` has something to do next."""
        edge = self.quieting.next_edge
        if not self._timers:
            return edge
        return self._timers[0][0] if edge is None else min(self._timers[0][0], edge)

    # Verdicts

    def fire(self, firing: Firing, now: int, print_: str = "") -> Alert:
        """A condition holds: a new alert, a reopened one, or an open one brought up to date.

        `print_` is the firing's fingerprint, for those who have it already.
        """
        print_ = print_ or firing.fingerprint
        track = self._tracks.get(print_)
        if track is None:
            track = self._tracks[print_] = Track(_opened(print_, firing, now), print_)
            kind = ChangeKind.FIRED
        elif track.alert.status.is_open:
            return self._refresh(track, firing, now)
        elif now < track.last_noticed + int(firing.cooldown * 1000) or track.alert.created_at == now:
            track.alert, kind = _reopened(track.alert, firing, now), ChangeKind.REOPENED
        else:
            track.alert, kind = _opened(print_, firing, now), ChangeKind.FIRED
        track.limit(firing.cooldown, firing.per_hour)
        self._enter(track)
        if firing.component:
            self._take_blame(track, now)
        self._announce(track, kind, now)
        return track.alert

    def refresh(self, firing: Firing, now: int) -> None:
        """What is known of an open alert has changed; nothing fires by that."""
        track = self._tracks.get(firing.fingerprint)
        if track is not None and track.alert.status.is_open:
            self._refresh(track, firing, now)

    def clear(
        self, rule: str, component: str, labels: Mapping[str, str], now: int, resolution: str = "recovered"
    ) -> None:
        """A condition no longer holds."""
        self.clear_print(fingerprint(rule, component, labels), now, resolution)

    def clear_print(self, print_: str, now: int, resolution: str = "recovered") -> None:
        """What has that fingerprint no longer holds."""
        track = self._tracks.get(print_)
        if track is not None and track.alert.status.is_open:
            self._resolve(track, now, resolution)

    def looked_at(self, component: str, at: int) -> None:
        """A component has a fresh result, and the rules have judged it."""
        if component in self._blamed:
            self._release(component, at)
        waiting = self._waiting.get(component)
        if waiting is None:
            return
        for ident, since in list(waiting.items()):
            if at > since and ident in self._open:
                self._stop_waiting(component, ident)
                self._unsuppress(self._open[ident], at)

    def forget_rule(self, rule: str, now: int) -> None:
        """The rule is gone: what it raised is over."""
        for track in [t for t in self._open.values() if t.alert.rule == rule and not t.alert.generator]:
            self._resolve(track, now, "rule removed")

    def forget_component(self, component: str, now: int) -> None:
        """The component is gone: its alerts are over."""
        for track in list(self._by_component.get(component, {}).values()):
            if not track.alert.generator:
                self._resolve(track, now, "component removed")

    # Channels that fail

    def stays_down(self, channel: str, since: int, now: int) -> None:
        """`channel` has failed ever since: tell the fallbacks of its routes of everything open that waits there."""
        if not any(self._is_overdue(route, channel, since, now) for route in self.router.routes):
            return
        for track in self._open.values():
            hit = track.hit(channel)
            if (
                hit is not None
                and self._is_overdue(hit.route, channel, since, now)
                and self.outbox.goes_on(track.alert.id, channel)
            ):
                self._fall_back(track, hit, now)

    def gave_up(self, channel: str, alerts: Iterable[str], now: int) -> None:
        """`channel` will not be told of these alerts: its routes may name others."""
        for ident in alerts:
            track = self._open.get(ident)
            if track is not None and (hit := track.hit(channel)) is not None:
                self._fall_back(track, hit, now)

    @staticmethod
    def _is_overdue(route: Route, channel: str, since: int, now: int) -> bool:
        return bool(route.fallback) and channel in route.channels and now - since >= int(route.fallback_after * 1000)

    def _fall_back(self, track: Track, failing: Hit, now: int) -> None:
        known = self._hearers(track.alert.id)
        channels = [channel for channel in failing.route.fallback if channel not in known]
        if channels:
            self._change(track, ChangeKind.ESCALATED, now, note=f"the channel {failing.channel} cannot be reached")
            for channel in channels:
                self._offer(track, track.hit(channel) or Hit(channel, _PLAIN, ""), now)

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
        self._tell_others(track)
        self._arm(track)
        return track.alert

    def unacknowledge(self, ident: str, by: str, now: int) -> Alert:
        """Nobody has it any more. Raises KeyError for an alert that is not open."""
        track = self._open[ident]
        status = AlertStatus.ACTIVE if track.alert.status is AlertStatus.ACKNOWLEDGED else track.alert.status
        self._change(track, ChangeKind.UNACKNOWLEDGED, now, by=by, acknowledged=None, status=status)
        self._tell_others(track)
        for hit in self._newcomers(track):
            self._offer(track, hit, now)
        self._begin_stretch(track, now)
        return track.alert

    def resolve(self, ident: str, by: str, note: str, now: int) -> Alert:
        """Resolved by hand; it fires again when its condition begins to hold anew. Raises KeyError when not open."""
        track = self._open[ident]
        self._resolve(track, now, BY_HAND, by=by, note=note)
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

    def advance(self, now: int, until: int = 0) -> None:
        """Do what time alone brings: escalations, reminders, ends of acknowledgements and of quiet.

        `until`: nobody looked until then, so of the reminders missed meanwhile only the last one is made up for.
        """
        self._until = max(now, until)
        while self._timers and self._timers[0][0] <= now:
            due, ident = heappop(self._timers)
            track = self._open.get(ident)
            if track is not None and track.due == due:
                track.due = None
                self._ring(track, now)
                if track.alert.status.is_open:
                    self._arm(track)
        edge = self.quieting.next_edge
        if edge is not None and edge <= now:
            self.requiet(now)

    def _ring(self, track: Track, now: int) -> None:
        alert = track.alert
        ack = alert.acknowledged
        if ack is not None and ack.until is not None and ack.until <= now:
            self.unacknowledge(alert.id, "", now)
        since = self._waiting.get(alert.component, {}).get(alert.id)
        if since is not None and since + RECHECK_MS <= now:
            self._stop_waiting(alert.component, alert.id)
            self._unsuppress(track, now)
        if track.alert.status is AlertStatus.ACTIVE:
            self._escalate(track, now)
            self._remind(track, now)

    def _escalate(self, track: Track, now: int) -> None:
        channels = dict.fromkeys(channel for due, step in track.steps() if due <= now for channel in step.channels)
        if not channels:
            return
        track.escalated = now
        self._change(track, ChangeKind.ESCALATED, now)
        for channel in channels:
            track.reminded[channel] = now
            self._offer(track, track.hit(channel) or Hit(channel, _PLAIN, ""), now)

    def _remind(self, track: Track, now: int) -> None:
        hits = [hit for due, hit in track.repeats() if due <= now]
        if not hits:
            return
        self._change(track, ChangeKind.REMINDED, now)
        for hit in hits:
            track.reminded[hit.channel] = max(now, self._until - int(hit.route.repeat * 1000))
            if self.outbox.understands(hit.channel, ChangeKind.REMINDED):
                self._offer(track, hit, now)

    def _begin_stretch(self, track: Track, now: int) -> None:
        """It is active, and nobody has reacted yet: reminders and escalations count from now."""
        track.since, track.escalated, track.reminded = now, 0, {}
        self._arm(track)

    def _arm(self, track: Track) -> None:
        """Ring when time alone brings something to that alert."""
        alert = track.alert
        if alert.acknowledged is None and not self._waiting and not self.router.is_timed:
            track.due = None
            return
        dues = []
        if alert.acknowledged is not None and alert.acknowledged.until is not None:
            dues.append(alert.acknowledged.until)
        if self._waiting and (since := self._waiting.get(alert.component, {}).get(alert.id)) is not None:
            dues.append(since + RECHECK_MS)
        if alert.status is AlertStatus.ACTIVE and track.is_timed:
            dues += [due for due, _ in track.steps()]
            dues += [due for due, _ in track.repeats()]
        due = min(dues, default=None)
        if due is not None and due != track.due:
            heappush(self._timers, (due, alert.id))
        track.due = due

    # Inside: the life of one alert

    def _enter(self, track: Track) -> None:
        alert = track.alert
        self._open[alert.id] = track
        if alert.component:
            self._by_component.setdefault(alert.component, {})[alert.id] = track

    def _announce(self, track: Track, kind: ChangeKind, now: int) -> None:
        """Record a firing and decide who hears of it, and when."""
        alert = track.alert
        reason, cause = self._reason_for_quiet(alert, now)
        if reason:
            track.alert = alert = msgspec.structs.replace(
                alert, status=AlertStatus.SUPPRESSED, suppressed_by=reason, cause=cause
            )
        self._batch.add(AlertChange(kind=kind, alert=alert, at=now))
        track.hits, track.routes = self.router.plan(alert)
        if reason:
            for hit in track.hits:
                self._offer(track, hit, now, silenced=reason)
            if cause:
                self._blame(track, cause, now)
            self._arm(track)
            return
        due = self._earliest(track, now)
        for hit in track.hits:
            self._offer(track, hit, due, wait=True)
        track.count_notice(due)
        self._begin_stretch(track, now)

    def _earliest(self, track: Track, now: int) -> int:
        """When a firing may be told: after the cooldown, within the hourly limit, once suspects have answered."""
        due = track.earliest(now)
        component = track.alert.component
        if component and (suspects := self._around.suspects(component)):
            self.rechecks.update(suspects)
            due = max(due, now + HOLD_MS)
        return due

    def _refresh(self, track: Track, firing: Firing, now: int) -> Alert:
        track.limit(firing.cooldown, firing.per_hour)
        alert = track.alert
        if (firing.severity, firing.message, firing.runbook) != (alert.severity, alert.message, alert.runbook):
            self._change(
                track,
                ChangeKind.UPDATED,
                now,
                severity=firing.severity,
                message=firing.message,
                values=firing.values,
                runbook=firing.runbook,
            )
            self._tell_others(track)
            if firing.severity is not alert.severity:
                self._route_anew(track, now)
        return track.alert

    def _route_anew(self, track: Track, now: int) -> None:
        """Its severity decides as well who is told: those who hear of it only now are told that it fires."""
        track.hits, track.routes = self.router.plan(track.alert)
        for hit in self._newcomers(track):
            self._offer(track, hit, now, wait=True)
        self._arm(track)

    def _newcomers(self, track: Track) -> list[Hit]:
        """Those who are to be told that it is active, and have not been."""
        if track.alert.status is not AlertStatus.ACTIVE:
            return []
        known = self._hearers(track.alert.id)
        return [hit for hit in track.hits if hit.channel not in known]

    def _resolve(self, track: Track, now: int, resolution: str, *, by: str = "", note: str = "") -> None:
        alert = track.alert
        hearers = self._hearers(alert.id)
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
        for channel in hearers:
            self._offer(track, track.hit(channel) or Hit(channel, _PLAIN, ""), now)
        for hit in track.hits:
            if hit.channel not in hearers:
                self._offer(track, hit, now, silenced=NEVER_HEARD)
        self._leave(track, now)

    def _leave(self, track: Track, now: int) -> None:
        alert = track.alert
        self._open.pop(alert.id, None)
        self._over.append((now, track.print, alert.id))
        track.due = None
        if not alert.component:
            return
        own = self._by_component.get(alert.component, {})
        own.pop(alert.id, None)
        if not own:
            self._by_component.pop(alert.component, None)
        self._stop_waiting(alert.component, alert.id)
        self._acquit(track)
        if alert.component in self._blamed:
            self._release(alert.component, now)

    def _change(
        self, track: Track, kind: ChangeKind, now: int, *, by: str = "", note: str = "", **fields: object
    ) -> None:
        track.alert = msgspec.structs.replace(track.alert, number=track.alert.number + 1, updated_at=now, **fields)
        self._batch.add(AlertChange(kind=kind, alert=track.alert, at=now, by=by, note=note))

    # Inside: telling

    def _hearers(self, ident: str) -> list[str]:
        """Channels that believe it fires, or are about to be told so."""
        return self.outbox.hearers(ident)

    def _offer(self, track: Track, hit: Hit, due: int, *, wait: bool = False, silenced: str = "") -> None:
        route = hit.route
        grouped = hit.group not in ("", ALONE)
        rows = self.outbox.offer(
            self._batch.latest(track.alert.id),
            hit.channel,
            due=due if grouped or not wait else due + int(route.group_wait * 1000),
            group=hit.group,
            wait=int(route.group_wait * 1000) if grouped and wait else 0,
            interval=int(route.group_interval * 1000) if grouped else 0,
            silenced=silenced,
        )
        self._batch.add_rows(rows)

    def _tell_others(self, track: Track) -> None:
        """Offer the latest change to channels that know of the alert and understand such changes."""
        kind = self._batch.latest(track.alert.id).kind
        for channel in self.outbox.aware(track.alert.id):
            if self.outbox.understands(channel, kind):
                self._offer(track, track.hit(channel) or Hit(channel, _PLAIN, ""), track.alert.updated_at)

    # Inside: quiet

    def _reason_for_quiet(self, alert: Alert, now: int) -> tuple[str, str]:
        """Why nobody is to be told now, with the component at fault; empty texts when somebody is."""
        if reason := self.quieting.reason(alert, now):
            return reason, ""
        cause = self._cause(alert)
        return (f"dependency {cause}", cause) if cause else ("", "")

    def _quiet(self, track: Track, now: int) -> None:
        """Bring one open alert in line with silences and maintenance."""
        alert = track.alert
        reason = self.quieting.reason(alert, now)
        if reason and not alert.suppressed_by:
            self._suppress(track, reason, "", now)
        elif not reason and alert.suppressed_by and not alert.suppressed_by.startswith("dependency "):
            self._unsuppress(track, now)

    def _suppress(self, track: Track, reason: str, cause: str, now: int) -> None:
        self._acquit(track)
        self._change(
            track, ChangeKind.SUPPRESSED, now, status=AlertStatus.SUPPRESSED, suppressed_by=reason, cause=cause
        )
        rows = self.outbox.silence(track.alert.id, reason, now)
        self._batch.add_rows(rows)
        if rows:
            track.take_back_notice(now)
        if cause:
            self._blame(track, cause, now)
        self._arm(track)

    def _unsuppress(self, track: Track, now: int) -> None:
        """What kept it quiet is over: tell those who were not told before."""
        if not track.alert.suppressed_by:
            return
        reason, cause = self._reason_for_quiet(track.alert, now)
        if reason:
            if reason != track.alert.suppressed_by:
                self._suppress(track, reason, cause, now)
            return
        self._acquit(track)
        status = AlertStatus.ACKNOWLEDGED if track.alert.acknowledged else AlertStatus.ACTIVE
        self._change(track, ChangeKind.UNSUPPRESSED, now, status=status, suppressed_by="", cause="")
        track.hits, track.routes = self.router.plan(track.alert)
        due, told = self._earliest(track, now), self._hearers(track.alert.id)
        untold = [hit for hit in track.hits if hit.channel not in told]
        for hit in untold:
            self._offer(track, hit, due, wait=True)
        if untold:
            track.count_notice(due)
        self._begin_stretch(track, now)

    # Inside: dependencies

    def _cause(self, alert: Alert) -> str:
        """A component at fault that has an alert of its own, so that people hear of that one."""
        if not alert.component:
            return ""
        for name in self._around.causes(alert.component):
            own = self._by_component.get(name)
            if name != alert.component and own and any(not track.alert.cause for track in own.values()):
                return name
        return ""

    def _take_blame(self, root: Track, now: int) -> None:
        """`root` fires: what depends on it and nobody was told of yet is its consequence, and listed with it."""
        alert, self._announcing = root.alert, root
        for name in self._around.dependents(alert.component):
            for track in list(self._by_component.get(name, {}).values()):
                child = track.alert
                if child.suppressed_by or self.outbox.aware(child.id) or self._cause(child) != alert.component:
                    continue
                self._suppress(track, f"dependency {alert.component}", alert.component, now)
        self._announcing = None
        if blamed := self._blamed.get(alert.component):
            affected = {self._open[ident].alert.component for ident in blamed}
            root.alert = msgspec.structs.replace(alert, affected=tuple(sorted(affected)))

    def _blame(self, track: Track, root: str, now: int) -> None:
        """Remember whose consequence it is, and list it with the alerts of its cause."""
        component = track.alert.component
        self._blamed.setdefault(root, set()).add(track.alert.id)
        for cause in list(self._by_component.get(root, {}).values()):
            if component not in cause.alert.affected and cause is not self._announcing:
                affected = tuple(sorted({*cause.alert.affected, component}))
                self._change(cause, ChangeKind.UPDATED, now, affected=affected)
                self._tell_others(cause)

    def _acquit(self, track: Track) -> None:
        """It is nobody's consequence any more."""
        cause = track.alert.cause
        if cause and (blamed := self._blamed.get(cause)) is not None:
            blamed.discard(track.alert.id)
            if not blamed:
                del self._blamed[cause]

    def _release(self, root: str, now: int) -> None:
        """`root` may have recovered: its consequences are looked at again before anybody is told of them."""
        for ident in list(self._blamed.get(root, ())):
            track = self._open[ident]
            name = track.alert.component
            if self._cause(track.alert) != root and ident not in self._waiting.get(name, {}):
                self._await_result(track, now)

    def _await_result(self, track: Track, now: int) -> None:
        name = track.alert.component
        self._waiting.setdefault(name, {})[track.alert.id] = now
        self.rechecks.add(name)
        self._arm(track)

    def _stop_waiting(self, component: str, ident: str) -> None:
        waiting = self._waiting.get(component)
        if waiting is not None:
            waiting.pop(ident, None)
            if not waiting:
                del self._waiting[component]

    # Restarts, reloads, clocks

    def restore(
        self,
        alerts: Iterable[Alert],
        noticed: Mapping[str, Iterable[int]],
        now: int,
        *,
        stretches: Mapping[str, Stretch] | None = None,
        limits: Callable[[Alert], tuple[float, int]] | None = None,
    ) -> None:
        """Take in the alerts of an earlier run, the open ones and those resolved lately.

        `noticed` has the times of firing notices by alert id, `stretches` since when who was reminded of what,
        `limits` the cooldown and the hourly limit of an alert's rule. The outbox has its rows already.
        """
        for alert in sorted(alerts, key=lambda a: (a.created_at, a.updated_at)):
            print_ = fingerprint(alert.rule, alert.component, alert.labels)
            track = self._tracks[print_] = Track(alert, print_)
            track.noticed = sorted(noticed.get(alert.id, ()))
            if limits is not None:
                track.limit(*limits(alert))
            track.hits, track.routes = self.router.plan(alert)
            if not alert.status.is_open:
                self._over.append((alert.resolved_at or now, print_, alert.id))
                continue
            if (stretch := (stretches or {}).get(alert.id)) is not None:
                track.since, track.escalated, track.reminded = stretch.since, stretch.escalated, dict(stretch.reminded)
            else:
                track.since = alert.updated_at
            self._enter(track)
            if alert.cause:
                self._blamed.setdefault(alert.cause, set()).add(alert.id)
                self._waiting.setdefault(alert.component, {})[alert.id] = now
            self._arm(track)
        self.requiet(now)

    def reroute(self, router: Router, now: int | None = None) -> None:
        """Take in new routes, and tell those of what is active that hear of it only by them."""
        self.router = router
        for track in self._open.values():
            track.hits, track.routes = router.plan(track.alert)
            if now is not None and (newcomers := self._newcomers(track)):
                self._change(track, ChangeKind.REMINDED, now, note="the routes were changed")
                for hit in newcomers:
                    track.reminded[hit.channel] = now
                    self._offer(track, hit, now, wait=True)
            self._arm(track)

    def shift(self, by: int) -> None:
        """The wall clock was set forward by `by` ms, or back: spans of time are as long as they were meant to be."""
        for track in self._tracks.values():
            track.shift(by)
        self._waiting = {
            name: {ident: since + by for ident, since in waiting.items()} for name, waiting in self._waiting.items()
        }
        self._over = deque((at + by, print_, ident) for at, print_, ident in self._over)
        self._timers.clear()
        for track in self._open.values():
            track.due = None
            self._arm(track)

    def mind(self, ident: str, now: int) -> None:
        """Something of an alert is told again: forget it afterwards if it is over."""
        if ident not in self._open:
            self._over.append((now, "", ident))

    def trim(self, now: int) -> None:
        """Forget what is over, can open no more and of which everything is told: a slice at a time."""
        for _ in range(min(len(self._over), TRIMMED)):
            at, print_, ident = self._over.popleft()
            if ident in self._open:
                continue
            track = self._tracks.get(print_)
            is_latest = track is not None and track.alert.id == ident
            if (is_latest and track is not None and track.remembered_until > now) or not self.outbox.forget(ident):
                self._over.append((at, print_, ident))
            elif is_latest:
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


def _reopened(alert: Alert, firing: Firing, now: int) -> Alert:
    return msgspec.structs.replace(
        alert,
        status=AlertStatus.ACTIVE,
        message=firing.message,
        severity=firing.severity,
        values=firing.values,
        runbook=firing.runbook,
        updated_at=now,
        resolved_at=None,
        resolution="",
        acknowledged=None,
        suppressed_by="",
        cause="",
        affected=(),
        number=alert.number + 1,
        episodes=alert.episodes + 1,
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
