"""What happens on the server shows on the page while somebody looks; what somebody does on the page happens there."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.ui.browser import looking, violations
from tests.ui.site import Site, site_config
from tests.web.serving import eventually

from auscult.config.tokens import hash_token

pytestmark = [pytest.mark.xdist_group("ui"), pytest.mark.timeout(300), pytest.mark.slow]

GONE = ("Failed to load resource", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
"""What the browser itself writes about a server that is not there."""


@pytest.fixture
def overview(browser: Browser, site: Site):
    """The first page, everything mended."""
    for name in ("gateway", "agent", "speech", "archive"):
        site.push(name)
    with looking(browser, site.url.rstrip("/")) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
        yield page


def test_a_break_and_its_mending_show_live(overview: Page, site: Site):
    """Without a reload: the verdict names the component, its reason and cause, the alert appears; then all is well."""
    site.push("speech", "unhealthy", "the model does not answer")
    expect(overview.get_by_role("heading", level=1)).to_have_text("speech is unhealthy")
    expect(overview.locator(".verdict")).to_contain_text("the model does not answer")
    expect(overview.locator(".verdict")).to_contain_text("nobody yet")
    row = overview.locator(".row", has=overview.get_by_role("link", name="speech", exact=True))
    expect(row).to_contain_text("unhealthy for")
    card = overview.get_by_role("article", name=re.compile("component_unhealthy speech"))
    expect(card).to_contain_text("nobody has taken it on")
    expect(overview).to_have_title(re.compile("1 unhealthy"))
    expect(overview.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("^data:image/svg.*c62f35"))
    site.push("agent", "unhealthy", "cannot hear")
    expect(overview.locator(".verdict")).to_contain_text("takes agent with it")
    expect(overview.locator(".changes")).to_contain_text("speech is unhealthy")
    for name in ("speech", "agent"):
        site.push(name, message="answers again")
    expect(overview.get_by_role("heading", level=1)).to_have_text("Everything works")
    expect(card).to_have_count(0)
    expect(overview.locator(".changes")).to_contain_text("speech is healthy")


def test_what_follows_from_a_broken_component_is_one_line(overview: Page, site: Site):
    """The alert about the whole system stands below the cause and opens to all that can be done about it."""
    site.push("agent", "unhealthy", "cannot hear")
    expect(overview.get_by_role("article", name=re.compile("component_unhealthy agent"))).to_be_visible()
    following = overview.locator(".following", has_text="system_unhealthy")
    expect(following).to_contain_text("follows from the above")
    card = following.get_by_role("article")
    expect(card).to_be_hidden()
    assert not violations(overview)
    following.locator("summary").click()
    expect(card.get_by_role("button", name="Acknowledge")).to_be_visible()
    site.push("agent")
    expect(overview.get_by_role("heading", level=1)).to_have_text("Everything works")
    expect(following).to_have_count(0)


def test_an_alert_is_taken_on_noted_and_resolved_in_its_place(overview: Page, site: Site):
    """What the page sends is what the server holds; others see it without asking."""
    site.push("archive", "unhealthy", "the disk is full")
    alert = site.open_alert("archive")
    card = overview.get_by_role("article", name=re.compile("component_unhealthy archive"))
    card.get_by_role("button", name="Acknowledge").click()
    card.get_by_label("Note for the others").fill("I am on it")
    card.get_by_role("button", name="Take it on").click()
    expect(card).to_contain_text("took it on")
    expect(card).to_contain_text("I am on it")
    expect(overview.locator(".verdict")).to_contain_text("took it on")
    card.get_by_role("button", name="Note").click()
    card.get_by_role("textbox", name="Note").fill("ordered a larger one")
    card.get_by_role("button", name="Write it down").click()
    expect(card.get_by_role("textbox")).to_have_count(0)
    with site.api() as client:
        kinds = [change["kind"] for change in client.get(f"/api/v1/alerts/{alert['id']}").json()["changes"]]
        assert kinds[:3] == ["fired", "acknowledged", "noted"]
        client.post(f"/api/v1/alerts/{alert['id']}/unacknowledge", json={}).raise_for_status()
    expect(card).to_contain_text("nobody has taken it on")
    card.get_by_role("button", name="Resolve").click()
    card.get_by_label("What was done").fill("cleaned up")
    card.get_by_role("form").get_by_role("button", name="Resolve").click()
    expect(card).to_have_count(0)
    overview.goto(f"/#/alerts/{alert['id']}")
    expect(overview.locator(".life")).to_contain_text("cleaned up")
    site.push("archive")


def test_a_silence_is_previewed_set_and_ended(overview: Page, site: Site):
    """Before it is set, the page names the alerts it would keep quiet, and again when a condition changes."""
    site.push("gateway", "unhealthy", "no route")
    site.push("archive", "unhealthy", "no disk")
    site.open_alert("gateway")
    site.open_alert("archive")
    card = overview.get_by_role("article", name=re.compile("component_unhealthy gateway"))
    card.get_by_role("button", name="Silence").click()
    preview = card.locator(".preview")
    expect(preview).to_contain_text("Keeps 1 open alert quiet")
    expect(preview).to_contain_text("gateway")
    value = card.get_by_label("Value; * stands for anything").first
    value.fill("*")
    expect(preview).to_contain_text("Keeps 2 open alerts quiet")
    value.fill("gateway")
    expect(preview).to_contain_text("Keeps 1 open alert quiet")
    card.get_by_label("Why").fill("new cables")
    card.get_by_role("button", name="Set the silence").click()
    expect(card.get_by_role("form")).to_have_count(0)
    overview.goto("/#/alerts/silences")
    silence = overview.get_by_role("article", name="Silence: new cables")
    expect(silence).to_contain_text("component is gateway")
    silence.get_by_role("button", name="End").click()
    silence.get_by_role("button", name="Yes").click()
    expect(silence).to_have_count(0)
    with site.api() as client:
        assert client.get("/api/v1/silences").json()["silences"] == []


def test_a_component_is_checked_and_its_page_follows(browser: Browser, site: Site):
    """Figures, bars and results move on with each reading; `check now` answers, whatever it says."""
    with looking(browser, site.url.rstrip("/"), allowed=("Failed to load resource",)) as page:
        page.goto("/#/components/gateway")
        expect(page.get_by_role("heading", name="Response time", exact=True)).to_be_visible()
        expect(page.locator(".plot canvas").first).to_be_visible()
        site.push("gateway", "degraded", "three of four answer", response_time_ms=777)
        expect(page.locator(".component-reason")).to_contain_text("three of four answer")
        expect(page.locator(".figures")).to_contain_text("777 ms")
        expect(page.get_by_role("row").nth(1)).to_contain_text("three of four answer")
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_role("button", name="Check now")).to_be_enabled()
        expect(page.locator(".component-page")).to_contain_text("runbooks.example/gateway")
        site.push("gateway")


def test_a_channel_is_tested_and_its_outcome_told(browser: Browser, site: Site):
    """The button sends a test through the channel."""
    with looking(browser, site.url.rstrip("/")) as page:
        page.goto("/#/alerts/channels")
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_role("status").filter(has_text="The test was delivered")).to_be_visible()


def test_a_dashboard_is_made_changed_moved_exported_and_removed(browser: Browser, site: Site, tmp_path):
    """A new one, three panels, one set up, one moved, one wider, one dragged, one removed; then out, in, and gone."""
    with looking(browser, site.url.rstrip("/")) as page:
        page.goto("/#/dashboards")
        page.get_by_role("button", name="New dashboard").click()
        page.get_by_label("Title").fill("Night watch")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Edit Night watch")
        page.get_by_role("button", name=re.compile("^Success")).click()
        page.get_by_role("button", name=re.compile("^Note")).click()
        page.get_by_label("text", exact=True).fill("Call Ada first.")
        expect(page.locator(".panel", has_text="Call Ada first.")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Active Alerts")).click()
        page.get_by_role("button", name="Move Note before").click()
        page.get_by_role("button", name="Make Note wider").click()
        page.locator(".edited", has_text="Active Alerts").locator(".grip").drag_to(page.locator(".panel").first)
        expect(page.locator(".edited").first).to_contain_text("Active Alerts")
        page.get_by_role("button", name="Remove Active Alerts").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Night watch")
        expect(page.locator(".panel")).to_have_count(2)
        expect(page.locator(".panel").first).to_contain_text("Call Ada first.")
        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()
        file = tmp_path / "night.json"
        download.value.save_as(file)
        definition = json.loads(file.read_text())
        assert [panel["panel"] for panel in definition["panels"]] == ["text", "success-rates"]
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Dashboards")
        expect(page.get_by_text("Night watch")).to_have_count(0)
        page.get_by_label("File with a dashboard").set_input_files(file)
        expect(page.get_by_role("heading", level=1)).to_have_text("Night watch")
        expect(page.locator(".panel")).to_have_count(2)


def test_a_variable_chooses_what_the_panels_show(browser: Browser, site: Site):
    """Its options are the components; the choice stands in the address, so that it can be sent to somebody."""
    definition = {
        "title": "One component",
        "variables": [{"name": "part", "title": "Part", "query": "components"}],
        "panels": [{"id": "times", "panel": "response-times", "options": {"components": ["$part"]}}],
    }
    with looking(browser, site.url.rstrip("/")) as page, site.api() as client:
        made = client.post("/api/v1/dashboards", json=definition)
        made.raise_for_status()
        page.goto(f"/#/dashboards/{made.json()['id']}")
        legend = page.locator(".legend")
        expect(legend).to_contain_text("gateway")
        page.get_by_label("Part").select_option("speech")
        expect(legend).not_to_contain_text("gateway")
        expect(legend).to_contain_text("speech")
        expect(page).to_have_url(re.compile("var_part=speech"))
        page.get_by_role("group", name="Time range").get_by_role("button", name="24 h").click()
        expect(page).to_have_url(re.compile("range=24h"))
        page.reload()
        expect(legend).to_contain_text("speech")
        expect(legend).not_to_contain_text("gateway")


def test_somebody_elses_changes_are_not_overwritten(browser: Browser, site: Site):
    """A dashboard that was saved meanwhile: the page says so, and keeps what was typed."""
    with looking(browser, site.url.rstrip("/"), allowed=("Failed to load resource",)) as page, site.api() as client:
        made = client.post("/api/v1/dashboards", json={"title": "Shared", "panels": []}).json()
        page.goto(f"/#/dashboards/{made['id']}/edit")
        page.get_by_role("button", name=re.compile("^Success")).click()
        client.put(f"/api/v1/dashboards/{made['id']}", json=made | {"description": "theirs"}).raise_for_status()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Somebody else has saved this dashboard meanwhile")
        expect(page.locator(".edited")).to_have_count(1)
        page.get_by_role("button", name="Begin anew").click()
        expect(page.locator(".edited")).to_have_count(0)


def test_what_a_reload_would_change_is_told_and_done(browser: Browser, site: Site):
    """A component is added to the file: the page names it before, and has it after."""
    before = site.file.read_text()
    with looking(browser, site.url.rstrip("/"), allowed=("Failed to load resource",)) as page:
        site.file.write_text(before + '\n[components.newcomer]\ncheck = "push"\n')
        page.goto("/#/configuration")
        expect(page.locator(".plan")).to_contain_text("newcomer")
        page.get_by_role("button", name="Reload", exact=True).click()
        expect(page.get_by_role("status").filter(has_text="Done.")).to_be_visible()
        page.goto("/#/components/newcomer")
        expect(page.get_by_role("heading", level=1)).to_have_text("newcomer")
        site.file.write_text(before + '\n[components.wrong]\ncheck = "pusch"\n')
        page.goto("/#/configuration")
        expect(page.locator(".findings")).to_contain_text("push")
        expect(page.get_by_role("button", name="Reload", exact=True)).to_have_count(0)
    site.file.write_text(before)


def test_the_page_tells_the_truth_when_the_server_is_gone_and_comes_back_by_itself(browser: Browser, tmp_path):
    """The age grows, a banner says since when; after a restart everything is as it is now, without a reload."""
    first = Site(tmp_path)
    with looking(browser, f"http://127.0.0.1:{first.port}", allowed=GONE) as page:
        with first:
            first.fill()
            page.goto("/")
            expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
            page.evaluate("window.__mark = 'the same page'")
            assert first.end()[0] == 0
        expect(page.locator(".banner")).to_contain_text("has not answered since", timeout=60_000)
        expect(page.locator(".fresh")).to_have_class(re.compile("lost"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
        with first.again() as second:
            expect(page.locator(".banner")).to_have_count(0, timeout=60_000)
            second.push("speech", "unhealthy", "after the restart")
            expect(page.get_by_role("heading", level=1)).to_have_text("speech is unhealthy", timeout=60_000)
            assert page.evaluate("window.__mark") == "the same page"
            page.reload()
            expect(page.get_by_role("heading", level=1)).to_have_text("speech is unhealthy")


PEOPLE = "\n".join(
    f'[auth.users.{name}]\nrole = "{role}"\nhash = "{hash_token(f"{name} has a password")}"\n'
    for name, role in (("vera", "viewer"), ("otto", "operator"), ("ada", "admin"))
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory):
    """A server that wants to know who asks."""
    token = "the-tests-own-token"
    config = site_config(f'{PEOPLE}\n[auth.tokens.tests]\nrole = "admin"\nhash = "{hash_token(token)}"\n')
    with Site(tmp_path_factory.mktemp("guarded"), config, token=token) as running:
        running.fill()
        running.push("speech", "unhealthy", "down")
        running.open_alert("speech")
        yield running


def log_in(page: Page, name: str) -> None:
    """Through the form."""
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(f"{name} has a password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("speech is unhealthy")


def test_nobody_sees_anything_before_the_login(browser: Browser, guarded: Site):
    """A wrong password is told; no data is in the page; the status page stays public."""
    with looking(browser, guarded.url.rstrip("/"), allowed=("401",)) as page:
        page.goto("/#/alerts")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.get_by_text("speech")).to_have_count(0)
        assert violations(page) == []
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("not hers at all")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("do not fit together")
        page.goto("/status")
        expect(page.get_by_role("heading", level=1)).to_have_text("Example voice")
        expect(page.get_by_text("archive")).to_have_count(0)


@pytest.mark.parametrize(("name", "acts", "reloads"), [("vera", 0, 0), ("otto", 1, 0), ("ada", 1, 1)])
def test_roles_decide_what_is_offered(browser: Browser, guarded: Site, name: str, acts: int, reloads: int):
    """A viewer only looks, an operator acts, an admin reloads; logging out ends it."""
    with looking(browser, guarded.url.rstrip("/"), allowed=("401",)) as page:
        log_in(page, name)
        expect(page.locator(".person")).to_contain_text(name)
        card = page.get_by_role("article", name=re.compile("component_unhealthy speech"))
        expect(card).to_be_visible()
        expect(card.get_by_role("button", name=re.compile("Silence"))).to_have_count(acts)
        if name == "otto":
            card.get_by_role("button", name="Acknowledge").click()
            card.get_by_role("button", name="Take it on").click()
            expect(card).to_contain_text("otto took it on")
        page.goto("/#/dashboards/system_overview")
        expect(page.get_by_role("heading", level=1)).to_have_text("System Overview")
        expect(page.get_by_role("link", name="Edit")).to_have_count(acts)
        page.goto("/#/configuration")
        expect(page.get_by_role("heading", name="components", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="If it were read again now")).to_have_count(reloads)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.get_by_text("components")).to_have_count(0)


def test_a_session_that_was_ended_elsewhere_leads_to_the_login(browser: Browser, guarded: Site):
    """Logged out in one tab, the other asks for the password with its next request."""
    with looking(browser, guarded.url.rstrip("/"), allowed=("401", "Failed to load resource")) as page:
        log_in(page, "vera")
        other = page.context.new_page()
        other.goto("/")
        other.get_by_role("button", name="Log out").click()
        expect(other.get_by_role("button", name="Log in")).to_be_visible()
        page.bring_to_front()
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=60_000)
        eventually(lambda: page.get_by_text("speech").count() == 0)


def test_money_is_told_where_it_is_known(browser: Browser, tmp_path):
    """Not before somebody says what a call costs; in calm times and in trouble."""
    with Site(tmp_path) as site:
        site.fill()
        with looking(browser, site.url.rstrip("/")) as page:
            page.goto("/")
            expect(page.locator(".facts")).to_contain_text("Slowest")
            expect(page.locator(".facts")).not_to_contain_text("AI costs")
        for _ in range(3):
            site.push("speech", measurements={"cost_usd": 0.5})
        with site.api() as client:
            eventually(lambda: client.get("/api/v1/costs").json()["probes_usd"] == 1.5)
        with looking(browser, site.url.rstrip("/")) as page:
            page.goto("/")
            expect(page.locator(".facts")).to_contain_text("AI costs, 1 h$1.50")
            site.push("archive", "unhealthy", "the disk is full")
            expect(page.locator(".facts")).to_contain_text("$1.50 in the last hour")


def test_older_deliveries_are_a_page_away(browser: Browser, tmp_path):
    """A hundred at a time, each once; the address leads back to where somebody was."""
    with Site(tmp_path) as site:
        posted = [
            {"labels": {"alertname": "Flood", "instance": f"db{n}"}, "annotations": {"summary": "gone"}}
            for n in range(150)
        ]
        with site.api() as client:
            client.post("/api/v2/alerts", json=posted).raise_for_status()
            eventually(lambda: len(client.get("/api/v1/deliveries?limit=500").json()["deliveries"]) == 150)
        with looking(browser, site.url.rstrip("/")) as page:
            page.goto("/#/alerts/deliveries")
            rows = page.locator("tbody tr td:nth-child(3) a")
            expect(rows).to_have_count(100)
            first = {link.get_attribute("href") for link in rows.all()}
            pages = page.get_by_role("navigation", name="Pages of deliveries")
            expect(pages.get_by_role("button", name="Newest")).to_be_disabled()
            pages.get_by_role("button", name="Older").click()
            expect(rows).to_have_count(50)
            second = {link.get_attribute("href") for link in rows.all()}
            assert not first & second
            assert len(first | second) == 150
            expect(pages.get_by_role("button", name="Older")).to_be_disabled()
            page.reload()
            expect(rows).to_have_count(50)
            assert not violations(page)
            pages.get_by_role("button", name="Newest").click()
            expect(rows).to_have_count(100)
