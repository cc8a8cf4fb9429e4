"""How much an exporter sends at a time: as much as is configured, or less where the destination takes less."""

from __future__ import annotations

from typing import Protocol

from auscult import ExporterContext

__all__ = ["batch_of", "halve"]


class _Batches(Protocol):
    @property
    def batch(self) -> int:
        """Samples in one request at most, as configured."""


def batch_of(exporter: _Batches) -> int:
    """Samples in one request at most, as far as is known today."""
    fits: int = vars(exporter).get("_fits", exporter.batch)
    return fits


def halve(exporter: _Batches, ctx: ExporterContext, size: int) -> bool:
    """Send half as much at a time from now on, `size` samples being refused; False where that was one already."""
    now = min(batch_of(exporter), size)
    if now <= 1:
        return False
    vars(exporter)["_fits"] = now // 2
    ctx.log.warning(
        "%s: the destination takes smaller requests only: at most %d samples at a time from now on, not %d",
        ctx.exporter,
        now // 2,
        now,
    )
    return True
