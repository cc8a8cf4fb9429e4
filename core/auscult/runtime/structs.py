"""Structs are made ready for threads: msgspec ends the process where two of them need a class for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

__all__ = ["prepare_structs"]


def prepare_structs() -> None:
    """Have msgspec look at the fields of every struct class that is loaded, those of plugins included.

    msgspec 0.22 does so when a class is decoded or converted to for the first time, and notes the class before it has
    looked at its fields: another thread that comes in between reads types that are not there yet, and the process ends
    with a segmentation fault. Call this before there are threads.
    """
    for kind in _below(msgspec.Struct):
        # Some are made in code only, and nothing can be decoded to them; a plugin's class may raise whatever it likes.
        with suppress(Exception):
            msgspec.msgpack.Decoder(kind)


def _below(kind: type) -> Iterator[type]:
    """All subclasses; without asking `kind` itself, whose metaclass may be a plugin's."""
    found: list[type] = type.__subclasses__(kind)
    for each in found:
        yield each
        yield from _below(each)
