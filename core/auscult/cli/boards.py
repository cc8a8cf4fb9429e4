"""What the doctor says of dashboards: how old what they show is, which panels fail, whether anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from auscult.cli.writing import moment, plain, plural

if TYPE_CHECKING:
    import httpx

__all__ = ["examine_boards"]

Said = tuple[Literal["ok", "note", "problem"], str, str]

SLOW = 300.0
"""Seconds from one drawing to the next beyond which somebody may think that nothing is drawn."""
LATE = 3.0
"""Of its intervals without a result: what the component's panels show is old."""
GRACE = 30.0
"""Seconds that a probe and its waits may take on top."""


def examine_boards(
    client: httpx.Client, components: Mapping[str, Mapping[str, Any]], intervals: Mapping[str, float]
) -> Iterator[Said]:
    """`components` as ``/health/detailed`` has them, `intervals` of those that are checked, by name."""
    yield from _ages(components, intervals)
    yield from _store(client)
    yield from _panels(client)


def _ages(components: Mapping[str, Mapping[str, Any]], intervals: Mapping[str, float]) -> Iterator[Said]:
    now = datetime.now(UTC)
    for name, interval in intervals.items():
        if not (last := components.get(name, {}).get("last_check")):
            continue
        age = (now - moment(last)).total_seconds()
        if age > LATE * interval + GRACE:
            remedy = f"look whether it is checked: auscult check {name}; the component `auscult` tells late starts"
            yield "problem", f"the latest result of {name} is {age:.0f} s old, its interval is {interval:g} s", remedy


def _store(client: httpx.Client) -> Iterator[Said]:
    """Lines need a history; what is not written cannot be drawn."""
    answer = client.get("/metrics")
    if answer.status_code != 200:
        return
    if _value(answer.text, "auscult_store_low_on_disk"):
        yield "problem", "results are not stored: the disk is almost full", "free some space; storing goes on by itself"
    elif dropped := _value(answer.text, "auscult_store_results_dropped_total"):
        remedy = "the log says when and why; the history has gaps there"
        yield "note", f"{plural(int(dropped), 'result was', 'results were')} not stored", remedy


def _value(text: str, name: str) -> float:
    found = re.search(rf"^{name}(?:\{{\}})? (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _panels(client: httpx.Client) -> Iterator[Said]:
    answer = client.get("/dashboards")
    if answer.status_code != 200:
        return
    fine = 0
    for each in answer.json().get("dashboards", []):
        drawn = client.get(f"/dashboard/{each['id']}", params={"range": "1h", "points": 10}, timeout=30)
        if drawn.status_code != 200:
            yield "problem", f"the dashboard `{each['id']}` answers {drawn.status_code}", "read the server's log"
            continue
        said = list(_drawn(each["id"], drawn.json()))
        yield from said
        fine += not said
    if fine:
        yield "ok", f"{plural(fine, 'dashboard is', 'dashboards are')} drawn without a fault", ""


def _drawn(ident: str, board: Mapping[str, Any]) -> Iterator[Said]:
    for panel in board["panels"]:
        if panel["error"]:
            told = f"the panel `{panel['id']}` of `{ident}` cannot be drawn: {plain(str(panel['error']), 200)}"
            yield "problem", told, "mend its options, or the plugin it comes from: auscult plugins"
    if board["refresh_interval"] > SLOW:
        told = f"`{ident}` is drawn anew every {board['refresh_interval']:g} s only"
        yield "note", told, "see DASHBOARD_UPDATE_INTERVAL, and the dashboard's own `refresh_interval`"
