"""Dashboards as JSON and back: what is exported, imported, edited, and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from auscult.component import NAME
from auscult.errors import ConfigurationError, Finding, did_you_mean
from auscult.kinds import Panel
from auscult.options import Duration, convert_options, public
from auscult.panels import Dashboard, Placed, Variable

__all__ = ["Definition", "PanelDefinition", "VariableDefinition", "build", "build_panel", "define", "slug"]

_PLAIN = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]*$"
_Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PLAIN)]
_Text = Annotated[str, Meta(max_length=2000, pattern=_PLAIN)]
_Short = Annotated[str, Meta(max_length=200, pattern=_PLAIN)]
_Ident = Annotated[str, Meta(pattern="^[a-z0-9_.-]{0,64}$")]
_Width = Annotated[int, Meta(ge=1, le=12)]
_Height = Annotated[int, Meta(ge=1, le=24)]
_Pace = Annotated[str, Meta(max_length=40)] | Annotated[float, Meta(ge=0, le=1e9)]


class PanelDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One panel of a dashboard."""

    panel: Annotated[str, Meta(min_length=1, max_length=200)]
    """The kind."""
    id: _Ident = ""
    """Unique on the dashboard; default: the kind."""
    title: _Short = ""
    description: _Text = ""
    width: _Width | None = None
    height: _Height | None = None
    options: dict[str, Any] = {}
    """The panel's own."""


class VariableDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to choose at the top."""

    name: Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]
    title: _Short = ""
    query: Annotated[str, Meta(pattern="^(|components|groups|types)$")] = ""
    options: Annotated[list[_Short], Meta(max_length=500)] = []
    default: _Short = ""


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard without data."""

    id: _Ident = ""
    """Default: made from the title."""
    title: _Title
    description: _Text = ""
    refresh_interval: _Pace | None = None
    """Seconds or text such as ``30s``; null: ``DASHBOARD_UPDATE_INTERVAL``."""
    time_range: _Pace = "6h"
    revision: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    """Grows with every change; 0 for what nobody has edited."""
    variables: Annotated[list[VariableDefinition], Meta(max_length=20)] = []
    panels: Annotated[list[PanelDefinition], Meta(max_length=60)]


def define(dashboard: Dashboard, revision: int = 0) -> Definition:
    """The definition of a dashboard; secrets are masked."""
    return Definition(
        id=dashboard.id,
        title=dashboard.title,
        description=dashboard.description,
        refresh_interval=None if dashboard.refresh_interval is None else str(Duration(dashboard.refresh_interval)),
        time_range=str(Duration(dashboard.time_range)),
        revision=revision,
        variables=[
            VariableDefinition(
                name=each.name, title=each.title, query=each.query, options=list(each.options), default=each.default
            )
            for each in dashboard.variables
        ],
        panels=[
            PanelDefinition(
                panel=placed.panel.kind,
                id=placed.id,
                title=placed.title,
                description=placed.description,
                width=placed.width,
                height=placed.height,
                options=_changed(placed.panel),
            )
            for placed in dashboard.placed
        ],
    )


def _changed(panel: Panel) -> dict[str, Any]:
    """The options that are not what they are by themselves."""
    defaults = {field.name: field for field in msgspec.structs.fields(type(panel))}
    shown: dict[str, Any] = public(panel)
    return {
        defaults[name].encode_name: value
        for name, value in shown.items()
        if name in defaults and (defaults[name].required or getattr(panel, name) != _default(defaults[name]))
    }


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def build(definition: Definition, classes: Mapping[str, type[Panel]]) -> Dashboard:
    """The dashboard behind a definition. Raises ConfigurationError with every mistake."""
    findings: list[Finding] = []
    ident = definition.id or slug(definition.title)
    if not NAME.fullmatch(ident):
        findings.append(Finding(key="id", message="give an `id`: 1 to 64 of the characters a-z 0-9 _ . -"))
        ident = "unnamed"
    pace = {"time_range": definition.time_range, "refresh_interval": definition.refresh_interval}
    seconds = {key: _seconds(key, value, findings) for key, value in pace.items()}
    placed = [_place(panel, classes, f"panels.{at}", findings) for at, panel in enumerate(definition.panels)]
    _refuse_twice([panel.id for panel in definition.panels], "panels", findings)
    _refuse_twice([each.name for each in definition.variables], "variables", findings)
    if findings:
        raise ConfigurationError(findings)
    return Dashboard(
        id=ident,
        title=definition.title,
        description=definition.description,
        refresh_interval=seconds["refresh_interval"],
        time_range=seconds["time_range"] or 6 * 3600.0,
        variables=[
            Variable(name=each.name, title=each.title, query=each.query, options=each.options, default=each.default)
            for each in definition.variables
        ],
        panels=[panel for panel in placed if panel is not None],
    )


def build_panel(definition: PanelDefinition, classes: Mapping[str, type[Panel]]) -> Placed:
    """One panel by itself. Raises ConfigurationError."""
    findings: list[Finding] = []
    placed = _place(definition, classes, "panel", findings)
    if placed is None:
        raise ConfigurationError(findings)
    return placed


def slug(title: str) -> str:
    """An id from a title: ``System overview`` gives ``system_overview``; empty where nothing of it can stay."""
    return re.sub(r"[^a-z0-9.-]+", "_", title.lower()).strip("_.-")[:64]


def _seconds(key: str, value: Any, findings: list[Finding]) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(Duration(value))
    except ValueError as error:
        findings.append(Finding(key=key, message=str(error)))
        return None
    if not 1 <= seconds <= 400 * 86_400:
        findings.append(Finding(key=key, message=f"expected a duration from 1s to 400d, found {value}"))
    return seconds


def _place(
    definition: PanelDefinition, classes: Mapping[str, type[Panel]], key: str, findings: list[Finding]
) -> Placed | None:
    cls = classes.get(definition.panel)
    if cls is None:
        message = f"no installed plugin offers the panel `{definition.panel}`{did_you_mean(definition.panel, classes)}"
        findings.append(Finding(key=f"{key}.panel", message=message))
        return None
    panel = _options(definition.options, cls, f"{key}.options", findings)
    if panel is None:
        return None
    return Placed(
        panel=panel,
        id=definition.id,
        title=definition.title,
        description=definition.description,
        width=definition.width,
        height=definition.height,
    )


def _options(options: dict[str, Any], cls: type[Panel], key: str, findings: list[Finding]) -> Panel | None:
    fields = {field.encode_name for field in msgspec.structs.fields(cls)}
    unknown = [name for name in options if name not in fields]
    findings.extend(
        Finding(key=f"{key}.{name}", message=f"unknown option{did_you_mean(name, fields)}") for name in unknown
    )
    if unknown:
        return None
    try:
        panel = convert_options(options, cls)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's __post_init__ may raise anything
        findings.append(Finding(key=_where(key, error), message=_said(error)))
        return None
    assert isinstance(panel, Panel)
    return panel


def _where(key: str, error: BaseException) -> str:
    found = re.search(r" - at `\$\.?([^`]*)`$", str(error)) if isinstance(error, msgspec.ValidationError) else None
    return f"{key}.{found[1]}".rstrip(".") if found else key


def _said(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    text = re.sub(r" - at `[^`]*`$", "", text)
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _refuse_twice(names: Sequence[str], key: str, findings: list[Finding]) -> None:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name and name in seen:
            findings.append(Finding(key=f"{key}.{at}", message=f"`{name}` stands there twice"))
        seen.add(name)
