"""Tables and times as commands print them. What comes from alerts holds nothing that a terminal would obey."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from auscult.wording import clean

__all__ = ["SEVERITY_LOOK", "ago", "ahead", "moment", "plural", "plain", "table"]

SEVERITY_LOOK = {"critical": "red", "high": "red", "medium": "yellow", "low": "cyan", "info": "blue"}


def plain(text: str, limit: int = 2000) -> str:
    """One line without control characters."""
    return clean(text, limit)


def plural(count: int, thing: str, things: str = "") -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"


def moment(text: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(text)


def ago(text: str | None) -> str:
    """How long that is ago: ``3 min``."""
    return "–" if text is None else _span((datetime.now(UTC) - moment(text)).total_seconds())


def ahead(text: str | None) -> str:
    """How long it is until then."""
    return "–" if text is None else _span((moment(text) - datetime.now(UTC)).total_seconds())


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, colors: Sequence[str | None] = ()) -> None:
    """Columns as wide as they need to be; nothing for no rows. `colors` has one for each row's first cell."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(line[at]) for line in (list(head), *cells)) for at in range(len(head))]
    click.secho(_line(head, widths).rstrip(), bold=True)
    for number, row in enumerate(cells):
        first = click.style(f"{row[0]:<{widths[0]}}", fg=colors[number] if number < len(colors) else None)
        rest = _line(row[1:], widths[1:])
        click.echo(re.sub(r"\s+$", "", f"{first}  {rest}"))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
