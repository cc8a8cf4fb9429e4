"""``auscult grafana``: dashboards for Grafana, made from what is configured here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auscult.cli.options import config_option, load_settings

if TYPE_CHECKING:
    from auscult.store.documents import Document

__all__ = ["command"]


@click.group("grafana")
def command() -> None:
    """Make dashboards for Grafana."""


@command.command("export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where a server keeps its state; as configured.")
@config_option
def export(directory: Path, state_dir: Path | None, config: Path | None) -> None:
    """Write every dashboard, the default ones and your own, as a file that Grafana imports.

    Those that were made or changed in the page are read from the state directory, also while a server runs. They read
    the metrics that auscult exports to Prometheus. Panels that no metric tells of, such as texts of alerts, are left
    out.
    """
    from auscult.generating.grafana import grafana_dashboard
    from auscult.monitor import Monitor

    settings, catalogue = load_settings(config, {"store.state_dir": state_dir})
    monitor = Monitor.from_settings(settings, catalogue, state_dir=None)
    monitor.dashboards.open(_made_in_the_page(settings.store.state_dir, asked=state_dir is not None))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for entry in monitor.dashboards.entries():
            document = grafana_dashboard(entry.dashboard)
            path = directory / f"{entry.dashboard.id}.json"
            path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            click.echo(f"{path}: {len(document['panels'])} panels")
    except OSError as error:
        raise click.UsageError(f"{directory} cannot be written: {error.strerror}") from error


def _made_in_the_page(directory: Path, *, asked: bool) -> list[Document]:
    """Dashboards that a server keeps; without a history there are none, unless somebody said that there is one."""
    from auscult.store.record import recorded
    from auscult.store.schema import FILE

    if not asked and not (directory / FILE).exists():
        return []
    with recorded(directory) as record:
        return record.documents("dashboard")
