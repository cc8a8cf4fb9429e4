"""Whatever components, alerts, people and panels say is shown as text, and nothing of it ever runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, expect
from tests.ui.browser import looking
from tests.ui.site import Site

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'-alert(1)-'",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<style>@import 'http://192.0.2.1/x.css'</style>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "<meta http-equiv=refresh content=0;url=http://192.0.2.1/>",
    "<!--<img src='--><img src=x onerror=alert(1)>",
    "\u202e<b onmouseover=alert(1)>txt.exe</b>\u2028alert(1)",
]
SPACE = r"[\s\u202e]"
"""What no address has in it: the configuration refuses it."""
UI = Path(__file__).parents[2] / "core" / "auscult" / "web" / "ui" / "src"


def quoted(text: str) -> str:
    """As a basic string of TOML, in which a dollar sign is one."""
    return json.dumps(text).replace("$", "$$")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory):
    """A payload in every string that can reach the page."""
    parts = [
        f'[components.victim-{n}]\ncheck = "push"\ngroup = {quoted(text)}\ntype = {quoted(text)}\n'
        f"runbook = {quoted('https://books.example/?' + re.sub(SPACE, '+', text))}\n"
        f"labels = {{ note = {quoted(text)} }}\n"
        for n, text in enumerate(PAYLOADS)
    ]
    everything = " ".join(PAYLOADS)
    names = ", ".join(f"victim-{n} = {quoted(text)}" for n, text in enumerate(PAYLOADS))
    page = (
        f"[status_page]\nenabled = true\ntitle = {quoted(everything[:150])}\ndescription = {quoted(everything)}\n"
        f"names = {{ {names} }}\n"
    )
    defaults = '[defaults]\ninterval = "10m"\nfailures = 1\n'
    channel = '[channels.ops]\nchannel = "webhook"\nwebhook_url = "http://127.0.0.1:9/<script>alert(1)</script>"\n'
    config = "\n".join([defaults, *parts, channel, page])
    with Site(tmp_path_factory.mktemp("hostile"), config) as site, site.api() as client:
        for n, text in enumerate(PAYLOADS):
            site.push(f"victim-{n}", "healthy", text)
            site.push(f"victim-{n}", "unhealthy", text)
        first = site.open_alert("victim-0")
        for text in PAYLOADS:
            client.post(f"/api/v1/alerts/{first['id']}/note", json={"note": text}).raise_for_status()
            silence = {
                "matchers": [{"name": "component", "value": text.replace("*", "")[:200]}],
                "ends_at": "2199-01-01T00:00:00Z",
                "comment": text,
            }
            client.post("/api/v1/silences", json=silence).raise_for_status()
            incident = {"kind": "incident", "title": text, "text": text, "components": ["victim-0"]}
            client.post("/api/v1/incidents", json=incident).raise_for_status()
            note = {"kind": "announcement", "title": text, "text": text, "components": []}
            client.post("/api/v1/incidents", json=note).raise_for_status()
        client.post(f"/api/v1/alerts/{first['id']}/acknowledge", json={"note": everything[:1500]}).raise_for_status()
        panels = [
            {"id": f"p{n}", "title": text, "description": text, "panel": "text", "options": {"text": text}}
            for n, text in enumerate(PAYLOADS)
        ]
        variables = [
            {"name": "v", "title": PAYLOADS[0], "query": "", "options": PAYLOADS, "default": ""},
        ]
        body = {"title": everything[:150], "description": everything[:500], "panels": panels, "variables": variables}
        made = client.post("/api/v1/dashboards", json=body)
        made.raise_for_status()
        yield site, first["id"], made.json()["id"]


PLACES = [
    "/#/",
    "/#/components/victim-0",
    "/#/components/victim-8",
    "/#/alerts",
    "/#/alerts/ALERT",
    "/#/alerts/history",
    "/#/alerts/silences",
    "/#/alerts/deliveries",
    "/#/alerts/channels",
    "/#/alerts/who",
    "/#/dashboards",
    "/#/dashboards/BOARD",
    "/#/dashboards/BOARD/edit",
    "/#/dashboards/system_overview",
    "/#/dashboards/api_performance",
    "/#/plugins",
    "/#/configuration",
    "/status",
]

CALM = {"/#/plugins", "/#/dashboards/api_performance", "/#/alerts/deliveries", "/#/alerts/channels"}
"""Pages that none of the strings has a place on."""


@pytest.mark.parametrize("place", PLACES)
def test_payloads_are_shown_as_text(browser: Browser, hostile, place: str):
    """No dialog, no report of the policy, no element or handler that is not ours, no link but http(s) or our own."""
    site, alert, board = hostile
    with looking(browser, site.url.rstrip("/")) as page:
        page.goto(place.replace("ALERT", alert).replace("BOARD", board))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        if place not in CALM:
            expect(page.locator("body")).to_contain_text(re.compile(r"alert\(1\)"))
        for details in page.locator("main details > summary").all()[:8]:
            details.click()
        for bars in page.get_by_role("slider").all()[:3]:
            bars.hover()
        found = page.evaluate(
            """() => {
              const all = [...document.querySelectorAll("*")];
              return {
                foreign: all.filter((e) => ["IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "MARQUEE", "MATH"]
                  .includes(e.tagName) || (e.tagName === "SCRIPT" && !e.src) || (e.tagName === "IMG")
                  || (e.tagName === "META" && e.httpEquiv)).map((e) => e.outerHTML.slice(0, 200)),
                handlers: all.filter((e) => [...e.attributes].some((a) => a.name.startsWith("on")))
                  .map((e) => e.outerHTML.slice(0, 200)),
                links: [...document.querySelectorAll("[href]:not(link[rel=icon]), [src], [action], [formaction]")]
                  .map((e) => e.getAttribute("href") ?? e.getAttribute("src") ?? "")
                  .filter((address) => !/^(#|\\/|https?:)/.test(address)),
              };
            }"""
        )
        assert found == {"foreign": [], "handlers": [], "links": []}


def test_a_route_that_is_no_route_is_harmless(browser: Browser, hostile):
    """What stands behind the `#` comes from whoever sent the link."""
    site, *_ = hostile
    for payload in (
        "/#/components/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "/#/%3Cscript%3E",
        "/#/alerts/%00%2f..",
        "/#/%E0%A4%A",
    ):
        with looking(browser, site.url.rstrip("/"), allowed=("404", "400")) as page:
            page.goto(payload)
            expect(page.locator("main")).not_to_be_empty()


def test_the_browser_itself_refuses_markup_made_of_a_string(browser: Browser, hostile):
    """Should ever a line of ours or of a library try: trusted types are asked for, and there are none."""
    site, *_ = hostile
    page = browser.new_page()
    for path in ("/", "/status"):
        page.goto(f"{site.url.rstrip('/')}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for line in ("document.body.innerHTML = '<b>bold</b>'", "document.write('x')", "setTimeout('x = 1')"):
            with pytest.raises(Error, match=r"TrustedHTML|TrustedScript"):
                page.evaluate(f"() => {{ {line} }}")
    page.close()


def test_the_sources_never_make_markup_of_text():
    """Nothing in our own sources that turns a string into elements, code or styles."""
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|createContextualFragment|"
        r"DOMParser|srcdoc|\beval\(|new Function|setAttribute\(|javascript:"
    )
    files = [path for path in UI.rglob("*") if path.suffix in (".ts", ".tsx", ".html")]
    assert len(files) > 40
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not banned.search(line), f"{path.name}:{number}: {line.strip()}"


def test_the_sources_name_no_address_elsewhere():
    """No font, script or picture from anywhere; names of XML namespaces are no addresses."""
    for path in UI.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://[a-z0-9]", text), path.name
            assert path.suffix != ".css" or "url(" not in text, path.name
