"""What a result means: the old state, the component's settings and one result give the new state.

`step` works in place on the `HealthState` it is given and on nothing else: no I/O, no clock of its own, the same
inputs give the same outputs. One engine for the live monitor, for rule tests and for replays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from auscult.component import Component
from auscult.engine.levels import RATES, RESOURCES, breached, in_words
from auscult.engine.trend import TrendMemory, worst
from auscult.engine.window import Window
from auscult.model import CheckResult, ComponentHealth, Status, Trend

__all__ = ["Change", "HealthState", "begin", "expire", "expires_at", "restore", "step", "trend_at", "view"]

RATES_FROM = 10
"""Results in the window from which on rates are judged."""
FLAP_MEMORY = 20
"""Results whose ups and downs make the flap score."""
FLAP_ENTER, FLAP_LEAVE = 0.3, 0.2
_NONE: frozenset[str] = frozenset()

GOOD, POOR, BAD = 0, 1, 2
"""What one counted result is: fine; working, worse than it should; failing."""


class Change(Struct, frozen=True):
    """A change of a component's status."""

    component: str
    old: Status
    new: Status
    at: int
    message: str


class HealthState:
    """The memory of one component. Read its public attributes; only this module writes them."""

    __slots__ = (
        "_cached",
        "_flaps",
        "_grades",
        "_levels",
        "_rate_levels",
        "_settled",
        "_trend",
        "_trends",
        "bad_run",
        "confirming",
        "flapping",
        "good_run",
        "latest",
        "message",
        "ok_run",
        "poor_run",
        "revision",
        "since",
        "stale",
        "status",
        "unknown_run",
        "window",
    )

    def __init__(self) -> None:
        self.status = Status.UNKNOWN
        self.since: int | None = None
        self.revision = 0
        self.confirming = False
        """The latest result speaks for another status, and more of its kind are needed."""
        self.latest: CheckResult | None = None
        self.stale = False
        self.message = ""
        self.window = Window()
        self.bad_run = 0
        self.poor_run = 0
        """Results in a row that were not good."""
        self.good_run = 0
        self.ok_run = 0
        """Results in a row that did not fail."""
        self.unknown_run = 0
        self.flapping = False
        self._settled = Status.UNKNOWN
        """The status without the rates."""
        self._levels = _NONE
        self._rate_levels = _NONE
        self._grades = 1
        """Failed or not, a bit a result, the newest lowest, under a leading 1."""
        self._flaps = 0.0
        self._trend: TrendMemory | None = None
        self._trends: tuple[int, dict[str, Trend]] = (-1, {})
        self._cached: tuple[int, ComponentHealth] | None = None

    def trends(self, now: int) -> dict[str, Trend]:
        """The trend by window; made anew at most once a minute."""
        minute = now // 60_000
        if self._trends[0] != minute:
            self._trends = (minute, self._trend.trends(now) if self._trend is not None else {})
        return self._trends[1]


def begin(component: Component) -> HealthState:
    """The state before the first result: unknown."""
    return HealthState()


def step(state: HealthState, component: Component, result: CheckResult) -> Change | None:
    """Take one result in. Returns the change of status it made, if any."""
    state.revision += 1
    state.latest = result
    state.stale = False
    if result.status == Status.UNKNOWN:
        return _say_unknown(state, component, result)
    ms = _usable(result.response_time_ms)
    failed = result.status == Status.UNHEALTHY
    state.window.add(result.at, ms, failed=failed)
    if state._trend is None:
        state._trend = TrendMemory()
    state._trend.add(result.at, ms, failed=failed)
    values = _measured(result, ms)
    if not failed:
        state._levels = breached(component.threshold, values, state._levels)
    grade = BAD if failed else POOR if state._levels or result.status == Status.DEGRADED else GOOD
    _count(state, grade)
    settled = state._settled = _settle(state, component, grade)
    rates = _rates(state)
    state._rate_levels = breached(component.threshold, rates, state._rate_levels)
    status = Status.DEGRADED if settled == Status.HEALTHY and state._rate_levels else settled
    state.confirming = _waits(settled, grade)
    state.message = _explain(state, component, result, status, values, rates)
    return _move(state, component, status, result.at)


