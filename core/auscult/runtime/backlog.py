"""What a destination missed, on disk: whole snapshots, oldest first, within bounds."""

from __future__ import annotations

import logging
from collections import deque
from pathlib import Path

from auscult.families import Snapshot

__all__ = ["Backlog"]

log = logging.getLogger("auscult.exporters")

MAX_BYTES = 64 * 1024 * 1024
MAX_AGE_MS = 24 * 3_600_000
_SUFFIX = ".snapshot"


class Backlog:
    """A folder of snapshots. All methods block; one thread at a time may use it."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._files: deque[tuple[Path, int]] = deque()
        self.bytes = 0
        self.dropped = 0
        """Snapshots that nobody will get: too many, too old, or unreadable."""
        self._number = 0

    def open(self) -> None:
        """Take in what an earlier run left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.iterdir()):
            if path.suffix == _SUFFIX:
                self._add(path, path.stat().st_size)
            else:
                path.unlink()  # half written when the process ended

    def __len__(self) -> int:
        return len(self._files)

    def append(self, snapshot: Snapshot) -> None:
        """Keep one more. Raises OSError when the disk does not take it."""
        data = snapshot.encode()
        self._number += 1
        path = self._folder / f"{snapshot.at:014d}-{self._number:06d}{_SUFFIX}"
        half = path.with_suffix(".half")
        half.write_bytes(data)
        half.replace(path)
        self._add(path, len(data))
        while self.bytes > self._max_bytes and len(self._files) > 1:
            self._drop()

    def first(self, now: int) -> Snapshot | None:
        """The oldest that is still of use."""
        while self._files:
            path = self._files[0][0]
            try:
                snapshot = Snapshot.decode(path.read_bytes())
            except (OSError, ValueError) as error:
                log.warning("a kept snapshot cannot be read and is dropped: %s", error)
                self._drop()
                continue
            if now - snapshot.at <= MAX_AGE_MS:
                return snapshot
            self._drop()
        return None

    def remove_first(self) -> None:
        """The oldest has arrived."""
        path, size = self._files.popleft()
        self.bytes -= size
        path.unlink(missing_ok=True)

    def _add(self, path: Path, size: int) -> None:
        self._files.append((path, size))
        self.bytes += size

    def _drop(self) -> None:
        self.remove_first()
        self.dropped += 1
