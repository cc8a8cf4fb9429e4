"""Login with a password: sessions that end in time, changes that only the page can ask for, cheap guesses."""

from __future__ import annotations

import json
import time

import anyio
import httpx
import pytest
from click.testing import CliRunner
from tests.web.helpers import ELSEWHERE, TOKENS, asking, assert_problem, bearer, cheap_hash, client_of
from tests.web.serving import Serving, eventually

from auscult import Monitor, create_app
from auscult.cli.user import command as user_command
from auscult.config import load
from auscult.config.settings import AuthSettings, ServerSettings, Settings, Token, User
from auscult.config.tokens import hash_token
from auscult.web.login import PER_ACCOUNT, PER_ADDRESS

pytestmark = pytest.mark.anyio

PASSWORD = "a long enough password"


def settings_of(
    role: str = "operator", password: str = PASSWORD, server: ServerSettings | None = None, **auth
) -> Settings:
    users = (
        User(name="ada", role=role, hash=cheap_hash(password)),
        User(name="bob", role="admin", hash=cheap_hash("b")),
    )
    return Settings(auth=AuthSettings(users=users, **auth), server=server or ServerSettings())


async def log_in(client: httpx.AsyncClient, name: str = "ada", password: str = PASSWORD, **options) -> httpx.Response:
    return await client.post("/api/v1/login", json={"name": name, "password": password}, **options)


async def csrf_of(client: httpx.AsyncClient) -> dict[str, str]:
    return {"X-CSRF-Token": (await client.get("/api/v1/session")).json()["csrf"]}