def expire(state: HealthState, component: Component, now: int) -> Change | None:
    """No result for longer than the component's age limit is "no data": unknown, and stale."""
    if state.stale or state.latest is None or now - state.latest.at <= component.age_limit * 1000:
        return None
    state.revision += 1
    state.stale, state.confirming = True, False
    state.message = f"no data for {(now - state.latest.at) / 1000:.0f} s"
    state.bad_run = state.poor_run = state.good_run = state.ok_run = 0
    state._settled = Status.UNKNOWN
    return _move(state, component, Status.UNKNOWN, now)


def expires_at(state: HealthState, component: Component) -> int | None:
    """From when on (ms) `expire` says that there is no data; None while there is nothing to expire."""
    if state.stale or state.latest is None:
        return None
    return state.latest.at + int(component.age_limit * 1000) + 1


def trend_at(state: HealthState, now: int) -> Trend:
    """The trend at that time, made anew whoever else has asked before."""
    trends = state._trend.trends(now) if state._trend is not None else {}
    return worst(list(trends.values())) if trends else Trend.UNKNOWN


def restore(
    state: HealthState,
    component: Component,
    results: Iterable[CheckResult],
    last: tuple[str, int] | None = None,
) -> None:
    """Bring back what was known before a restart, results oldest first; `last` is the last status and its begin.

    The results may be too few to make that status again, so it is believed from its begin on.
    """
    for result in results:
        if last is not None and result.at > last[1]:
            _recall(state, *last)
            last = None
        step(state, component, result)
    if last is not None:
        _recall(state, *last)


def _recall(state: HealthState, status: str, since: int) -> None:
    state.revision += 1
    state.since = since
    if state.status != status:
        state.status = state._settled = Status(status)


def view(state: HealthState, component: Component, now: int, *, trends: bool = True) -> ComponentHealth:
    """The component as people and exporters see it; made once per revision.

    Trends cost more than all the rest: an exporter that does not show them leaves them out.
    """
    if state._cached is None or state._cached[0] != state.revision or (trends and not state._cached[1].trends):
        state._cached = (state.revision, _make_view(state, component, state.trends(now) if trends else {}))
    return state._cached[1]


def _usable(ms: float | None) -> float | None:
    return ms if ms is not None and math.isfinite(ms) and ms >= 0 else None


def _say_unknown(state: HealthState, component: Component, result: CheckResult) -> Change | None:
    """Counts neither as success nor as failure; as many in a row as it takes to turn bad make the status unknown."""
    state.unknown_run += 1
    state.confirming = state._settled != Status.UNKNOWN and state.unknown_run < component.failures
    if state.confirming:
        return None
    state.message = result.message
    state._settled = Status.UNKNOWN
    return _move(state, component, Status.UNKNOWN, result.at)


def _measured(result: CheckResult, ms: float | None) -> dict[str, float]:
    measurements = result.measurements
    values = {} if ms is None else {"response_time_ms": ms}
    for name in RESOURCES:
        if name in measurements:
            values[name] = measurements[name]
    return values


def _rates(state: HealthState) -> dict[str, float]:
    rate = state.window.success_rate()
    if rate is None or len(state.window) < RATES_FROM:
        return {}
    return {RATES[0]: rate, RATES[1]: 100 - rate}


