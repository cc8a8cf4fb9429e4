"""Columns of numbers as few bytes, exact to the last bit, packed and unpacked by loops that run in C.

A column is constant, or whole numbers after multiplication by a power of ten (stored as differences), or anything
(each number combined with the one before by exclusive or, so that what stays the same becomes zeros); zlib does the
rest. Gaps and NaN are kept beside the numbers.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import eq, sub, truediv

from auscult.metrics.buckets import COUNTER, GAUGE, Buckets
from auscult.store.metric_tables import STALE, STALE_BITS

__all__ = ["pack", "pack_buckets", "pack_times", "unpack", "unpack_buckets", "unpack_times"]

_CONSTANT, _WHOLE, _ANY = range(3)
_SCALES = (1, 10, 100, 1000, 10_000)
_LARGEST = float(1 << 52)
_CODES = "bhiq"
_RANGES = ((-(1 << 7), 1 << 7), (-(1 << 15), 1 << 15), (-(1 << 31), 1 << 31))
_HEAD = struct.Struct("<BBHI")
"""Kind, scale and type code, bytes of the gaps' mask, how many numbers."""
_NAN = float("nan")


def pack(column: array[float]) -> bytes:
    """One column."""
    mask, numbers = _without_gaps(column)
    count = len(column)
    body = numbers.tobytes()
    if count and body == body[:8] * count:
        return _HEAD.pack(_CONSTANT, 0, len(mask), count) + mask + body[:8]
    for at, scale in enumerate(_SCALES):
        whole = _whole(numbers, scale)
        if whole is not None:
            code, packed = _differences(whole)
            return _HEAD.pack(_WHOLE, at << 4 | code, len(mask), count) + mask + packed
    return _HEAD.pack(_ANY, 0, len(mask), count) + mask + zlib.compress(_combined(body, count), 1)


def unpack(packed: bytes) -> array[float]:
    """The column that `pack` was given."""
    kind, form, masked, count = _HEAD.unpack_from(packed)
    start = _HEAD.size + masked
    if not count:
        return array("d")
    if kind == _CONSTANT:
        numbers: array[float] = array("d", packed[start : start + 8]) * count
    elif kind == _WHOLE:
        whole = _summed(packed[start:], form & 15)
        scale = _SCALES[form >> 4]
        numbers = array("d", whole if scale == 1 else map(truediv, whole, (scale,) * count))
    else:
        numbers = array("d", _separated(zlib.decompress(packed[start:]), count))
    if masked:
        mask = zlib.decompress(packed[_HEAD.size : start])
        for at, odd in enumerate(mask):
            if odd:
                numbers[at] = STALE if odd == 1 else _NAN
    return numbers


def pack_times(times: array[int]) -> bytes:
    """Moments in ms, which mostly lie equally far apart."""
    first = times[0] if times else 0
    code, packed = _differences([time - first for time in times])
    return struct.pack("<qIB", first, len(times), code) + packed


def unpack_times(packed: bytes) -> array[int]:
    """The moments that `pack_times` was given."""
    first, count, code = struct.unpack_from("<qIB", packed)
    if not count:
        return array("q")
    return array("q", accumulate([first, *_deltas(packed[13:], code)[1]]))


