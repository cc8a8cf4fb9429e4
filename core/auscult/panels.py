"""What panels are given to look at, and what dashboards are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from auscult.component import NAME
from auscult.kinds import Panel
from auscult.model import CheckResult, ComponentHealth, Status, SystemHealth

if TYPE_CHECKING:
    from auscult.alert import Alert
    from auscult.families import Event
    from auscult.metrics.query import MetricAnswer, MetricQuery
    from auscult.metrics.requests import RequestFigures
    from auscult.store import HistoryPoint
    from auscult.store.metric_reader import StoredFamily

__all__ = ["Dashboard", "Placed", "Variable", "View"]

_REFERENCE = re.compile(r"\$([a-zA-Z_][a-zA-Z0-9_]*)|\$\{([a-zA-Z_][a-zA-Z0-9_]*)\}")
DAY = 86_400.0


class View:
    """Everything that is known, as of one moment, for one look at a dashboard. Reading changes nothing.

    A panel runs in a thread of its own, so these methods may take their time; what is asked twice for the same
    look is read once.
    """

    __slots__ = ()

    now: int
    """The moment, ms."""
    start: int
    """The stretch of time that is looked at, ms."""
    end: int
    points: int
    """About how many points a line should have."""
    variables: Mapping[str, str]
    """The dashboard's variables; an empty value means all."""
    system: SystemHealth
    """The verdict, with every component."""
    alerts: Sequence[Alert]
    """Alerts that go on, suppressed ones included, newest first."""

    @property
    def components(self) -> Mapping[str, ComponentHealth]:
        """Every component's health by name."""
        return self.system.components

    @property
    def step(self) -> int:
        """Length of a stretch when the time looked at is cut into `points`, ms; at least 1000."""
        return max((self.end - self.start) // max(self.points, 1), 1000)

    def fill(self, text: str) -> str:
        """`text` with ``$NAME`` and ``${NAME}`` replaced by the variables' values."""
        return _REFERENCE.sub(lambda found: self.variables.get(found[1] or found[2], found[0]), text)

    def chosen(
        self, names: Iterable[str] = (), *, groups: Iterable[str] = (), types: Iterable[str] = ()
    ) -> list[ComponentHealth]:
        """Components that are named, in one of the groups, or of one of the types; all of them without any choice.

        Variables are filled in; an empty name, group or type chooses nothing by itself.
        """
        wanted = [{self.fill(text) for text in texts} - {"", "*"} for texts in (names, groups, types)]
        found = self.components.values()
        if not any(wanted):
            return [view for view in found if view.counted]
        return [
            view
            for view in found
            if view.component_name in wanted[0] or view.group in wanted[1] or view.component_type in wanted[2]
        ]

    def history(self, component: str) -> Sequence[HistoryPoint]:
        """Results within the time looked at, summed up in at most `points` stretches, oldest first."""
        raise RuntimeError("this view knows no history")

    def verdicts(self, component: str) -> Sequence[tuple[int, Status]]:
        """What a component was held to be: when each verdict came (ms), oldest first; one from before `start` begins.

        A verdict is more than a reading: a component beyond its levels is degraded though its probes succeed.
        """
        raise RuntimeError("this view knows no verdicts")

    def results(self, component: str) -> Sequence[CheckResult]:
        """Results within the time looked at, the last one of each of `points` stretches, oldest first.

        Single results are kept for two days by default.
        """
        raise RuntimeError("this view knows no results")

    def recent(self, component: str, limit: int = 100) -> Sequence[CheckResult]:
        """The latest results, newest first, whatever time is looked at."""
        raise RuntimeError("this view knows no results")

    def past_alerts(self, limit: int = 100) -> Sequence[Alert]:
        """Alerts that began within the time looked at, those that are over included, newest first."""
        raise RuntimeError("this view knows no alerts")

    def ask(self, question: MetricQuery) -> MetricAnswer:
        """What the history of metrics says about one of them within the time looked at."""
        raise RuntimeError("this view knows no metrics")

    def families(self) -> Sequence[StoredFamily]:
        """The metrics that the history knows."""
        raise RuntimeError("this view knows no metrics")

    def events(self, kind: str) -> Sequence[Event]:
        """What was recorded one by one within the time looked at, oldest first: ``ai_calls``, ``turns``."""
        raise RuntimeError("this view knows no events")

    def requests(self) -> RequestFigures:
        """Requests to auscult itself within the time looked at."""
        raise RuntimeError("this view knows no requests")


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to choose at the top of a dashboard; options of panels refer to it as ``$NAME``."""

    name: str
    title: str = ""
    default: str = ""
    """Empty means all."""
    options: Sequence[str] = ()
    query: str = ""
    """``components``, ``groups`` or ``types``: the options are what there is."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", self.name):
            raise ValueError(f"`name`: {self.name!r} is no name made of letters, digits and `_`")
        if self.query not in ("", "components", "groups", "types"):
            raise ValueError(f"`query`: expected `components`, `groups` or `types`, found {self.query!r}")


class Placed(Struct, frozen=True, kw_only=True, eq=False):
    """A panel with its place on a dashboard."""

    panel: Panel
    id: str = ""
    """Unique on the dashboard; default: the panel's kind."""
    title: str = ""
    """Default: what the panel's class says."""
    description: str = ""
    width: int | None = None
    """Columns of twelve; default: what the panel's class says."""
    height: int | None = None
    """Rows."""


class Dashboard(Struct, frozen=True, kw_only=True, eq=False):
    """Panels under one title. Ids match ``[a-z0-9_.-]{1,64}``."""

    id: str
    title: str
    panels: Sequence[Placed | Panel]
    description: str = ""
    refresh_interval: float | None = None
    """Seconds; default: ``DASHBOARD_UPDATE_INTERVAL``."""
    time_range: float = 6 * 3600.0
    """Seconds back from now that are shown where nobody says otherwise."""
    variables: Sequence[Variable] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not NAME.fullmatch(self.id):
            raise ValueError(f"`id`: {self.id!r} does not match [a-z0-9_.-]{{1,64}}")
        for panel in self.panels:
            if not isinstance(panel, Placed | Panel):
                raise ValueError(f"`panels`: expected panels, found {type(panel).__name__}")  # noqa: TRY004

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The panels, each with its place and an id of its own."""
        found: dict[str, Placed] = {}
        for item in self.panels:
            placed = item if isinstance(item, Placed) else Placed(panel=item)
            ident = placed.id or placed.panel.kind
            number = 2
            while ident in found:
                ident = f"{placed.id or placed.panel.kind}-{number}"
                number += 1
            found[ident] = _settled(placed, ident)
        return tuple(found.values())


def _settled(placed: Placed, ident: str) -> Placed:
    cls = type(placed.panel)
    width, height = cls.size
    return Placed(
        panel=placed.panel,
        id=ident,
        title=placed.title or cls.heading or placed.panel.kind.replace("-", " ").replace("_", " ").capitalize(),
        description=placed.description,
        width=min(max(placed.width or width, 1), 12),
        height=min(max(placed.height or height, 1), 24),
    )
