"""The page where it has not been built: every component with its state, its recent results and its figures.

Server-rendered, live enough. Everything that comes from outside is escaped; there is no inline script or style, so the
content security policy can forbid both. Works without JavaScript: the page then reloads itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from auscult import __version__
from auscult.clock import iso_seconds
from auscult.model import CheckResult, ComponentHealth, Status, SystemHealth
from auscult.monitor import SELF, Monitor
from auscult.web.built import BuiltPage
from auscult.web.policy import PAGE_POLICY

__all__ = ["page_routes"]

BARS = 40
"""Recent results drawn per component."""
WITH_BARS = 300
"""Components up to which results are drawn: a wall of thousands shows the table only."""
_STATIC = Path(__file__).parent / "static"
_SIGNS = {
    Status.HEALTHY: "✓",
    Status.DEGRADED: "!",
    Status.UNHEALTHY: "✕",
    Status.UNKNOWN: "?",
    Status.MAINTENANCE: "–",
}
_HEADLINES = {
    Status.HEALTHY: "All is well",
    Status.DEGRADED: "Working, worse than it should",
    Status.UNHEALTHY: "Something is broken",
    Status.UNKNOWN: "Not known yet",
}


def page_routes(monitor: Monitor, built: BuiltPage | None) -> list[BaseRouteHandler]:
    """The page and the login: as built, or else server-rendered; the live part and static files of the latter."""
    first = [_shell(built, "/"), _shell(built, "/login")] if built is not None else [_rendered(monitor), _login()]

    @get("/fragment", include_in_schema=False, media_type="text/html")
    async def fragment() -> str:
        return _live(monitor)

    def static(name: str, media_type: str) -> BaseRouteHandler:
        content = (_STATIC / name).read_bytes()

        @get(f"/static/{name}", public=True, include_in_schema=False, name=f"auscult-static-{name}")
        async def serve() -> Response[bytes]:
            return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=300"})

        return serve

    scripts = [static(name, "text/javascript") for name in ("live.js", "login.js")]
    return [*first, fragment, static("style.css", "text/css"), *scripts]


def _shell(built: BuiltPage, path: str) -> BaseRouteHandler:
    """The built page holds no data, so everybody may have it; what it then asks for is judged."""

    @get(path, public=True, include_in_schema=False, media_type="text/html", name=f"auscult-page-{path}")
    async def page(request: Request[Any, Any, Any]) -> Response[str]:
        found = built.page("index.html", request.scope.get("root_path", ""))
        if found is None:
            raise NotFoundException("The page is just being built anew; try again")
        return Response(found, media_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})

    return page


def _rendered(monitor: Monitor) -> BaseRouteHandler:
    @get("/", include_in_schema=False, media_type="text/html")
    async def page() -> str:
        return _page(_live(monitor))

    return page


def _login() -> BaseRouteHandler:
    @get("/login", public=True, include_in_schema=False, media_type="text/html")
    async def login(request: Request[Any, Any, Any]) -> str:
        root = escape(request.scope.get("root_path", ""), quote=True)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>auscult: log in</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            f'<link rel="stylesheet" href="{root}/static/style.css">'
            f'<script src="{root}/static/login.js" defer></script></head><body><main><h1>Log in</h1>'
            f'<form id="login" data-root="{root}/">'
            '<p><label>Name <input name="name" autocomplete="username" required></label></p>'
            "<p><label>Password "
            '<input name="password" type="password" autocomplete="current-password" required></label></p>'
            '<p><button>Log in</button></p><p id="words" role="alert"></p></form></main></body></html>'
        )

    return login


def _page(live: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>auscult</title>'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="static/style.css"><script src="static/live.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="10"></noscript></head><body>'
        f'<main id="live" aria-live="polite">{live}</main>'
        '<footer><span id="age">updated now</span><span><a href="api/docs">API</a> · <a href="metrics">Metrics</a> · '
        f'<a href="health/detailed">Health</a> · auscult {escape(__version__)}</span></footer></body></html>'
    )


def _live(monitor: Monitor) -> str:
    system = monitor.system_health()
    views = sorted(system.components.values(), key=lambda view: (view.component_name == SELF, view.group))
    draw = len(views) <= WITH_BARS
    groups: dict[str, list[ComponentHealth]] = {}
    for view in views:
        group = view.group or ("the monitor" if view.component_name == SELF else "")
        groups.setdefault(group, []).append(view)
    # What is broken comes first: nobody has to scroll for it.
    worst = sorted(groups.items(), key=lambda item: -max(view.status.badness for view in item[1]))
    tables = "".join(
        _group(
            name,
            sorted(members, key=lambda view: -view.status.badness),
            monitor,
            now=monitor.clock.now_ms(),
            draw=draw,
        )
        for name, members in worst
    )
    return _headline(system, monitor) + tables


def _headline(system: SystemHealth, monitor: Monitor) -> str:
    words = _HEADLINES.get(system.status, "")
    problems = len(monitor.problems)
    told = ""
    if problems:
        told = (
            f'<p class="note">{problems} plugin problem{"s" * (problems != 1)}: see <code>auscult plugins</code> '
            'or <a href="api/v1/plugins">the API</a>.</p>'
        )
    return (
        f'<header class="{system.status}"><span class="sign" aria-hidden="true">{_SIGNS[system.status]}</span>'
        f"<div><h1>{words}</h1><p>{escape(system.message)}</p></div>"
        f"<dl><div><dt>healthy</dt><dd>{system.healthy_components}<small>/{system.total_components}</small></dd></div>"
        f"<div><dt>score</dt><dd>{system.health_score:.0f}<small> %</small></dd></div></dl></header>{told}"
    )


def _group(name: str, views: Iterable[ComponentHealth], monitor: Monitor, *, now: int, draw: bool) -> str:
    rows = "".join(_row(view, monitor.recent_results(view.component_name, BARS) if draw else [], now) for view in views)
    title = f"<h2>{escape(name)}</h2>" if name else ""
    return (
        f"<section>{title}<table><thead><tr><th>Component</th><th>State</th><th>Since</th><th>Recent</th>"
        '<th class="number">Now</th><th class="number">p95</th><th class="number">Success</th>'
        f'<th class="number">Up 24 h</th></tr></thead><tbody>{rows}</tbody></table></section>'
    )


def _row(view: ComponentHealth, recent: list[CheckResult], now: int) -> str:
    name = escape(view.component_name)
    since = "–"
    if view.since:
        exact = iso_seconds(view.since)
        since = f'<time datetime="{exact}" title="{exact}">{_ago(now - view.since)}</time>'
    blame = f' <span class="blame">likely cause: {escape(", ".join(view.blamed_on))}</span>' if view.blamed_on else ""
    kind = view.component_type
    shown_kind = f' <span class="kind">{escape(kind)}</span>' if kind != view.component_name else ""
    return (
        f'<tr class="{view.status}"><th scope="row"><a href="api/v1/components/{name}">{name}</a>{shown_kind}'
        f'<div class="message">{escape(view.message)}{blame}</div></th>'
        f'<td class="state"><span class="sign" aria-hidden="true">{_SIGNS[view.status]}</span> {view.status}'
        f"{' · flapping' if view.flapping else ''}</td><td>{since}</td><td>{_bars(recent)}</td>"
        f'<td class="number">{_ms(view.response_time_ms)}</td><td class="number">{_ms(view.p95_ms)}</td>'
        f'<td class="number">{_percent(view.success_rate)}</td>'
        f'<td class="number">{_percent(view.uptime.get("24h"))}</td></tr>'
    )


def _bars(recent: list[CheckResult]) -> str:
    """Recent results, the newest right: height and colour tell the status, so it is never colour alone."""
    if not recent:
        return ""
    bars = [f'<rect class="none" x="{x * 5}" y="19" width="4" height="3"/>' for x in range(BARS - len(recent))]
    bars += [_bar(result, x * 5) for x, result in enumerate(reversed(recent), BARS - len(recent))]
    return (
        f'<svg class="bars" viewBox="0 0 {BARS * 5} 22" role="img" aria-label="the last {len(recent)} results">'
        f"{''.join(bars)}</svg>"
    )


def _bar(result: CheckResult, x: int) -> str:
    top = _TOP[result.status]
    told = f"{_moment(result.at)} {result.status} {_ms(result.response_time_ms)} {escape(result.message)}"
    return (
        f'<rect class="{result.status}" x="{x}" y="{top}" width="4" height="{22 - top}" rx="1">'
        f"<title>{told}</title></rect>"
    )


_TOP = {Status.HEALTHY: 6, Status.DEGRADED: 3, Status.UNHEALTHY: 0, Status.UNKNOWN: 14, Status.MAINTENANCE: 14}


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%SZ")


def _ago(ms: int) -> str:
    seconds = max(ms // 1000, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _ms(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g} %"
