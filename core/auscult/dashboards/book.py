"""`Dashboards`: those that plugins ship, that the configuration and code declare, and that people make.

What people edit is kept in the store, together with a note of who did it; the user's own file is never written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import msgspec
from anyio import to_thread
from msgspec import Struct
from msgspec.structs import replace

from auscult.clock import Clock
from auscult.dashboards.drawing import Drawn, Easel
from auscult.dashboards.view import LiveView, TimeRange
from auscult.definitions import Definition, PanelDefinition, build, build_panel, define
from auscult.errors import ConfigurationError, DashboardConflict, DashboardNotFound
from auscult.kinds import Panel
from auscult.metrics.requests import Requests
from auscult.model import Problem, SystemHealth
from auscult.options import Duration
from auscult.panels import Dashboard, Placed, Variable
from auscult.shapes import Shape
from auscult.store import Document, Store

if TYPE_CHECKING:
    from auscult.alert import Alert
    from auscult.dashboards.changes import Changes
    from auscult.runtime.health import HealthMonitor

__all__ = ["Dashboards", "DrawnDashboard", "Entry", "Watched"]

log = logging.getLogger("auscult.dashboards")

FIRST = ("system_overview", "api_performance", "ai_services", "infrastructure")
"""The four default ones, in the seed document's order."""
KIND = "dashboard"
MOST = 500
"""Dashboards that people may make."""
POINTS = 300
FRESH = 1.0
"""Seconds for which one look serves everybody who asks the same."""
REMEMBERED = 64
LookUp = Callable[[], tuple[Mapping[str, type[Panel]], Iterable[Any]]]
"""Gives the kinds of panels and the dashboards that plugins ship; blocks."""
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class KnowsAlerts(Protocol):
    """What a look needs to know of alerts."""

    def open_alerts(self) -> Sequence[Alert]:
        """Alerts that go on, newest first."""
        ...


class Watched(Protocol):
    """What a look needs to know of the monitor."""

    clock: Clock
    store: Store | None
    health: HealthMonitor
    requests: Requests
    changes: Changes

    @property
    def alerts(self) -> KnowsAlerts:
        """Who knows the alerts."""
        ...


class Entry(Struct, frozen=True, kw_only=True):
    """A dashboard and where it comes from."""

    dashboard: Dashboard
    definition: Definition
    origin: str
    """``plugin``, ``configuration``, ``code`` or ``custom``."""
    revision: int = 0
    created_at: int = 0
    updated_at: int = 0
    changed: bool = False
    """Somebody edited what a plugin or code declares."""

    @property
    def editable(self) -> bool:
        """Whether it may be put in the place of."""
        return self.origin != "configuration"


class DrawnDashboard(Struct, frozen=True, kw_only=True):
    """One look at one dashboard."""

    entry: Entry
    now: int
    span: TimeRange
    points: int
    variables: Sequence[tuple[Variable, str, Sequence[str]]]
    """Each with its value and its options."""
    panels: Sequence[Drawn]


class _Missing(Panel):
    """Stands for a panel that cannot be made: its plugin is gone, or its options no longer fit."""

    kind = "missing"

    wanted: str
    why: str

    def show(self, view: Any) -> Shape:
        """Say why."""
        raise LookupError(self.why)


