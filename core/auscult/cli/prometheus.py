"""``auscult prometheus``: alert rules for Prometheus, made from the rules here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auscult.cli.options import config_option, load_settings

if TYPE_CHECKING:
    from auscult.catalogue import Catalogue

__all__ = ["command"]


@click.group("prometheus")
def command() -> None:
    """Make alert rules for Prometheus."""


@command.command("rules")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write a file instead of printing."
)
@config_option
def rules(output: Path | None, config: Path | None) -> None:
    """Write alert rules that do in Prometheus what auscult's rules do here.

    A rule that Prometheus cannot have stands at the end, as a comment that says why.
    """
    from auscult.generating.prometheus_rules import prometheus_rules

    settings, catalogue = load_settings(config)
    text = prometheus_rules(settings.alerting.rules, _Families(catalogue))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {output}. Look it over, then: promtool check rules {output}")


class _Families:
    """The metrics that carry a measurement, by its name."""

    def __init__(self, catalogue: Catalogue) -> None:
        from auscult.metrics.names import family_of

        self._known: dict[str, set[tuple[str, float]]] = {}
        for check in catalogue.checks.values():
            for measurement in check.measurements:
                family = family_of(check, measurement)
                self._known.setdefault(measurement.name, set()).add((family.name, family.factor))

    def __call__(self, measurement: str) -> Iterable[tuple[str, float]]:
        """Empty where no installed check measures it."""
        return self._known.get(measurement, ())
