"""Servers for the voice checks: the rehearsal (real speech), and one that answers exactly what a test says."""

import importlib.util
import json
import os
import shutil
import socketserver
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from auscult import Check, Component, Reading, SystemClock
from auscult.runtime.context import ProbeContext, Services
from auscult_rehearsal.client import Control, running_stack

Probe = Callable[..., Awaitable[Reading]]


def missing(what: str, install: str) -> None:
    """Fail in CI, skip elsewhere: a test that needs real speech proves nothing without it."""
    message = f"{what} is not installed; run: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """The rehearsal with real voice and real recognition."""
    if shutil.which("flite") is None:
        missing("flite", "apt-get install flite")
    if importlib.util.find_spec("pocketsphinx") is None:
        missing("pocketsphinx", "pip install --no-deps pocketsphinx")
    with running_stack(tmp_path_factory.mktemp("rehearsal")) as control:
        yield control


@pytest.fixture
def control(stack: Control) -> Iterator[Control]:
    """The rehearsal, everything in order before and after."""
    stack.mend()
    yield stack
    stack.mend()


@pytest.fixture
def probe() -> Probe:
    """Probe once, with the client and the context that the server gives; ``timeout`` in seconds."""

    async def once(check: Check, timeout: float = 30.0) -> Reading:
        services = Services(SystemClock())
        try:
            return await check.probe(ProbeContext(Component(name="tried", check=check, timeout=timeout), services))
        finally:
            await services.close()

    return once


class Script:
    """One answer, given to every request, in pieces: bytes are sent, numbers are seconds to wait."""

    def __init__(self, parts: tuple[bytes | float, ...], url: str) -> None:
        self.parts = parts
        self.url = url
        self.requests: list[bytes] = []

    @property
    def head(self) -> str:
        """Request line and headers of the last request."""
        return self.requests[-1].partition(b"\r\n\r\n")[0].decode()

    @property
    def json(self) -> dict:
        """Body of the last request."""
        return json.loads(self.requests[-1].partition(b"\r\n\r\n")[2])


def http(status: int, body: bytes | str | dict | list, kind: str = "application/json", **headers: str) -> bytes:
    """A whole answer; names of headers with underscores for dashes."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(data)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def opening(kind: str) -> bytes:
    """The head of an answer that ends when the connection does."""
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode()


class _Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        script: Script = self.server.script
        data, length = b"", 0
        while b"\r\n\r\n" not in data:
            if not (line := self.rfile.readline()):
                return
            data += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        script.requests.append(data + self.rfile.read(length))
        try:
            for part in script.parts:
                if isinstance(part, bytes):
                    self.wfile.write(part)
                else:
                    time.sleep(part)
        except OSError:
            pass


class _Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def scripted() -> Iterator[Callable[..., Script]]:
    """``scripted(*parts)``: a server that answers so."""
    servers = []

    def start(*parts: bytes | float) -> Script:
        server = _Threads(("127.0.0.1", 0), _Answering)
        server.script = Script(parts, f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server.script

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def answer() -> Callable[..., bytes]:
    """`http`, for tests: a module of theirs cannot import this one."""
    return http


@pytest.fixture
def begin() -> Callable[[str], bytes]:
    """`opening`, likewise."""
    return opening
