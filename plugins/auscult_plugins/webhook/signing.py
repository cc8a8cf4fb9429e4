"""Signatures as standardwebhooks.com has them: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hmac

__all__ = ["keys_of", "signature"]

_SHORTEST, _LONGEST = 24, 64
"""Bytes of a key, by the standard."""


def keys_of(secret: str) -> tuple[bytes, ...]:
    """The keys in `secret`: one, or several separated by spaces while one replaces the other.

    Raises ValueError when one is none; the message does not repeat it.
    """
    return tuple(_key(each) for each in secret.split())


def _key(text: str) -> bytes:
    encoded = text.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(
            f"`secret` is no key: expected `whsec_` and then {_SHORTEST} to {_LONGEST} random bytes in Base64, "
            "such as `echo whsec_$(openssl rand -base64 32)` makes"
        )
    return key


def signature(keys: tuple[bytes, ...], id_: str, timestamp: int, body: bytes) -> str:
    """The header's value: one signature for each key."""
    signed = f"{id_}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}" for key in keys)
