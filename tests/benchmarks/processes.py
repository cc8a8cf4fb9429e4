"""Processes under measurement: their trees' CPU and memory as the kernel accounts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import psutil


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Measured:
    """A process and everything below it."""

    def __init__(
        self, argv: Sequence[str | Path], *, log: Path, env: dict[str, str] | None = None, cpu: int | None = None
    ) -> None:
        """`cpu`: the one processor it may run on."""
        # What is installed is compiled; where that was forbidden, every start would compile everything anew.
        usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [str(part) for part in argv], stdout=out, stderr=out, env={**usual, **(env or {})}
            )
        self.process = psutil.Process(self.popen.pid)
        if cpu is not None:
            self.process.cpu_affinity([cpu])
        self.log = log

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """User and system seconds so far, of the tree and its reaped children."""
        total = 0.0
        for process in self._tree():
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def rss(self) -> int:
        """Bytes resident now, of the tree."""
        return sum(process.memory_info().rss for process in self._tree())

    def wait_for(self, url: str, seconds: float = 30.0) -> float:
        """Wait until `url` answers 200; returns the seconds it took."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return time.monotonic() - begin
            except (urllib.error.URLError, OSError):
                if self.popen.poll() is not None:
                    break
                time.sleep(0.005)
        raise RuntimeError(f"{self.popen.args} does not answer:\n{self.log.read_text()[-2000:]}")

    def check(self) -> None:
        """Raises RuntimeError when it has ended by itself: what was measured then is not what it says."""
        if self.popen.poll() is not None:
            raise RuntimeError(f"{self.popen.args} has ended:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it, kindly first."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Peak:
    """Watches processes for a while: CPU used in between, and the highest memory seen."""

    def __init__(self, *processes: Measured) -> None:
        self._processes = processes
        self._cpu = sum(process.cpu() for process in processes)
        self.rss = 0

    def watch(self, seconds: float) -> float:
        """Sample memory for that long; returns the CPU seconds used."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for process in self._processes:
                process.check()
            self.rss = max(self.rss, sum(process.rss() for process in self._processes))
            time.sleep(0.5)
        return sum(process.cpu() for process in self._processes) - self._cpu
