"""``auscult grafana``: dashboards for Grafana, made from what is configured here."""

from __future__ import annotations

import json
from pathlib import Path

import click

from auscult.cli.options import config_option, load_settings

__all__ = ["command"]


@click.group("grafana")
def command() -> None:
    """Make dashboards for Grafana."""


@command.command("export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@config_option
def export(directory: Path, config: Path | None) -> None:
    """Write every dashboard, the default ones and your own, as a file that Grafana imports.

    They read the metrics that auscult exports to Prometheus. Panels that no metric tells of, such as texts of alerts,
    are left out.
    """
    from auscult.generating.grafana import grafana_dashboard
    from auscult.monitor import Monitor

    settings, catalogue = load_settings(config)
    monitor = Monitor.from_settings(settings, catalogue, state_dir=None)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for entry in monitor.dashboards.entries():
            document = grafana_dashboard(entry.dashboard)
            path = directory / f"{entry.dashboard.id}.json"
            path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            click.echo(f"{path}: {len(document['panels'])} panels")
    except OSError as error:
        raise click.UsageError(f"{directory} cannot be written: {error.strerror}") from error
