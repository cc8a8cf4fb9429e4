"""What the outbox holds: rows, and the envelopes in which they leave."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from msgspec import Struct

from auscult.alert import Notice, Notification
from auscult.alerts.matching import facets
from auscult.alerts.routing import ALONE

__all__ = ["FINAL", "Envelope", "Row", "RowState"]


class RowState(StrEnum):
    """Where a row is on its way."""

    PENDING = "pending"
    SENDING = "sending"
    DONE = "done"
    MERGED = "merged"
    """Told by a later row; see `Row.into`."""
    SILENCED = "silenced"
    DEAD = "dead"
    """Given up."""


FINAL = frozenset({RowState.DONE, RowState.MERGED, RowState.SILENCED, RowState.DEAD})
"""States that a row does not leave by itself."""


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """One change of one alert, to be told to one channel. Times are ms since the epoch."""

    key: str
    """``ALERT/NUMBER/CHANNEL``."""
    alert: str
    number: int
    channel: str
    group: str = ""
    """Rows of one group leave together; empty: on its own, unless very many wait; ``...``: always on its own."""
    due: int
    """Not before."""
    state: RowState = RowState.PENDING
    attempts: int = 0
    since: int = 0
    """When it was first tried; 0: never."""
    fence: int = 0
    """Number of the latest envelope that carried it; grows."""
    error: str = ""
    """Why the latest attempt failed, or why nobody is told."""
    into: str = ""
    """Key of the row that covers it."""
    done_at: int | None = None
    """When it reached a final state."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in FINAL


class Envelope(Struct, frozen=True, gc=False):
    """Rows that one worker holds, until `until`."""

    channel: str
    rows: tuple[Row, ...]
    notices: tuple[Notice, ...]
    fence: int
    until: int

    @property
    def attempt(self) -> int:
        """How often its oldest row was tried, this time included."""
        return self.rows[0].attempts if len(self.rows) == 1 else max(row.attempts for row in self.rows)

    def notification(self, *, sender: str = "auscult", url: str = "") -> Notification:
        """What the channel gets: the same for the same rows, over retries and restarts, but for `attempt`."""
        first = self.notices[0]
        key, created_at = first.key, first.change.at
        if len(self.notices) > 1:
            keys = "\n".join(notice.key for notice in self.notices)
            key = hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
            created_at = max(notice.change.at for notice in self.notices)
        return Notification(
            key=key,
            channel=self.channel,
            notices=self.notices,
            created_at=created_at,
            group=_in_common(self.rows[0].group, first),
            attempt=self.attempt,
            sender=sender,
            url=url,
        )


def _in_common(group: str, notice: Notice) -> dict[str, str]:
    """The names and values that the group's key is made of."""
    if not group or group == ALONE:
        return {}
    padded = f",{group},"
    return {name: value for name, value in facets(notice.alert).items() if f",{name}={value}," in padded}
