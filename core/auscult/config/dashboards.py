"""The table `dashboards` into dashboards, ready to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from auscult.config.decode import FAILED, Decoder
from auscult.config.document import KeyPath
from auscult.errors import did_you_mean
from auscult.kinds import Panel
from auscult.options import Duration
from auscult.panels import Dashboard, Placed, Variable

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["DashboardTable", "PanelKeys", "VariableTable", "decode_dashboards"]


class VariableTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to choose at the top of a dashboard; options of panels refer to it as `$NAME`."""

    title: str = ""
    """How people are told. Default: its name."""
    query: Literal["", "components", "groups", "types"] = ""
    """What to choose from: what there is of these."""
    options: tuple[str, ...] = ()
    """What to choose from, where `query` is not given."""
    default: str = ""
    """What is chosen at first; empty means all."""


class DashboardTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard of your own."""

    title: str = ""
    """Default: its name."""
    description: str = ""
    """One sentence below the title."""
    refresh_interval: Duration | None = None
    """Time between updates. Default: `defaults.dashboard_update_interval`."""
    time_range: Duration = Duration(6 * 3600)
    """How far back from now is shown, where the viewer does not say otherwise."""
    variables: dict[str, VariableTable] = {}
    """What can be chosen at the top, by name."""
    panels: list[dict[str, Any]] = []
    """The panels in their order: `[[dashboards.NAME.panels]]`, once for each."""


class PanelKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every panel may have beside its own options."""

    panel: str
    """The kind of panel: a name from `auscult plugins`."""
    id: Annotated[str, Meta(pattern="^[a-z0-9_.-]{0,64}$", description="1 to 64 of the characters a-z 0-9 _ . -")] = ""
    """Default: the kind."""
    title: str = ""
    """Default: what the kind says."""
    description: str = ""
    """One sentence below the title."""
    width: Annotated[int, Meta(ge=1, le=12)] | None = None
    """Columns, of twelve. Default: what the kind says."""
    height: Annotated[int, Meta(ge=1, le=24)] | None = None
    """Rows. Default: what the kind says."""


def decode_dashboards(tables: Any, decoder: Decoder, catalogue: Catalogue) -> tuple[Dashboard, ...]:
    """The dashboards that have no mistake; every mistake is in the report."""
    found = []
    for name, raw in tables.items() if isinstance(tables, dict) else ():
        if not isinstance(raw, dict):
            continue  # reported where all tables are looked at
        path: KeyPath = ("dashboards", name)
        table = decoder.struct(DashboardTable, {key: value for key, value in raw.items() if key != "panels"}, path)
        panels = _panels(raw.get("panels", []), decoder, catalogue.panels, (*path, "panels"))
        if table is FAILED or panels is None:
            continue
        try:
            found.append(_dashboard(name, table, panels))
        except ValueError as error:
            decoder.report.add(path, str(error))
    return tuple(found)


def _dashboard(name: str, table: DashboardTable, panels: list[Placed]) -> Dashboard:
    pace = table.refresh_interval
    if pace is not None and pace < 1:
        raise ValueError(f"`refresh_interval`: expected a duration of at least 1s, found {pace}")
    if table.time_range < 1:
        raise ValueError(f"`time_range`: expected a duration of at least 1s, found {table.time_range}")
    return Dashboard(
        id=name,
        title=table.title or name,
        description=table.description,
        refresh_interval=None if pace is None else float(pace),
        time_range=float(table.time_range),
        variables=[
            Variable(name=key, title=each.title, query=each.query, options=each.options, default=each.default)
            for key, each in table.variables.items()
        ],
        panels=panels,
    )


def _panels(raw: Any, decoder: Decoder, classes: Mapping[str, type[Panel]], path: KeyPath) -> list[Placed] | None:
    if not isinstance(raw, list):
        decoder.report.add(path, f"expected a list: write [[{'.'.join(map(str, path))}]], once for each panel")
        return None
    found = [_panel(table, decoder, classes, (*path, at)) for at, table in enumerate(raw)]
    return [panel for panel in found if panel is not None] if None not in found else None


def _panel(raw: Any, decoder: Decoder, classes: Mapping[str, type[Panel]], path: KeyPath) -> Placed | None:
    if not isinstance(raw, dict):
        decoder.report.add(path, "expected a table")
        return None
    common = PanelKeys.__struct_fields__
    keys = decoder.struct(PanelKeys, {key: value for key, value in raw.items() if key in common}, path)
    if keys is FAILED:
        return None
    cls = classes.get(keys.panel)
    if cls is None:
        message = f"no installed plugin offers the panel `{keys.panel}`{did_you_mean(keys.panel, classes)}"
        decoder.report.add((*path, "panel"), message)
        return None
    options = {key: value for key, value in raw.items() if key not in common}
    panel = decoder.value(options, cls, path, also=common)
    if panel is FAILED:
        return None
    return Placed(
        panel=panel,
        id=keys.id,
        title=keys.title,
        description=keys.description,
        width=keys.width,
        height=keys.height,
    )
