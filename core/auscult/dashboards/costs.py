"""What AI services have cost lately: the calls that were recorded, and the probes of the monitor itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from auscult.model import CheckResult
from auscult.store import Store

__all__ = ["Costs", "costs"]

KIND = "ai_calls"
COST = "cost_usd"


class Costs(Struct, frozen=True, kw_only=True):
    """What was spent since some time. None where nobody has said: unpriced is not free."""

    calls: int
    unpriced: int
    """Calls among them whose price is not known."""
    calls_usd: float | None
    probes_usd: float | None


def costs(store: Store | None, recent: Mapping[str, Sequence[CheckResult]], start: int, end: int) -> Costs:
    """Of [start, end) in ms; `recent` holds the latest results of every component. Blocks."""
    calls = store.metrics.events(KIND, start, end) if store is not None else []
    priced = [call.numbers[COST] for call in calls if COST in call.numbers]
    costing = {name: results for name, results in recent.items() if any(COST in each.measurements for each in results)}
    histories = store.histories(list(costing), start, end, 1) if store is not None and costing else {}
    probes = [
        cost
        for name, results in costing.items()
        if (cost := _of_probes(results, start, sum(point.count for point in histories.get(name, ())))) is not None
    ]
    return Costs(
        calls=len(calls),
        unpriced=len(calls) - len(priced),
        calls_usd=sum(priced) if priced else None,
        probes_usd=sum(probes) if probes else None,
    )


def _of_probes(results: Iterable[CheckResult], start: int, counted: int) -> float | None:
    """Where there were more results than are remembered, the mean of those stands for the others."""
    lately = [result for result in results if result.at >= start]
    values = [result.measurements[COST] for result in lately if COST in result.measurements]
    return sum(values) / len(lately) * max(counted, len(lately)) if values else None
