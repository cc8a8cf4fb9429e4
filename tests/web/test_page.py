"""The first page and the API's page: whatever components say is shown as text, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from functools import partial
from html.parser import HTMLParser

import pytest
from tests.web import helpers

from auscult import Component, Monitor, Reading
from auscult.errors import ConfigurationError
from auscult.runtime.function import FunctionCheck

pytestmark = pytest.mark.anyio

asking = partial(helpers.asking, built_page=False)
"""The page of those who have not built the other one."""

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "<!--",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "</td></tr></table><h1>owned</h1>",
]
OURS = {
    "html",
    "head",
    "meta",
    "title",
    "link",
    "script",
    "noscript",
    "body",
    "main",
    "header",
    "div",
    "span",
    "h1",
    "h2",
    "p",
    "dl",
    "dt",
    "dd",
    "small",
    "code",
    "a",
    "section",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "time",
    "svg",
    "rect",
    "footer",
}


class Page(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def assert_harmless(text: str) -> Page:
    """Only elements that we write, no inline script or style, no handler, no address that is not ours."""
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag in OURS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("href", "src"):
                assert not re.match(r"(?i)\s*(javascript|vbscript|https?|//)", value or ""), value
        if tag == "script":
            assert attributes.get("src"), "an inline script"
    return page


async def show(reading, **keys):
    """The page and its live part for a component that says `reading`."""
    keys = {"name": "victim"} | keys
    monitor = Monitor([Component(check=FunctionCheck(function=lambda: reading), **keys)])
    async with asking(monitor) as client:
        for _ in range(2):
            await client.post("/api/v1/components/victim/check")
        for path in ("/", "/fragment"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            yield answer


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_messages_groups_and_types_are_shown_as_text(hostile):
    """In the table, in the bars' titles, in the headline: as it was said, and as nothing but text."""
    for reading in (Reading.unhealthy(hostile), Reading.degraded(hostile), Reading.healthy(hostile)):
        async for answer in show(reading, group=hostile, type=hostile, labels={"a": hostile}, runbook=hostile):
            assert hostile in assert_harmless(answer.text).text


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_names_registered_in_code_are_shown_as_text(hostile):
    """Configuration and `register` refuse such names; whoever makes components by hand harms nobody either."""
    with pytest.raises(ConfigurationError):
        Monitor().health.register(hostile, check=lambda: True)
    check = FunctionCheck(function=lambda: Reading.unhealthy("down"))
    monitor = Monitor([Component(name=hostile, check=check, depends_on=(hostile,))])
    async with asking(monitor) as client:
        for path in ("/", "/fragment"):
            assert hostile in assert_harmless((await client.get(path)).text).text


async def test_the_pages_headers_forbid_scripts_from_elsewhere():
    """A content security policy without exceptions, no sniffing, no referrer, no framing, no caching."""
    async with asking() as client:
        for path in ("/", "/fragment", "/api/docs", "/health/detailed", "/metrics"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"


async def test_everything_a_page_refers_to_is_served_by_us():
    """Style, script and links: relative, and there."""
    async with asking() as client:
        for page in ("/", "/api/docs"):
            for _, attributes in assert_harmless((await client.get(page)).text).elements:
                for name in ("href", "src"):
                    address = attributes.get(name)
                    if address and not address.startswith("data:"):
                        found = await client.get(str(client.base_url.join(page).join(address)))
                        assert found.status_code in (200, 503), (page, address)


async def test_the_page_script_and_style_name_no_other_address():
    """Works offline: nothing in them is loaded from anywhere else."""
    async with asking() as client:
        for path in ("/static/live.js", "/static/style.css"):
            text = (await client.get(path)).text
            assert not re.search(r"https?://|//cdn|@import|url\((?!['\"]?data:)", text), path


async def test_a_thousand_components_make_a_page():
    """A wall of components is a table still, without the bars."""
    monitor = Monitor([Component(name=f"c{n}", check=FunctionCheck(function=lambda: True)) for n in range(1000)])
    async with asking(monitor) as client:
        page = assert_harmless((await client.get("/")).text)
        assert sum(tag == "tr" for tag, _ in page.elements) >= 1000


async def test_the_page_says_before_the_first_verdict_that_it_knows_nothing():
    """No invented health."""
    monitor = Monitor([Component(name="c", check=FunctionCheck(function=lambda: True), interval=3600)])
    monitor.health.register("d", check=lambda: True)
    async with asking(monitor) as client:
        if monitor.summary().last_check is None:
            assert "All is well" not in (await client.get("/")).text
