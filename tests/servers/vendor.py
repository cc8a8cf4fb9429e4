"""A vendor's HTTP interface on the loopback: judges what it is sent by the vendor's own rules, and fails on demand.

It runs in a thread, so that it serves tests on asyncio and on trio alike.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["RESET", "Answer", "Judge", "Refused", "Request", "Vendor", "serving"]


@dataclass(frozen=True)
class Request:
    """One request, whole."""

    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body. Raises ValueError."""
        return json.loads(self.body.decode("utf-8"))


@dataclass(frozen=True)
class Answer:
    """What the vendor says."""

    status: int = 200
    body: bytes | str | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, dict):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


RESET = Answer(0)
"""The connection is reset instead of an answer."""
Judge = Callable[[Request], Answer]


class Refused(Exception):
    """Raised by a judge: the vendor would not take this. Fails the test, with what is wrong."""


class Vendor:
    """What `judge` accepted stands in `taken`; faults that were ordered with `fail` come first, one a request."""

    def __init__(self, judge: Judge, url: str) -> None:
        self.url = url
        self.taken: list[Request] = []
        self.seen = 0
        """Requests, refused ones and faults included."""
        self._judge = judge
        self._faults: deque[Answer] = deque()

    def fail(self, *answers: Answer) -> None:
        """Answer the next requests so, without looking at them."""
        self._faults.extend(answers)

    @property
    def last(self) -> Any:
        """The JSON that was taken last."""
        return self.taken[-1].json

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        self.seen += 1
        if self._faults:
            return self._faults.popleft()
        try:
            answer = self._judge(request)
        except Refused as error:
            return Answer(400, f"schema: {error}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Answer(400, f"schema: {type(error).__name__}: {error}")
        if answer.status < 300:
            self.taken.append(request)
        return answer


class _Handler(BaseHTTPRequestHandler):
    vendor: Vendor

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.vendor.answer(Request(self.command, self.path, headers, body))
        if answer is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_PUT = do_GET = _serve

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""

    def finish(self) -> None:
        """A connection that was reset cannot be flushed."""
        with suppress(OSError, ValueError):
            super().finish()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reset connection is no news."""


@contextmanager
def serving(judge: Judge) -> Iterator[Vendor]:
    """A vendor on a loopback port of its own."""
    server = _Server(("127.0.0.1", 0), _Handler)
    vendor = Vendor(judge, f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"vendor": vendor})
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
