"""``/in/NAME``: requests reach the source that declares them, and nobody else."""

from __future__ import annotations

import gzip

import httpx
import pytest

from auscult import Answer, Family, Monitor, Received, Receiver, Source, create_app
from auscult.config.settings import AuthSettings, Settings, Token

pytestmark = pytest.mark.anyio


class Hooks(Source):
    """Takes in a number a request."""

    kind = "hooks"

    def receivers(self):
        return (
            Receiver(path="/numbers", methods=("POST",), max_body=100),
            Receiver(path="/open", methods=("POST",), public=True),
            Receiver(path="/v1/numbers", well_known=True),
            Receiver(path="/v1/others"),
            Receiver(),
        )

    async def receive(self, request: Received, ctx):
        if request.path == "":
            raise RuntimeError("never mind")
        ctx.set(
            Family("hooked", "gauge", "Hooked."), {"via": request.query.get("via", "")}, float(request.body or b"0")
        )
        return Answer(status=202, body=b'{"ok":true}', headers={"X-Seen": request.headers.get("x-sent", "")})


@pytest.fixture
async def client():
    """A client of a running monitor with the source `hook`, on loopback."""
    monitor = Monitor()
    monitor.metrics.add_source("hook", Hooks())
    async with monitor:
        transport = httpx.ASGITransport(create_app(monitor), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asking:
            asking.monitor = monitor
            yield asking


async def test_a_request_reaches_its_source(client):
    """Path, query, headers and body; and the source's answer comes back."""
    answer = await client.post("/in/hook/numbers?via=x", content=b"7", headers={"X-Sent": "me"})
    assert (answer.status_code, answer.content, answer.headers["x-seen"]) == (202, b'{"ok":true}', "me")
    snapshot = await client.monitor.metrics.snapshot()
    assert snapshot.value("hooked", via="x") == 7
    assert snapshot.value("auscult_source_requests_total", source="hook") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/in/hook/other", b"", 404),
        ("POST", "/in/nobody/numbers", b"", 404),
        ("GET", "/in/hook/numbers", b"", 405),
        ("POST", "/in/hook/numbers", b"1" * 101, 413),
        ("POST", "/in/hook/numbers", gzip.compress(b"1", mtime=0), 500),
        ("POST", "/in/hook", b"1", 500),
    ],
)
async def test_what_is_not_taken_in(client, method, path, body, status):
    """A problem each; and a source that fails says so in its component, without harm to others."""
    answer = await client.request(method, path, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/")


async def test_a_sender_that_knows_no_name_reaches_the_one_source(client):
    """A path below /v1/ works by itself while one source alone has it, and says what to do once there are two."""
    assert (await client.post("/v1/numbers", content=b"7")).status_code == 202
    assert (await client.post("/v1/others", content=b"7")).status_code == 404
    assert (await client.get("/v1/numbers")).status_code == 405
    client.monitor.metrics.add_source("second", Hooks())
    answer = await client.post("/v1/numbers", content=b"7")
    assert answer.status_code == 404
    assert "/in/NAME/v1/numbers" in answer.text
    assert (await client.post("/in/second/v1/numbers", content=b"7")).status_code == 202


async def test_strangers_reach_only_what_proves_itself():
    """With tokens, `/in` asks for an operator, unless the source checks signatures of its own."""
    monitor = Monitor()
    monitor.metrics.add_source("hook", Hooks())
    token = Token(name="t", role="viewer", hash="scrypt$1$1$1$00$00")
    settings = Settings(auth=AuthSettings(tokens=(token,)))
    async with monitor:
        app = create_app(monitor, settings=settings)
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asking:
            assert (await asking.post("/in/hook/numbers", content=b"1")).status_code == 401
            assert (await asking.post("/in/hook/open", content=b"1")).status_code == 202
            assert (await asking.post("/in/hook/none", content=b"1")).status_code == 401
            assert (await asking.post("/v1/numbers", content=b"1")).status_code == 401
