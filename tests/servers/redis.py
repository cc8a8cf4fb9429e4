"""A Redis server, with or without a password, and replicas of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.need import program
from tests.servers.process import Server, accepts, directory, free_port

__all__ = ["Redis", "redis"]


class Redis:
    """Its address, and a way to ask it behind the check's back."""

    def __init__(self, server: Server, password: str) -> None:
        self.server, self.port, self._password = server, server.port, password

    def url(self, user: str = "", password: str | None = None, database: int = 0) -> str:
        """For the check; by default what is right."""
        secret = self._password if password is None else password
        login = f"{user}:{secret}@" if user or secret else ""
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def ask(self, *words: str) -> str:
        """One command, inline; the answer's first line, or the bulk text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            file = connection.makefile("rwb")
            if self._password:
                self._send(file, "AUTH", self._password)
            return self._send(file, *words)

    @staticmethod
    def _send(file, *words: str) -> str:
        parts = [f"*{len(words)}\r\n".encode()]
        parts += [f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words]
        file.write(b"".join(parts))
        file.flush()
        line = file.readline().decode().rstrip()
        if line.startswith("$") and line != "$-1":
            return file.read(int(line[1:]) + 2).decode()[:-2]
        assert not line.startswith("-"), line
        return line


@contextmanager
def redis(*options: str, password: str = "") -> Iterator[Redis]:
    """Saves nothing unless `options` (``--name``, ``value``, ...) say so."""
    binary = program("redis-server", "redis-server")
    with directory() as path:
        port = free_port()
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(path), "--save", "", *options]
        if password:
            command += ["--requirepass", password, "--masterauth", password]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port))
        server.start()
        try:
            yield Redis(server, password)
        finally:
            server.stop()
