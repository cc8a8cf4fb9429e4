"""The disk under the history: when it is almost full nothing but alerts is written, from bytes kept aside for them."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic

__all__ = ["Disk"]

log = logging.getLogger("auscult.store")

LOOK_EVERY = 5.0
"""Seconds between looks while all is well; while it is not, every look counts."""
RESERVE = 1 << 20
"""Bytes kept aside."""


class Disk:
    """Knows whether there is room. SQLite cannot even delete on a full disk, so the mark lies well above that."""

    def __init__(self, directory: Path, low_water: int) -> None:
        self.low = False
        """Less than the low-water mark is free, or a write has found no room."""
        self._directory, self._low_water = directory, low_water
        self._looked = 0.0
        self._keep_reserve()

    def look(self) -> None:
        """See how much is free, if it is time to."""
        now = monotonic()
        if now - self._looked < LOOK_EVERY and not self.low:
            return
        self._looked = now
        with suppress(OSError):
            disk = os.statvfs(self._directory)
            self._say(disk.f_bavail * disk.f_frsize < self._low_water)

    def found_full(self) -> None:
        """A write has found no room."""
        self._say(True)

    def release_reserve(self) -> None:
        """Make a little room, for what has to be written all the same."""
        with suppress(OSError):
            (self._directory / "reserve").unlink(missing_ok=True)

    def _say(self, low: bool) -> None:
        if low == self.low:
            return
        self.low = low
        log.warning("the disk is almost full: results are not stored" if low else "there is space on the disk again")
        if not low:
            self._keep_reserve()

    def _keep_reserve(self) -> None:
        path = self._directory / "reserve"
        with suppress(OSError):
            if not path.exists():
                path.write_bytes(bytes(RESERVE))
