"""A PostgreSQL server, and hot standbys of it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.need import program
from tests.servers.process import Server, as_user, directory, free_port

__all__ = ["PASSWORD", "Postgres", "postgres", "standby"]

PASSWORD = "pg-s3cret/+%"
"""Of the superuser `auscult`; has characters that a URL must quote."""
_QUOTED = "pg-s3cret%2F%2B%25"
_WHERE = "/usr/lib/postgresql/*/bin/"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
fsync = off
wal_level = replica
max_connections = 30
shared_buffers = '16MB'
"""


class Postgres:
    """Its address, and a way to ask it behind the check's back."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = server.port

    def url(self, user: str = "auscult", password: str = _QUOTED, database: str = "postgres") -> str:
        """For the check; by default what is right."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the superuser; the rows of the last."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description is not None else []


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Password authentication (SCRAM) also from loopback."""
    initdb = program("initdb", "postgresql", _WHERE + "initdb")
    with directory(owner="postgres") as path:
        secret = path / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        command = [initdb, "-D", str(path / "data"), "-U", "auscult", "--pwfile", str(secret), "-A", "scram-sha-256"]
        _run([*command, "-E", "UTF8", "--locale", "C", "--no-sync"], path)
        with (path / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        with _running(path) as server:
            yield Postgres(server)


@contextmanager
def standby(primary: Postgres) -> Iterator[Postgres]:
    """A hot standby that streams from `primary`."""
    basebackup = program("pg_basebackup", "postgresql", _WHERE + "pg_basebackup")
    with directory(owner="postgres") as path:
        source = primary.url().rpartition("/")[0]
        _run([basebackup, "-d", source, "-D", str(path / "data"), "-R", "-X", "stream", "-c", "fast"], path)
        with _running(path) as server:
            yield Postgres(server)


def _run(command: list[str], path: Path) -> None:
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False, **as_user("postgres"))
    assert done.returncode == 0, done.stderr


@contextmanager
def _running(path: Path) -> Iterator[Server]:
    port = free_port()
    binary = program("postgres", "postgresql", _WHERE + "postgres")
    isready = program("pg_isready", "postgresql-client", _WHERE + "pg_isready")

    def ready() -> bool:
        asked = subprocess.run([isready, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False)
        return asked.returncode == 0

    command = [binary, "-D", str(path / "data"), "-p", str(port), "-k", str(path)]
    log = path / "log"
    server = Server(command, port=port, log=log, ready=ready, user="postgres", stop=signal.SIGINT)
    server.start()
    try:
        yield server
    finally:
        server.stop()
