"""Protobuf's wire format, as far as OTLP needs it. Nothing is copied: fields are told by their places in the body."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

__all__ = ["FIXED32", "FIXED64", "VARINT", "Malformed", "double", "fixed", "packed_varints", "signed", "text", "walk"]

VARINT, FIXED64, FIXED32 = -1, -2, -4
"""What stands in place of the end for fields that have no length."""
_DOUBLE, _FIXED, _SIGNED = Struct("<d"), Struct("<Q"), Struct("<q")


class Malformed(ValueError):
    """The body is not what it says it is; the sentence says where."""


def walk(body: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of the message in ``body[at:end]``: number, and where its value begins and ends.

    Of a varint the value itself stands in place of the beginning. Raises Malformed.
    """
    try:
        while at < end:
            tag = body[at]
            at += 1
            if tag > 127:
                tag, at = _varint(body, at - 1)
            kind = tag & 7
            if kind == 2:
                size = body[at]
                at += 1
                if size > 127:
                    size, at = _varint(body, at - 1)
                begin, at = at, at + size
                if at > end:
                    raise Malformed(f"a field at byte {begin} is longer than what it is in")
                yield tag >> 3, begin, at
            elif kind == 1:
                at += 8
                if at > end:
                    raise Malformed(f"a number at byte {at - 8} is longer than what it is in")
                yield tag >> 3, at - 8, FIXED64
            elif kind == 0:
                value, at = _varint(body, at)
                yield tag >> 3, value, VARINT
            elif kind == 5:
                at += 4
                yield tag >> 3, at - 4, FIXED32
            else:
                raise Malformed(f"byte {at - 1} begins no field")
    except IndexError:
        raise Malformed(f"it ends in the middle of a field, at byte {len(body)}") from None
    if at > end:
        raise Malformed(f"a field before byte {at} is longer than what it is in")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise Malformed(f"a number at byte {at} has more than 64 bits")


def packed_varints(body: bytes, at: int, end: int, most: int) -> list[int]:
    """The numbers of a packed field, `most` at most. Raises Malformed."""
    found: list[int] = []
    try:
        while at < end:
            value, at = _varint(body, at)
            found.append(value)
            if len(found) > most:
                raise Malformed(f"there are more than {most} numbers in a field at byte {at}")
    except IndexError:
        raise Malformed("it ends in the middle of a number") from None
    return found


def text(body: bytes, begin: int, end: int) -> str:
    """A string; what is not UTF-8 in it is replaced. Raises Malformed."""
    if end < 0:
        raise Malformed(f"a number stands in place of a text, near byte {begin}")
    return body[begin:end].decode(errors="replace")


def double(body: bytes, begin: int, end: int) -> float:
    """A double. Raises Malformed."""
    if end != FIXED64:
        raise Malformed(f"something else stands in place of a double, near byte {begin}")
    value: float = _DOUBLE.unpack_from(body, begin)[0]
    return value


def fixed(body: bytes, begin: int, end: int) -> int:
    """A fixed 64-bit number without a sign. Raises Malformed."""
    if end != FIXED64:
        raise Malformed(f"something else stands in place of a 64-bit number, near byte {begin}")
    value: int = _FIXED.unpack_from(body, begin)[0]
    return value


def signed(body: bytes, begin: int, end: int) -> int:
    """A fixed 64-bit number with a sign. Raises Malformed."""
    if end != FIXED64:
        raise Malformed(f"something else stands in place of a 64-bit number, near byte {begin}")
    value: int = _SIGNED.unpack_from(body, begin)[0]
    return value
