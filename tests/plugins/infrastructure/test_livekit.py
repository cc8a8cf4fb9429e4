"""The check `livekit` against LiveKit's Twirp API: the rehearsal's stand-in, and LiveKit's own library as the judge."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from livekit.api import TokenVerifier
from livekit.protocol.room import ListRoomsResponse
from tests.servers.vendor import Answer, Request, serving

from auscult import Status
from auscult_plugins.livekit import LIFETIME, LiveKitCheck, room_list_token
from auscult_rehearsal import LIVEKIT_KEY, LIVEKIT_SECRET
from auscult_rehearsal.client import Control, running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("livekit")]

LIST_ROOMS = "/twirp/livekit.RoomService/ListRooms"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """The rehearsal: LiveKit's stand-in verifies signature, times and grants."""
    with running_stack(tmp_path_factory.mktemp("rehearsal"), clips_only=True) as control:
        yield control


@pytest.fixture
def control(stack: Control) -> Iterator[Control]:
    """The rehearsal, everything in order before and after."""
    stack.mend()
    yield stack
    stack.mend()


def check(url: str, **options) -> LiveKitCheck:
    return LiveKitCheck(**{"url": url, "api_key": LIVEKIT_KEY, "api_secret": LIVEKIT_SECRET} | options)


async def test_a_server_in_order_lists_its_rooms(control, look):
    """Every declared measurement, as the stand-in has them."""
    result = await look(check(control.address("livekit")))
    assert result.status is Status.HEALTHY, result.message
    assert result.message == "2 rooms, 5 participants"
    assert result.measurements == {"rooms": 2, "participants": 5, "publishers": 5, "recorded_rooms": 0}
    assert result.response_time_ms > 0


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_addresses_as_agents_have_them(control, look, scheme):
    """`ws://` is what LIVEKIT_URL says; a slash at the end does no harm."""
    url = control.address("livekit").replace("http://", f"{scheme}://")
    assert (await look(check(url + "/"))).status is Status.HEALTHY


async def test_the_request_is_one_that_livekit_takes(look):
    """LiveKit's own verifier accepts the token, without any leeway; it may list rooms, and nothing else."""
    verifier = TokenVerifier("key", "a-secret-that-is-long-enough-for-hs256", leeway=timedelta(0))

    def judge(request: Request) -> Answer:
        scheme, _, token = request.headers["authorization"].partition(" ")
        claims = verifier.verify(token)
        granted = {name: value for name, value in vars(claims.video).items() if value}
        assert (scheme, request.method, request.path) == ("Bearer", "POST", LIST_ROOMS)
        assert request.headers["content-type"] == "application/json"
        assert request.json == {}
        assert granted.pop("room_list") is True
        allowed_by_default = {"can_publish", "can_subscribe", "can_publish_data"}
        assert not set(granted) - allowed_by_default, granted
        assert claims.sip is None or not any(vars(claims.sip).values())
        return Answer(200, {})

    with serving(judge) as server:
        result = await look(check(server.url, api_key="key", api_secret="a-secret-that-is-long-enough-for-hs256"))
    assert result.status is Status.HEALTHY, result.message
    assert result.message == "0 rooms, 0 participants"


def test_the_claims_are_the_fewest():
    """Issuer, subject, times and one grant; a room, an identity to join with and the like are not in it."""
    import jwt

    now = int(time.time())
    token = room_list_token("key", "s" * 40, now)
    claims = jwt.decode(token, "s" * 40, algorithms=["HS256"], issuer="key")
    assert set(claims) == {"iss", "sub", "nbf", "exp", "video"}
    assert claims["video"] == {"roomList": True}
    assert 0 < claims["exp"] - now <= LIFETIME <= 120
    assert claims["nbf"] <= now


def test_a_token_ends():
    """A minute later nobody takes it any more."""
    import jwt

    token = room_list_token("key", "s" * 40, int(time.time()) - LIFETIME - 1)
    with pytest.raises(jwt.ExpiredSignatureError):
        TokenVerifier("key", "s" * 40, leeway=timedelta(0)).verify(token)


