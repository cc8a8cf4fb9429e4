"""One process at a time owns a state directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from auscult.errors import StateDirectoryLocked

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """Held from construction to `release`; the kernel releases it when the process dies."""

    def __init__(self, directory: Path) -> None:
        self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            raise StateDirectoryLocked(
                f"The state directory {directory} belongs to a running auscult (process {owner or 'unknown'}): "
                "stop that one first, or give this one its own with --state-dir"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others in; once is enough, and the number may be another file's by then."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
