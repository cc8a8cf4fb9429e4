"""What a destination missed, on disk: whole snapshots, oldest first, within bounds."""

from __future__ import annotations

import logging
from bisect import insort
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
        self._files: list[tuple[str, int]] = []
        """Names, which begin with the time, and sizes; the oldest first, in whatever order they came."""
        self._served = ""
        self.bytes = 0
        self.dropped = 0
        """Snapshots that nobody will get: too many, too old, or unreadable."""
        self._number = 0

    def open(self) -> None:
        """Take in what an earlier run left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.iterdir()):
            if path.suffix == _SUFFIX:
                self._add(path.name, path.stat().st_size)
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
        self._add(path.name, len(data))
        while self.bytes > self._max_bytes and len(self._files) > 1:
            self._drop()

    def first(self, now: int) -> Snapshot | None:
        """The oldest that is still of use."""
        while self._files:
            name = self._files[0][0]
            try:
                snapshot = Snapshot.decode((self._folder / name).read_bytes())
            except (OSError, ValueError) as error:
                log.warning("a kept snapshot cannot be read and is dropped: %s", error)
                self._drop()
                continue
            if now - snapshot.at <= MAX_AGE_MS:
                self._served = name
                return snapshot
            self._drop()
        return None

    def remove_first(self) -> None:
        """What `first` gave last has arrived; an older one may have come meanwhile, and stays."""
        for at, (name, _) in enumerate(self._files):
            if name == self._served:
                self._remove(at)
                return

    def _add(self, name: str, size: int) -> None:
        insort(self._files, (name, size))
        self.bytes += size

    def _drop(self) -> None:
        self._remove(0)
        self.dropped += 1

    def _remove(self, at: int) -> None:
        name, size = self._files.pop(at)
        self.bytes -= size
        (self._folder / name).unlink(missing_ok=True)