async def test_each_probe_sends_a_token_of_its_own(watch):
    """A kept one would end after a minute."""
    seen = []

    def judge(request: Request) -> Answer:
        seen.append(request.headers["authorization"])
        return Answer(200, {"rooms": []})

    with serving(judge) as server:
        async with watch(check(server.url)) as look:
            await look()
            time.sleep(1.1)
            await look()
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"api_secret": "wr0ng-secret-wr0ng-secret-wr0ng-secret"}, "the API key or secret is wrong (invalid token"),
        ({"api_key": "nobody"}, "the API key or secret is wrong (invalid API key: nobody)"),
    ],
)  # fmt: skip
async def test_a_wrong_key_or_secret_is_told(control, watch, options, says):
    """With the server's words, and without the secret."""
    secret = options.get("api_secret", LIVEKIT_SECRET)
    async with watch(check(control.address("livekit"), **options), never=secret) as look:
        result = await look()
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(says)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("unauthorized", "the API key or secret is wrong"),
        (
            "throttled",
            "ListRooms is refused: resource_exhausted (too many requests); the server or the project is over",
        ),
        ("lying", "ListRooms is refused: unavailable (no response from servers); the server cannot reach its Redis"),
        ("down", "cannot connect to 127.0.0.1:"),
    ],
)
async def test_faults_become_sentences(control, watch, fault, says):
    """Also where `/` says that all is well; mended, the next probe is healthy."""
    async with watch(check(control.address("livekit")), never=LIVEKIT_SECRET) as look:
        assert (await look()).status is Status.HEALTHY
        control.break_("livekit", fault)
        result = await look()
        assert result.status is Status.UNHEALTHY
        assert result.message.startswith(says)
        control.mend("livekit")
        assert (await look()).status is Status.HEALTHY


async def test_one_that_hangs_is_cut(control, watch):
    """The token is verified, and the store never answers."""
    control.break_("livekit", "silent")
    async with watch(check(control.address("livekit")), 0.5) as look:
        for _ in range(2):
            result = await look()
            assert result.message == "no answer within 0.5 s"


async def test_one_that_never_speaks_is_cut(deaf, watch):
    """Accepts and says nothing."""
    async with watch(check(f"http://127.0.0.1:{deaf}"), 0.5, LIVEKIT_SECRET) as look:
        assert (await look()).message == "no answer within 0.5 s"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, "OK"), "the answer to ListRooms is not LiveKit's: is the address right?"),
        (Answer(200, "[]"), "the answer to ListRooms is not LiveKit's: is the address right?"),
        (Answer(200, {"status": "ok"}), "the answer to ListRooms is not LiveKit's: is the address right?"),
        (Answer(200, {"rooms": "many"}), "the answer to ListRooms is not LiveKit's: is the address right?"),
        (Answer(200, {"rooms": [{"num_participants": []}]}), "the answer to ListRooms is not LiveKit's"),
        (Answer(200, "[" * 100_000), "the answer to ListRooms is not LiveKit's: is the address right?"),
        (Answer(404, "404 page not found"), "there is no LiveKit API at this address (HTTP 404): is the URL right?"),
        (Answer(301, "", {"location": "https://elsewhere/"}), "ListRooms answered HTTP 301"),
        (Answer(502, "<html>\n<h1>Bad   Gateway</h1>\n"), "ListRooms answered HTTP 502: <html> <h1>Bad Gateway</h1>"),
        (
            Answer(401, {"code": "unauthenticated", "msg": "permissions denied"}),
            "ListRooms is refused: unauthenticated",
        ),
        (Answer(500, {"code": "internal"}), "ListRooms is refused: internal; look at the server's log"),
        (Answer(418, {"code": "teapot", "msg": "x" * 5000}), "ListRooms is refused: teapot (xxx"),
    ],
)
async def test_other_answers(look, answer, says):
    """Each is unhealthy and one short sentence."""
    with serving(lambda _: answer) as server:
        result = await look(check(server.url))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(says)
    assert len(result.message) < 500


async def test_a_huge_answer_is_not_read_to_its_end(look):
    """Memory is bounded."""
    with serving(lambda _: Answer(200, b"[" + b" " * 40_000_000)) as server:
        result = await look(check(server.url))
    assert result.status is Status.UNHEALTHY
    assert result.message == "the answer is longer than 16384 KiB"


async def test_rooms_as_the_protocol_writes_them(look):
    """Both spellings of names, numbers as text, zeros left out: as protobuf's JSON may be."""
    from google.protobuf.json_format import MessageToDict

    message = ListRoomsResponse()
    message.rooms.add(sid="RM_1", name="a", num_participants=3, num_publishers=2, active_recording=True)
    message.rooms.add(sid="RM_2", name="b")
    for snake in (True, False):
        said = MessageToDict(message, preserving_proto_field_name=snake)
        with serving(lambda _, said=said: Answer(200, said)) as server:
            result = await look(check(server.url))
        assert result.measurements == {"rooms": 2, "participants": 3, "publishers": 2, "recorded_rooms": 1}


def test_found_in_the_environment():
    """All three or none; the secret is written nowhere."""
    environ = {"LIVEKIT_URL": "wss://x.livekit.cloud", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "secret-word"}
    (found,) = LiveKitCheck.discover(environ)
    assert found.name == "livekit"
    assert found.settings == {name: f"${{LIVEKIT_{name.upper()}}}" for name in ("url", "api_key", "api_secret")}
    assert "secret-word" not in repr(found)
    for missing in environ:
        assert not list(LiveKitCheck.discover({name: value for name, value in environ.items() if name != missing}))
