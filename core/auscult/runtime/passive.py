"""A component whose results are pushed; nothing is probed."""

from __future__ import annotations

from typing import ClassVar

from auscult.kinds import Check, CheckContext
from auscult.model import Reading

__all__ = ["PassiveCheck"]


class PassiveCheck(Check):
    """Waits for `Monitor.report`; without a report for three intervals there is "no data"."""

    kind = "passive"
    component_type: ClassVar[str] = "custom"
    passive = True

    async def probe(self, ctx: CheckContext) -> Reading:
        """Never called by the schedule."""
        return Reading.unknown("waiting for a pushed reading")
