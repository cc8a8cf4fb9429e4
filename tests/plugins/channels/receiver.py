"""A loopback HTTP receiver in threads of its own: it writes down what comes and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct


class Arrived(Struct):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Cut(bytes):
    """An answer after which the connection is closed."""


Answer = bytes | Callable[[Arrived], bytes | None]


def reply(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    """The bytes of an answer; ``Retry_After="3"`` is a header."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Receiver:
    """Answers with `answers` in turn and then with `otherwise`; an answer of None closes the connection."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Arrived] = []
        self.answers: list[Answer | None] = []
        self.otherwise: Answer | None = reply()
        self.connections = 0
        self.held = threading.Event()
        """Set at the end: whoever holds an answer back waits for it."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/alerts"

    @property
    def last(self) -> Arrived:
        return self.requests[-1]

    def hang(self, _: Arrived) -> bytes | None:
        """An answer that never comes."""
        self.held.wait(30)
        return None

    def drop_connections(self) -> None:
        """Close every connection that is open now."""
        with self._lock:
            for connection in self._open:
                _close(connection)

    def close(self) -> None:
        self.held.set()
        _close(self._listening)
        self.drop_connections()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self.connections += 1
                    number = self.connections
                    self._open.add(connection)
                self._talk(connection, number)
            except OSError:
                pass
            finally:
                with self._lock:
                    self._open.discard(connection)
                _close(connection)

    def _talk(self, connection: socket.socket, number: int) -> None:
        with connection.makefile("rb") as stream:
            while (arrived := _read(stream, number)) is not None:
                with self._lock:
                    self.requests.append(arrived)
                    answer = self.answers.pop(0) if self.answers else self.otherwise
                said = answer(arrived) if callable(answer) else answer
                if said is None:
                    return
                connection.sendall(said)
                if isinstance(said, Cut) or b"connection: close" in said.lower():
                    return


def _read(stream: Any, number: int) -> Arrived | None:
    first = stream.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return Arrived(first[0], first[1], headers, stream.read(_length(headers)), number)


def _length(headers: Mapping[str, str]) -> int:
    return int(headers.get("content-length", 0))


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
