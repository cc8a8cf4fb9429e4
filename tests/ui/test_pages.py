"""Every page, at desk and on the phone, light and dark, with data from a running server: whole, accessible, quiet."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.ui.browser import looking, violations
from tests.ui.site import Site

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

PAGES = {
    "/#/": "Everything works|(is|are) (unhealthy|degraded)",
    "/#/components/gateway": "gateway",
    "/#/alerts": "Alerts",
    "/#/alerts/history": "Alerts",
    "/#/alerts/silences": "Alerts",
    "/#/alerts/deliveries": "Alerts",
    "/#/alerts/channels": "Alerts",
    "/#/alerts/who": "Alerts",
    "/#/dashboards": "Dashboards",
    "/#/dashboards/system_overview": "System Overview",
    "/#/dashboards/api_performance": "API Performance",
    "/#/dashboards/ai_services": "AI Services",
    "/#/dashboards/infrastructure": "Infrastructure",
    "/#/dashboards/system_overview/edit": "Edit System Overview",
    "/#/plugins": "Plugins",
    "/#/configuration": "Configuration",
    "/status": "Example voice",
}
WIDTHS = {"desk": 1360, "phone": 390}


@pytest.fixture(scope="module")
def busy(site: Site) -> Site:
    """One component is broken, its alert open, a silence set: every part of the pages has something to show."""
    site.push("speech", "unhealthy", "the model does not answer")
    site.open_alert("speech")
    with site.api() as client:
        matchers = [{"name": "component", "value": "archive"}]
        body = {"matchers": matchers, "ends_at": "2199-01-01T00:00:00Z", "comment": "moving disks"}
        client.post("/api/v1/silences", json=body).raise_for_status()
    return site


def whole(page: Page) -> None:
    """Everything that was asked for is there, and the page is no wider than its window."""
    expect(page.locator(".loading")).to_have_count(0)
    expect(page.locator(".fault")).to_have_count(0)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px wider than the window"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_accessible(browser: Browser, busy: Site, path: str):
    """No error, no report, no request elsewhere, nothing cut off; axe-core finds nothing, in either theme and width."""
    with looking(browser, busy.url.rstrip("/")) as page:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(PAGES[path]))
        for width in WIDTHS.values():
            page.set_viewport_size({"width": width, "height": 860})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                whole(page)
                assert violations(page) == [], (width, theme)


def test_forms_are_accessible_and_give_the_focus_back(browser: Browser, busy: Site):
    """Each form in an alert, the silence, a new dashboard, a panel's options: axe-core finds nothing; Escape closes."""
    with looking(browser, busy.url.rstrip("/"), width=390) as page:
        page.goto("/#/alerts")
        card = page.get_by_role("article", name=re.compile("component_unhealthy speech"))
        for name in ("Acknowledge", "Silence", "Resolve", "Note"):
            card.get_by_role("button", name=name, exact=True).click()
            expect(card.get_by_role("form")).to_be_visible()
            expect(card.locator("form input:focus")).to_have_count(1)
            assert violations(page) == [], name
            page.keyboard.press("Escape")
            expect(card.get_by_role("form")).to_have_count(0)
            expect(card.get_by_role("button", name="Acknowledge")).to_be_focused()
        page.goto("/#/dashboards")
        page.get_by_role("button", name="New dashboard").click()
        expect(page.get_by_label("Title")).to_be_focused()
        assert violations(page) == []
        page.goto("/#/dashboards/system_overview/edit")
        page.get_by_text("Title, time range, variables").click()
        page.get_by_role("button", name="Add a variable").click()
        page.get_by_role("button", name="Set up").nth(1).click()
        expect(page.locator(".edit-form")).to_be_visible()
        assert violations(page) == []


def test_the_first_view_is_small_and_soon_there(browser: Browser, busy: Site):
    """At most 100 KB over the wire in all, data included, and something is painted before the data is there."""
    with looking(browser, busy.url.rstrip("/")) as page:
        sizes: dict[str, int] = {}
        page.on("requestfinished", lambda r: sizes.__setitem__(r.url, r.sizes()["responseBodySize"]))
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_timeout(500)
        page_and_parts = {url: size for url, size in sizes.items() if "/api/" not in url}
        assert 3 <= len(page_and_parts) <= 14
        assert sum(sizes.values()) <= 100_000, sizes
        paint = page.evaluate("performance.getEntriesByType('paint').map((entry) => entry.startTime)")
        assert paint, "nothing was painted"


