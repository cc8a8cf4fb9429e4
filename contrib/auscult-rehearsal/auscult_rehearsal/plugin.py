"""The entry point: adds ``auscult demo``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auscult import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def auscult_commands() -> Iterable[click.Command]:
    """``auscult demo``."""
    from auscult_rehearsal.commands import demo

    return [demo]
