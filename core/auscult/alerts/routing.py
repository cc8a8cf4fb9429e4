"""Who is told of an alert, in what company, and who is told when nobody reacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from auscult.alert import Alert
from auscult.alerts.matching import Matcher, facets
from auscult.options import Duration

__all__ = ["ALONE", "Escalation", "Hit", "Route", "Router"]

ALONE = "..."
"""In `group_by`: never share an envelope, whatever else waits."""


class Escalation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to tell as well when an alert is still active, and acknowledged by nobody."""

    after: Duration
    """Time since it fired."""
    channels: tuple[str, ...]
    """Names of channels."""


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"continue_": "continue"}):
    """Sends the alerts that match to channels. Routes are tried in their order."""

    match: dict[str, str | tuple[str, ...]] = {}
    """Labels, `rule`, `component`, `type` and `severity` with the value they need: a text, a pattern with `*`, or a
    list of which one has to match. Empty: every alert."""
    channels: tuple[str, ...] = ()
    """Names of channels. Empty: nobody is told."""
    continue_: bool = False
    """Whether later routes are tried as well."""
    group_by: tuple[str, ...] = ()
    """Alerts with the same values of these go out in one envelope. Empty: each on its own, unless very many wait at
    once; `["..."]`: each on its own whatever happens."""
    group_wait: Duration = Duration(0)
    """How long the first alert of a group waits for others."""
    group_interval: Duration = Duration(60)
    """The least time between two envelopes of one group."""
    repeat: Duration = Duration(0)
    """Say again that an alert is still active, this often; 0 never does."""
    fallback: tuple[str, ...] = ()
    """Channels that are told as well when one of `channels` has been failing for `fallback_after`."""
    fallback_after: Duration = Duration(600)
    """See `fallback`."""
    escalate: tuple[Escalation, ...] = ()
    """Further channels for what nobody acknowledges."""

    def matchers(self) -> tuple[tuple[Matcher, ...], ...]:
        """All of these groups have to hold, each by one of its matchers."""
        return tuple(
            tuple(Matcher(name, text) for text in ((value,) if isinstance(value, str) else value))
            for name, value in self.match.items()
        )


class Hit(Struct, frozen=True, gc=False):
    """One channel that is to be told, and how."""

    channel: str
    route: Route
    group: str
    """What the group's envelopes have in common; empty for an alert on its own, ``...`` for one that stays alone."""


class Router:
    """Routes, made ready. Without any route everything goes to every channel."""

    def __init__(self, routes: Sequence[Route], channels: Iterable[str]) -> None:
        self.routes = tuple(routes) or (Route(channels=tuple(channels)),)
        self._ready: list[tuple[Route, tuple[tuple[Matcher, ...], ...]]] = [
            (route, route.matchers()) for route in self.routes
        ]
        self.is_timed = any(route.repeat or route.escalate for route in self.routes)
        """Whether any route repeats or escalates."""
        self._always: tuple[tuple[Hit, ...], tuple[Route, ...]] | None = None
        if not any(route.match or any(name != ALONE for name in route.group_by) for route in self.routes):
            self._always = self._plan({})

    def route(self, alert: Alert) -> list[Hit]:
        """The channels to tell, each once: the first route that names it decides how."""
        return list(self.plan(alert)[0])

    def plan(self, alert: Alert) -> tuple[tuple[Hit, ...], tuple[Route, ...]]:
        """The channels to tell, as `route` has them, and the routes that match: they say who else is told, and when."""
        return self._always if self._always is not None else self._plan(facets(alert))

    def _plan(self, found: Mapping[str, str]) -> tuple[tuple[Hit, ...], tuple[Route, ...]]:
        hits: dict[str, Hit] = {}
        routes = []
        for route, groups in self._ready:
            if not all(any(matcher.matches(found) for matcher in group) for group in groups):
                continue
            routes.append(route)
            for channel in route.channels:
                hits.setdefault(channel, Hit(channel, route, _group(route, found)))
            if not route.continue_:
                break
        return tuple(hits.values()), tuple(routes)


def _group(route: Route, found: Mapping[str, str]) -> str:
    if not route.group_by:
        return ""
    if ALONE in route.group_by:
        return ALONE
    return ",".join(f"{name}={found.get(name, '')}" for name in route.group_by)
