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
"""Seconds between looks while all is well, and to the next try after a write in vain."""
RESERVE = 1 << 20
"""Bytes kept aside."""


class Disk:
    """Knows whether there is room. SQLite cannot even delete on a full disk, so the mark lies well above that."""

    def __init__(self, directory: Path, low_water: int) -> None:
        self.low = False
        """Nothing should be written: too little is free, or a write has just found no room."""
        self.tight = False
        """It was low, and no write has succeeded since."""
        self._full = False
        self._directory, self._low_water = directory, low_water
        self._next_look = 0.0
        self._keep_reserve()

    def look(self) -> None:
        """See how much is free, if it is time to."""
        now = monotonic()
        if now < self._next_look:
            return
        with suppress(OSError):
            disk = os.statvfs(self._directory)
            free, wanted = disk.f_bavail * disk.f_frsize, self._low_water
            self.low = free < (max(wanted, 2 * RESERVE) if self._full else wanted)
        # A quota does not show in what is free: after a write in vain the next one is not tried at once.
        self._next_look = now if self.low and not self._full else now + LOOK_EVERY
        if self.low:
            self._say_low()

    def found_full(self) -> None:
        """A write has found no room."""
        self.low = self._full = True
        self._next_look = monotonic() + LOOK_EVERY
        self._say_low()

    def wrote(self) -> None:
        """A write has succeeded."""
        if self.tight and not self.low:
            self.tight = self._full = False
            log.warning("there is space on the disk again")
            self._keep_reserve()

    def release_reserve(self) -> None:
        """Make a little room, for what has to be written all the same."""
        with suppress(OSError):
            (self._directory / "reserve").unlink(missing_ok=True)

    def _say_low(self) -> None:
        if not self.tight:
            self.tight = True
            log.warning("the disk is almost full: results are not stored")

    def _keep_reserve(self) -> None:
        path = self._directory / "reserve"
        with suppress(OSError):
            if not path.exists():
                path.write_bytes(bytes(RESERVE))
