"""Problem documents (RFC 9457): one sentence for every mistake, no 500 for bad input, nothing of ours shown."""

from __future__ import annotations

import logging

import pytest
from tests.web.helpers import TOKENS, asking, assert_problem, bearer, with_tokens

from auscult import Monitor
from auscult.errors import ConfigurationError, Finding, StoreError
from auscult.web.attempts import LIMIT
from auscult.web.problems import MAX_BODY

pytestmark = pytest.mark.anyio

READINGS = "/api/v1/components/a/readings"
JSON = {"Content-Type": "application/json"}


async def test_400_for_parameters():
    """Each wrong parameter by name."""
    async with asking() as client:
        for query in ("limit=many", "limit=0", "limit=100000", "before=-1", "before=99999999999999999999999"):
            body = assert_problem(await client.get(f"/api/v1/components/a/results?{query}"), 400)
            assert body["errors"][0]["key"] == query.partition("=")[0]
        both = assert_problem(await client.get("/api/v1/components/a/history?start=x&points=y"), 400)
        assert "start" in both["detail"]
        assert_problem(await client.get("/api/v1/components?status=fine"), 400)


async def test_400_for_what_is_asked_for_several_times():
    """Which of them was meant? Lists may be repeated."""
    async with asking() as client:
        found = assert_problem(await client.get("/api/v1/metrics/events?kind=turns&start=5&start=6"), 400)
        assert found["detail"] == "`start` is there 2 times; expected once"
        found = assert_problem(await client.get("/api/v1/deliveries?state=dead&state=pending"), 400)
        assert "`state`" in found["detail"]
        assert (await client.get("/api/v1/metrics/events?kind=turns&match=a=1&match=b=2")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b'{"status": "splendid"}',
        b'{"unknown": 1}',
        b'{"message": "\x00"}',
        b'{"message": "\\u0000"}',
        b'{"message": "\xff\xfe"}',
        b'{"message": "\\ud800"}',
        b'{"measurements": {"a": "b"}}',
        b'{"measurements": {"a": NaN}}',
        b'{"measurements": {"a": 1e999}}',
        b'{"measurements": {"not a name": 1}}',
        b'{"measurements": {"a": ' + b"9" * 400 + b"}}",
        b'{"response_time_ms": -1}',
        b"[" * 500_000,
        b'{"measurements": ' + b'{"a":' * 100_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"\xef\xbb\xbf{}",
        '{"message": "x"}'.encode("utf-16"),
    ],
    ids=range(23),
)
async def test_400_for_bodies(body):
    """Whatever is sent as JSON and is none, or not what is expected: a sentence."""
    async with asking() as client:
        assert_problem(await client.post(READINGS, content=body, headers=JSON), 400)


async def test_400_for_more_measurements_than_anybody_may_push():
    """Bounded, since each becomes a series."""
    async with asking() as client:
        flood = {f"m{number}": 1.0 for number in range(1000)}
        assert_problem(await client.post(READINGS, json={"measurements": flood}), 400)
        assert_problem(await client.post(READINGS, json={"message": "x" * 100_000}), 400)


async def test_401_says_how_and_challenges():
    """What to send, and where it comes from."""
    async with asking(settings=with_tokens()) as client:
        answer = await client.get("/metrics")
        assert "Authorization: Bearer" in assert_problem(answer, 401)["detail"]
        assert answer.headers["www-authenticate"] == 'Bearer realm="auscult"'


async def test_403_says_which_role():
    """The one that is needed and the one that is there."""
    async with asking(settings=with_tokens()) as client:
        body = assert_problem(await client.post("/-/reload", headers=bearer("viewer")), 403)
        assert "`admin`" in body["detail"]
        assert "`viewer`" in body["detail"]


async def test_404_names_what_there_is():
    """For a component the known ones; for an address where to look."""
    async with asking() as client:
        assert "a, auscult" in assert_problem(await client.get("/api/v1/components/nope"), 404)["detail"]
        assert "/api/docs" in assert_problem(await client.get("/nope"), 404)["detail"]
        for path in ("/api/v1/components/%00", "/api/v1/components/%ff%fe", "/%00", "/%ff", "/api/v1/components/a%2Fb"):
            assert_problem(await client.get(path), 404)
        for path in ("/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
            assert_problem(await client.get(path), 404)
        assert_problem(await client.post("/-/reload"), 404)


async def test_405_names_the_methods():
    """In the sentence and in `Allow`."""
    async with asking() as client:
        answer = await client.put("/metrics")
        assert "GET" in assert_problem(answer, 405)["detail"]
        assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))
        assert_problem(await client.request("BREW", "/metrics"), 405)
        assert_problem(await client.post("/health"), 405)


