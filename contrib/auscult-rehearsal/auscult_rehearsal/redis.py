"""A real Redis on a free port, where redis-server is installed; faults by signals and by its own settings."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
from pathlib import Path
from typing import ClassVar

from auscult_rehearsal.standin import StandIn

__all__ = ["Redis"]

_PASSWORD = "rehearsal"  # noqa: S105 - switched on by a fault, so that nobody knows it


class Redis(StandIn):
    """``slow`` and ``silent`` stop the process for a while or for good, ``lying`` answers PING and refuses to write."""

    name = "redis"
    faults: ClassVar[tuple[str, ...]] = ("slow", "silent", "down", "unauthorized", "lying")

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.note = "a real redis-server, without persistence"
        self._directory = directory
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._stutter: asyncio.Task[None] | None = None

    @staticmethod
    def available() -> bool:
        """Whether redis-server is installed."""
        return shutil.which("redis-server") is not None

    @property
    def url(self) -> str:
        """See `StandIn.url`."""
        return f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        """See `StandIn.start`. Raises RuntimeError when it does not come up within 10 s."""
        self._directory.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = await asyncio.create_subprocess_exec(
            "redis-server",
            *options,
            "--dir",
            str(self._directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for _ in range(200):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(OSError):
                if await self._say("PING") == "+PONG":
                    return
            await asyncio.sleep(0.05)
        await self.stop()
        raise RuntimeError("redis-server did not come up")

    async def stop(self) -> None:
        """See `StandIn.stop`."""
        await self._end_stutter()
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def change(self, before: str, after: str) -> None:
        """See `StandIn.change`."""
        await self._undo(before)
        if after == "down":
            await self.stop()
        elif after == "silent":
            self._signal(signal.SIGSTOP)
        elif after == "slow":
            self._stutter = asyncio.create_task(self._stop_and_go())
        elif after == "unauthorized":
            await self._say("CONFIG", "SET", "requirepass", _PASSWORD)
            await self._say("CLIENT", "KILL", "TYPE", "normal", password=_PASSWORD)
        elif after == "lying":
            await self._say("CONFIG", "SET", "min-replicas-to-write", "1")

    async def _undo(self, fault: str) -> None:
        if fault == "down":
            await self.start()
        elif fault == "silent":
            self._signal(signal.SIGCONT)
        elif fault == "slow":
            await self._end_stutter()
            self._signal(signal.SIGCONT)
        elif fault == "unauthorized":
            await self._say("CONFIG", "SET", "requirepass", "", password=_PASSWORD)
        elif fault == "lying":
            await self._say("CONFIG", "SET", "min-replicas-to-write", "0")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _stop_and_go(self) -> None:
        while True:
            self._signal(signal.SIGSTOP)
            await asyncio.sleep(self.seconds)
            self._signal(signal.SIGCONT)
            await asyncio.sleep(0.05)

    async def _end_stutter(self) -> None:
        if self._stutter is not None:
            self._stutter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._stutter
            self._stutter = None

    async def _say(self, *words: str, password: str = "") -> str:
        """One command; the first line of its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            if password:
                writer.write(_encode("AUTH", password))
                await reader.readline()
            writer.write(_encode(*words))
            return (await asyncio.wait_for(reader.readline(), 5)).decode().strip()
        finally:
            writer.close()


def _encode(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
