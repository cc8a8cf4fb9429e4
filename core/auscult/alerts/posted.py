"""The body of ``POST /api/v2/alerts``, decoded no further than it has to be."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

__all__ = ["Posted", "decode_posted", "moment_of", "text_of", "texts_of"]

_NOTHING = Raw(b"{}")
_LONGEST_TIME = 64


class Posted(Struct, frozen=True, gc=False, rename={"ends_at": "endsAt", "generator": "generatorURL"}):
    """One alert as it lies in a body; when it began does not matter, it begins here when it comes here."""

    labels: Raw
    annotations: Raw = _NOTHING
    ends_at: str = ""
    generator: Raw = Raw(b'""')


decode_posted = msgspec.json.Decoder(list[Posted]).decode
"""Raises msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError."""
_texts = msgspec.json.Decoder(dict[str, str] | None).decode
_text = msgspec.json.Decoder(str).decode


def texts_of(raw: Raw, what: str) -> dict[str, str]:
    """Names and texts. Raises ValueError with a sentence."""
    try:
        return _texts(raw) or {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"`{what}`: expected an object of texts ({error})") from error


def text_of(raw: Raw) -> str:
    """A text. Raises ValueError with a sentence."""
    try:
        return _text(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"`generatorURL`: expected a text ({error})") from error


def moment_of(text: str) -> int | None:
    """Milliseconds since the epoch; None for no time, and for Go's zero time. Raises ValueError with a sentence."""
    if len(text) > _LONGEST_TIME:
        raise ValueError(f"`endsAt`: expected a time such as 2026-12-24T18:00:00Z, found {text[:60]!r}")
    return _moment(text)


@lru_cache(maxsize=256)
def _moment(text: str) -> int | None:
    """In a storm many alerts have the same end."""
    if not text or text.startswith("0001-01-01T00:00:00"):
        return None
    try:
        found = msgspec.convert(text, datetime)
        if found.tzinfo is None:
            raise ValueError("no time zone")
        return int(found.timestamp() * 1000)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise ValueError(f"`endsAt`: expected a time such as 2026-12-24T18:00:00Z, found {text[:60]!r}") from error
