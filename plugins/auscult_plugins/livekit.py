"""The `livekit` check: ListRooms over Twirp, with a token of our own.

``GET /`` only says that the process' statistics are fresh. ListRooms needs a valid key and secret and goes through the
router and the store, so it proves what a joining participant needs. The token is an HS256 JWT (RFC 7519) that lives for
a minute and may do nothing else than list rooms.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from auscult import Check, CheckContext, Discovered, Measurement, Reading, SecretStr, hookimpl
from auscult_plugins._http import Reply, ask

__all__ = ["LiveKitCheck", "auscult_checks", "room_list_token"]

LIFETIME = 60
"""Seconds that a token lives."""
LIMIT = 16 << 20
"""Bytes of an answer: some twenty thousand rooms."""
SKEW = 10
"""Seconds by which the server's clock may be behind ours."""
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
_VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
_ADVICE = {
    "unauthenticated": "the API key is known and the token may not list rooms: check the key's grants",
    "permission_denied": "the API key may not list rooms: check its grants",
    "unavailable": "the server cannot reach its Redis or its other nodes",
    "resource_exhausted": "the server or the project is over its limits",
    "deadline_exceeded": "the server took too long itself: look at its Redis",
    "internal": "look at the server's log",
}


class LiveKitCheck(Check):
    """A LiveKit server or project lists its rooms."""

    kind = "livekit"
    measurements = (
        Measurement("rooms", "rooms", "Open rooms."),
        Measurement("participants", "participants", "Participants in all rooms."),
        Measurement("publishers", "participants", "Participants that publish, in all rooms."),
        Measurement("recorded_rooms", "rooms", "Rooms that are being recorded."),
    )

    url: Annotated[str, Meta(pattern=r"^(wss?|https?)://[^\s/]+")]
    """Address of the server: ``wss://project.livekit.cloud`` or ``ws://127.0.0.1:7880``; http(s) works as well."""
    api_key: str
    """The API key's name."""
    api_secret: SecretStr
    """The API key's secret."""

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> Iterable[Discovered]:
        """From ``LIVEKIT_URL``, ``LIVEKIT_API_KEY`` and ``LIVEKIT_API_SECRET``, when all three are set."""
        url, key, secret = (environ.get(name, "") for name in _VARIABLES)
        if url and key and secret:
            yield Discovered(
                name="livekit",
                check=cls(url=url, api_key=key, api_secret=secret),
                because=f"{', '.join(_VARIABLES)} are set",
                settings={
                    "url": "${LIVEKIT_URL}",
                    "api_key": "${LIVEKIT_API_KEY}",
                    "api_secret": "${LIVEKIT_API_SECRET}",
                },
            )

    async def probe(self, ctx: CheckContext) -> Reading:
        """List the rooms once."""
        token = room_list_token(self.api_key, self.api_secret, ctx.clock.now_ms() // 1000)
        reply = await ask(
            ctx.http,
            f"{self._base()}/twirp/livekit.RoomService/ListRooms",
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="POST",
            content=b"{}",
            limit=LIMIT,
        )
        if reply.status != 200:
            return Reading.unhealthy(_refusal(reply))
        try:
            rooms = _rooms(reply.content)
            counted = _count(rooms)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
            return Reading.unhealthy("the answer to ListRooms is not LiveKit's: is the address right?")
        return Reading.healthy(f"{len(rooms)} rooms, {counted['participants']:.0f} participants", **counted)

    def _base(self) -> str:
        scheme, _, rest = self.url.partition("://")
        return f"{_SCHEMES[scheme]}://{rest.rstrip('/')}"


def room_list_token(api_key: str, api_secret: str, now: int) -> str:
    """A JWT for listing rooms and nothing else; `now` in seconds since the epoch."""
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"iss": api_key, "sub": "auscult", "nbf": now - SKEW, "exp": now + LIFETIME, "video": {"roomList": True}}
    signed = b".".join(_base64url(msgspec.json.encode(part)) for part in (header, claims))
    signature = hmac.new(api_secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _rooms(content: bytes) -> list[dict[str, Any]]:
    document = msgspec.json.decode(content, type=dict[str, Any])
    rooms = document.get("rooms", [])
    if not isinstance(rooms, list) or (document and "rooms" not in document):
        raise TypeError
    return msgspec.convert(rooms, list[dict[str, Any]])


def _number(room: Mapping[str, Any], snake: str, camel: str) -> int:
    """A count that may be missing (zero), a number or a string, under either spelling."""
    number = room.get(snake, room.get(camel, 0))
    return int(number) if number is not None else 0


def _count(rooms: list[dict[str, Any]]) -> dict[str, float]:
    return {
        "rooms": float(len(rooms)),
        "participants": float(sum(_number(room, "num_participants", "numParticipants") for room in rooms)),
        "publishers": float(sum(_number(room, "num_publishers", "numPublishers") for room in rooms)),
        "recorded_rooms": float(sum(bool(room.get("active_recording", room.get("activeRecording"))) for room in rooms)),
    }


def _refusal(reply: Reply) -> str:
    """Twirp errors are JSON with a code; a bad key or signature is plain text from before Twirp."""
    error = reply.json()
    if code := str(error.get("code", ""))[:60]:
        said = " ".join(str(error.get("msg", "")).split())[:200]
        return f"ListRooms is refused: {code}{f' ({said})' if said else ''}; {_ADVICE.get(code, 'see the server log')}"
    text = reply.text
    if reply.status == 401:
        return (
            f"the API key or secret is wrong ({text or 'HTTP 401'}); "
            "if both are right, compare this machine's clock with the server's"
        )
    if reply.status == 404:
        return "there is no LiveKit API at this address (HTTP 404): is the URL right?"
    return f"ListRooms answered HTTP {reply.status}{f': {text}' if text else ''}"


@hookimpl
def auscult_checks() -> list[type[Check]]:
    """Offer the check."""
    return [LiveKitCheck]
