"""One browser and one server for each module; all modules in one worker, after another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from tests.ui.browser import PATIENCE_MS, launch
from tests.ui.site import Site

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server without tokens or people, its components healthy."""
    with Site(tmp_path_factory.mktemp("site")) as running:
        running.fill()
        yield running
