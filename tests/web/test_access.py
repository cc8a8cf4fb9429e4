"""Tokens in force, guesses, hosts, origins and proxies."""

from __future__ import annotations

import threading

import anyio
import msgspec
import pytest
from tests.web.helpers import ELSEWHERE, HERE, TOKENS, asking, assert_problem, bearer, cheap_hash, with_tokens

from auscult import Monitor
from auscult.config.settings import AuthSettings, ServerSettings, Settings, Token
from auscult.config.tokens import TokenBook
from auscult.web.attempts import LIMIT, WINDOW, Attempts

pytestmark = pytest.mark.anyio


class Hands:
    """A clock whose monotonic part is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return 1_700_000_000_000

    def monotonic(self) -> float:
        return self.seconds


# Tokens


async def test_a_reload_revokes_and_admits_at_once():
    """What counts are the monitor's settings at the time of the request."""
    monitor = Monitor()
    async with asking(monitor, settings=with_tokens("viewer")) as client:
        assert (await client.get("/metrics", headers=bearer("viewer"))).status_code == 200
        assert (await client.get("/metrics", headers=bearer("admin"))).status_code == 401
        monitor.settings = with_tokens("admin")
        assert (await client.get("/metrics", headers=bearer("viewer"))).status_code == 401
        assert (await client.get("/metrics", headers=bearer("admin"))).status_code == 200
        demoted = Token(name="admin", role="viewer", hash=cheap_hash(TOKENS["admin"]))
        monitor.settings = Settings(auth=AuthSettings(tokens=(demoted,)))
        assert (await client.post("/-/reload", headers=bearer("admin"))).status_code == 403


async def test_other_settings_of_the_server_are_in_force_at_once_too():
    """What is public, which hosts are ours, and whether metrics carry times."""
    monitor = Monitor()
    async with asking(monitor, settings=with_tokens(public_metrics=True), caller=ELSEWHERE) as client:
        await client.post("/api/v1/components/auscult/check", headers=bearer("admin"))
        timed = (await client.get("/metrics")).text
        monitor.settings = with_tokens(public_metrics=True, metric_timestamps=False)
        untimed = (await client.get("/metrics")).text
        value = next(line for line in timed.splitlines() if line.startswith("component_health_status{"))
        plain = next(line for line in untimed.splitlines() if line.startswith("component_health_status{"))
        assert len(value.split()) == len(plain.split()) + 1
        monitor.settings = with_tokens(public_metrics=False)
        assert (await client.get("/metrics")).status_code == 401
        monitor.settings = with_tokens(public_metrics=True, allowed_hosts=("only.example",))
        assert (await client.get("/metrics", headers={"Host": "other.example"})).status_code == 403


async def test_a_token_revoked_while_it_is_looked_up_is_refused(monkeypatch):
    """The answer of a slow look-up in yesterday's book does not count."""
    monitor, looking, go_on = Monitor(), threading.Event(), threading.Event()
    find = TokenBook.find

    def slow_find(self, presented):
        looking.set()
        assert go_on.wait(20)
        return find(self, presented)

    monkeypatch.setattr(TokenBook, "find", slow_find)
    answers = []
    async with asking(monitor, settings=with_tokens("viewer", "admin")) as client:

        async def ask():
            answers.append((await client.get("/metrics", headers=bearer("viewer"))).status_code)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.to_thread.run_sync(looking.wait, 20)
            monitor.settings = with_tokens("admin")
            go_on.set()
    assert answers == [401]


async def test_a_remembered_token_costs_no_derivation(monkeypatch):
    """scrypt runs once per token, and never on the loop's own thread."""
    threads = []
    find = TokenBook.find

    def noted(self, presented):
        threads.append(threading.get_ident())
        return find(self, presented)

    monkeypatch.setattr(TokenBook, "find", noted)
    async with asking(settings=with_tokens()) as client:
        for _ in range(5):
            assert (await client.get("/metrics", headers=bearer("viewer"))).status_code == 200
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_settings_that_bring_only_broken_hashes_open_nothing():
    """Tokens that nobody can match are still tokens: nobody becomes administrator by it."""
    broken = Settings(auth=AuthSettings(tokens=(Token(name="x", role="admin", hash="rubbish"),)))
    async with asking(settings=broken) as client:
        assert_problem(await client.get("/metrics"), 401)
        assert_problem(await client.get("/metrics", headers=bearer("admin")), 401)


# Guesses