class Dashboards:
    """All dashboards of one monitor. Belongs to the loop, apart from `add` and `remove` before the start."""

    def __init__(self, watched: Watched, *, started: int) -> None:
        self._watched = watched
        self._started = started
        self._classes: Mapping[str, type[Panel]] = {}
        self._layers: dict[str, dict[str, Entry]] = {"plugin": {}, "code": {}, "configuration": {}}
        self._custom: dict[str, Document] = {}
        self._entries: dict[str, Entry] | None = None
        self._look_up: LookUp | None = None
        self._easel = Easel()
        self._looks: dict[Any, tuple[float, DrawnDashboard]] = {}
        self._turns: dict[Any, anyio.Lock] = {}
        self._saving = anyio.Lock()
        self._system: tuple[tuple[int, int], SystemHealth] | None = None
        self.refresh_interval = 30.0
        """Seconds for those that have none of their own: ``DASHBOARD_UPDATE_INTERVAL``."""
        self.problems: list[Problem] = []
        """What is wrong with dashboards that plugins ship."""
        self.revision = 0
        """Grows with every change."""

    # Where they come from

    def add(self, dashboard: Dashboard) -> None:
        """Declare a dashboard in code; one of the same id takes the other's place. Raises ConfigurationError."""
        if not isinstance(dashboard, Dashboard):
            raise ConfigurationError(f"expected a Dashboard, found {type(dashboard).__name__}")
        self._layers["code"][dashboard.id] = self._entry(dashboard, "code")
        self._touch()

    def remove(self, ident: str) -> None:
        """Take back what `add` declared. Raises DashboardNotFound."""
        if self._layers["code"].pop(ident, None) is None:
            raise DashboardNotFound(ident, self._layers["code"])
        self._touch()

    def configure(
        self,
        classes: Mapping[str, type[Panel]],
        shipped: Iterable[Any] = (),
        *,
        declared: Iterable[Dashboard] = (),
        refresh_interval: float = 30.0,
    ) -> None:
        """Take in what plugins and the configuration say."""
        self._look_up = None
        self._classes, self.refresh_interval, self.problems = classes, refresh_interval, []
        self._layers["plugin"] = self._shipped(shipped)
        self._layers["configuration"] = {each.id: self._entry(each, "configuration") for each in declared}
        self._touch()

    def configure_later(self, look_up: LookUp, *, refresh_interval: float = 30.0) -> None:
        """Look up what plugins offer when it is first asked for: importing them all takes a while."""
        self._look_up, self.refresh_interval = look_up, refresh_interval

    async def ready(self) -> None:
        """Look up what plugins offer now, in a thread, if that has not been done."""
        if (look_up := self._look_up) is not None:
            found = await to_thread.run_sync(look_up)
            if self._look_up is look_up:
                self.configure(*found, refresh_interval=self.refresh_interval)

    def _shipped(self, shipped: Iterable[Any]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for dashboard in shipped:
            if not isinstance(dashboard, Dashboard):
                what = f"`auscult_dashboards` returned {type(dashboard).__name__}, not a Dashboard"
                self._complain(type(dashboard).__name__, what, "return auscult.Dashboard objects")
            elif dashboard.id in found:
                what = f"the dashboard `{dashboard.id}` is shipped twice; the first one counts"
                self._complain(dashboard.id, what, "give one of them another id")
            else:
                try:
                    found[dashboard.id] = self._entry(dashboard, "plugin")
                except Exception as error:
                    what = f"the dashboard `{dashboard.id}` cannot be used: {type(error).__name__}: {error}"
                    self._complain(dashboard.id, what, "build it from panels and plain values")
        return found

    def _complain(self, plugin: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(plugin=plugin, stage="dashboard", message=message, remedy=remedy))

    def _entry(self, dashboard: Dashboard, origin: str) -> Entry:
        return Entry(
            dashboard=dashboard,
            definition=define(dashboard),
            origin=origin,
            created_at=self._started,
            updated_at=self._started,
        )

    def open(self, documents: Iterable[Document]) -> None:
        """Take in what was kept."""
        self._custom = {document.id: document for document in documents}
        self._touch()

    def _touch(self) -> None:
        self._entries = None
        self._looks.clear()
        self.revision += 1

    # Questions

    def entries(self) -> list[Entry]:
        """All of them: the default ones first, then by title."""
        found = self._all()
        first = [found[ident] for ident in FIRST if ident in found]
        rest = sorted(found.values(), key=lambda entry: (entry.dashboard.title.casefold(), entry.dashboard.id))
        return first + [entry for entry in rest if entry.dashboard.id not in FIRST]

    def get(self, ident: str) -> Entry:
        """The dashboard of that id. Raises DashboardNotFound."""
        found = self._all()
        if ident not in found:
            raise DashboardNotFound(ident, found)
        return found[ident]

    @property
    def classes(self) -> Mapping[str, type[Panel]]:
        """The kinds of panels there are."""
        self._know()
        return self._classes

    def _know(self) -> None:
        if (look_up := self._look_up) is not None:
            self.configure(*look_up(), refresh_interval=self.refresh_interval)

    def _all(self) -> dict[str, Entry]:
        self._know()
        if self._entries is None:
            found = self._layers["plugin"] | self._layers["code"]
            for ident, document in self._custom.items():
                if (entry := self._kept(document, found.get(ident))) is not None:
                    found[ident] = entry
            # The user's file has the last word.
            self._entries = found | self._layers["configuration"]
        return self._entries

    def _kept(self, document: Document, below: Entry | None) -> Entry | None:
        try:
            definition = msgspec.json.decode(document.body, type=Definition)
            dashboard = self._rebuilt(definition)
        except (msgspec.MsgspecError, ConfigurationError, ValueError) as error:
            log.warning("the dashboard %s that was kept cannot be read: %s", document.id, error)
            return None
        return Entry(
            dashboard=dashboard,
            definition=replace(definition, id=document.id, revision=document.revision),
            origin=below.origin if below is not None else "custom",
            revision=document.revision,
            created_at=document.created_at,
            updated_at=document.updated_at,
            changed=below is not None,
        )

    def _rebuilt(self, definition: Definition) -> Dashboard:
        """The dashboard, a stand-in in the place of each panel that cannot be made any more."""
        panels: list[Placed] = []
        for each in definition.panels:
            try:
                panels.append(build_panel(each, self._classes))
            except ConfigurationError as error:
                why = "; ".join(finding.message for finding in error.findings)
                panels.append(
                    Placed(
                        panel=_Missing(wanted=each.panel, why=why),
                        id=each.id or each.panel,
                        title=each.title or each.panel,
                        description=each.description,
                        width=each.width,
                        height=each.height,
                    )
                )
        return replace(build(replace(definition, panels=[]), self._classes), panels=panels)

    # Editing

    async def create(self, definition: Definition, *, by: str) -> Entry:
        """Make a dashboard. Raises ConfigurationError, DashboardConflict, StoreError."""
        async with self._saving:
            dashboard = build(definition, self.classes)
            if dashboard.id in self._all():
                raise DashboardConflict(f"There already is a dashboard `{dashboard.id}`; choose another `id`")
            if len(self._custom) >= MOST:
                raise DashboardConflict(f"There are {MOST} dashboards already; delete one first")
            return await self._save(definition, dashboard, by, "dashboard.create")

    async def change(self, ident: str, definition: Definition, *, by: str) -> Entry:
        """Put a definition in the place of a dashboard's.

        Raises DashboardNotFound, ConfigurationError, StoreError, and DashboardConflict where it comes from the
        configuration or somebody else has saved meanwhile.
        """
        async with self._saving:
            entry = self.get(ident)
            _require_editable(entry)
            if definition.id not in ("", ident):
                raise DashboardConflict(f"The `id` is `{definition.id}`, the address names `{ident}`")
            if definition.revision is not None and definition.revision != entry.revision:
                raise DashboardConflict(
                    f"Somebody saved `{ident}` meanwhile: its revision is {entry.revision}, not {definition.revision}"
                )
            fixed = replace(definition, id=ident)
            return await self._save(fixed, build(fixed, self._classes), by, "dashboard.change")

    async def delete(self, ident: str, *, by: str) -> None:
        """Remove a custom dashboard, or what was edited of another. Raises as `change` does."""
        async with self._saving:
            entry = self.get(ident)
            _require_editable(entry)
            if ident not in self._custom:
                raise DashboardConflict(
                    f"`{ident}` comes from {_ORIGINS[entry.origin]} and nobody has changed it: nothing can be deleted"
                )
            await self._commit((), [(KIND, ident)], (self._now(), by, "dashboard.delete", ident, ""))
            self._custom.pop(ident, None)
            self._touch()

    async def _save(self, definition: Definition, dashboard: Dashboard, by: str, action: str) -> Entry:
        now, before = self._now(), self._custom.get(dashboard.id)
        # What the panels settle themselves is written down, so that an import elsewhere gives the same.
        whole = define(dashboard)
        secretless = [
            replace(new, options=old.options) for new, old in zip(whole.panels, definition.panels, strict=True)
        ]
        document = Document(
            kind=KIND,
            id=dashboard.id,
            body=msgspec.json.encode(replace(whole, panels=secretless, revision=None)),
            revision=(before.revision if before is not None else 0) + 1,
            created_at=before.created_at if before is not None else now,
            updated_at=now,
            who=by,
        )
        await self._commit([document], (), (now, by, action, dashboard.id, dashboard.title))
        self._custom[dashboard.id] = document
        self._touch()
        return self.get(dashboard.id)

    async def _commit(self, put: Iterable[Document], drop: Iterable[tuple[str, str]], audit: Any) -> None:
        if (store := self._watched.store) is not None:
            future = store.documents.write(put, drop=drop, audits=[audit])
            await to_thread.run_sync(future.result)

    def _now(self) -> int:
        return self._watched.clock.now_ms()

    # Looking

    async def draw(
        self,
        ident: str,
        *,
        span: TimeRange | None = None,
        points: int = POINTS,
        variables: Mapping[str, str] = _NO_VARIABLES,
        panel: str | None = None,
    ) -> DrawnDashboard:
        """One look at a dashboard, or at one `panel` of it. Raises DashboardNotFound.

        Whoever asks the same within a second gets the same answer.
        """
        entry = self.get(ident)
        key = (ident, panel, _key(span), points, tuple(sorted(variables.items())))
        if (known := self._fresh(key)) is not None:
            return known
        async with self._turn(key):
            if (known := self._fresh(key)) is not None:
                return known
            drawn = await self._draw(entry, span, points, variables, panel)
            while len(self._looks) >= REMEMBERED:
                del self._looks[next(iter(self._looks))]
            self._looks[key] = (self._watched.clock.monotonic(), drawn)
            return drawn

    async def preview(
        self,
        definition: PanelDefinition,
        *,
        span: TimeRange | None = None,
        variables: Mapping[str, str] = _NO_VARIABLES,
    ) -> Drawn:
        """One panel that is not saved. Raises ConfigurationError."""
        placed = build_panel(definition, self.classes)
        dashboard = Dashboard(id="preview", title="Preview", panels=[placed])
        (drawn,) = (await self._draw(self._entry(dashboard, "custom"), span, POINTS, variables, None)).panels
        return drawn

    def _turn(self, key: Any) -> anyio.Lock:
        if len(self._turns) > 4 * REMEMBERED:
            self._turns = {key: lock for key, lock in self._turns.items() if lock.locked()}
        return self._turns.setdefault(key, anyio.Lock())

    def _fresh(self, key: Any) -> DrawnDashboard | None:
        at, drawn = self._looks.get(key, (0.0, None))
        return drawn if drawn is not None and self._watched.clock.monotonic() - at < FRESH else None

    async def _draw(
        self, entry: Entry, span: TimeRange | None, points: int, variables: Mapping[str, str], panel: str | None
    ) -> DrawnDashboard:
        dashboard, watched, now = entry.dashboard, self._watched, self._now()
        placed = [each for each in dashboard.placed if panel is None or each.id == panel]
        if not placed and panel is not None:
            raise DashboardNotFound(f"{dashboard.id}/{panel}", [each.id for each in dashboard.placed], what="panel")
        span = span if span is not None else _own_span(dashboard, now)
        system = self._look_at_system(now)
        chosen = _choose(dashboard.variables, variables, system)
        view = LiveView(
            now=now,
            span=span,
            points=points,
            system=system,
            alerts=watched.alerts.open_alerts(),
            variables={variable.name: value for variable, value, _ in chosen},
            health=watched.health,
            requests=watched.requests,
            changes=watched.changes,
            store=watched.store,
        )
        drawn: dict[str, Drawn] = {}

        async def draw_one(each: Placed) -> None:
            drawn[each.id] = await self._easel.draw((dashboard.id, each.id), each, view)

        async with anyio.create_task_group() as group:
            for each in placed:
                group.start_soon(draw_one, each)
        return DrawnDashboard(
            entry=entry, now=now, span=span, points=points, variables=chosen, panels=[drawn[each.id] for each in placed]
        )

    def _look_at_system(self, now: int) -> SystemHealth:
        """The verdict with all components; one a second serves everybody."""
        key = (self._watched.health.registrations, now // 1000)
        if self._system is None or self._system[0] != key:
            self._system = (key, self._watched.health.system())
        return self._system[1]


_ORIGINS = {"plugin": "a plugin", "code": "the program", "configuration": "the configuration", "custom": "people"}


def _require_editable(entry: Entry) -> None:
    if not entry.editable:
        raise DashboardConflict(
            f"`{entry.dashboard.id}` stands in the configuration file, which is yours to edit; make a copy instead"
        )


def _key(span: TimeRange | None) -> Any:
    return span if span is None or span.text is None else span.text


def _own_span(dashboard: Dashboard, now: int) -> TimeRange:
    length = dashboard.time_range
    return TimeRange(start=max(now - int(length * 1000), 0), end=now, text=str(Duration(length)))


def _choose(
    variables: Sequence[Variable], given: Mapping[str, str], system: SystemHealth
) -> list[tuple[Variable, str, Sequence[str]]]:
    found: list[tuple[Variable, str, Sequence[str]]] = []
    for variable in variables:
        options = _options(variable, system)
        value = given.get(variable.name, variable.default)
        value = "" if value == "*" else value
        found.append((variable, value if value in options or not value else variable.default, options))
    return found


def _options(variable: Variable, system: SystemHealth) -> Sequence[str]:
    views = system.components.values()
    match variable.query:
        case "components":
            return sorted(view.component_name for view in views)
        case "groups":
            return sorted({view.group for view in views if view.group})
        case "types":
            return sorted({view.component_type for view in views})
    return list(variable.options)
