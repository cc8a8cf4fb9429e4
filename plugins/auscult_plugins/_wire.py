"""The little of protobuf's wire format that is needed to write messages: varints, doubles, and what has a length.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct

__all__ = ["double", "fixed64", "nested", "packed", "text", "uint", "varint"]

_DOUBLE, _FIXED = struct.Struct("<d"), struct.Struct("<Q")


def varint(number: int) -> bytes:
    """An integer, seven bits a byte."""
    if 0 <= number < 0x80:
        return bytes((number,))
    number &= 0xFFFF_FFFF_FFFF_FFFF
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def nested(field: int, message: bytes) -> bytes:
    """A message, or bytes, within a message."""
    return varint(field << 3 | 2) + varint(len(message)) + message


def text(field: int, value: str) -> bytes:
    """A string; nothing for an empty one, which is the default."""
    return nested(field, value.encode("utf-8", "replace")) if value else b""


def uint(field: int, value: int) -> bytes:
    """An integer or an enumeration's member; nothing for 0, which is the default."""
    return varint(field << 3) + varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """A number, 0 included."""
    return varint(field << 3 | 1) + _DOUBLE.pack(value)


def fixed64(field: int, value: int) -> bytes:
    """A number of eight bytes, 0 included."""
    return varint(field << 3 | 1) + _FIXED.pack(value)


def packed(field: int, column: bytes) -> bytes:
    """Numbers of a fixed size, one after the other; nothing for none."""
    return nested(field, column) if column else b""