async def test_guesses_are_refused_without_looking_and_known_tokens_go_on(monkeypatch):
    """After `LIMIT` unknown tokens in a minute: 429 with Retry-After, no scrypt, and no harm to those already known."""
    looked = []
    find = TokenBook.find
    monkeypatch.setattr(TokenBook, "find", lambda self, presented: looked.append(presented) or find(self, presented))
    clock = Hands()
    monitor = Monitor(clock=clock)
    async with asking(monitor, settings=with_tokens()) as client:
        assert (await client.get("/metrics", headers=bearer("viewer"))).status_code == 200

        async def guess(number):
            return await client.get("/metrics", headers={"Authorization": f"Bearer guess-{number:08}"})

        for number in range(LIMIT):
            assert_problem(await guess(number), 401)
        for number in range(LIMIT, LIMIT + 50):
            limited = await guess(number)
            assert_problem(limited, 429)
            assert 0 < int(limited.headers["retry-after"]) <= WINDOW
        assert len(looked) == LIMIT + 1
        assert (await client.get("/metrics", headers=bearer("viewer"))).status_code == 200
        assert_problem(await guess(0), 401)  # a known wrong one costs nothing and says nothing new
        assert_problem(await client.get("/metrics", headers=bearer("admin")), 429)
        clock.seconds += WINDOW
        assert (await client.get("/metrics", headers=bearer("admin"))).status_code == 200


async def test_a_burst_of_guesses_is_no_way_around():
    """Attempts count from their start, so that a hundred at once cost no more than `LIMIT`."""
    statuses = []
    async with asking(settings=with_tokens()) as client:

        async def guess(number):
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer guess-{number:08}"})
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(guess, number)
    assert statuses.count(401) == LIMIT
    assert statuses.count(429) == 100 - LIMIT


