"""What the public is shown: types of their own, with the fields that are listed here and no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from auscult.clock import iso_millis, iso_seconds
from auscult.config.settings import StatusPageSettings
from auscult.dashboards.incidents import Incident, State
from auscult.model import ComponentHealth, Status
from auscult.store import HistoryPoint

__all__ = [
    "DAYS",
    "IncidentBody",
    "IncidentList",
    "IncidentRequest",
    "StatusPageBody",
    "UpdateRequest",
    "page_body",
    "shown_components",
]

DAYS = 90
DAY_MS = 86_400_000
SHOWN = 14 * DAY_MS
"""How long after its end an incident is shown."""
_HEADLINES = {
    Status.HEALTHY: "Everything works",
    Status.DEGRADED: "Some things work worse than they should",
    Status.UNHEALTHY: "Something is broken",
    Status.UNKNOWN: "Not known yet",
    Status.MAINTENANCE: "Maintenance",
}
_ORDER = (Status.UNHEALTHY, Status.DEGRADED, Status.HEALTHY, Status.MAINTENANCE, Status.UNKNOWN)
_Line = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00-\\x1f]*$")]
_Text = Annotated[str, Meta(max_length=4000, pattern="^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]*$")]


class DayBody(Struct, frozen=True, kw_only=True):
    """One day of one component."""

    date: str
    status: Status
    """The worst of the day that lasted; ``unknown`` where nothing is known."""
    uptime: float | None
    """Percent."""


class PublicComponent(Struct, frozen=True, kw_only=True):
    """One component."""

    id: str
    name: str
    status: Status
    since: str | None
    uptime_90d: float | None
    days: list[DayBody]


class PublicGroup(Struct, frozen=True, kw_only=True):
    """Components under one heading."""

    name: str
    status: Status
    components: list[PublicComponent]


class PublicUpdate(Struct, frozen=True, kw_only=True):
    """What was said at one time."""

    at: str
    state: State
    text: str


class PublicIncident(Struct, frozen=True, kw_only=True):
    """An incident."""

    id: str
    kind: Literal["incident", "announcement"]
    title: str
    state: State
    components: list[str]
    """As they are called on the page."""
    started_at: str
    ended_at: str | None
    updates: list[PublicUpdate]


class PublicAnnouncement(Struct, frozen=True, kw_only=True):
    """An announcement."""

    id: str
    title: str
    text: str
    starts_at: str
    ends_at: str | None


class StatusPageBody(Struct, frozen=True, kw_only=True):
    """The public page."""

    title: str
    description: str
    status: Status
    message: str
    updated_at: str
    groups: list[PublicGroup]
    incidents: list[PublicIncident]
    announcements: list[PublicAnnouncement]


def shown_components(settings: StatusPageSettings, views: Iterable[ComponentHealth]) -> list[ComponentHealth]:
    """What is on the page."""
    found = list(views)
    if not settings.groups and not settings.components:
        return [view for view in found if view.counted]
    return [view for view in found if view.group in settings.groups or view.component_name in settings.components]


def page_body(
    settings: StatusPageSettings,
    views: Sequence[ComponentHealth],
    history: dict[str, Sequence[HistoryPoint]],
    incidents: Iterable[Incident],
    now: int,
) -> StatusPageBody:
    """The page, made of `views`, which are on it, and of their days."""
    grouped: dict[str, list[ComponentHealth]] = {group: [] for group in settings.groups}
    for view in views:
        grouped.setdefault(view.group, []).append(view)
    groups = [
        PublicGroup(
            name=settings.group_names.get(group, group),
            status=_worst(view.status for view in members),
            components=[_component(settings, view, history.get(view.component_name, ()), now) for view in members],
        )
        for group, members in grouped.items()
        if members
    ]
    status = _worst(group.status for group in groups)
    known = {view.component_name for view in views}
    told = [incident for incident in incidents if incident.ends_at is None or incident.ends_at > now - SHOWN]
    return StatusPageBody(
        title=settings.title,
        description=settings.description,
        status=status,
        message=_HEADLINES[status],
        updated_at=iso_seconds(now),
        groups=groups,
        incidents=[_incident(settings, each, known) for each in told if each.kind == "incident"],
        announcements=[
            PublicAnnouncement(
                id=each.id,
                title=each.title,
                text=each.updates[0].text if each.updates else each.text,
                starts_at=iso_seconds(each.starts_at),
                ends_at=None if each.ends_at is None else iso_seconds(each.ends_at),
            )
            for each in told
            if each.kind == "announcement" and (each.ends_at is None or each.ends_at > now)
        ],
    )


def _worst(statuses: Iterable[Status]) -> Status:
    found = set(statuses)
    return next((status for status in _ORDER if status in found), Status.UNKNOWN)


def _component(
    settings: StatusPageSettings, view: ComponentHealth, points: Sequence[HistoryPoint], now: int
) -> PublicComponent:
    up = sum(point.healthy + point.degraded for point in points)
    counted = up + sum(point.unhealthy for point in points)
    return PublicComponent(
        id=view.component_name,
        name=settings.names.get(view.component_name, view.component_name),
        status=view.status,
        since=None if view.since is None else iso_seconds(view.since),
        uptime_90d=100 * up / counted if counted else None,
        days=_days(points, now),
    )


def _days(points: Sequence[HistoryPoint], now: int) -> list[DayBody]:
    by_day = {point.at // DAY_MS: point for point in points}
    today = now // DAY_MS
    first = datetime.fromtimestamp((today - DAYS + 1) * DAY_MS / 1000, UTC).date()
    return [_day((first + timedelta(days=at)).isoformat(), by_day.get(today - DAYS + 1 + at)) for at in range(DAYS)]


def _day(date: str, point: HistoryPoint | None) -> DayBody:
    """Red from 5 % of failing results on, yellow for any: one lost probe is no outage."""
    counted = point.healthy + point.degraded + point.unhealthy if point is not None else 0
    if point is None or not counted:
        return DayBody(date=date, status=Status.UNKNOWN, uptime=None)
    if point.unhealthy >= 0.05 * counted:
        status = Status.UNHEALTHY
    elif point.unhealthy or point.degraded >= 0.05 * counted:
        status = Status.DEGRADED
    else:
        status = Status.HEALTHY
    return DayBody(date=date, status=status, uptime=100 * (counted - point.unhealthy) / counted)


def _incident(settings: StatusPageSettings, incident: Incident, known: set[str]) -> PublicIncident:
    return PublicIncident(
        id=incident.id,
        kind=incident.kind,
        title=incident.title,
        state=incident.state,
        components=[settings.names.get(name, name) for name in incident.components if name in known],
        started_at=iso_seconds(incident.starts_at),
        ended_at=None if incident.ends_at is None else iso_seconds(incident.ends_at),
        updates=[PublicUpdate(at=iso_seconds(each.at), state=each.state, text=each.text) for each in incident.updates],
    )


# For those who write them


class IncidentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to tell the public."""

    kind: Literal["incident", "announcement"] = "incident"
    title: _Line
    text: _Text = ""
    components: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=200)] = []
    """Names of components."""
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    """Default: now."""
    ends_at: Annotated[datetime, Meta(tz=True)] | None = None
    """When an announcement goes away."""


class UpdateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an incident goes on."""

    text: _Text
    state: State


class UpdateBody(Struct, frozen=True, kw_only=True):
    """What was said at one time, and by whom."""

    at: str
    state: State
    text: str
    by: str


class IncidentBody(Struct, frozen=True, kw_only=True):
    """An incident or announcement as those see it who write it."""

    id: str
    kind: Literal["incident", "announcement"]
    title: str
    text: str
    state: State
    components: list[str]
    starts_at: str
    ends_at: str | None
    updates: list[UpdateBody]

    @classmethod
    def of(cls, incident: Incident) -> IncidentBody:
        """The body for an incident."""
        return cls(
            id=incident.id,
            kind=incident.kind,
            title=incident.title,
            text=incident.text,
            state=incident.state,
            components=list(incident.components),
            starts_at=iso_millis(incident.starts_at),
            ends_at=None if incident.ends_at is None else iso_millis(incident.ends_at),
            updates=[
                UpdateBody(at=iso_millis(each.at), state=each.state, text=each.text, by=each.by)
                for each in incident.updates
            ],
        )


class IncidentList(Struct, frozen=True):
    """Newest first."""

    incidents: list[IncidentBody]
