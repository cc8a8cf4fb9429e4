"""What the book remembers of one fingerprint: its alert, who is to hear of it, and what that was told when."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from auscult.alert import Alert
from auscult.alerts.routing import Escalation, Hit, Route

__all__ = ["Track"]

HOUR_MS = 3_600_000
_NEVER = -(1 << 60)


class Track(Struct, eq=False, gc=False):
    """Times are ms since the epoch."""

    alert: Alert
    print: str
    hits: tuple[Hit, ...] = ()
    routes: tuple[Route, ...] = ()
    cooldown: int = 300_000
    per_hour: int = 12
    noticed: list[int] = []
    """When firing notices went out, or will: the latest, and those of the last hour."""
    since: int = 0
    """Since when it is active and nobody has reacted."""
    escalated: int = 0
    """When it was escalated last, since then."""
    reminded: dict[str, int] = {}
    """Channel to when it was reminded last, since then."""
    due: int | None = None
    """When it rings; earlier timers of it count for nothing."""

    def limit(self, cooldown: float, per_hour: int) -> None:
        """Take in the rule's limits: seconds between firing notices, and how many there may be an hour."""
        self.cooldown, self.per_hour = int(cooldown * 1000), per_hour

    def hit(self, channel: str) -> Hit | None:
        """How that channel is told, if a route names it."""
        return next((hit for hit in self.hits if hit.channel == channel), None)

    # Time

    @property
    def is_timed(self) -> bool:
        """Whether anything is to be repeated or escalated."""
        return any(route.escalate for route in self.routes) or any(hit.route.repeat for hit in self.hits)

    def steps(self) -> Iterator[tuple[int, Escalation]]:
        """The escalations to come, each with its time: a step is past when an escalation happened after it was due."""
        for route in self.routes:
            for step in route.escalate:
                if (due := self.since + int(step.after * 1000)) > self.escalated:
                    yield due, step

    def repeats(self) -> Iterator[tuple[int, Hit]]:
        """The reminders to come, each with its time."""
        for hit in self.hits:
            if hit.route.repeat:
                yield self.reminded.get(hit.channel, self.since) + int(hit.route.repeat * 1000), hit

    def shift(self, by: int) -> None:
        """The wall clock was set."""
        self.noticed = [at + by for at in self.noticed]
        self.since, self.escalated = self.since and self.since + by, self.escalated and self.escalated + by
        self.reminded = {channel: at + by for channel, at in self.reminded.items()}

    # Limits

    @property
    def last_noticed(self) -> int:
        """When the latest firing notice went out, or will."""
        return self.noticed[-1] if self.noticed else _NEVER

    def earliest(self, now: int) -> int:
        """When the next firing notice may go out: one that waits already takes this firing along."""
        if not self.noticed:
            return now
        if self.last_noticed > now:
            return self.last_noticed
        due = max(now, self.last_noticed + self.cooldown)
        self.noticed = [at for at in self.noticed[:-1] if at > now - HOUR_MS] + self.noticed[-1:]
        if self.per_hour and len(self.noticed) >= self.per_hour:
            due = max(due, self.noticed[-self.per_hour] + HOUR_MS)
        return due

    def count_notice(self, due: int) -> None:
        """A firing notice goes out at that time."""
        if due > self.last_noticed and (self.per_hour or self.cooldown):
            self.noticed.append(due)

    def take_back_notice(self, now: int) -> None:
        """The one that waited does not go out after all."""
        if self.last_noticed >= now:
            self.noticed.pop()

    @property
    def remembered_until(self) -> int:
        """Until when it matters what was: the alert may open again, and its notices count."""
        if not self.noticed:
            return _NEVER
        return self.last_noticed + max(self.cooldown, HOUR_MS if self.per_hour else 0)
