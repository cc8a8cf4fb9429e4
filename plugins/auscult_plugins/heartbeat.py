"""The `heartbeat` check: a job tells that it ran; when it stays silent for too long, that is the failure.

Signs of life come over HTTP: ``POST /api/v1/components/NAME/ping``, ``/ping/start``, ``/ping/fail``, ``/ping/3`` for an
exit code; the last suits ``command; curl … /ping/$?``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from auscult import Check, CheckContext, Duration, Measurement, Ping, Preferences, Reading, Status, hookimpl

__all__ = ["HeartbeatCheck", "auscult_checks", "judge"]

_UNUSED = Duration(0)


class HeartbeatCheck(Check):
    """Somebody gives a sign of life in time."""

    kind = "heartbeat"
    measurements = (
        Measurement("age_seconds", "seconds", "Since the last sign of life."),
        Measurement("run_seconds", "seconds", "How long the last run took, from start to end."),
        Measurement("exit_code", "", "Exit code of the last run, where one was told."),
    )

    every: Duration = _UNUSED
    """How often a sign of life is due: ``"1h"``. Either this or `cron`."""
    cron: str = ""
    """When it is due, as a cron expression: ``"30 3 * * *"``. Either this or `every`."""
    timezone: str = "UTC"
    """Time zone of the cron expression."""
    grace: Duration = Duration("5m")
    """How late it may be."""
    max_run: Duration = _UNUSED
    """How long a run may take from its start; 0 for any time."""
    min_run: Duration = _UNUSED
    """How long a run has to take: one that ends sooner did nothing. 0 for any time."""

    def __post_init__(self) -> None:
        if bool(self.every) == bool(self.cron):
            raise ValueError("a heartbeat has either `every` or `cron`")
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"`timezone` {self.timezone!r} is not known; expected a name such as Europe/Berlin"
            ) from None
        if self.cron:
            try:
                CronSim(self.cron, datetime.now(zone))
            except CronSimError as error:
                raise ValueError(f"`cron` {self.cron!r} is not a cron expression: {error}") from error

    def prefers(self) -> Preferences:
        """Looked at every ten seconds, believed at once."""
        return Preferences(interval=10.0, failures=1, successes=1)

    async def probe(self, ctx: CheckContext) -> Reading:
        """Judge the signs of life that came."""
        return judge(self, ctx.pings, ctx.clock.now_ms())

    def deadline(self, after: int) -> int:
        """When a sign of life is due at the latest, after one at `after`; both in ms."""
        if self.every:
            return after + round((self.every + self.grace) * 1000)
        moment = datetime.fromtimestamp(after / 1000, ZoneInfo(self.timezone))
        due = next(CronSim(self.cron, moment))
        return round((due.astimezone(UTC) + timedelta(seconds=self.grace)).timestamp() * 1000)


def judge(check: HeartbeatCheck, pings: Sequence[Ping], now: int) -> Reading:
    """What `pings` (oldest first) say at `now` (ms). Pure."""
    if not pings:
        return Reading.unknown("no sign of life has come yet")
    ended = [ping for ping in pings if ping.kind != "start"]
    last = ended[-1] if ended else None
    started = pings[-1] if pings[-1].kind == "start" else None
    counted = _numbers(pings, last, now)
    if started is not None and check.max_run and now - started.at > check.max_run * 1000:
        return _reading(
            Status.UNHEALTHY, f"a run has taken {_span(now - started.at)}, more than {check.max_run}", counted
        )
    if last is not None and last.kind == "fail":
        code = f" with exit code {last.exit_code}" if last.exit_code is not None else ""
        said = f": {last.message}" if last.message else ""
        return _reading(Status.UNHEALTHY, f"the last run failed{code}{said}", counted)
    since = last.at if last is not None else pings[0].at
    if now > check.deadline(since):
        late = now - check.deadline(since)
        return _reading(Status.UNHEALTHY, f"no sign of life for {_span(now - since)}, {_span(late)} too late", counted)
    if last is None:
        return _reading(Status.UNKNOWN, "the first run has started and not ended yet", counted)
    run = counted.get("run_seconds")
    if run is not None and run < check.min_run:
        return _reading(Status.DEGRADED, f"the last run took {run:.1f} s, less than {check.min_run}", counted)
    running = ", a run is going on" if started is not None else ""
    return _reading(Status.HEALTHY, f"last sign of life {_span(now - last.at)} ago{running}", counted)


def _reading(status: Status, message: str, counted: dict[str, float]) -> Reading:
    return Reading(status, message, counted)


def _numbers(pings: Sequence[Ping], last: Ping | None, now: int) -> dict[str, float]:
    counted = {"age_seconds": max(now - pings[-1].at, 0) / 1000}
    if last is None:
        return counted
    if last.exit_code is not None:
        counted["exit_code"] = float(last.exit_code)
    before = list(pings[: list(pings).index(last)])
    if before and before[-1].kind == "start":
        counted["run_seconds"] = max(last.at - before[-1].at, 0) / 1000
    return counted


def _span(ms: float) -> str:
    seconds = max(ms, 0) / 1000
    return str(Duration(round(seconds))) if seconds >= 1 else f"{ms:.0f}ms"


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [HeartbeatCheck]