async def test_413_for_huge_bodies_announced_or_not():
    """By Content-Length at once; of a chunked body no more than the limit is read."""
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(64):
            sent += 1 << 17
            yield b"x" * (1 << 17)

    async with asking() as client:
        for path in (READINGS, "/api/v1/components/a/ping"):
            sent = 0
            assert_problem(await client.post(path, content=b"x" * (MAX_BODY + 1), headers=JSON), 413)
            assert_problem(await client.post(path, content=endless(), headers=JSON), 413)
            assert sent <= 2 * MAX_BODY


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
        "é/x",
    ],
)
async def test_415_for_anything_but_json(content_type):
    """What a form on another site can send is refused; JSON may have parameters and relatives."""
    async with asking() as client:
        headers = {"Content-Type": content_type.encode()}
        assert_problem(await client.post(READINGS, content=b"{}", headers=headers), 415)
        for fine in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.mine+json"):
            accepted = await client.post(READINGS, content=b"{}", headers={"Content-Type": fine})
            assert accepted.status_code == 202, accepted.text


async def test_a_sign_of_life_may_have_any_body():
    """A job pipes its output there: bytes that are no text, NUL, nothing at all."""
    async with asking() as client:
        for body in (b"", b"done", b"\x00\xff\xfe", b"x" * 100_000):
            for kind in ("text/plain", "application/octet-stream", "image/png"):
                answer = await client.post("/api/v1/components/a/ping", content=body, headers={"Content-Type": kind})
                assert answer.status_code == 202, answer.text
        for code in ("256", "-1", "x", "1.5", "9" * 30):
            answer = await client.post(f"/api/v1/components/a/ping/{code}")
            assert answer.status_code in (400, 404)
            assert_problem(answer, answer.status_code)


async def test_422_tells_every_finding_of_a_configuration():
    """As `auscult config check` would; nothing was changed."""

    async def reload():
        raise ConfigurationError(
            [Finding(key="components.a.check", message="is missing"), Finding(key="server.port", message="is no port")]
        )

    async with asking(reload=reload) as client:
        body = assert_problem(await client.post("/-/reload"), 422)
        assert [error["key"] for error in body["errors"]] == ["components.a.check", "server.port"]
        assert "nothing was changed" in body["detail"]


async def test_429_says_when_to_come_back():
    """See test_access for when it comes."""
    async with asking(settings=with_tokens()) as client:
        for number in range(LIMIT + 1):
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer guess-{number}-{'x' * 20}"})
        assert_problem(answer, 429)
        assert int(answer.headers["retry-after"]) > 0


async def test_500_tells_nothing_and_logs_everything(monkeypatch, caplog):
    """A defect of ours: the caller gets a sentence, the log the traceback."""
    monitor = Monitor()
    async with asking(monitor) as client:

        def broken():
            raise RuntimeError(f"a secret: {TOKENS['admin']}")

        monkeypatch.setattr(monitor, "system_health", broken)
        with caplog.at_level(logging.ERROR, logger="auscult.web"):
            answer = await client.get("/health/detailed")
        assert "secret" not in str(assert_problem(answer, 500))
        assert TOKENS["admin"] not in answer.text
        assert "Traceback" in caplog.text


async def test_500_in_the_debug_mode_of_the_framework_tells_nothing_either(monkeypatch):
    """The framework's own variable does not open anything."""
    monkeypatch.setenv("LITESTAR_DEBUG", "1")
    monitor = Monitor()
    async with asking(monitor) as client:
        monkeypatch.setattr(monitor, "system_health", lambda: 1 / 0)
        answer = await client.get("/health/detailed", headers={"Accept": "text/html"})
        assert "division" not in str(assert_problem(answer, 500))


async def test_503_while_the_store_cannot_write(monkeypatch):
    """A push that cannot be kept is not acknowledged."""
    monitor = Monitor()
    monitor.health.register("a", check=lambda: True)
    async with asking(monitor) as client:

        async def refuse(*_):
            raise StoreError("The disk is full; free some space")

        monkeypatch.setattr(monitor, "report_durably", refuse)
        answer = await client.post(READINGS, json={})
        assert "disk" in assert_problem(answer, 503)["detail"]
        assert answer.headers["retry-after"]
