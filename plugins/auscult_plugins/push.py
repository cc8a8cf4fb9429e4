"""The `push` check: nothing is probed, somebody reports."""

from __future__ import annotations

from typing import ClassVar

from auscult import Check, CheckContext, Reading, hookimpl

__all__ = ["PushCheck", "auscult_checks"]


class PushCheck(Check):
    """Waits for readings pushed by `Monitor.report` or ``POST /api/v1/components/NAME/readings``.

    The component's `interval` is how often a reading is expected; without one for three of them there is "no data".
    """

    kind = "push"
    component_type: ClassVar[str] = "custom"
    passive = True

    async def probe(self, ctx: CheckContext) -> Reading:
        """Nothing to look at."""
        return Reading.unknown("waiting for a pushed reading")


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [PushCheck]
