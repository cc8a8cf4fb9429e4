"""The check against a real server, and the contract. Copy this file together with the check."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from auscult import Catalogue, Duration, Origin, Status
from auscult.testing import assert_check_contract, probe_once
from auscult_example.queue_depth import QueueDepthCheck

TOKEN = "hunter2hunter2"


class StatsServer(ThreadingHTTPServer):
    """Answers every GET with `document`, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.document: object = {"waiting": 3, "oldest": 12.5, "queues": [{"waiting": 7}]}
        self.authorization: str | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/stats"


class _Handler(BaseHTTPRequestHandler):
    server: StatsServer

    def do_GET(self) -> None:
        self.server.authorization = self.headers["Authorization"]
        self.send_response(self.server.status)
        self.end_headers()
        document = self.server.document
        self.wfile.write(document if isinstance(document, bytes) else json.dumps(document).encode())

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def stats() -> Iterator[StatsServer]:
    """A server with a queue's statistics."""
    with StatsServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The check runs on both event loops."""
    if request.param == "trio":
        pytest.importorskip("trio")
    return str(request.param)


def test_the_contract(stats):
    """Documented, declared, discreet: everything that auscult asks of a check."""
    assert_check_contract(QueueDepthCheck, url=stats.url, oldest="oldest", token=TOKEN)


def test_it_is_installed():
    """The entry point leads to the class, and the catalogue has no objection."""
    catalogue = Catalogue.discover()
    plugin = catalogue.of(catalogue.check("queue-depth"))
    assert catalogue.check("queue-depth") is QueueDepthCheck
    assert plugin is not None
    assert (plugin.name, plugin.distribution, plugin.ok) == ("example", "auscult-example", True)


@pytest.mark.anyio
async def test_a_short_queue_is_healthy(stats):
    """With both numbers, and the token where it belongs."""
    result = await probe_once(QueueDepthCheck(url=stats.url, oldest="oldest", token=TOKEN))
    assert (result.status, result.message) == (Status.HEALTHY, "3 jobs wait")
    assert result.measurements == {"queue_depth": 3, "oldest_job_seconds": 12.5}
    assert stats.authorization == f"Bearer {TOKEN}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        ({"waiting": 10, "oldest": 0}, "healthy", "10 jobs wait"),
        ({"waiting": 11, "oldest": 0}, "degraded", "11 jobs wait, more than 10"),
        ({"waiting": 51, "oldest": 0}, "unhealthy", "51 jobs wait, more than 50"),
        ({"waiting": 1, "oldest": 3601}, "degraded", "the oldest job has waited 1h1s, longer than 1h"),
    ],
)
async def test_levels(stats, document, status, message):
    """On the level is still good; the worse verdict wins."""
    stats.document = document
    check = QueueDepthCheck(
        url=stats.url, oldest="oldest", degraded_above=10, unhealthy_above=50, max_age=Duration("1h")
    )
    result = await probe_once(check)
    assert (result.status, result.message) == (status, message)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("depth", "document", "message"),
    [
        ("queues.0.waiting", {"queues": [{"waiting": 7}]}, "7 jobs wait"),
        ("depth", {"waiting": 1}, "the document has no `depth`: instead of `depth` there is `waiting`"),
        ("depth", {}, "the document has no `depth`: instead of `depth` there is nothing"),
        ("queues.1.waiting", {"queues": [{}]}, "the document has no `queues.1.waiting`: `1` is no position"),
        ("waiting.now", {"waiting": 3}, "the document has no `waiting.now`: `now` would be inside '3'"),
        ("waiting", {"waiting": True}, "`waiting` is not a number in the document, but 'True'"),
        ("waiting", b'{"waiting": NaN}', "`waiting` is not a number in the document, but 'nan'"),
        ("waiting", b"<html>", "Expecting value: line 1"),
    ],
)
async def test_documents(stats, depth, document, message):
    """What is found, and for what is not found a sentence that says what is there instead."""
    stats.document = document
    result = await probe_once(QueueDepthCheck(url=stats.url, depth=depth))
    assert result.message.startswith(message)
    assert (result.status == "healthy") == (message == "7 jobs wait")


@pytest.mark.anyio
async def test_a_server_that_refuses(stats):
    """An error is an unhealthy reading with the exception's message; nothing to catch, and no token in it."""
    stats.status = 503
    result = await probe_once(QueueDepthCheck(url=stats.url, token=TOKEN))
    assert (result.status, result.origin) == (Status.UNHEALTHY, Origin.EXCEPTION)
    assert "503" in result.message
    assert TOKEN not in result.message


@pytest.mark.anyio
async def test_without_a_server():
    """A function may stand in for one."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/stats"
        return httpx.Response(200, json={"waiting": 0})

    result = await probe_once(QueueDepthCheck(url="http://queue.internal/stats"), answer=answer)
    assert result.status == Status.HEALTHY


def test_levels_in_the_wrong_order_are_refused():
    """With a sentence that names both."""
    with pytest.raises(ValueError, match="`unhealthy_above` = 5 lies below `degraded_above` = 10"):
        QueueDepthCheck(url="http://queue.internal", degraded_above=10, unhealthy_above=5)


def test_what_it_finds_in_an_environment():
    """The secret is given to the check, and written down as a reference."""
    environ = {"QUEUE_STATS_URL": "http://queue.internal/stats", "QUEUE_STATS_TOKEN": TOKEN}
    (found,) = QueueDepthCheck.discover(environ)
    assert found.name == "queue"
    assert found.check.token == TOKEN
    assert found.settings == {"url": "${QUEUE_STATS_URL}", "token": "${QUEUE_STATS_TOKEN}"}
    assert TOKEN not in repr(found)
    assert list(QueueDepthCheck.discover({"QUEUE_STATS_URL": "not an address"})) == []
