"""The page inside somebody else's application, under a path of its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.servers.process import Server, accepts, free_port
from tests.ui.browser import looking

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_it_works_wherever_it_is_mounted(browser: Browser, tmp_path):
    """Files, data, stream and links are asked for below the mount path; the application's own page stays its own."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", str(port), "mount_starlette:app"]
    log = tmp_path / "log"
    server = Server(command, port=port, log=log, ready=lambda: accepts(port))
    server.start()
    try:
        with looking(browser, f"http://127.0.0.1:{port}") as page:
            outside: list[str] = []
            page.on("request", lambda r: outside.append(r.url) if f":{port}/monitoring/" not in r.url else None)
            page.goto("/monitoring/")
            expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
            expect(page.locator(".fresh")).to_contain_text("last update")
            page.locator(".row").get_by_role("link", name="cache").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("cache")
            page.get_by_role("link", name="Dashboards", exact=True).click()
            page.get_by_role("link", name=re.compile("System Overview")).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("System Overview")
            expect(page.get_by_role("link", name="Export")).to_have_attribute("href", re.compile("^/monitoring/api/"))
            assert outside == []
    finally:
        server.stop()
