"""LiveKit's Twirp API: ``ListRooms`` behind a verified token, as JSON and protobuf; and ``/``, which says little."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any

from auscult_rehearsal import LIVEKIT_KEY, LIVEKIT_SECRET
from auscult_rehearsal.asgi import Answer, Request, answer_json, answer_text
from auscult_rehearsal.standin import WebStandIn

__all__ = ["LiveKit", "BadToken", "verify"]

_LEEWAY = 60
"""Seconds a clock may differ."""


class BadToken(ValueError):
    """The token is refused; the text is what the server says about it."""


def verify(token: str, keys: dict[str, str], now: float) -> dict[str, Any]:
    """The claims of an HS256 token. Raises BadToken, in the words of LiveKit's own middleware."""
    try:
        head, claims, signature = token.split(".")
        header, said = json.loads(_decode(head)), json.loads(_decode(claims))
        given = _decode(signature)
    except (ValueError, binascii.Error):
        raise BadToken("invalid authorization token") from None
    if not isinstance(header, dict) or not isinstance(said, dict) or header.get("alg") != "HS256":
        raise BadToken("invalid authorization token")
    secret = keys.get(str(said.get("iss")))
    if secret is None:
        raise BadToken(f"invalid API key: {said.get('iss')}")
    expected = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, given):
        raise BadToken("invalid token, error: go-jose/go-jose: error in cryptographic primitive")
    _in_time(said, now)
    return said


def _in_time(claims: dict[str, Any], now: float) -> None:
    if now > float(claims.get("exp", 0)) + _LEEWAY:
        raise BadToken("invalid token, error: go-jose/go-jose/jwt: validation failed, token is expired (exp)")
    if now < float(claims.get("nbf", 0)) - _LEEWAY:
        raise BadToken("invalid token, error: go-jose/go-jose/jwt: validation failed, token not valid yet (nbf)")


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class LiveKit(WebStandIn):
    """Two rooms are open. ``lying``: ``/`` says OK while the work fails; ``silent``: the work is never answered."""

    name = "livekit"

    def __init__(self) -> None:
        super().__init__()
        self.note = "two rooms are open"
        started = int(time.time())
        self.rooms = [_room("RM_rehearsal1", "front-desk", started, 2), _room("RM_rehearsal2", "orders", started, 3)]

    def is_health(self, request: Request) -> bool:
        """``GET /`` knows nothing of keys or stores."""
        return request.path in ("/", "/health") and self.fault != "slow"

    def refusal(self) -> Answer:
        """A bad key is caught before Twirp: plain text."""
        return answer_text("invalid API key: rehearsal", 401)

    def throttle(self) -> Answer:
        """Twirp's word for too much."""
        answer = _twirp_error(429, "resource_exhausted", "too many requests")
        answer.headers["retry-after"] = "20"
        return answer

    def failure(self) -> Answer:
        """The store behind it is gone."""
        return _twirp_error(503, "unavailable", "no response from servers")

    async def work(self, request: Request) -> Answer | None:
        """See `WebStandIn.work`."""
        if request.path in ("/", "/health"):
            return answer_text("OK")
        if not request.path.startswith("/twirp/"):
            return answer_text("404 page not found", 404)
        try:
            grants = self._grants(request)
        except BadToken as refused:
            return answer_text(str(refused), 401)
        if self.fault == "silent":
            await request.gone()
            return None
        return await self._call(request, grants)

    def _grants(self, request: Request) -> dict[str, Any]:
        sent = request.headers.get("authorization", "")
        if not sent:
            return {}
        if not sent.startswith("Bearer "):
            raise BadToken("invalid authorization header. Must start with Bearer ")
        claims = verify(sent.removeprefix("Bearer "), {LIVEKIT_KEY: LIVEKIT_SECRET}, time.time())
        video = claims.get("video")
        return video if isinstance(video, dict) else {}

    async def _call(self, request: Request, grants: dict[str, Any]) -> Answer:
        if request.method != "POST" or request.path != "/twirp/livekit.RoomService/ListRooms":
            return _twirp_error(404, "bad_route", f"no handler for path {request.path!r}")
        if not grants.get("roomList"):
            return _twirp_error(401, "unauthenticated", "permissions denied")
        if request.headers.get("content-type", "").startswith("application/protobuf"):
            return Answer(content_type="application/protobuf", body=_rooms_message(self.rooms))
        return answer_json({"rooms": self.rooms})


def _room(sid: str, name: str, created: int, participants: int) -> dict[str, Any]:
    """A room as LiveKit writes it: snake_case, zeros shown, 64-bit integers as text."""
    return {
        "sid": sid,
        "name": name,
        "empty_timeout": 300,
        "departure_timeout": 20,
        "max_participants": 0,
        "creation_time": str(created),
        "creation_time_ms": str(created * 1000),
        "turn_password": "",
        "enabled_codecs": [],
        "metadata": "",
        "num_participants": participants,
        "num_publishers": participants,
        "active_recording": False,
    }


def _twirp_error(status: int, code: str, message: str) -> Answer:
    return answer_json({"code": code, "msg": message}, status)


_FIELDS = {
    "sid": 1,
    "name": 2,
    "empty_timeout": 3,
    "max_participants": 4,
    "creation_time": 5,
    "num_participants": 9,
    "num_publishers": 11,
    "departure_timeout": 14,
    "creation_time_ms": 15,
}
"""Numbers of the fields that are sent, in ``livekit.Room``."""
_TEXTS = ("sid", "name")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _rooms_message(rooms: list[dict[str, Any]]) -> bytes:
    """``livekit.ListRoomsResponse``: the rooms are its field 1."""
    return b"".join(_field(1, _room_message(room)) for room in rooms)


def _room_message(room: dict[str, Any]) -> bytes:
    return b"".join(
        _field(number, str(room[name]).encode() if name in _TEXTS else int(room[name]))
        for name, number in _FIELDS.items()
    )
