"""What a certificate says of its own life, read from its DER form: also of one that does not verify.

X.509 (RFC 5280): Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version?, serial, signature, issuer,
validity SEQUENCE { notBefore, notAfter }, ... } ... }.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["days_left", "not_after"]


def not_after(der: bytes) -> datetime:
    """When the certificate ends. Raises ValueError for what is no certificate."""
    try:
        certificate = _value(der, 0)
        tbs = _value(certificate, 0)
        position = 0
        if tbs[0] == 0xA0:  # the version is optional
            position = _end(tbs, position)
        for _ in ("serial", "signature", "issuer"):
            position = _end(tbs, position)
        validity = _value(tbs, position)
        second = _end(validity, 0)
        return _time(validity[second], _value(validity, second).decode("ascii"))
    except (IndexError, ValueError, OverflowError) as error:
        raise ValueError("this is no X.509 certificate") from error


def days_left(der: bytes, now_ms: int) -> float:
    """Days until the certificate ends, negative when it has."""
    return (not_after(der).timestamp() - now_ms / 1000) / 86400


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Where the value of the element at `at` begins, and how long it is."""
    length = data[at + 1]
    if length < 0x80:
        return at + 2, length
    count = length & 0x7F
    return at + 2 + count, int.from_bytes(data[at + 2 : at + 2 + count], "big")


def _value(data: bytes, at: int) -> bytes:
    start, length = _header(data, at)
    return data[start : start + length]


def _end(data: bytes, at: int) -> int:
    start, length = _header(data, at)
    return start + length


def _time(tag: int, text: str) -> datetime:
    form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)
