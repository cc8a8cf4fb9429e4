"""A MariaDB server, and replicas of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from tests.need import program
from tests.servers.process import Server, accepts, as_user, directory, free_port

__all__ = ["PASSWORD", "MariaDb", "mariadb"]

PASSWORD = "my-s3cret/+%@"
"""Of the user `auscult`; has characters that a URL must quote."""


class MariaDb:
    """Its address, and a way to ask it behind the check's back."""

    def __init__(self, server: Server, socket: str) -> None:
        self.server, self.port, self._socket = server, server.port, socket

    def url(
        self, user: str = "auscult", password: str = PASSWORD, database: str = "shop", scheme: str = "mysql"
    ) -> str:
        """For the check; by default what is right."""
        return f"{scheme}://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def connect(self, **options: Any) -> Any:
        """A connection of the superuser's, through the socket."""
        import pymysql

        return pymysql.connect(unix_socket=self._socket, user="root", autocommit=True, **options)

    def sql(self, *statements: str) -> tuple[Any, ...]:
        """Run statements as the superuser; the rows of the last."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return tuple(cursor.fetchall())


@contextmanager
def mariadb(number: int = 1) -> Iterator[MariaDb]:
    """Password authentication; a database `shop`; writes a binary log under the server id `number`."""
    install = program("mariadb-install-db", "mariadb-server")
    binary = program("mariadbd", "mariadb-server")
    with directory(owner="mysql") as path:
        data, socket, port = path / "data", str(path / "socket"), free_port()
        command = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        command += ["--skip-test-db", "--skip-name-resolve"]
        done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False, **as_user("mysql"))
        assert done.returncode == 0, done.stdout + done.stderr
        command = [binary, "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--port={port}"]
        command += ["--bind-address=127.0.0.1", f"--pid-file={path}/pid", "--max-connections=40", "--skip-name-resolve"]
        command += ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0", "--log-bin=binlog"]
        command += [f"--server-id={number}"]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port), user="mysql")
        server.start()
        try:
            database = MariaDb(server, socket)
            database.sql(
                "CREATE DATABASE shop",
                f"CREATE USER auscult@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
                "GRANT ALL ON *.* TO auscult@'127.0.0.1'",
            )
            yield database
        finally:
            server.stop()
