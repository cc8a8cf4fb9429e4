"""Health again, from the whole history each time and without any cleverness: what the engine has to agree with."""

from __future__ import annotations

import itertools
import math

from auscult import Status
from auscult.engine.window import MAX_AGE_MS, SIZE

RATES_FROM, FLAPS = 10, 20


def naive_health(component, results):
    """The fields of `ComponentHealth` that follow from all `results` of a component that was never silent."""
    settled, status, since, levels, rate_levels = Status.UNKNOWN, Status.UNKNOWN, None, set(), set()
    grades = []  # of all results: "good", "poor", "bad", "none"
    for i, r in enumerate(results):
        if r.status == Status.UNKNOWN:
            grades.append("none")
            if trailing(grades, {"none"}) >= component.failures:
                settled = Status.UNKNOWN
                status, since = (settled, since) if settled == status else (settled, r.at)
            elif settled == Status.UNKNOWN:
                status, since = (settled, since) if settled == status else (settled, r.at)
            continue
        if r.status != Status.UNHEALTHY:
            levels = judged(component.threshold, measured(r), levels)
        grades.append(grade_of(r, levels))
        settled = settle(component, settled, [grade for grade in grades if grade != "none"])
        rate_levels = judged(component.threshold, rates(results[: i + 1]), rate_levels)
        now = Status.DEGRADED if settled == Status.HEALTHY and rate_levels else settled
        status, since = (now, since) if now == status else (now, r.at)
    return {
        "status": status,
        "since": since,
        "reasons": tuple(sorted(levels | rate_levels)),
        **counts(results, [grade for grade in grades if grade != "none"]),
    }


def counts(results, grades):
    """What does not depend on the status."""
    window = recent(results)
    rate = 100 * sum(r.status != Status.UNHEALTHY for r in window) / len(window) if window else None
    times = sorted(r.response_time_ms for r in window if usable(r.response_time_ms))
    failed = [grade == "bad" for grade in grades][-FLAPS - 1 :]
    return {
        "window_results": len(window),
        "success_rate": rate,
        "error_rate": None if rate is None else 100 - rate,
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
        "p99_ms": percentile(times, 99),
        "consecutive_failures": trailing(grades, {"bad"}),
        "consecutive_successes": trailing(grades, {"good", "poor"}),
        "flap_score": sum(a != b for a, b in itertools.pairwise(failed)) / FLAPS,
        "last_check": results[-1].at,
    }


def settle(component, before, grades):
    """The status that runs of counted results make."""
    bad, ok = trailing(grades, {"bad"}), trailing(grades, {"good", "poor"})
    good, not_good = trailing(grades, {"good"}), trailing(grades, {"poor", "bad"})
    if bad >= component.failures:
        return Status.UNHEALTHY
    if before == Status.UNHEALTHY and ok < component.successes:
        return Status.UNHEALTHY
    if before in (Status.UNHEALTHY, Status.DEGRADED) and good >= component.successes:
        return Status.HEALTHY
    if before == Status.UNHEALTHY or not_good >= component.failures:
        return Status.DEGRADED
    return Status.HEALTHY if before == Status.UNKNOWN and grades[-1] == "good" else before


def grade_of(r, levels):
    if r.status == Status.UNHEALTHY:
        return "bad"
    return "poor" if levels or r.status == Status.DEGRADED else "good"


def trailing(grades, kinds):
    """How many at the end are of these kinds."""
    count = 0
    while count < len(grades) and grades[-1 - count] in kinds:
        count += 1
    return count


def recent(results):
    counted = [r for r in results if r.status != Status.UNKNOWN]
    return [r for r in counted if r.at >= counted[-1].at - MAX_AGE_MS][-SIZE:]


def rates(results):
    window = recent(results)
    if len(window) < RATES_FROM:
        return {}
    success = 100 * sum(r.status != Status.UNHEALTHY for r in window) / len(window)
    return {"success_rate_percent": success, "error_rate_percent": 100 - success}


def usable(ms):
    return ms is not None and math.isfinite(ms) and ms >= 0


def measured(r):
    values = {name: value for name, value in r.measurements.items() if name.endswith("_usage_percent")}
    return values | ({"response_time_ms": r.response_time_ms} if usable(r.response_time_ms) else {})


def judged(threshold, values, before):
    """Names of breached levels, one by one."""
    names = set()
    for name, value in values.items():
        level = threshold.recover.get(name, getattr(threshold, name)) if name in before else getattr(threshold, name)
        if value < level if name == "success_rate_percent" else value > level:
            names.add(name)
    return names


def percentile(times, percent):
    """Nearest rank, of sorted times."""
    return next((t for i, t in enumerate(times, 1) if i * 100 >= percent * len(times)), None)
