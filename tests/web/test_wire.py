"""Hostile bytes on the wire: whatever is sent to the port, the answer is 4xx or none, and the server goes on."""

from __future__ import annotations

import random
import socket

import pytest
from tests.web.serving import Serving

CONFIG = '[components.a]\ncheck = "push"\n'
HOST = b"Host: localhost\r\n"
REQUESTS = {
    "nothing but noise": b"\x00\xff\xfe" * 1000 + b"\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100ff010000fb0303") + b"\x00" * 240,
    "no HTTP": b"HELO localhost\r\n\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "an endless line": b"GET /" + b"x" * 200_000,
    "endless headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 200_000,
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "NUL in the path": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "broken escapes": b"GET /api/v1/components/%zz%f HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the query": b"GET /api/v1/components?group=\xff%ff HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET /metrics HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /metrics HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "another host's address": b"GET http://evil.example/metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "a trace": b"TRACE /metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "two lengths": b"POST /-/reload HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"POST /-/reload HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "length and chunks": b"POST /-/reload HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nzzzz",
    "bad chunks": b"POST /api/v1/components/a/ping HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a huge length": b"POST /api/v1/components/a/ping HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n",
    "a web socket": b"GET / HTTP/1.1\r\n"
    + HOST
    + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "a bad token": b"GET /metrics HTTP/1.1\r\n" + HOST + b"Authorization: Bearer \xff\xfe\r\n\r\n",
}
MAY_BE_ANSWERED = ("a web socket", "many headers", "a bad token", "HTTP/9.9", "bytes in the query")
"""Those that are a request in spite of everything, where no token is configured."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("wire"), CONFIG) as serving:
        yield serving


def exchange(server: Serving, data: bytes) -> bytes:
    """What comes back until the server has nothing more to say for a moment."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        answer = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionError, TimeoutError):
            pass
        return answer


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_no_request_is_refused(server, name):
    """4xx or nothing at all; no 5xx, no traceback, and the next one is served."""
    answer = exchange(server, REQUESTS[name])
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert 400 <= status < 500 or (name in MAY_BE_ANSWERED and status == 200), answer[:300]
    with server.client() as client:
        assert client.get("/-/healthy").status_code == 200
    assert "Traceback" not in server.said


def test_mutated_requests_harm_nobody(server):
    """Five hundred requests with bytes changed, left out and doubled; the same ones every time."""
    chance = random.Random(1)
    seeds = [
        b"GET /health/detailed HTTP/1.1\r\n" + HOST + b"Accept: application/health+json\r\n\r\n",
        b"POST /api/v1/components/a/readings HTTP/1.1\r\n"
        + HOST
        + b'Content-Type: application/json\r\nContent-Length: 34\r\n\r\n{"status":"healthy","message":"x"}',
        b"GET /api/v1/components/a/history?start=1&end=2&points=3 HTTP/1.1\r\n" + HOST + b"\r\n",
    ]
    for number in range(500):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            change = chance.choice(("set", "cut", "double"))
            if change == "set":
                data[at] = chance.randrange(256)
            elif change == "cut":
                del data[at]
            else:
                data[at:at] = data[at : at + chance.randint(1, 40)]
        answer = exchange(server, bytes(data))
        for line in answer.split(b"\r\n"):
            if line.startswith(b"HTTP/1.1 "):
                status = int(line.split(b" ", 2)[1])
                assert status < 500 or b"/health" in data, (bytes(data), answer[:300])
    assert "Traceback" not in server.said
    with server.client() as client:
        assert client.get("/-/healthy").status_code == 200
