"""An alert book with its outbox, channels that can be broken, and time that a test moves; all without I/O.

What is committed is kept apart, so that a test can crash the desk and start it again from that.
"""

from __future__ import annotations

from collections.abc import Iterable

from auscult.alert import Acknowledgement, Alert, AlertChange, AlertStatus, Notice
from auscult.alerts.book import AlertBook, Firing
from auscult.alerts.matching import Matcher
from auscult.alerts.outbox import Outbox
from auscult.alerts.quiet import Silence
from auscult.alerts.restoring import stretches
from auscult.alerts.routing import Route, Router
from auscult.model import AlertSeverity
from auscult.store.alert_reader import noticed

AT = 1_700_000_000_000
MINUTE = 60_000
HOUR = 3_600_000


class Around:
    """Components, what they depend on, and which of them are unhealthy or not looked at yet."""

    def __init__(self, needs: dict[str, tuple[str, ...]]) -> None:
        self.needs = needs
        self.bad: set[str] = set()
        self.unsure: set[str] = set()

    def _all(self, component: str) -> list[str]:
        found: list[str] = []
        wanted = list(self.needs.get(component, ()))
        while wanted:
            name = wanted.pop(0)
            if name not in found:
                found.append(name)
                wanted.extend(self.needs.get(name, ()))
        return found

    def causes(self, component: str) -> tuple[str, ...]:
        return tuple(name for name in reversed(self._all(component)) if name in self.bad)

    def suspects(self, component: str) -> tuple[str, ...]:
        return tuple(name for name in self._all(component) if name in self.unsure)

    def dependents(self, component: str) -> tuple[str, ...]:
        return tuple(name for name in self.needs if component in self._all(name))


class Desk:
    """Drive it with `fire`, `clear`, people's verbs and `let_pass`; look at `told` and `changes`."""

    def __init__(self, *routes: Route, channels: Iterable[str] = ("ops",), needs=None, storm: int = 20) -> None:
        self.now = AT
        self.storm = storm
        self.routes, self.channels = routes, tuple(channels)
        self.around = Around(needs or {})
        self.down: set[str] = set()
        """Channels that take nothing."""
        self.alerts: dict[str, Alert] = {}
        self.changes: list[AlertChange] = []
        self.rows: dict[str, object] = {}
        self.silences: dict[str, Silence] = {}
        self.envelopes: list[tuple[int, str, tuple[Notice, ...]]] = []
        self.open_shop()

    def open_shop(self) -> None:
        self.outbox = Outbox(storm=self.storm)
        self.book = AlertBook(Router(self.routes, self.channels), self.outbox, self.around)

    # What happens

    def fire(self, rule: str = "down", component: str = "a", **more) -> Alert | None:
        fields = {"severity": AlertSeverity.HIGH, "message": f"{component} is down", "cooldown": 0.0, "per_hour": 0}
        self.book.fire(Firing(rule=rule, component=component, **(fields | more)), self.now)
        self.commit()
        return self.open(component, rule)

    def clear(self, rule: str = "down", component: str = "a", labels=None) -> None:
        self.book.clear(rule, component, labels or {}, self.now)
        self.commit()

    def look_at(self, component: str) -> None:
        self.book.looked_at(component, self.now)
        self.commit()

    def acknowledge(self, alert: Alert, *, minutes: float | None = None, by: str = "ada", note: str = "") -> None:
        until = None if minutes is None else self.now + int(minutes * MINUTE)
        self.book.acknowledge(alert.id, Acknowledgement(author=by, at=self.now, note=note, until=until))
        self.commit()

    def silence(self, ident: str = "s1", *, minutes: float = 60, after: float = 0, **match: str) -> Silence:
        start = self.now + int(after * MINUTE)
        made = Silence(
            id=ident,
            matchers=tuple(Matcher(name, value) for name, value in match.items()),
            starts_at=start,
            ends_at=start + int(minutes * MINUTE),
            author="ada",
            comment="",
            created_at=self.now,
        )
        self.silences[ident] = made
        self.book.quieting.put(made)
        self.book.requiet(self.now)
        self.commit()
        return made

    def reroute(self, *routes: Route, channels: Iterable[str] | None = None) -> None:
        self.routes = routes
        self.channels = tuple(channels) if channels is not None else self.channels
        self.book.reroute(Router(self.routes, self.channels), self.now)
        self.commit()

    def crash(self, *, minutes: float = 0) -> None:
        """Forget everything but what is committed, and start again that much later."""
        self.now += int(minutes * MINUTE)
        self.open_shop()
        rows = list(self.rows.values())
        self.keep_rows(self.outbox.restore(rows, self.changes))
        for silence in self.silences.values():
            if silence.ends_at > self.now:
                self.book.quieting.put(silence)
        self.book.restore(
            self.alerts.values(),
            noticed(self.changes, rows, self.now),
            self.now,
            stretches=stretches(self.changes, rows),
            limits=lambda alert: self.limits,
        )
        self.commit()

    limits = (0.0, 0)
    """Cooldown and hourly limit of every rule, for a restart."""

    # What is committed, and told

    def commit(self) -> None:
        batch = self.book.collect()
        self.changes += batch.changes
        self.alerts |= batch.alerts
        self.keep_rows(batch.rows.values())

    def keep_rows(self, rows) -> None:
        for row in rows:
            self.rows[row.key] = row

    def deliver(self) -> None:
        """Everything that is due to every channel that works."""
        names = {row.channel for row in self.rows.values()}
        for channel in sorted(names - self.down):
            while (envelope := self.outbox.take(channel, self.now)) is not None:
                self.envelopes.append((self.now, channel, envelope.notices))
                self.keep_rows(envelope.rows)
                self.keep_rows(self.outbox.done(envelope, self.now))

    def let_pass(self, minutes: float = 0.0) -> None:
        """Let time pass; what is due meanwhile happens when it is due."""
        end = self.now + int(minutes * MINUTE)
        self.deliver()
        while True:
            dues = [due for name in self.known_channels() if (due := self.outbox.next_due(name)) is not None]
            dues += [due for due in (self.book.next_due(),) if due is not None]
            due = min((max(due, self.now) for due in dues), default=end + 1)
            if due > end:
                break
            self.now = max(due, self.now)
            self.book.advance(self.now)
            self.commit()
            self.keep_rows(self.outbox.expire(self.now))
            self.deliver()
        self.now = end
        self.keep_rows(self.outbox.expire(self.now))

    def known_channels(self) -> list[str]:
        return sorted({row.channel for row in self.rows.values()} - self.down)

    def told(self, channel: str = "ops") -> list[str]:
        """What a channel was told, as ``component kind`` and the minute."""
        return [
            f"{notice.alert.component} {notice.change.kind.value} {(at - AT) / MINUTE:g}"
            for at, name, notices in self.envelopes
            if name == channel
            for notice in notices
        ]

    def notices(self, channel: str = "ops") -> list[Notice]:
        return [notice for _, name, notices in self.envelopes if name == channel for notice in notices]

    def open(self, component: str = "a", rule: str = "down") -> Alert | None:
        return next((a for a in self.book.open_alerts() if (a.component, a.rule) == (component, rule)), None)

    def latest(self, component: str = "a") -> Alert:
        return max((a for a in self.alerts.values() if a.component == component), key=lambda a: a.created_at)

    def kinds(self, component: str = "a") -> list[str]:
        """Every committed change of the component's alerts."""
        return [change.kind.value for change in self.changes if change.alert.component == component]

    def status(self, component: str = "a") -> AlertStatus:
        return self.latest(component).status