async def test_a_burst_of_right_tokens_is_not_taken_for_guesses():
    """Fifty first requests with one good token at once are fifty answers."""
    statuses = []
    async with asking(settings=with_tokens()) as client:

        async def ask():
            statuses.append((await client.get("/metrics", headers=bearer("viewer"))).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(ask)
    assert statuses == [200] * 50


def test_attempts_come_back_one_by_one():
    """Each attempt is forgotten a window after it was made."""
    clock = Hands()
    attempts = Attempts(clock.monotonic, limit=2, window=10)
    attempts.begin()
    clock.seconds += 4
    attempts.begin()
    assert attempts.wait() == 6
    clock.seconds += 6
    assert attempts.wait() == 0
    attempts.begin()
    assert attempts.wait() == 4


# Hosts


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1x", "10.1.2.3"],
)
async def test_a_rebound_name_reaches_nothing_without_tokens(host):
    """A page whose name resolves to this machine sends its own Host; reading and changing are refused alike."""
    async with asking(built_page=False) as client:
        for method, path in (("GET", "/"), ("GET", "/metrics"), ("GET", "/api/v1/config"), ("POST", "/-/reload")):
            assert_problem(await client.request(method, path, headers={"Host": host}), 403)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8420", "localhost.", "127.0.0.1", "127.0.0.1:1", "127.8.9.10", "[::1]", "[::1]:80"]
)
async def test_every_loopback_name_will_do(host):
    """However the machine itself is written."""
    async with asking() as client:
        assert (await client.get("/metrics", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["localhost@evil.example", "localhost/", "a b", "[::1", "localhost:port", "é", "%00"])
async def test_what_is_no_host_is_a_bad_request(host):
    """Also with a token: nobody has to guess what it meant."""
    async with asking(settings=with_tokens()) as client:
        headers = [(b"Host", host.encode("latin-1")), (b"Authorization", b"Bearer " + TOKENS["viewer"].encode())]
        assert_problem(await client.get("/metrics", headers=headers), 400)


async def test_two_hosts_are_one_too_many():
    """A proxy and we might each believe another one."""
    async with asking() as client:
        headers = [(b"Host", b"localhost"), (b"Host", b"evil.example")]
        assert_problem(await client.get("/metrics", headers=headers), 400)


async def test_allowed_hosts_are_the_only_ones_also_with_a_token():
    """Names and wildcards; the bare domain is not below itself, and loopback stays."""
    settings = with_tokens(allowed_hosts=("monitor.example.com", "*.Internal.example"))
    async with asking(settings=settings, caller=ELSEWHERE) as client:
        for host, status in {
            "monitor.example.com": 200,
            "MONITOR.example.com:443": 200,
            "a.internal.example": 200,
            "a.b.internal.example:8420": 200,
            "localhost:8420": 200,
            "internal.example": 403,
            "evilinternal.example": 403,
            "example.com": 403,
            "xmonitor.example.com": 403,
            "monitor.example.com.evil.example": 403,
        }.items():
            answer = await client.get("/metrics", headers={"Host": host} | bearer("viewer"))
            assert answer.status_code == status, host


async def test_with_a_token_any_host_will_do_unless_some_are_named():
    """As the configuration says; probes of orchestrators come with addresses as Host."""
    async with asking(settings=with_tokens(), caller=ELSEWHERE) as client:
        answer = await client.get("/metrics", headers={"Host": "10.1.2.3:8420"} | bearer("viewer"))
        assert answer.status_code == 200


async def test_without_tokens_further_hosts_may_be_named():
    """For a name in /etc/hosts, say; the caller must still be on this machine."""
    settings = Settings(server=ServerSettings(allowed_hosts=("monitor.test",)))
    async with asking(settings=settings) as client:
        assert (await client.get("/metrics", headers={"Host": "monitor.test:8420"})).status_code == 200
        assert (await client.get("/metrics", headers={"Host": "other.test"})).status_code == 403


async def test_liveness_and_health_answer_under_any_host():
    """An orchestrator's probe names the pod's address."""
    async with asking(caller=ELSEWHERE) as client:
        for path in ("/health", "/-/healthy", "/-/ready"):
            assert (await client.get(path, headers={"Host": "10.1.2.3:8420"})).status_code in (200, 503)


# Origins

HOSTILE = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "http://127.0.0.1:8420.evil.example"},
    {"Origin": "http://[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:8420", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", HOSTILE)
@pytest.mark.parametrize("tokens", [False, True], ids=["open", "tokens"])
async def test_another_site_changes_nothing(headers, tokens):
    """Refused with and without tokens, for everything that changes something; reading is not affected by it."""
    async with asking(settings=with_tokens() if tokens else Settings()) as client:
        known = bearer("admin") if tokens else {}
        for path in ("/-/reload", "/api/v1/components/a/check", "/api/v1/components/a/ping"):
            assert_problem(await client.post(path, headers=headers | known), 403)
        assert (await client.get("/metrics", headers=headers | known)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8420"},
        {"Origin": "http://127.0.0.1:8420", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_our_own_page_and_programs_may(headers):
    """The same origin, and callers that know no origins."""
    async with asking() as client:
        assert (await client.post("/api/v1/components/a/check", headers=headers)).status_code == 200


# Proxies


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "127.0.0.1"}, 403),
        ({"X-Forwarded-For": "203.0.113.7"}, 403),
        ({"Forwarded": "for=127.0.0.1"}, 403),
    ],
)
async def test_a_proxy_nobody_named_is_not_this_machine(forwarded, status):
    """What comes through it may come from anywhere, although the connection itself is local."""
    async with asking() as client:
        assert (await client.get("/metrics", headers=forwarded)).status_code == status


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("10.0.0.1", "127.0.0.1", 200),
        ("10.0.0.1", "203.0.113.7", 403),
        ("10.0.0.1", "127.0.0.1, 203.0.113.7", 403),  # the client wrote the first one itself
        ("10.0.0.1", "203.0.113.7, 127.0.0.1", 200),
        ("10.0.0.1", "127.0.0.1, 10.0.0.2", 200),  # two trusted proxies in a row
        ("10.0.0.1", "10.0.0.2", 403),  # nobody but proxies
        ("10.0.0.1", "rubbish", 403),
        ("10.0.0.1", "127.0.0.1, rubbish", 403),
        ("192.0.2.1", "127.0.0.1", 403),
    ],
)
async def test_a_trusted_proxy_is_believed_about_its_own_client_only(peer, forwarded, status):
    """The last address that is no trusted proxy is the caller."""
    settings = Settings(server=ServerSettings(trusted_proxies=("10.0.0.0/24",)))
    async with asking(settings=settings, caller=(peer, 1)) as client:
        assert (await client.get("/metrics", headers={"X-Forwarded-For": forwarded})).status_code == status


async def test_several_forwarding_headers_are_read_as_one():
    """Some proxies add a line instead of extending it."""
    settings = Settings(server=ServerSettings(trusted_proxies=("127.0.0.1",)))
    async with asking(settings=settings, caller=HERE) as client:
        lines = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "203.0.113.7")]
        assert (await client.get("/metrics", headers=lines)).status_code == 403


def test_tokens_are_compared_whole():
    """`Settings` compares equal only with the same tokens: that is how a reload is noticed."""
    one, other = with_tokens("viewer"), with_tokens("admin")
    assert one.auth.tokens != other.auth.tokens
    assert msgspec.structs.replace(one).auth.tokens == one.auth.tokens
