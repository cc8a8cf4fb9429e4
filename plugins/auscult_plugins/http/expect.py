"""What an answer has to be: status, text, JSON, headers. Each complaint is a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

__all__ = ["Missing", "at_path", "complaints", "decoded", "status_ranges"]

_COMPRESSIONS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""zlib's window bits by the name that the header ``Content-Encoding`` has."""


class Missing:
    """Nothing stands at a JSON path."""


@lru_cache
def status_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """``"200-299, 401"`` as ranges. Raises ValueError."""
    ranges = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise ValueError(f'`status` is codes and ranges such as "200-299, 401", not {text!r}')
        ranges.append((int(low), int(high or low)))
    return tuple(ranges)


def at_path(document: Any, path: str) -> Any:
    """What stands at ``a.b.0.c``: keys and list positions separated by dots; `Missing` when there is nothing."""
    for part in path.split(".") if path else ():
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and (position := _position(part, len(document))) is not None:
            document = document[position]
        else:
            return Missing
    return document


def _position(text: str, length: int) -> int | None:
    """A place in a list, from its end when negative; None when there is none."""
    if not text.removeprefix("-").isdecimal() or len(text) > 12:
        return None
    return int(text) if -length <= int(text) < length else None


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` unpacked, at most `limit` bytes of it. Raises ValueError with a sentence."""
    name = encoding.strip().lower()
    if name in ("", "identity") or not body:
        return body
    if name not in _COMPRESSIONS:
        raise ValueError(f"the body is compressed with {name[:30]}, which is not read here: ask for gzip or nothing")
    unpacking = zlib.decompressobj(_COMPRESSIONS[name])
    try:
        return unpacking.decompress(body, max(limit, 1))
    except zlib.error as error:
        raise ValueError(f"the body is not compressed with {name}, as its header says") from error


def complaints(
    body: bytes,
    headers: Mapping[str, str],
    *,
    contains: Sequence[str],
    not_contains: Sequence[str],
    json: Mapping[str, Any],
    wanted_headers: Mapping[str, str],
) -> Iterator[str]:
    """Every way in which the answer is not what it has to be."""
    text = body.decode("utf-8", errors="replace") if contains or not_contains else ""
    for wanted in contains:
        if wanted not in text:
            yield f"the body does not contain {wanted!r}"
    for unwanted in not_contains:
        if unwanted in text:
            yield f"the body contains {unwanted!r}"
    for name, value in wanted_headers.items():
        found = headers.get(name.lower())
        if found is None:
            yield f"the header {name} is missing"
        elif value and value not in found:
            yield f"the header {name} is {found!r}, not {value!r}"
    if json:
        yield from _json_complaints(body, json)


def _json_complaints(body: bytes, wanted: Mapping[str, Any]) -> Iterator[str]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield "the body is not JSON"
        return
    for path, value in wanted.items():
        found = at_path(document, path)
        if found is Missing:
            yield f"the JSON has nothing at `{path}`"
        elif found != value:
            yield f"the JSON has {_short(found)} at `{path}`, not {_short(value)}"


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
