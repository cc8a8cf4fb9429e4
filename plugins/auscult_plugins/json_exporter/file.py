"""Writing a file so that whoever reads it never sees half of it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["append", "replace"]

_MODE = 0o640


def replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of the old one, at once and for good. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def append(path: Path, line: bytes, *, rotate_bytes: int, keep: int) -> None:
    """Add a line; a file that would grow beyond `rotate_bytes` is set aside first. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = 0
    if size and size + len(line) > rotate_bytes:
        _rotate(path, keep)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), _MODE)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)


def _rotate(path: Path, keep: int) -> None:
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
