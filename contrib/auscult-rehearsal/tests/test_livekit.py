"""LiveKit's stand-in, judged by the real `livekit-api` client, and by tokens that are wrong in every way."""

import base64
import hashlib
import hmac
import json
import time

import httpx
import pytest
from livekit import api

from auscult_rehearsal import LIVEKIT_KEY, LIVEKIT_SECRET
from auscult_rehearsal.livekit import BadToken, verify

pytestmark = pytest.mark.anyio
CALL = "/twirp/livekit.RoomService/ListRooms"


async def test_the_vendors_client_lists_the_rooms(control):
    """Protobuf, with a token made by the vendor's library."""
    async with api.LiveKitAPI(control.address("livekit"), LIVEKIT_KEY, LIVEKIT_SECRET) as livekit:
        rooms = (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
    assert [(room.name, room.num_participants, room.num_publishers) for room in rooms] == [
        ("front-desk", 2, 2),
        ("orders", 3, 3),
    ]
    assert rooms[0].creation_time_ms == rooms[0].creation_time * 1000
    assert rooms[0].departure_timeout == 20


async def test_the_vendors_client_understands_the_refusal(control):
    """A wrong secret is a 401 to it too."""
    async with api.LiveKitAPI(
        control.address("livekit"), LIVEKIT_KEY, "another-secret-of-enough-bytes-0123"
    ) as livekit:
        with pytest.raises(api.TwirpError) as refused:
            await livekit.room.list_rooms(api.ListRoomsRequest())
    assert refused.value.status == 401


def token(*, key=LIVEKIT_KEY, secret=LIVEKIT_SECRET, expires=60, starts=-1, grants=None, algorithm="HS256") -> str:
    now = time.time()
    claims = {"iss": key, "sub": "t", "nbf": now + starts, "exp": now + expires, "video": grants or {"roomList": True}}
    parts = [{"alg": algorithm, "typ": "JWT"}, claims]
    head = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.new(secret.encode(), head, hashlib.sha256).digest()
    return (head + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def call(control, sent: str | None, path: str = CALL) -> httpx.Response:
    headers = {} if sent is None else {"authorization": f"Bearer {sent}"}
    return httpx.post(control.address("livekit") + path, json={}, headers=headers)


def test_json_has_livekits_shape(control):
    """snake_case, zeros shown, 64-bit integers as text."""
    room = call(control, token()).json()["rooms"][0]
    assert room["num_participants"] == 2
    assert room["max_participants"] == 0
    assert room["creation_time"].isdigit()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"key": "other"}, "invalid API key: other"),
        ({"secret": "x"}, "invalid token"),
        ({"expires": -120}, "expired"),
        ({"starts": 3600, "expires": 7200}, "not valid yet"),
        ({"algorithm": "none"}, "invalid authorization token"),
        ("rubbish", "invalid authorization token"),
        ("a.b.c", "invalid authorization token"),
    ],
)
def test_bad_tokens_are_refused_in_plain_text(control, sent, says):
    """The middleware in front of Twirp answers, so it is not JSON."""
    reply = call(control, sent if isinstance(sent, str) else token(**sent))
    assert reply.status_code == 401
    assert says in reply.text
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("grants", [None, {"roomJoin": True}])
def test_a_token_without_the_grant_is_refused_by_twirp(control, grants):
    """JSON with a code, as no token at all is."""
    reply = call(control, token(grants=grants) if grants else None)
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated")


def test_what_is_not_there_has_its_shapes(control):
    """Another Twirp method is a bad route, another path plain 404, and / is fine."""
    assert call(control, token(), "/twirp/livekit.RoomService/Nothing").json()["code"] == "bad_route"
    assert call(control, token(), "/elsewhere").status_code == 404
    assert httpx.get(control.address("livekit") + "/").text == "OK"


def test_lying_health(control):
    """/ says OK while the store is gone."""
    control.break_("livekit", "lying")
    assert httpx.get(control.address("livekit") + "/").status_code == 200
    assert call(control, token()).json()["code"] == "unavailable"


def test_silence_never_answers(control):
    """Accepted, and nothing comes."""
    control.break_("livekit", "silent")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            control.address("livekit") + CALL, json={}, headers={"authorization": f"Bearer {token()}"}, timeout=0.3
        )


def test_verify_gives_the_claims():
    """The right token passes, with its grants."""
    assert verify(token(), {LIVEKIT_KEY: LIVEKIT_SECRET}, time.time())["video"] == {"roomList": True}
    with pytest.raises(BadToken):
        verify("", {}, 0)
