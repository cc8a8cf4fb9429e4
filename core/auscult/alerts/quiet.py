"""Times of quiet: silences that people set, and maintenance windows from the configuration."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from auscult.alerts.matching import Matcher

__all__ = ["MaintenanceWindow", "Silence"]

_FOREVER = 2**53


class Silence(Struct, frozen=True, kw_only=True):
    """Tells nobody of the alerts it matches, from its start to its end."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    author: str
    comment: str
    created_at: int
    ended_by: str = ""
    """Who ended it early."""

    def __post_init__(self) -> None:
        if not self.matchers:
            raise ValueError("a silence needs at least one matcher; component=* matches everything")
        if self.ends_at <= self.starts_at:
            raise ValueError("a silence ends after it starts")

    def covers(self, at: int) -> bool:
        """Whether it holds at that time (ms)."""
        return self.starts_at <= at < self.ends_at

    def next_edge(self, at: int) -> int | None:
        """When it next starts or ends after `at`; None when it is over."""
        return next((edge for edge in (self.starts_at, self.ends_at) if edge > at), None)


class MaintenanceWindow(Struct, frozen=True, kw_only=True):
    """Planned work: one span from `starts_at` to `ends_at`, or `duration` seconds from each match of `cron`."""

    name: str
    matchers: tuple[Matcher, ...]
    starts_at: int | None = None
    ends_at: int | None = None
    cron: str = ""
    """Five fields, as cron has them; in `timezone`, daylight saving time included."""
    timezone: str = "UTC"
    duration: float = 3600.0
    comment: str = ""

    def __post_init__(self) -> None:
        if self.cron:
            self._starts(0)
        elif self.starts_at is None or self.ends_at is None or self.ends_at <= self.starts_at:
            raise ValueError("a maintenance window has a `cron` with a `duration`, or a start and a later end")

    def covers(self, at: int) -> bool:
        """Whether it holds at that time (ms)."""
        start, end = self._span(at)
        return start <= at < end

    def next_edge(self, at: int) -> int | None:
        """When it next starts or ends after `at`; None when it never does again."""
        start, end = self._span(at)
        return next((edge for edge in (start, end) if edge > at), None)

    def _span(self, at: int) -> tuple[int, int]:
        """The span that `at` lies in, else the next one, else the last."""
        if not self.cron:
            assert self.starts_at is not None
            assert self.ends_at is not None
            return self.starts_at, self.ends_at
        length = int(self.duration * 1000)
        start = self._starts(at - length)
        return start, start + length

    def _starts(self, after: int) -> int:
        """The first start later than `after`."""
        from cronsim import CronSim, CronSimError

        try:
            zone = zoneinfo.ZoneInfo(self.timezone)
            begin = datetime.fromtimestamp(after / 1000, UTC).astimezone(zone)
            found = next(CronSim(self.cron, begin))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"`timezone`: {self.timezone!r} is no time zone such as Europe/Berlin") from error
        except CronSimError as error:
            raise ValueError(f"`cron`: {self.cron!r} is no schedule such as 30 2 * * 0 ({error})") from error
        except StopIteration:
            return _FOREVER
        return int((found.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