async def test_a_person_logs_in_acts_and_logs_out():
    """From another machine too; a cookie that is replayed after logout opens nothing."""
    async with asking(settings=settings_of(), caller=ELSEWHERE) as client:
        found = (await client.get("/api/v1/session")).json()
        assert (found["authenticated"], found["login"]) == (False, {"password": True, "oidc": None})
        assert_problem(await client.get("/dashboards"), 401)
        answer = await log_in(client)
        assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, "ada", "operator")
        cookie = answer.headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=604800"):
            assert part in cookie
        assert "Secure" not in cookie
        assert (await client.get("/dashboards")).status_code == 200
        assert (await client.post("/api/v1/components/a/check", headers=await csrf_of(client))).status_code == 200
        kept = dict(client.cookies)
        assert (await client.post("/api/v1/logout", headers=await csrf_of(client))).status_code == 204
        assert_problem(await client.get("/dashboards"), 401)
        client.cookies.update(kept)
        assert_problem(await client.get("/dashboards"), 401)


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "ä"}])
async def test_a_change_needs_the_header_that_only_the_page_knows(headers):
    """The cookie comes along by itself; reading needs it alone, changing does not do with it."""
    async with asking(settings=settings_of()) as client:
        await log_in(client)
        encoded = {name: value.encode() for name, value in headers.items()}
        assert_problem(await client.post("/api/v1/components/a/check", headers=encoded), 403)
        assert_problem(await client.delete("/api/v1/dashboards/x", headers=encoded), 403)
        assert_problem(await client.post("/api/v1/logout", headers=encoded), 403)
        assert (await client.get("/dashboards")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_can_neither_log_anybody_in_nor_change_anything(headers):
    """With the right password or the right header all the same."""
    async with asking(settings=settings_of()) as client:
        assert_problem(await log_in(client, headers=headers), 403)
        await log_in(client)
        right = await csrf_of(client)
        assert_problem(await client.post("/api/v1/components/a/check", headers=right | headers), 403)


async def test_the_login_is_json_and_nothing_a_form_can_send():
    """Other types are refused before anything is looked at; so are odd bodies."""
    async with asking(settings=settings_of()) as client:
        form = {"name": "ada", "password": PASSWORD}
        assert_problem(await client.post("/api/v1/login", data=form), 415)
        plain = {"Content-Type": "text/plain"}
        assert_problem(await client.post("/api/v1/login", content=json.dumps(form), headers=plain), 415)
        for body in (
            {},
            {"name": "ada"},
            {**form, "more": 1},
            {"name": 1, "password": 2},
            {**form, "password": "x" * 2000},
        ):
            assert_problem(await client.post("/api/v1/login", json=body), 400)


async def test_a_new_password_a_new_role_and_a_removed_user_count_at_once():
    """With the next request, whatever the session said before; others stay logged in."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    async with asking(monitor, settings=settings_of()) as client:
        await log_in(client)
        headers = await csrf_of(client)
        monitor.settings = settings_of(role="viewer")
        assert_problem(await client.post("/api/v1/components/a/check", headers=headers), 403)
        assert (await client.get("/api/v1/session")).json()["role"] == "viewer"
        monitor.settings = settings_of(role="admin")
        assert (await client.get("/api/v1/session")).json()["role"] == "admin"
        monitor.settings = settings_of(password="another password")
        assert_problem(await client.get("/dashboards"), 401)
        monitor.settings = settings_of()
        assert (await client.get("/dashboards")).status_code == 200, "the password is the old one again"
        monitor.settings = Settings(auth=AuthSettings(users=settings_of().auth.users[1:]))
        assert_problem(await client.get("/dashboards"), 401)


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ms, self.started = 1_700_000_000_000, time.monotonic()

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


async def test_sessions_end_by_themselves():
    """After a while without requests, and at their latest moment whatever happens."""
    clock = Hands()
    monitor = Monitor(clock=clock)
    app = create_app(monitor)
    monitor.settings = settings_of(session_lifetime=3600.0, session_idle=600.0)
    async with client_of(app) as client:
        await log_in(client)
        for _ in range(5):
            clock.ms += 590_000
            assert (await client.get("/dashboards")).status_code == 200
        clock.ms += 601_000
        assert_problem(await client.get("/dashboards"), 401)
        await log_in(client)
        for _ in range(6):
            clock.ms += 590_000
            assert (await client.get("/dashboards")).status_code == 200
        clock.ms += 590_000
        assert_problem(await client.get("/dashboards"), 401)


async def test_a_restart_logs_nobody_out_and_the_disk_holds_no_cookie(tmp_path):
    """Sessions are kept by the hash of their cookie; who logged out stays out."""
    cookies = {}
    for round_ in range(3):
        monitor = Monitor(state_dir=tmp_path)
        async with asking(monitor, settings=settings_of()) as client:
            if round_ == 0:
                await log_in(client)
                cookies = dict(client.cookies)
                continue
            client.cookies.update(cookies)
            if round_ == 1:
                assert (await client.get("/dashboards")).status_code == 200
                await client.post("/api/v1/logout", headers=await csrf_of(client))
            else:
                assert_problem(await client.get("/dashboards"), 401)
                audits = await anyio.to_thread.run_sync(monitor.store.alerts.audits)
                assert [row[3] for row in reversed(audits)] == ["login", "logout"]
    secret = next(iter(cookies.values())).encode()
    for file in tmp_path.iterdir():
        if file.is_file():
            assert secret not in file.read_bytes()


async def test_guesses_are_slowed_down_by_name_and_by_address():
    """429 with a time to wait; the right password helps only after it, and others may still log in."""
    async with asking(settings=settings_of()) as client:
        for _ in range(PER_ACCOUNT):
            assert_problem(await log_in(client, password="wrong"), 401)
        refused = await log_in(client)
        assert_problem(refused, 429)
        assert 0 < int(refused.headers["retry-after"]) <= 300
        assert (await log_in(client, name="bob", password="b")).status_code == 200
    async with asking(settings=settings_of()) as client:
        answers = [
            (await log_in(client, name=f"n{number}", password="x")).status_code for number in range(PER_ADDRESS + 5)
        ]
        assert answers == [401] * PER_ADDRESS + [429] * 5


async def test_a_name_that_does_not_exist_is_answered_like_a_wrong_password():
    """The same words, and as much work: no list of names can be made."""
    real = hash_token(PASSWORD)
    settings = Settings(auth=AuthSettings(users=(User(name="ada", role="viewer", hash=real),)))
    async with asking(settings=settings) as client:
        answers, took = [], []
        for name in ("ada", "nobody"):
            begin = time.perf_counter()
            answers.append((await log_in(client, name=name, password="wrong")).text)
            took.append(time.perf_counter() - begin)
        assert answers[0] == answers[1]
        assert took[1] > took[0] / 5


async def test_tokens_and_sessions_live_side_by_side():
    """A token in the header counts before the cookie, needs no CSRF header, and opens what it may."""
    token = Token(name="ci", role="viewer", hash=cheap_hash(TOKENS["viewer"]))
    users = settings_of(role="admin").auth.users
    async with asking(settings=Settings(auth=AuthSettings(tokens=(token,), users=users))) as client:
        await log_in(client)
        found = (await client.get("/api/v1/session", headers=bearer("viewer"))).json()
        assert (found["name"], found["role"], found["via"], found["csrf"]) == ("ci", "viewer", "token", None)
        assert_problem(await client.post("/-/reload", headers=bearer("viewer")), 403)
        assert (await client.get("/api/v1/session")).json()["name"] == "ada"
        assert_problem(await client.get("/dashboards", headers={"Authorization": "Bearer wrong-wrong-wrong"}), 401)


async def test_who_did_it_is_written_down_by_name():
    """Not "local", not the token's secret: the person."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    async with asking(monitor, settings=settings_of()) as client:
        await log_in(client)
        body = {"title": "Slow", "text": "we look"}
        made = (await client.post("/api/v1/incidents", json=body, headers=await csrf_of(client))).json()
        assert made["updates"][0]["by"] == "ada"
        silence = {"matchers": [{"name": "component", "value": "a"}], "ends_at": "2999-01-01T00:00:00Z", "comment": "x"}
        answer = await client.post("/api/v1/silences", json=silence, headers=await csrf_of(client))
        assert answer.json()["author"] == "ada"


async def test_a_new_login_ends_the_session_before_it():
    """A cookie that somebody planted beforehand is worth nothing afterwards."""
    async with asking(settings=settings_of()) as client:
        await log_in(client)
        before = dict(client.cookies)
        await log_in(client, name="bob", password="b")
        assert dict(client.cookies) != before
        client.cookies.clear()
        client.cookies.update(before)
        assert_problem(await client.get("/dashboards"), 401)


async def test_behind_a_trusted_proxy_that_speaks_tls_the_cookie_is_secure():
    """Only what a trusted proxy says counts."""
    said = {"X-Forwarded-Proto": "https"}
    for proxies, secure in ((("127.0.0.1",), True), ((), False)):
        async with asking(settings=settings_of(server=ServerSettings(trusted_proxies=proxies))) as client:
            assert ("Secure" in (await log_in(client, headers=said)).headers["set-cookie"]) == secure


async def test_below_another_application_the_cookie_is_for_that_path():
    """And the session counts there."""
    monitor = Monitor()
    monitor.settings = settings_of()
    transport = httpx.ASGITransport(create_app(monitor), root_path="/mon", client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/mon/api/v1/login", json={"name": "ada", "password": PASSWORD})
        assert "Path=/mon;" in answer.headers["set-cookie"]
        assert (await client.get("/mon/dashboards")).status_code == 200


async def test_without_anything_configured_this_machine_is_admin_and_says_so():
    """The page then shows no login at all."""
    async with asking(settings=Settings()) as client:
        found = (await client.get("/api/v1/session")).json()
        assert (found["authenticated"], found["role"], found["via"]) == (True, "admin", "local")
    async with asking(settings=Settings(), caller=ELSEWHERE) as client:
        assert not (await client.get("/api/v1/session")).json()["authenticated"]


def test_the_command_makes_a_login_that_works(tmp_path):
    """What `auscult user` prints is a configuration; a short password and an odd name are refused."""
    runner = CliRunner()
    made = runner.invoke(user_command, ["ada", "--role", "operator", "--password-stdin"], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output
    (tmp_path / "auscult.toml").write_text(made.output)
    settings, _ = load(tmp_path / "auscult.toml", environ={})
    (user,) = settings.auth.users
    assert (user.name, user.role) == ("ada", "operator")
    assert runner.invoke(user_command, ["ada", "--password-stdin"], input="short\n").exit_code == 2
    assert runner.invoke(user_command, ["a b", "--password-stdin"], input=f"{PASSWORD}\n").exit_code == 2


def test_an_open_stream_ends_with_the_session(tmp_path):
    """Against a real server: logout, and a reload that takes the user out, end what somebody is listening to."""
    hashed = hash_token(PASSWORD)
    config = f'[components.host]\ncheck = "host"\n[auth.users.ada]\nrole = "viewer"\nhash = "{hashed}"\n'
    config += f'[auth.users.root]\nrole = "admin"\nhash = "{hashed}"\n'
    with Serving(tmp_path, config) as server, server.client() as client, server.client() as admin:
        for one, name in ((client, "ada"), (admin, "root")):
            answer = one.post("/api/v1/login", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        for end in ("logout", "reload"):
            client.post("/api/v1/login", json={"name": "ada", "password": PASSWORD})
            csrf = {"X-CSRF-Token": client.get("/api/v1/session").json()["csrf"]}
            with client.stream("GET", "/api/v1/events") as stream:
                lines = stream.iter_lines()
                assert next(line for line in lines if line == "event: ready")
                begin = time.monotonic()
                if end == "logout":
                    assert (
                        httpx.post(
                            f"{server.url}/api/v1/logout", headers=csrf, cookies=dict(client.cookies)
                        ).status_code
                        == 204
                    )
                else:
                    server.file.write_text(config.replace("[auth.users.ada]", "[auth.users.eve]"))
                    root = {"X-CSRF-Token": admin.get("/api/v1/session").json()["csrf"]}
                    assert admin.post("/-/reload", headers=root).status_code == 200
                assert next((line for line in lines if line == "event: bye"), None)
                assert time.monotonic() - begin < 60
            eventually(lambda: client.get("/dashboards").status_code == 401)
