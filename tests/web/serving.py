"""`auscult serve` as a process of its own, as people run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx

__all__ = ["Serving", "eventually"]

START = 60.0
"""Seconds a server has to come up: generous, a shared machine is slow at times."""


class Serving:
    """One server on a free port of the loopback; the configuration lies in `file`, what it says in `said`."""

    def __init__(self, directory: Path, config: str, *arguments: str, **environ: str) -> None:
        self.file = directory / "auscult.toml"
        self.file.write_text(config, encoding="utf-8")
        self.url = ""
        self._lines: list[str] = []
        self._listening = threading.Event()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AUSCULT_", "HEALTH_"))}
        command = [sys.executable, "-m", "auscult", "serve", "--config", str(self.file)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--state-dir", str(directory / "state"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=env | environ,
            cwd=directory,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            if found := re.search(r'listening on (http://[^\s"]+)', line):
                self.url = found[1]
                self._listening.set()
        self._listening.set()

    @property
    def said(self) -> str:
        """Everything it wrote so far."""
        return "".join(self._lines)

    def __enter__(self) -> Self:
        """Returns when it listens."""
        assert self._listening.wait(START), self.said
        if not self.url:
            self.kill()
            raise AssertionError(f"the server did not come up:\n{self.said}")
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it however it is."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(10)

    def client(self, **options: Any) -> httpx.Client:
        """A client of it."""
        return httpx.Client(base_url=self.url, timeout=30, **options)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, float]:
        """SIGTERM; gives the exit code and the seconds it took."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        code = self.process.wait(60)
        took = time.monotonic() - started
        self._reader.join(10)
        return code, took


def eventually(look: Any, seconds: float = 30.0) -> Any:
    """What `look` gives once it gives something true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not come true within {seconds:.0f} s: {found!r}"
        time.sleep(0.02)
    return found
