"""A Chromium that notes everything a page must not do: errors, dialogs, reports of the policy, requests elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from tests import need

__all__ = ["PATIENCE_MS", "Seen", "launch", "looking", "violations"]

UI = Path(__file__).parents[2] / "core" / "auscult" / "web" / "ui"
PATIENCE_MS = 30_000
"""Generous: a shared machine is slow at times."""
_LISTEN = """
window.__reports = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__reports.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, without what a container lacks."""
    path = need.program("chromium", "chromium")
    return playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    )


class Seen:
    """What went wrong while a page was looked at."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.wrong: list[str] = []
        self.allowed: tuple[str, ...] = ()

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(allowed in text for allowed in self.allowed):
            self.wrong.append(f"console {kind}: {text}")

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"request elsewhere: {url}")


@contextmanager
def looking(
    browser: Browser, base: str, *, width: int = 1360, theme: str = "light", allowed: tuple[str, ...] = ()
) -> Iterator[Page]:
    """A page of a new visitor; at the end nothing may have gone wrong but what is `allowed`."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": 844 if width < 600 else 900},
        color_scheme=theme,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_init_script(_LISTEN)
    seen = Seen(base)
    seen.allowed = allowed
    seen.watch(page)
    try:
        yield page
        reports = page.evaluate("window.__reports")
        assert not seen.wrong, seen.wrong
        assert not reports, reports
    finally:
        context.close()


@cache
def _axe() -> str:
    path = UI / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        done = subprocess.run([sys.executable, UI / "hatch_build.py", "--packages"], check=False, timeout=300)
        if done.returncode != 0 or not path.exists():
            need.missing("axe-core could not be installed: it needs Node and the npm registry")
    return path.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now, everything that it has a rule for."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(f"{_axe()}; undefined")
    found = page.evaluate(
        """() => axe.run(document, {
             runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
             resultTypes: ["violations"],
           })"""
    )["violations"]
    return [
        f"{rule['id']}: {rule['help']}: " + json.dumps([node["html"][:300] for node in rule["nodes"][:3]])
        for rule in found
    ]