def pack_buckets(buckets: Buckets, origin: int) -> bytes:
    """Roll-ups, their beginnings as numbers of stretches since `origin`."""
    index = array("d", [(start - origin) // buckets.size for start in buckets.starts])
    packed = [pack(column) for column in (index, *buckets.columns.values())]
    return struct.pack(f"<B{len(packed)}I", len(packed), *map(len, packed)) + b"".join(packed)


def unpack_buckets(packed: bytes, size: int, origin: int, wanted: Collection[str] = ()) -> Buckets:
    """The roll-ups that `pack_buckets` was given, with those columns only that are wanted; all without any."""
    sizes = struct.unpack_from(f"<{packed[0]}I", packed, 1)
    begins = list(accumulate(sizes, initial=1 + 4 * len(sizes)))
    names = COUNTER if len(sizes) == 1 + len(COUNTER) else GAUGE
    columns = {
        name: unpack(packed[begins[at] : begins[at + 1]])
        for at, name in enumerate(names, 1)
        if not wanted or name in wanted
    }
    return Buckets(size, _starts(packed[begins[0] : begins[1]], size, origin), columns)


def _starts(packed: bytes, size: int, origin: int) -> array[int]:
    """Where the stretches of these numbers begin."""
    index = _index(packed)
    if isinstance(index, range):
        return array("q", range(origin + size * index.start, origin + size * index.stop, size))
    return array("q", [origin + size * at for at in index])


@lru_cache(maxsize=64)
def _index(packed: bytes) -> Sequence[int]:
    """Numbers of stretches, which are the same for every period without gaps."""
    index = list(map(int, unpack(packed)))
    if index and index[-1] - index[0] == len(index) - 1:  # they grow: none is left out
        return range(index[0], index[-1] + 1)
    return index


def _without_gaps(column: array[float]) -> tuple[bytes, array[float]]:
    """A mask of what is no number (1 a gap, 2 NaN; empty where there is nothing such), and numbers in its place."""
    if all(map(eq, column, column)):
        return b"", column
    numbers, mask, before = array("d"), bytearray(), 0.0
    for value, bits in zip(column, array("q", column.tobytes()), strict=True):
        if value == value:  # noqa: PLR0124 - not NaN
            before = value
        numbers.append(before)
        mask.append(0 if value == value else 1 if bits == STALE_BITS else 2)  # noqa: PLR0124
    return zlib.compress(bytes(mask), 1), numbers


def _whole(numbers: array[float], scale: int) -> list[int] | None:
    """The numbers times `scale` as whole numbers, if that loses nothing."""
    if not _is_whole(numbers[:8], scale):
        return None
    if max(map(abs, numbers), default=0.0) * scale >= _LARGEST:
        return None
    whole = [round(value * scale) for value in numbers] if scale > 1 else list(map(int, numbers))
    back = array("d", whole if scale == 1 else map(truediv, whole, (scale,) * len(whole)))
    # Compared as bits: minus zero is no whole number.
    return whole if back.tobytes() == numbers.tobytes() else None


def _is_whole(few: array[float], scale: int) -> bool:
    return not any(abs(value) >= _LARGEST or round(value * scale) / scale != value for value in few)


def _differences(whole: list[int]) -> tuple[int, bytes]:
    """The first number and the differences, with the number of their type code."""
    differences = list(map(sub, whole[1:], whole))
    low, high = min(differences, default=0), max(differences, default=0)
    code = next((at for at, (least, most) in enumerate(_RANGES) if least <= low and high < most), 3)
    body = array(_CODES[code], differences).tobytes()
    packed = zlib.compress(body, 1)
    first = struct.pack("<q", whole[0]) if whole else b""
    return (code | 8, first + packed) if len(packed) < len(body) else (code, first + body)


def _deltas(packed: bytes, code: int) -> tuple[int, array[int]]:
    body = zlib.decompress(packed[8:]) if code & 8 else packed[8:]
    return struct.unpack_from("<q", packed)[0], array(_CODES[code & 7], body)


def _summed(packed: bytes, code: int) -> accumulate[int]:
    first, differences = _deltas(packed, code)
    return accumulate(differences, initial=first)


def _combined(body: bytes, count: int) -> bytes:
    """Each number with the one before by exclusive or; first bytes first, then second ones, and so on."""
    bits = int.from_bytes(body, "little")
    made = (bits ^ (bits << 64)) & ((1 << 64 * count) - 1)
    mixed = made.to_bytes(8 * count, "little")
    return b"".join(mixed[at::8] for at in range(8))


def _separated(mixed: bytes, count: int) -> bytes:
    body = bytearray(8 * count)
    for at in range(8):
        body[at::8] = mixed[at * count : (at + 1) * count]
    bits, shift, limit = int.from_bytes(body, "little"), 64, 64 * count
    everything = (1 << limit) - 1
    while shift < limit:  # each step combines twice as many
        bits = (bits ^ (bits << shift)) & everything
        shift *= 2
    return bits.to_bytes(8 * count, "little")
