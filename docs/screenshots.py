"""Takes the pictures of the page in the documentation: the demo's components, watched for a while, then one broken.

    python docs/screenshots.py                 all of them, into docs/images/
    python docs/screenshots.py --seconds 20    after a shorter while
    python docs/screenshots.py --only overview those whose name begins so

Each page is taken at a desk's and at a phone's width, light and dark. Needs the test group (Playwright), a Chromium and
`contrib/auscult-rehearsal`; what runs for it ends with it.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from auscult.config.tokens import hash_token
from auscult_rehearsal.client import running_stack
from auscult_rehearsal.configuration import demo_configuration

IMAGES = Path(__file__).parent / "images"
PAGES = {
    "component": "/#/components/tts_client?range=15m",
    "alerts": "/#/alerts",
    "silence": "/#/alerts",
    "dashboards": "/#/dashboards",
    "system-overview": "/#/dashboards/system_overview?range=15m",
    "api-performance": "/#/dashboards/api_performance?range=15m",
    "ai-services": "/#/dashboards/ai_services?range=15m",
    "infrastructure": "/#/dashboards/infrastructure?range=15m",
    "edit": "/#/dashboards/system_overview/edit",
    "plugins": "/#/plugins",
    "configuration": "/#/configuration",
    "status": "/status",
    "overview": "/#/",  # last: it has been broken for a while then
}
AGENT = """
[sources.agent]
source = "prometheus-scrape"
url = "{url}/metrics"
interval = "5s"
"""
SIZES: dict[str, ViewportSize] = {"desk": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STATUS_PAGE = """
[status_page]
enabled = true
title = "Example voice agents"
description = "How the parts of our agents are, right now and over the last 90 days."
groups = ["voice", "rooms"]
names = { stt_client = "Speech recognition", llm_client = "Language model", tts_client = "Voice", livekit = "Calls" }
"""
BUSY = "threshold = { cpu_usage_percent = 100 }  # a browser takes pictures meanwhile\n"
TITLE = '[auth.users.ada]\nrole = "operator"\nhash = "{hash}"\n'


@contextmanager
def serving(directory: Path, config: str) -> Iterator[str]:
    """A server for `config`; gives its address."""
    directory.mkdir()
    file = directory / "auscult.toml"
    file.write_text(config, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "auscult",
        "serve",
        "--config",
        file,
        "--port",
        "0",
        "--state-dir",
        directory / "s",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"listening on (http://\S+)", line):
                log = (directory / "log").open("w")
                subprocess.Popen(["cat"], stdin=server.stdout, stdout=log)  # else it blocks when the pipe is full
                yield found[1].rstrip("/")
                return
        raise SystemExit("the server did not come up")
    finally:
        server.terminate()
        server.wait(20)


def ask(url: str, body: Any = None) -> Any:
    """What an address answers, 503 included."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            return json.load(reply)
    except urllib.error.HTTPError as error:
        return json.load(error)


def until(look: Callable[[], Any], seconds: float = 90) -> Any:
    """What `look` gives once it is true; gives up in the end, and takes the picture as it is."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def all_healthy(base: str) -> bool:
    """Every component, the monitor itself included: a busy machine has it late at its start."""
    return all(each["status"] == "healthy" for each in ask(f"{base}/api/v1/components")["components"])


def take(browser: Browser, base: str, name: str, path: str, only: str) -> None:
    """One page at both widths, in both themes."""
    if not name.startswith(only):
        return
    context = browser.new_context(base_url=base, locale="en-GB")
    page = context.new_page()
    page.set_viewport_size(SIZES["desk"])
    page.goto(path)
    page.get_by_role("heading", level=1).first.wait_for()
    page.wait_for_timeout(1500)
    if name == "silence":
        page.get_by_role("button", name="Silence", exact=True).first.click()
        page.get_by_label("Why").fill("The vendor is mending it")
    page.mouse.move(0, 0)
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(500)
            (IMAGES / f"{name}-{size}-{theme}.webp").write_bytes(picture(page))
    context.close()


def picture(page: Page) -> bytes:
    """What is seen, as WebP: a third of a PNG's size."""
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
    return base64.b64decode(shot["data"])


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--only", default="")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    wanted = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="auscult-pictures-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=wanted.chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        with running_stack(Path(folder) / "stack", clips_only=True, talk=True) as control:
            state = control.status()
            config = demo_configuration(state["components"]) + BUSY + AGENT.format(url=state["agent"]) + STATUS_PAGE
            with serving(Path(folder) / "demo", config) as base:
                time.sleep(wanted.seconds)
                until(lambda: all_healthy(base), 300)
                take(browser, base, "calm", "/#/", wanted.only)
                control.break_("tts", "silent")
                until(lambda: ask(f"{base}/api/v1/alerts?component=tts_client&status=active")["alerts"])
                incident = {"kind": "incident", "title": "Calls without a voice", "components": ["tts_client"]}
                ask(f"{base}/api/v1/incidents", incident | {"text": "Callers hear nothing. We are looking into it."})
                for name, path in PAGES.items():
                    take(browser, base, name, path, wanted.only)
        hashed = hash_token("a password of hers")
        with serving(Path(folder) / "login", TITLE.format(hash=hashed)) as base:
            take(browser, base, "login", "/", wanted.only)
        browser.close()


if __name__ == "__main__":
    main()
