"""What people tell the public: incidents with their updates, and announcements.

Written by hand, never made from alerts, whose texts may hold what is nobody else's business.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Literal

import anyio
import msgspec
from anyio import to_thread
from msgspec import Struct
from msgspec.structs import replace

from auscult.dashboards.book import Watched
from auscult.errors import DashboardConflict, DashboardNotFound
from auscult.store import Document

__all__ = ["STATES", "Incident", "Incidents", "Update"]

KIND = "incident"
MOST = 1000
State = Literal["investigating", "identified", "monitoring", "resolved"]
STATES: tuple[State, ...] = ("investigating", "identified", "monitoring", "resolved")


class Update(Struct, frozen=True, kw_only=True):
    """What was said at one time."""

    at: int
    state: State
    text: str
    by: str = ""


class Incident(Struct, frozen=True, kw_only=True):
    """Something people are told: an incident, or an announcement (then without states and updates that matter)."""

    id: str
    kind: Literal["incident", "announcement"]
    title: str
    text: str = ""
    components: Sequence[str] = ()
    starts_at: int
    ends_at: int | None = None
    """When an announcement goes away; when an incident was resolved."""
    updates: Sequence[Update] = ()
    """The latest first."""

    @property
    def state(self) -> State:
        """Of the latest update."""
        return self.updates[0].state if self.updates else "investigating"


class Incidents:
    """All of them, kept in the store."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._known: dict[str, Incident] = {}
        self._saving = anyio.Lock()

    def open(self, documents: Iterable[Document]) -> None:
        """Take in what was kept."""
        self._known = {
            document.id: msgspec.json.decode(document.body, type=Incident, strict=False) for document in documents
        }

    def all(self) -> list[Incident]:
        """Newest first."""
        return sorted(self._known.values(), key=lambda incident: (incident.starts_at, incident.id), reverse=True)

    def get(self, ident: str) -> Incident:
        """The one of that id. Raises DashboardNotFound."""
        if ident not in self._known:
            raise DashboardNotFound(ident, (), what="incident")
        return self._known[ident]

    async def add(
        self,
        *,
        kind: Literal["incident", "announcement"],
        title: str,
        text: str,
        components: Sequence[str],
        starts_at: int | None,
        ends_at: int | None,
        by: str,
    ) -> Incident:
        """Tell something new. Raises DashboardConflict, StoreError."""
        async with self._saving:
            if len(self._known) >= MOST:
                raise DashboardConflict(f"There are {MOST} incidents already; delete old ones first")
            now = self._watched.clock.now_ms()
            begin = now if starts_at is None else starts_at
            if ends_at is not None and ends_at <= begin:
                raise DashboardConflict("`ends_at` must lie after `starts_at`")
            first = (Update(at=now, state="investigating", text=text, by=by),) if kind == "incident" else ()
            incident = Incident(
                id=secrets.token_hex(8),
                kind=kind,
                title=title,
                text=text,
                components=tuple(components),
                starts_at=begin,
                ends_at=ends_at,
                updates=first,
            )
            return await self._save(incident, by, f"{kind}.create")

    async def update(self, ident: str, *, state: State, text: str, by: str) -> Incident:
        """Say how it goes on. Raises DashboardNotFound, DashboardConflict, StoreError."""
        async with self._saving:
            incident, now = self.get(ident), self._watched.clock.now_ms()
            if len(incident.updates) >= 200:
                raise DashboardConflict("200 updates were written already; begin another incident")
            updates = (Update(at=now, state=state, text=text, by=by), *incident.updates)
            ended = now if state == "resolved" else None
            if incident.kind == "announcement":
                ended = now if state == "resolved" else incident.ends_at
            return await self._save(replace(incident, updates=updates, ends_at=ended), by, f"{incident.kind}.update")

    async def delete(self, ident: str, *, by: str) -> None:
        """Take it back. Raises DashboardNotFound, StoreError."""
        async with self._saving:
            incident = self.get(ident)
            if (store := self._watched.store) is not None:
                audit = (self._watched.clock.now_ms(), by, f"{incident.kind}.delete", ident, incident.title)
                await to_thread.run_sync(store.documents.write((), drop=[(KIND, ident)], audits=[audit]).result)
            del self._known[ident]

    async def _save(self, incident: Incident, by: str, action: str) -> Incident:
        if (store := self._watched.store) is not None:
            now = self._watched.clock.now_ms()
            document = Document(
                kind=KIND,
                id=incident.id,
                body=msgspec.json.encode(incident),
                created_at=incident.starts_at,
                updated_at=now,
                who=by,
            )
            audit = (now, by, action, incident.id, incident.title)
            await to_thread.run_sync(store.documents.write([document], audits=[audit]).result)
        self._known[incident.id] = incident
        return incident
