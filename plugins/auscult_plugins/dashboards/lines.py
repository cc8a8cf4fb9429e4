"""Lines over time from what components did: one time axis for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from auscult import CheckResult, HistoryPoint, Line, Series, View

__all__ = ["Points", "histories", "measured", "rates", "response_times", "series"]

MINUTE = 60_000
"""What the history is summed up by at least, ms."""
FEW = 30
"""Components up to which single results are read: among many, each takes a look of its own."""

Points = Sequence[tuple[int, float | None]]
"""Time (ms) and value, oldest first."""


def series(lines: Mapping[str, Points], **fields: object) -> Series:
    """Lines with different times on one axis: None where a line has nothing."""
    times = sorted({at for points in lines.values() for at, _ in points})
    where = {at: number for number, at in enumerate(times)}
    drawn = []
    for name, points in lines.items():
        values: list[float | None] = [None] * len(times)
        for at, value in points:
            values[where[at]] = value
        drawn.append(Line(name=name, values=values))
    return Series(times=times, lines=drawn, **fields)  # type: ignore[arg-type]


def histories(
    view: View, components: Iterable[str], value: Callable[[HistoryPoint], float | None]
) -> dict[str, Points]:
    """One line for each component that has any value."""
    found: dict[str, Points] = {}
    for name in components:
        points = [(point.at, value(point)) for point in view.history(name)]
        if any(number is not None for _, number in points):
            found[name] = points
    return found


def measured(view: View, component: str, value: Callable[[CheckResult], float | None]) -> Points:
    """What single results say, on whole steps of time, so that the lines of several components meet."""
    points: dict[int, float | None] = {}
    for result in view.results(component):
        if (number := value(result)) is not None:
            points[result.at // view.step * view.step] = number
    return list(points.items())


def response_times(view: View, components: Iterable[str], *, worst: bool = False) -> dict[str, Points]:
    """How long results took: single ones where that is fine enough to tell them apart, else summed up by minutes."""
    names = list(components)
    if view.step < MINUTE and len(view.components) <= FEW:
        single = {name: measured(view, name, lambda result: result.response_time_ms) for name in names}
        if any(single.values()):
            return {name: points for name, points in single.items() if points}
    return histories(view, names, lambda point: point.max_ms if worst else point.avg_ms)


def rates(points: Points) -> Points:
    """Per second, from a number that only grows; where it fell it began anew."""
    found: list[tuple[int, float | None]] = []
    before: tuple[int, float] | None = None
    for at, value in points:
        if value is None:
            continue
        if before is not None and at > before[0]:
            grown = value - before[1] if value >= before[1] else value
            found.append((at, grown * 1000 / (at - before[0])))
        before = (at, value)
    return found
