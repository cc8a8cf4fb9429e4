"""The public status page: off by default, then no more than what is listed; badges that no name can turn into more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.web.helpers import ELSEWHERE, TOKENS, asking, assert_problem, bearer, cheap_hash, with_tokens

from auscult import Monitor, Reading
from auscult.config.settings import AuthSettings, Settings, StatusPageSettings, Token
from auscult.model import CheckResult, Status
from auscult.web.badges import badge
from auscult.web.public_bodies import DAYS, page_body

pytestmark = pytest.mark.anyio

BADGES = [f"{what}.{form}" for what in ("health", "uptime", "response-time") for form in ("svg", "json")]
PUBLIC = ["/status", "/api/v1/status-page", *(f"/badge/{name}/{what}" for name in ("stt", "system") for what in BADGES)]
FIELDS = {
    "": {"title", "description", "status", "message", "updated_at", "groups", "incidents", "announcements"},
    "groups": {"name", "status", "components"},
    "components": {"id", "name", "status", "since", "uptime_90d", "days"},
    "days": {"date", "status", "uptime"},
    "incidents": {"id", "kind", "title", "state", "components", "started_at", "ended_at", "updates"},
    "updates": {"at", "state", "text"},
    "announcements": {"id", "title", "text", "starts_at", "ends_at"},
}
"""Everything that the public may know."""


def page_settings(**page) -> Settings:
    token = Token(name="op", role="operator", hash=cheap_hash(TOKENS["operator"]))
    return Settings(auth=AuthSettings(tokens=(token,)), status_page=StatusPageSettings(enabled=True, **page))


def monitor_of(state_dir=None) -> Monitor:
    monitor = Monitor(state_dir=state_dir)
    monitor.health.register("stt", group="voice", labels={"team": "secret-team"}, runbook="https://wiki.internal/x")
    monitor.health.register("db", group="infra")
    monitor.health.register("loose")
    return monitor


async def test_it_is_off_until_the_configuration_says_otherwise():
    """Strangers get 401 as for everything else, others a sentence; nothing is public by accident."""
    monitor = monitor_of()
    async with asking(monitor, settings=with_tokens(), caller=ELSEWHERE) as client:
        for path in PUBLIC:
            assert_problem(await client.get(path), 401)
            assert "switched off" in assert_problem(await client.get(path, headers=bearer("viewer")), 404)["detail"]
    async with asking(monitor_of(), settings=page_settings(), caller=ELSEWHERE) as client:
        for path in PUBLIC:
            answer = await client.get(path, headers={"Host": "status.example"})
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/api/v1/incidents", "/api/v1/components", "/health/detailed", "/dashboards"):
            assert_problem(await client.get(path), 401)


async def test_it_shows_the_listed_fields_and_no_others(tmp_path):
    """However much is known: no message, label, runbook, figure; a snapshot of every key."""
    monitor = monitor_of(tmp_path)
    async with asking(monitor, settings=page_settings(), caller=ELSEWHERE) as client:
        for name in ("stt", "db", "loose"):
            for _ in range(3):
                await monitor.report_durably(name, Reading.unhealthy("password wrong for 10.1.2.3", secret_figure=5.0))
        headers = bearer("operator")
        await client.post(
            "/api/v1/incidents", json={"title": "Slow", "text": "we look", "components": ["stt"]}, headers=headers
        )
        await client.post(
            "/api/v1/incidents", json={"kind": "announcement", "title": "Soon", "text": "x"}, headers=headers
        )
        answer = await client.get("/api/v1/status-page")
        for private in ("password", "10.1.2.3", "secret_figure", "secret-team", "wiki.internal", "auscult", '"op"'):
            assert private not in answer.text, private

        def look(value, name):
            assert set(value) == FIELDS[name], name
            for key, inner in value.items():
                for item in inner if isinstance(inner, list) else ():
                    if isinstance(item, dict):
                        look(item, key)

        found = answer.json()
        look(found, "")
        assert found["groups"]
        assert found["incidents"]
        assert found["announcements"]
        page = await client.get("/status")
        for private in ("password", "10.1.2.3", "secret-team"):
            assert private not in page.text


async def test_groups_components_and_names_are_chosen():
    """What is not on the page does not exist, in badges and incidents neither."""
    chosen = {
        "groups": ("voice",),
        "components": ("loose",),
        "names": {"stt": "Hearing"},
        "group_names": {"voice": "Agents"},
    }
    async with asking(monitor_of(), settings=page_settings(title="Ours", **chosen), caller=ELSEWHERE) as client:
        found = (await client.get("/api/v1/status-page")).json()
        assert [(group["name"], [c["name"] for c in group["components"]]) for group in found["groups"]] == [
            ("Agents", ["Hearing"]),
            ("", ["loose"]),
        ]
        for what in BADGES:
            assert_problem(await client.get(f"/badge/db/{what}"), 404)
            assert_problem(await client.get(f"/badge/auscult/{what}"), 404)
        assert (await client.get("/badge/stt/health.json")).json()["label"] == "Hearing"
        assert (await client.get("/badge/system/health.json")).json()["label"] == "Ours"
        body = {"title": "x", "components": ["db", "stt"]}
        await client.post("/api/v1/incidents", json=body, headers=bearer("operator"))
        with anyio.fail_after(30):
            while not (told := (await client.get("/api/v1/status-page")).json()["incidents"]):
                await anyio.sleep(0.1)
        assert told[0]["components"] == ["Hearing"]


async def test_an_incident_goes_its_way(tmp_path):
    """Written by an operator, told in steps, resolved, kept over a restart, deleted."""
    op = bearer("operator")
    async with asking(monitor_of(tmp_path), settings=page_settings()) as client:
        made = await client.post("/api/v1/incidents", json={"title": "Slow", "text": "we look"}, headers=op)
        assert made.status_code == 201
        ident = made.json()["id"]
        for state in ("identified", "monitoring", "resolved"):
            answer = await client.post(
                f"/api/v1/incidents/{ident}/updates", json={"text": state, "state": state}, headers=op
            )
            assert answer.json()["state"] == state
        for body in ({}, {"title": ""}, {"title": "a\nb"}, {"title": "x", "kind": "party"}, {"title": "x", "more": 1}):
            assert_problem(await client.post("/api/v1/incidents", json=body, headers=op), 400)
        unknown = await client.post("/api/v1/incidents", json={"title": "x", "components": ["sst"]}, headers=op)
        assert "did you mean `stt`" in assert_problem(unknown, 400)["detail"]
        past = {"kind": "announcement", "title": "x", "ends_at": "2020-01-01T00:00:00Z"}
        assert_problem(await client.post("/api/v1/incidents", json=past, headers=op), 409)
        wrong = await client.post(f"/api/v1/incidents/{ident}/updates", json={"text": "x", "state": "done"}, headers=op)
        assert_problem(wrong, 400)
    async with asking(monitor_of(tmp_path), settings=page_settings()) as client:
        (kept,) = (await client.get("/api/v1/incidents", headers=op)).json()["incidents"]
        assert (kept["state"], len(kept["updates"])) == ("resolved", 4)
        assert kept["ends_at"] is not None
        (shown,) = (await client.get("/api/v1/status-page")).json()["incidents"]
        assert shown["updates"][0]["state"] == "resolved"
        assert (await client.delete(f"/api/v1/incidents/{ident}", headers=op)).status_code == 204
        assert (await client.get("/api/v1/status-page")).json()["incidents"] == []
        assert_problem(await client.delete(f"/api/v1/incidents/{ident}", headers=op), 404)


async def test_ninety_days_are_shown_with_what_is_known_of_each(tmp_path):
    """Counted from stored results; days without any are unknown, never green."""
    monitor = monitor_of(tmp_path)
    async with asking(monitor, settings=page_settings()) as client:
        now, day = monitor.clock.now_ms(), 86_400_000
        for ago, bad in ((0, 0), (1, 1), (2, 10)):
            for number in range(20):
                status = Status.UNHEALTHY if number < bad else Status.HEALTHY
                monitor.store.append(CheckResult("stt", status, now - ago * day - number, 0.01, 5.0))
        await anyio.to_thread.run_sync(monitor.store.flush)
        found = (await client.get("/api/v1/status-page")).json()
        stt = next(c for group in found["groups"] for c in group["components"] if c["id"] == "stt")
        assert len(stt["days"]) == DAYS == 90
        assert stt["days"][-1]["date"] == datetime.now(UTC).date().isoformat()
        known = [(each["status"], each["uptime"]) for each in stt["days"] if each["uptime"] is not None]
        assert sum(round(20 - up / 5) for _, up in known) == 11
        assert known[0] == ("unhealthy", 50.0)
        assert all(each["status"] == "unknown" for each in stt["days"][:80])
        assert stt["uptime_90d"] == pytest.approx(100 * 49 / 60)


@pytest.mark.parametrize("what", BADGES)
async def test_no_name_becomes_markup_in_a_badge(what):
    """The label is text whatever it says; the image may run nothing."""
    hostile = "</text></svg><script>alert(1)</script><svg onload='alert(1)'>\"&\x00\ud800"
    named = page_settings(names={"stt": hostile})
    async with asking(monitor_of(), settings=named, caller=ELSEWHERE) as client:
        answer = await client.get(f"/badge/stt/{what}")
        assert answer.status_code == 200
        if what.endswith(".json"):
            assert answer.headers["content-type"] == "application/json"
            assert set(answer.json()) == {"schemaVersion", "label", "message", "color"}
            return
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        root = ET.fromstring(answer.text)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "clipPath", "rect", "g", "text"}
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


@given(st.text(max_size=60), st.sampled_from(Status), st.none() | st.floats(0, 100), st.none() | st.floats(0, 1e6))
@settings(max_examples=100, deadline=None)
def test_any_text_makes_a_sound_image(name, status, uptime, ms):
    """It can be parsed, and says what it was given."""
    for what in ("health", "uptime", "response-time"):
        made = badge(what, name, status=status, uptime=uptime, window="24h", response_ms=ms)
        root = ET.fromstring(made.svg())
        assert root.tag.endswith("svg")
        assert made.color in ("green", "yellow", "red", "gray")
        assert re.fullmatch(r"\d+", root.attrib["width"])


@pytest.mark.parametrize(
    ("uptime", "message", "color"),
    [
        (100, "100 %", "green"),
        (99.999, "99.99 %", "green"),
        (99, "99 %", "green"),
        (97.5, "97.5 %", "yellow"),
        (None, "unknown", "gray"),
        (12.345, "12.34 %", "red"),
    ],
)
def test_uptime_is_never_rounded_up(uptime, message, color):
    """What failed once is not 100 %."""
    made = badge("uptime", "a", status=Status.HEALTHY, uptime=uptime, window="30d", response_ms=None)
    assert (made.message, made.color, made.label) == (message, color, "a uptime 30d")


def test_without_components_nothing_is_claimed():
    """An empty page is unknown."""
    found = page_body(StatusPageSettings(), [], {}, [], 1_700_000_000_000)
    assert (found.status, found.groups) == (Status.UNKNOWN, [])
