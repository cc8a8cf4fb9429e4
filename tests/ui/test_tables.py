"""Tables in one panel: a wide one has the whole width, narrow ones stand side by side, and none covers another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.browser import looking
from tests.ui.site import CONFIG, Site

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

PLUGIN = '''
from auscult import Column, Panel, Table, hookimpl


class Tables(Panel):
    """Tables of that many columns."""

    kind = "tables"

    columns: list[int]
    """How many each has."""

    def show(self, view):
        """A row of long words in each."""
        return [
            Table(
                title=f"Table {at}",
                columns=[Column(name=f"c{n}", title=f"Column {n}") for n in range(count)],
                rows=[tuple(f"incomprehensible{n}" for n in range(count))],
            )
            for at, count in enumerate(self.columns)
        ]


@hookimpl
def auscult_panels():
    return [Tables]
'''
DASHBOARD = """
[dashboards.tables]
title = "Tables"
[[dashboards.tables.panels]]
panel = "tables"
width = 12
columns = [9, 2, 2, 7]
"""


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with such a panel."""
    directory = tmp_path_factory.mktemp("tables")
    (directory / "tables.py").write_text(PLUGIN, encoding="utf-8")
    with Site(directory, f'plugins = ["./tables.py"]\n{CONFIG}{DASHBOARD}') as running:
        running.fill()
        yield running


def test_no_table_covers_another(browser: Browser, tabled: Site):
    """At the desk and on the phone; what is too wide scrolls within its own box."""
    with looking(browser, tabled.url.rstrip("/")) as page:
        page.goto("/#/dashboards/tables")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 860})
            tables = page.locator(".shape-table .table-box")
            expect(tables).to_have_count(4)
            boxes = [tables.nth(at).bounding_box() for at in range(4)]
            for one, other in combinations(boxes, 2):
                beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
                below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
                assert beside or below, (width, one, other)
            if width == 1280:
                assert boxes[0]["width"] > 2 * boxes[1]["width"]
                assert boxes[1]["y"] == boxes[2]["y"]
