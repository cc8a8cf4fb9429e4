"""A wall of two hundred components with a day of history: drawn within its time, and the page does not stand still."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.browser import looking, violations
from tests.ui.site import Site

from auscult import CheckResult, Status, SystemClock
from auscult.engine.health import Change
from auscult.store import Store

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

NAMES = [f"part-{number:03}" for number in range(200)]
DAY_MS, EVERY_MS = 86_400_000, 300_000
STUCK_MS = 3000
"""A page that takes longer over one thing than this, on a shared machine, does not answer a finger."""
CONFIG = (
    '[defaults]\ninterval = "10m"\n'
    + "".join(f'[components.{name}]\ncheck = "push"\n' for name in NAMES)
    + """
[dashboards.wall]
title = "Wall"
time_range = "24h"
[[dashboards.wall.panels]]
panel = "response-times"
width = 12
at_most = 200
[[dashboards.wall.panels]]
panel = "status-timeline"
width = 12
height = 8
"""
)
_LONG = """
window.__long = [];
new PerformanceObserver((list) => window.__long.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask", buffered: true });
"""


def write_past(directory: Path) -> None:
    """A day of results and changes of every component."""
    now = SystemClock().now_ms()
    store = Store.open(directory, clock=SystemClock())
    for at in range(now - DAY_MS, now, EVERY_MS):
        for number, name in enumerate(NAMES):
            down = number % 10 == 0 and at % (10 * EVERY_MS) < EVERY_MS
            status = Status.UNHEALTHY if down else Status.HEALTHY
            store.append(CheckResult(name, status, at + number, 0.01, 5.0 + number % 7, "", {}, {}))
        store.flush()
    for number, name in enumerate(NAMES):
        store.note_change(Change(name, Status.UNKNOWN, Status.HEALTHY, now - DAY_MS + number, ""))
        if number % 10 == 0:
            store.note_change(Change(name, Status.HEALTHY, Status.DEGRADED, now - DAY_MS // 2, "slow"))
    store.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server with all of them."""
    directory = tmp_path_factory.mktemp("many")
    write_past(directory / "state")
    with Site(directory, CONFIG) as site:
        yield site


def test_a_day_of_all_is_drawn_within_its_time(many: Site):
    """Every panel of the overview and two hundred lines in one, from what is stored."""
    with many.api() as client:
        begun = time.monotonic()
        overview = client.get("/dashboard/system_overview", params={"range": "24h"}, timeout=30).json()
        assert time.monotonic() - begun < 10
        assert [panel["panel_id"] for panel in overview["panels"] if panel.get("error")] == []
        wall = client.get("/dashboard/wall", timeout=30).json()
    series, states = wall["panels"][0]["data"][0], wall["panels"][1]["data"][0]
    assert len(series["lines"]) == 200
    assert 200 <= len(series["times"]) <= 300
    assert len(states["rows"]) == 200
    seen = {row["name"]: [span["status"] for span in row["spans"]] for row in states["rows"]}
    assert seen["part-001"] == ["healthy"]
    assert seen["part-010"] == ["healthy", "degraded"]


def test_the_page_does_not_stand_still(many: Site, browser: Browser):
    """With all of them on the overview and on a dashboard, at both widths, and what is pushed meanwhile shows."""
    for width in (1360, 390):
        with looking(browser, many.url.rstrip("/"), width=width) as page:
            page.add_init_script(_LONG)
            page.goto("/#/dashboards/wall")
            expect(page.locator(".plot canvas").first).to_be_visible()
            expect(page.locator(".timeline-row:not(.timeline-axis)")).to_have_count(200)
            page.goto("/#/overview")
            expect(page.locator(".row").filter(has_text=re.compile("^part-|part-"))).to_have_count(200)
            message = f"seen at {width}"
            many.push(NAMES[199], message=message)
            expect(page.locator(".row", has_text=NAMES[199])).to_contain_text(message)
            long = page.evaluate("window.__long")
            assert max(long, default=0) < STUCK_MS, long
            assert violations(page) == []