def _count(state: HealthState, grade: int) -> None:
    state.unknown_run = 0
    state.bad_run = state.bad_run + 1 if grade == BAD else 0
    state.ok_run = state.ok_run + 1 if grade != BAD else 0
    state.good_run = state.good_run + 1 if grade == GOOD else 0
    state.poor_run = state.poor_run + 1 if grade != GOOD else 0
    # A leading 1 keeps the number of remembered results: at most FLAP_MEMORY + 1 bits below it.
    grades = state._grades << 1 | (grade == BAD)
    if grades.bit_length() > FLAP_MEMORY + 2:
        grades = grades & ((1 << FLAP_MEMORY + 1) - 1) | 1 << FLAP_MEMORY + 1
    state._grades = grades
    pairs = grades.bit_length() - 2
    changes = ((grades ^ grades >> 1) & ((1 << max(pairs, 0)) - 1)).bit_count()
    state._flaps = changes / FLAP_MEMORY
    state.flapping = state._flaps >= (FLAP_LEAVE if state.flapping else FLAP_ENTER)


def _settle(state: HealthState, component: Component, grade: int) -> Status:
    """The status that runs of results make, before rates are looked at."""
    now = state._settled
    if state.bad_run >= component.failures:
        return Status.UNHEALTHY
    if now == Status.UNHEALTHY:
        if state.ok_run < component.successes:
            return now
        return Status.HEALTHY if state.good_run >= component.successes else Status.DEGRADED
    if state.poor_run >= component.failures:
        return Status.DEGRADED
    if now == Status.UNKNOWN:
        return Status.HEALTHY if grade == GOOD else now
    if now == Status.DEGRADED and state.good_run >= component.successes:
        return Status.HEALTHY
    return now


def _waits(settled: Status, grade: int) -> bool:
    spoken_for = (Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY)[grade]
    return settled != spoken_for


def _explain(
    state: HealthState,
    component: Component,
    result: CheckResult,
    status: Status,
    values: dict[str, float],
    rates: dict[str, float],
) -> str:
    said = result.message
    if result.status == Status.UNHEALTHY:
        # No level is named: they were judged by results that did not fail, this one has other values.
        if status == Status.UNHEALTHY:
            return said
        return f"failing, {state.bad_run} of {component.failures} results: {said}"
    if status == Status.UNHEALTHY:
        return f"recovering, {state.ok_run} of {component.successes} good results: {said or 'it works again'}"
    levels = state._levels | state._rate_levels
    if levels and (words := in_words(component.threshold, values | rates, levels)):
        return f"{words} ({said})" if said and result.status == Status.DEGRADED else words
    if status == Status.DEGRADED and result.status == Status.HEALTHY:
        return f"recovering, {state.good_run} of {component.successes} good results: {said or 'it is well again'}"
    return said


def _move(state: HealthState, component: Component, status: Status, at: int) -> Change | None:
    old = state.status
    if status == old:
        return None
    state.status = status
    state.since = at
    return Change(component.name, old, status, at, state.message)


def _make_view(state: HealthState, component: Component, trends: dict[str, Trend]) -> ComponentHealth:
    latest, window = state.latest, state.window
    rate = window.success_rate()
    return ComponentHealth(
        component_name=component.name,
        component_type=component.component_type,
        status=state.status,
        last_check=latest.at if latest is not None else None,
        since=state.since,
        message=state.message,
        response_time_ms=latest.response_time_ms if latest is not None else None,
        success_rate=rate,
        error_rate=None if rate is None else 100 - rate,
        p50_ms=window.percentile(50),
        p95_ms=window.percentile(95),
        p99_ms=window.percentile(99),
        window_results=len(window),
        consecutive_failures=state.bad_run,
        consecutive_successes=state.ok_run,
        reasons=tuple(sorted(state._levels | state._rate_levels)),
        trend=worst(list(trends.values())) if trends else Trend.UNKNOWN,
        trends=trends,
        flap_score=state._flaps,
        flapping=state.flapping,
        stale=state.stale,
        measurements=latest.measurements if latest is not None else {},
        stages=latest.stages if latest is not None else {},
        origin=latest.origin if latest is not None else None,
        group=component.group,
        labels=component.labels,
        runbook=component.runbook,
        critical=component.critical,
        weight=component.weight,
        depends_on=component.depends_on,
        counted=component.counted,
    )
