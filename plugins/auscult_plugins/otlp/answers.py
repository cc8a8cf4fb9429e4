"""How OTLP is answered: in the form in which it was asked."""

from __future__ import annotations

import msgspec

from auscult import Answer
from auscult_plugins.otlp.body import Refused

__all__ = ["accepted", "form_of", "refused"]

_TYPES = {"protobuf": "application/x-protobuf", "json": "application/json"}


def form_of(content_type: str) -> str | None:
    """``protobuf``, ``json``, or None for anything else."""
    kind = content_type.partition(";")[0].strip().lower()
    return {"application/x-protobuf": "protobuf", "application/protobuf": "protobuf", "application/json": "json"}.get(
        kind
    )


def accepted(form: str, rejected: int, reason: str) -> Answer:
    """All of it, or all but `rejected` points, of which the last was rejected for that reason. Not to be sent again."""
    if form == "json":
        told = {"partialSuccess": {"rejectedDataPoints": str(rejected), "errorMessage": reason}} if rejected else {}
        return Answer(body=msgspec.json.encode(told), content_type=_TYPES[form])
    body = _field(1, _number(1, rejected) + _field(2, reason.encode())) if rejected else b""
    return Answer(body=body, content_type=_TYPES[form])


def refused(form: str, why: Refused) -> Answer:
    """A google.rpc.Status."""
    headers = {"Retry-After": "1"} if why.status in (429, 503) else {}
    if form == "json":
        body = msgspec.json.encode({"code": why.code, "message": why.sentence})
    else:
        body = _number(1, why.code) + _field(2, why.sentence.encode())
    return Answer(status=why.status, body=body, content_type=_TYPES[form], headers=headers)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _field(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(value)) + value
