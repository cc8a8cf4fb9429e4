"""`load`: file, environment and command line into checked `Settings`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from auscult.config import document
from auscult.config.alerting import alert_settings
from auscult.config.components import ITSELF, Components
from auscult.config.dashboards import decode_dashboards
from auscult.config.decode import Decoder
from auscult.config.discovery import discovered_components
from auscult.config.document import Document
from auscult.config.environment import Layers
from auscult.config.references import References, names_in
from auscult.config.report import Report
from auscult.config.settings import (
    DeadManSettings,
    EgressSettings,
    LimitSettings,
    MetricsSettings,
    ServerSettings,
    Settings,
    StatusPageSettings,
)
from auscult.config.tables import NAMED, Tables, from_environment
from auscult.errors import ConfigurationError, Finding

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue
    from auscult.component import Component

__all__ = ["FILE_NAMES", "find_file", "load"]

FILE_NAMES = ("auscult.toml", "auscult.yaml", "auscult.yml")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def find_file(path: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file: `path`, $AUSCULT_CONFIG, then the usual places; None when there is none.

    The usual places are the current directory, ``$XDG_CONFIG_HOME/auscult`` (default ``~/.config/auscult``) and
    ``/etc/auscult``; in each ``auscult.toml`` comes before ``auscult.yaml`` and ``auscult.yml``.
    """
    if path is not None:
        return path
    if named := environ.get("AUSCULT_CONFIG"):
        return Path(named)
    return next(
        (file for folder in _folders(environ) for name in FILE_NAMES if (file := folder / name).is_file()), None
    )


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path()
    if xdg := environ.get("XDG_CONFIG_HOME"):
        yield Path(xdg) / "auscult"
    elif home := environ.get("HOME"):
        yield Path(home) / ".config" / "auscult"
    yield Path("/etc/auscult")


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] = _NOTHING,
    catalogue: Catalogue | None = None,
) -> tuple[Settings, Catalogue]:
    """The configuration in force, and the catalogue it was checked against.

    Built-in values come first, then the file (see `find_file`), then variables, then `overrides`: nested or dotted
    keys such as ``{"server": {"port": 9000}}`` from the command line. Without a `catalogue` the installed plugins and
    the file's local ones are looked up. Blocks (files, and scrypt for tokens in clear). Raises ConfigurationError
    with every mistake there is; what deserves attention and stops nothing is in `Settings.warnings`.
    """
    file = find_file(path, environ=environ)
    source = document.read(file) if file is not None else document.empty()
    layers = Layers(source.data)
    referenced = set(names_in(source.data))
    layers.add_environment(environ, referenced)
    layers.origins.update(from_environment(layers.data, environ, referenced))
    layers.add_command_line(overrides)
    report = Report(source, layers.origins)
    for name, message in layers.notes.items():
        report.findings.append(Finding(key=name, message=message, fatal=False))
    tables = Tables(layers.data, Decoder(report, References(environ, source.directory)), environ)
    return _settle(source, layers, report, tables, environ, catalogue)


def _settle(
    source: Document,
    layers: Layers,
    report: Report,
    tables: Tables,
    environ: Mapping[str, str],
    catalogue: Catalogue | None,
) -> tuple[Settings, Catalogue]:
    tables.refuse_unknown()
    plugins = tables.plugins()
    catalogue = catalogue if catalogue is not None else _look_up(plugins, source.directory)
    defaults = tables.defaults()
    values: dict[str, Any] = {name: tables.named(name, catalogue) for name in NAMED}
    values |= {
        "server": tables.settings("server", ServerSettings),
        "limits": tables.settings("limits", LimitSettings),
        "egress": tables.settings("egress", EgressSettings),
        "deadman": tables.settings("deadman", DeadManSettings),
        "store": tables.store(source.directory),
        "auth": tables.auth(source.directory),
        "routes": tables.routes(),
        "boards": decode_dashboards(layers.data.get("dashboards"), tables.decoder, catalogue),
        "status_page": tables.settings("status_page", StatusPageSettings),
    }
    values["metrics"] = MetricsSettings(
        exporters=tables.objects["exporters"],
        exporter_intervals=tables.intervals["exporters"],
        sources=tables.objects["sources"],
        source_intervals=tables.intervals["sources"],
        limits=values["limits"],
        export_interval=float(defaults.metrics_export_interval),
        store_interval=float(values["store"].metric_interval),
    )
    components: dict[str, Component]
    if discovered := "components" not in layers.data:
        components, warnings = discovered_components(catalogue, environ, defaults)
        report.findings.extend(warnings)
    else:
        components = Components(tables.decoder, catalogue, defaults).build(layers.data["components"])
    values["alerting"] = alert_settings(
        tables.decoder,
        catalogue,
        layers.data,
        tables.objects["channels"],
        components,
        float(defaults.alert_check_interval),
    )
    if report.failed:
        raise ConfigurationError(report.sorted())
    itself = components.pop(ITSELF, None)
    settings = Settings(
        components=components,
        defaults=defaults,
        plugins=plugins,
        itself=itself,
        file=source.file,
        discovered=discovered,
        warnings=report.sorted(),
        **values,
    )
    return settings, catalogue


def _look_up(plugins: Iterable[str], directory: Path | None) -> Catalogue:
    from auscult.catalogue import Catalogue

    return Catalogue.discover(tuple(plugins), base=directory)
