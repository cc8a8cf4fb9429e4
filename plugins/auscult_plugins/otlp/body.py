"""What a request carries, unpacked: never more than it may be, whatever it says about itself."""

from __future__ import annotations

import zlib

__all__ = ["LARGEST", "Refused", "unpacked"]

LARGEST = 64 << 20
"""Bytes that a body may have once it is unpacked, as OTLP advises."""
RATIO = 100
"""By how much a body may grow when it is unpacked, beyond its first MiB. Metrics come to 10 or 20; a bomb to 1000."""
_STEP = 1 << 20


class Refused(Exception):
    """The request is answered with this status and sentence."""

    def __init__(self, status: int, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.code = status, sentence, code


def unpacked(body: bytes, encoding: str, largest: int = LARGEST) -> bytes:
    """The body without its ``Content-Encoding``. Raises Refused."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Refused(415, f"Content-Encoding is {encoding[:40]!r}: expected gzip, or none", 3)
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    pieces, size, rest = [], 0, body
    try:
        while rest and not unpacker.eof:
            piece = unpacker.decompress(rest, _STEP)
            rest = unpacker.unconsumed_tail
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                raise Refused(413, f"The body has more than {largest} bytes once it is unpacked", 8)
            if size > _STEP and size > RATIO * (len(body) - len(rest)):
                raise Refused(413, f"The body grows to more than {RATIO} times its size when it is unpacked", 8)
    except zlib.error as error:
        raise Refused(400, f"The body is not gzip: {error}", 3) from None
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "The body is not one whole gzip stream", 3)
    return b"".join(pieces)
