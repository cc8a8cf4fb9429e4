"""What the doctor says of alerts that nobody is told of: kept quiet, or sent nowhere by the routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from auscult.cli.writing import ahead, moment, plain, plural

if TYPE_CHECKING:
    import httpx

    from auscult.alerts.routing import Route

__all__ = ["examine_quiet"]

Said = tuple[Literal["ok", "note", "problem"], str, str]

_UNDO = {
    "silence": "it was asked for; end it with: auscult silence end {name}",
    "maintenance": "it is planned work; change the table [maintenance.{name}] if it is not",
    "dependency": "that component's alert tells it; mend that one first",
}
"""What to do about each reason for which alerts are quiet; a reason starts with such a word."""


def examine_quiet(client: httpx.Client, routes: Sequence[Route]) -> Iterator[Said]:
    """Alerts that go on unheard, silences and maintenance in force, and routes that end nowhere."""
    yield from _suppressed(_list(client, "/api/v1/alerts", "alerts", status="suppressed", limit=1000))
    yield from _silences(_list(client, "/api/v1/silences", "silences"))
    for window in _list(client, "/api/v1/maintenance", "windows"):
        if window["in_force"]:
            until = f" for another {ahead(window['next_change'])}" if window["next_change"] else ""
            told = f"the maintenance `{window['name']}` keeps quiet {_matching(window['matchers'])}{until}"
            yield "note", told, _UNDO["maintenance"].format(name=window["name"])
    yield from _routes(routes)


def _list(client: httpx.Client, path: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get(path, params=parameters)
    try:
        found = answer.json()[key] if answer.status_code == 200 else []
    except (ValueError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def _suppressed(alerts: Sequence[dict[str, Any]]) -> Iterator[Said]:
    reasons = Counter(str(alert["suppressed_by"]) for alert in alerts)
    for reason, count in sorted(reasons.items()):
        kind, _, name = reason.partition(" ")
        remedy = _UNDO.get(kind, "`auscult alerts list` shows which, and the page why").format(name=name)
        goes = "goes on and is" if count == 1 else "go on and are"
        yield "note", f"{plural(count, 'alert')} {goes} told nobody: {plain(reason, 200)}", remedy


def _silences(silences: Sequence[dict[str, Any]]) -> Iterator[Said]:
    for silence in silences:
        if moment(silence["starts_at"]) <= datetime.now(UTC):
            until = f"for another {ahead(silence['ends_at'])}"
            by = f"{plain(silence['author'], 60)}: {plain(silence['comment'], 120)}"
            told = f"a silence keeps quiet {_matching(silence['matchers'])} {until} ({by})"
            yield "note", told, _UNDO["silence"].format(name=silence["id"])


def _matching(matchers: Sequence[dict[str, Any]]) -> str:
    if not matchers:
        return "every alert"
    return ", ".join(
        f"{each['name']}{'!=' if each['negative'] else '='}{plain(each['value'], 80)}" for each in matchers
    )


def _routes(routes: Sequence[Route]) -> Iterator[Said]:
    for place, route in enumerate(routes):
        if not (route.channels or route.escalate):
            which = "every alert that gets there" if not route.match else f"alerts with {_match(route)}"
            yield "note", f"routes[{place}] sends {which} to no channel", "give it `channels`, unless that is meant"
    if routes and all(route.match for route in routes):
        remedy = "end the list with a [[routes]] that has `channels` and no `match`"
        yield "note", "an alert that no route matches is told nobody", remedy


def _match(route: Route) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, str) else '|'.join(value)}" for name, value in route.match.items()
    )
