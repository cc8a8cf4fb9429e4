"""Structs are made ready for threads: msgspec ends the process where two of them need a class for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakSet

import msgspec

__all__ = ["prepare_structs"]


_seen: WeakSet[type] = WeakSet()


def prepare_structs() -> None:
    """Have msgspec look at the fields of every struct class that is loaded, those of plugins included.

    msgspec 0.22 does so when a class is decoded or converted to for the first time, and notes the class before it has
    looked at its fields: another thread that comes in between reads types that are not there yet, and the process ends
    with a segmentation fault. Call this before there are threads.
    """
    for kind in _below(msgspec.Struct):
        if kind in _seen:
            continue
        _seen.add(kind)
        try:
            msgspec.msgpack.Decoder(kind)
        except (TypeError, NameError):
            continue  # made in code only: nothing can be decoded to it


def _below(kind: type) -> Iterator[type]:
    each: type
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
