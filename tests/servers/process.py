"""A server program run by a test: on a loopback port of its own, in a directory of its own, ended by its own pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Server", "accepts", "as_user", "directory", "free_port"]

START = 60.0
"""Seconds a server has to come up: generous, a shared machine is slow at times."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as trying:
        trying.settimeout(1)
        return trying.connect_ex(("127.0.0.1", port)) == 0


def as_user(name: str) -> dict[str, Any]:
    """Arguments for subprocess that run a program as `name` where we are root: some servers refuse to be root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def directory(owner: str = "") -> Iterator[Path]:
    """A directory straight under the temporary one, so that the path to a socket in it stays short."""
    path = Path(tempfile.mkdtemp(prefix="auscult-"))
    try:
        if owner and os.getuid() == 0:
            shutil.chown(path, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Server:
    """One server: `start`, `stop`, and `start` again on the same port with the same data."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        ready: Callable[[], bool],
        user: str = "",
        stop: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.command, self.port, self.log = list(command), port, log
        self._ready, self._user, self._stop = ready, user, stop
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Start unless it runs; returns when it answers. Raises RuntimeError with the server's own words."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests, and the tests end the server
                **(as_user(self._user) if self._user else {}),
            )
        deadline = time.monotonic() + START
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"{self.command[0]} did not come up:\n{said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order, whoever is connected, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self._stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()
