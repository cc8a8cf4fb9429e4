"""Login through a provider: a real flow over HTTP, and everything that must not let anybody in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from tests.servers.oidc import Provider
from tests.web.helpers import ELSEWHERE, asking

from auscult import Monitor
from auscult.config.settings import AuthSettings, OidcTable, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider():
    with Provider() as running:
        yield running


def settings_for(provider: Provider, **options) -> Settings:
    oidc = OidcTable(
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        roles={"sre": "operator", "boss": "admin"},
        **options,
    )
    return Settings(auth=AuthSettings(oidc=oidc))


async def go_there(client: httpx.AsyncClient) -> str:
    """To the provider and back to the address it names, without asking that."""
    away = await client.get("/login/oidc")
    assert away.status_code == 303, away.text
    async with httpx.AsyncClient() as browser:
        found = await browser.get(away.headers["location"])
    assert found.status_code == 302
    return found.headers["location"]


async def log_in(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(await go_there(client))


async def test_a_person_logs_in_and_gets_the_role_of_a_group(provider):
    """The whole flow; the session is as one made with a password, and a stranger elsewhere may use it."""
    async with asking(settings=settings_for(provider), caller=ELSEWHERE) as client:
        asked = (await client.get("/api/v1/session")).json()
        assert asked["login"] == {"password": False, "oidc": "Single sign-on"}
        assert (await client.get("/dashboards")).status_code == 401
        answer = await log_in(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("auscult_session="))
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        found = (await client.get("/api/v1/session")).json()
        assert (found["name"], found["role"], found["via"]) == ("ada", "operator", "session")
        assert (await client.get("/dashboards")).status_code == 200
        headers = {"X-CSRF-Token": found["csrf"]}
        assert (await client.post("/api/v1/components/a/check", headers=headers)).status_code == 200
        assert (await client.post("/-/reload", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "http://somebody.else"},
        {"aud": "another-client"},
        {"exp": 1},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"iat": 4_000_000_000},
        {"aud": ["auscult", "other"], "azp": "other"},
    ],
)
async def test_an_id_token_with_a_wrong_claim_lets_nobody_in(provider, change):
    """Issuer, audience, times, nonce: each by itself."""
    provider.change = change
    async with asking(settings=settings_for(provider)) as client:
        answer = await log_in(client)
        assert answer.headers["location"] == "/?login_error=failed"
        assert not (await client.get("/api/v1/session")).json()["authenticated"]


@pytest.mark.parametrize("sign_with", ["other", "secret", "none"])
async def test_a_signature_of_somebody_else_lets_nobody_in(provider, sign_with):
    """A key that was not published, the client's secret, no signature at all."""
    provider.sign_with = sign_with
    async with asking(settings=settings_for(provider)) as client:
        assert (await log_in(client)).headers["location"] == "/?login_error=failed"
        assert not (await client.get("/api/v1/session")).json()["authenticated"]


async def test_a_code_is_good_once_and_for_the_browser_that_was_sent_away(provider):
    """Somebody who is handed the address of another's return, and a return that comes twice."""
    async with asking(settings=settings_for(provider)) as client:
        address = await go_there(client)
        kept = dict(client.cookies)
        client.cookies.clear()
        assert (await client.get(address)).headers["location"] == "/?login_error=failed"
        client.cookies.update(kept)
        assert (await client.get(address)).headers["location"] == "/?login_error=failed", "it was used up"
        assert (await client.get("/login/oidc/callback?code=x")).headers["location"] == "/?login_error=failed"
        client.cookies.clear()
        address = await go_there(client)
        assert (await client.get(address)).headers["location"] == "/"
        assert (await client.get(address)).headers["location"] == "/?login_error=failed"


async def test_the_way_leads_home_and_nowhere_else(provider):
    """Whatever is added to the address; and the provider is asked with PKCE, state and nonce."""
    async with asking(settings=settings_for(provider)) as client:
        away = await client.get("/login/oidc?next=https://evil.example&redirect_uri=https://evil.example")
        query = parse_qs(urlsplit(away.headers["location"]).query)
        assert query["redirect_uri"] == ["http://127.0.0.1:8420/login/oidc/callback"]
        assert query["code_challenge_method"] == ["S256"]
        assert all(len(query[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))
        assert (await client.get(f"{await go_there(client)}&next=//evil.example")).headers["location"] == "/"


async def test_who_is_refused_is_told_why(provider):
    """The provider says no; nobody gave a role; the provider is gone."""
    async with asking(settings=settings_for(provider)) as client:
        provider.refuse = "access_denied"
        assert (await log_in(client)).headers["location"] == "/?login_error=denied"
        provider.refuse, provider.claims = "", {"sub": "7", "groups": ["guests"]}
        assert (await log_in(client)).headers["location"] == "/?login_error=no_role"
    gone = OidcTable(issuer="http://127.0.0.1:9", client_id="x")
    async with asking(settings=Settings(auth=AuthSettings(oidc=gone))) as client:
        assert (await client.get("/login/oidc")).headers["location"] == "/?login_error=failed"
    async with asking(settings=Settings()) as client:
        assert (await client.get("/login/oidc")).status_code == 404


async def test_roles_follow_the_configuration_at_once(provider):
    """A mapping that is changed or taken out counts with the next request; so does another provider."""
    monitor = Monitor()
    async with asking(monitor, settings=settings_for(provider, default_role="viewer")) as client:
        await log_in(client)
        assert (await client.get("/api/v1/session")).json()["role"] == "operator"
        oidc = monitor.settings.auth.oidc
        changed = msgspec.structs.replace(oidc, roles={"staff": "admin"})
        monitor.settings = Settings(auth=AuthSettings(oidc=changed))
        assert (await client.get("/api/v1/session")).json()["role"] == "admin"
        monitor.settings = Settings(auth=AuthSettings(oidc=msgspec.structs.replace(oidc, roles={})))
        assert (await client.get("/api/v1/session")).json()["role"] == "viewer"
        other = msgspec.structs.replace(oidc, issuer="http://127.0.0.1:9")
        monitor.settings = Settings(auth=AuthSettings(oidc=other))
        assert (await client.get("/dashboards")).status_code == 401


async def test_a_new_key_of_the_provider_is_looked_up(provider):
    """Keys are replaced from time to time; nobody is locked out by it."""
    async with asking(settings=settings_for(provider)) as client:
        assert (await log_in(client)).headers["location"] == "/"
        provider.rotate()
        assert (await log_in(client)).headers["location"] == "/"
        assert provider.asked.count("/keys") == 2
