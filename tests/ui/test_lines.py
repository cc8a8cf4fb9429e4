"""Lines on one axis of time: each goes on where only another one has a value, and breaks off where nothing came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.browser import looking
from tests.ui.site import CONFIG, Site

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

PLUGIN = '''
from auscult import Line, Panel, Series, hookimpl


class Lines(Panel):
    """Two lines whose values take turns; the upper one has a hole from the 40th to the 60th of 100 moments."""

    kind = "lines"

    def show(self, view):
        """Level lines, so that each has its own rows of the picture."""
        moments = range(100)
        upper = [20.0 if at % 2 and not 40 <= at < 60 else None for at in moments]
        lower = [10.0 if at % 2 == 0 else None for at in moments]
        step = (view.end - view.start) // 100
        return Series(
            times=[view.start + at * step for at in moments],
            lines=[Line(name="upper", values=upper, color="red"), Line(name="lower", values=lower, color="red")],
        )


@hookimpl
def auscult_panels():
    return [Lines]
'''
DASHBOARD = """
[dashboards.lines]
title = "Lines"
[[dashboards.lines.panels]]
panel = "lines"
width = 12
"""
DRAWN = """canvas => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const red = (x, y) => { const at = 4 * (y * width + x); return data[at + 3] > 100 && data[at] - data[at + 2] > 80; };
  const rows = [];
  for (let y = 0; y < height; y++) {
    let count = 0;
    for (let x = 0; x < width; x++) if (red(x, y)) count++;
    rows.push(count / width);
  }
  const middle = Math.round(height / 2);
  return { upper: Math.max(...rows.slice(0, middle * 0.6)), lower: Math.max(...rows.slice(middle * 0.6)) };
}"""
"""The share of the picture's width over which the fullest row of its upper and of its lower part is drawn."""


@pytest.fixture(scope="module")
def lined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with such a panel."""
    directory = tmp_path_factory.mktemp("lines")
    (directory / "lines.py").write_text(PLUGIN, encoding="utf-8")
    with Site(directory, f'plugins = ["./lines.py"]\n{CONFIG}{DASHBOARD}') as running:
        yield running


def test_lines_that_take_turns_are_whole_and_holes_are_holes(browser: Browser, lined: Site):
    """A line that has nothing for a fifth of the time is drawn over a fifth less, and over no less than that."""
    with looking(browser, lined.url.rstrip("/")) as page:
        page.goto("/#/dashboards/lines")
        canvas = page.locator(".plot canvas")
        expect(canvas).to_be_visible()
        page.wait_for_timeout(300)
        drawn = canvas.evaluate(DRAWN)
    assert drawn["lower"] > 0.5, "it has dashes"
    assert 0.6 < drawn["upper"] < 0.8