def test_everything_works_by_keyboard_alone(browser: Browser, busy: Site):
    """Skip link, places, bars and their words, an alert's form: in the order of the page, with a visible focus."""
    with looking(browser, busy.url.rstrip("/")) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("speech")
        page.keyboard.press("Tab")
        expect(page.get_by_text("To the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        bars = page.get_by_role("slider", name="Recent results of speech")
        for _ in range(60):
            page.keyboard.press("Tab")
            if bars.evaluate("(element) => element === document.activeElement"):
                break
        expect(bars).to_be_focused()
        assert bars.evaluate("(element) => getComputedStyle(element).outlineStyle") == "solid"
        expect(bars).to_have_attribute("aria-valuetext", re.compile("unhealthy.*the model does not answer"))
        expect(page.locator(".tip")).to_contain_text("the model does not answer")
        page.keyboard.press("ArrowLeft")
        expect(bars).to_have_attribute("aria-valuetext", re.compile("healthy.*answers as it should"))
        page.keyboard.press("Escape")
        expect(page.locator(".tip")).to_have_count(0)


def test_times_are_the_viewers_and_exact_on_request(browser: Browser, busy: Site):
    """In the zone of the browser, with the whole truth in the title and for machines."""
    with looking(browser, busy.url.rstrip("/")) as page:
        page.goto("/#/components/speech")
        time = page.locator(".component-title time").first
        expect(time).to_have_attribute("title", re.compile(r"\d{4}.*\d\d:\d\d:\d\d[.,]\d{3}.*(CET|CEST|GMT\+[12])"))
        expect(time).to_have_attribute("datetime", re.compile(r"Z$"))


def test_a_state_is_never_told_by_colour_alone(browser: Browser, busy: Site):
    """Each state has its word beside its sign, and its bars their height."""
    with looking(browser, busy.url.rstrip("/")) as page:
        page.goto("/")
        row = page.locator(".row", has_text="speech").first
        expect(row).to_contain_text("unhealthy")
        shapes = page.locator(".row .sign").evaluate_all("(all) => all.map((s) => [s.classList[1], s.innerHTML])")
        assert len({shape for _, shape in shapes}) == len({status for status, _ in shapes}) > 1
        expect(row.locator(".beat.is-unhealthy").first).to_be_attached()  # bars are asked for after the rest
        tops = row.locator(".beat").evaluate_all("(all) => all.map((bar) => [bar.classList[1], bar.getBBox().height])")
        heights = {status: height for status, height in tops if status != "is-none"}
        assert heights["is-unhealthy"] > heights["is-healthy"]


def test_two_hundred_components_stay_smooth(browser: Browser, tmp_path):
    """A wall of them is drawn, and goes on being drawn while all of them report."""
    many = "\n".join(f'[components.part-{n:03}]\ncheck = "push"\ngroup = "hall {n // 25}"\n' for n in range(200))
    config = f'[defaults]\ninterval = "10m"\nfailures = 1\n{many}'
    with Site(tmp_path, config) as wall, wall.api() as client, looking(browser, wall.url.rstrip("/")) as page:
        report = [(client.post, f"/api/v1/components/part-{n:03}/readings") for n in range(200)]
        for post, path in report:
            post(path, json={"message": "fine"})
        page.goto("/")
        expect(page.locator(".row")).to_have_count(201)
        page.evaluate(
            """() => {
              window.__gaps = [];
              let last = performance.now();
              const tick = (now) => { window.__gaps.push(now - last); last = now; requestAnimationFrame(tick); };
              requestAnimationFrame(tick);
            }"""
        )
        for post, path in report:
            post(path, json={"status": "degraded", "message": "slow today"})
        expect(page.locator(".row.is-degraded")).to_have_count(200)
        gaps = sorted(page.evaluate("window.__gaps"))
        assert gaps[len(gaps) // 2] < 200, f"half of the frames took longer than {gaps[len(gaps) // 2]:.0f} ms"
