"""`assert_channel_contract` says each breach in a sentence, and nothing about a sound class."""

from __future__ import annotations

import httpx
import pytest
from tests.servers.vendor import Answer, Refused, serving

from auscult import ChangeKind, Channel, DeliveryError, SecretStr, deliver
from auscult.testing import FakeChannelContext, assert_channel_contract, deliver_once, make_notification

SECRET = "a-secret-of-some-length"


class Sound(Channel):
    """A lamp."""

    kind = "sound"

    url: str
    """Where."""
    token: SecretStr = SECRET
    """Sent as a bearer token."""

    async def send(self, notification, ctx):
        """Tell once."""
        told = {"key": notification.key, "texts": [notice.alert.message for notice in notification.notices]}
        await deliver(self, ctx, self.url, json=told, headers={"Authorization": f"Bearer {self.token}"})


def breaches(channel: type[Channel], **options: object) -> str:
    """What is said of `channel`."""
    with pytest.raises(AssertionError) as caught:
        assert_channel_contract(channel, **({"url": "http://127.0.0.1:9/"} | options))
    return str(caught.value)


@pytest.mark.parametrize("there", [True, False])
def test_a_sound_class_passes(there):
    """Silently, whether its receiver is there or not; where it is, everything arrives."""
    with serving(lambda request: Answer(200)) as vendor:
        assert_channel_contract(Sound, url=vendor.url if there else "http://127.0.0.1:9/")
        assert len(vendor.taken) == (21 if there else 0)
        assert {request.json["texts"][0] for request in vendor.taken} >= ({""} if there else set())


def test_what_the_catalogue_refuses():
    """With its own sentence."""

    class Kindless(Sound):
        """A lamp."""

        kind = ""

    assert "The catalogue refuses the class" in breaches(Kindless)


def test_documentation_and_types():
    """Class, options, secrets."""

    class Silent(Sound):
        kind = "silent"
        size: int = 1
        password: str = ""
        """Of the lamp."""

    said = breaches(Silent)
    assert "Silent has no docstring: say in one sentence where it delivers" in said
    assert "the option `size` is not documented" in said
    assert "the option `password` is shown to everybody: type it SecretStr" in said


def test_options():
    """That are missing, or that no file could have."""
    with pytest.raises(AssertionError, match="the options `url` have no default"):
        assert_channel_contract(Sound)
    assert "a configuration file with these options is refused" in breaches(Sound, url=5)


def test_shown_secrets():
    """In a representation of its own making."""

    class Shown(Sound):
        """A lamp."""

        kind = "shown"

        def __repr__(self):
            return f"Shown({self.token})"

    assert "repr shows the secret `token`" in breaches(Shown)


def test_told_secrets():
    """In a message, where the receiver repeats them; in httpx's own log."""

    class Talkative(Sound):
        """A lamp."""

        kind = "talkative"

        async def send(self, notification, ctx):
            reply = await ctx.http.post(f"{self.url}?token={self.token}", json={})
            raise DeliveryError(reply.text, retry=reply.is_server_error)

    said = breaches(Talkative)
    assert "the message of an error tells a secret" in said
    assert "a log tells a secret" in said


def test_other_exceptions():
    """Say nothing about trying again."""

    class Careless(Sound):
        """A lamp."""

        kind = "careless"

        async def send(self, notification, ctx):
            (await ctx.http.post(self.url, json={})).raise_for_status()

    said = breaches(Careless)
    assert "delivering a test raises ConnectError" in said
    assert "an answer of 503 raises HTTPStatusError" in said


def test_wrong_judgements():
    """Of answers: swallowed, tried again inside, without the time that was asked for."""

    class Hasty(Sound):
        """A lamp."""

        kind = "hasty"

        async def send(self, notification, ctx):
            for _ in range(3):
                try:
                    reply = await ctx.http.post(self.url, json={})
                except httpx.TransportError as error:
                    raise DeliveryError("no") from error
            if reply.status_code == 429:
                raise DeliveryError("slow down")

    said = breaches(Hasty)
    assert "after an answer of 503 it asks 3 times: ask once" in said
    assert "an answer of 503 raises nothing" in said
    assert "an answer of 429 raises DeliveryError(retry=True, retry_after=None); expected retry=True" in said


def test_what_the_receiver_does_not_take():
    """Where it takes ordinary alerts."""

    def judge(request):
        if "<script>" in request.body.decode():
            raise Refused("no markup")
        return Answer(200)

    with serving(judge) as vendor:
        said = breaches(Sound, url=vendor.url)
    assert "the receiver takes an ordinary alert, and not an alert full of" in said
    assert "no markup" in said


def test_time_limit_and_closing():
    """Both are called by the core."""

    class Odd(Sound):
        """A lamp."""

        kind = "odd"

        def delivery_timeout(self):
            return -1.0

        def close(self):
            raise OSError("twice")

    said = breaches(Odd)
    assert "`delivery_timeout` gives -1.0" in said
    assert "`close` raises OSError: twice" in said


@pytest.mark.anyio
async def test_one_delivery_is_cut():
    """At the channel's own limit, as the core does it; it is closed afterwards."""

    class Slow(Sound):
        """A lamp."""

        kind = "slow"

        async def send(self, notification, ctx):
            import anyio

            await anyio.sleep(60)

        def delivery_timeout(self):
            return 0.05

        def close(self):
            closed.append(self)

    closed = []
    with pytest.raises(DeliveryError, match=r"no answer within 0\.05 s"):
        await deliver_once(Slow(url="x"))
    assert closed


@pytest.mark.anyio
async def test_the_context_is_real(tmp_path):
    """Names resolve, threads run, the directory exists, the answer stands in for the network."""
    async with FakeChannelContext(Sound(url="x"), state_dir=tmp_path, answer=lambda _: httpx.Response(204)) as ctx:
        assert await ctx.resolve("127.0.0.1", 80) == [("127.0.0.1", 80)]
        assert await ctx.in_thread(lambda: 5) == 5
        assert ctx.state_dir.is_dir()
        assert (await ctx.http.get("http://anywhere/")).status_code == 204


def test_notifications_are_always_the_same():
    """Same arguments, same keys; several kinds are several alerts in one envelope."""
    assert make_notification() == make_notification()
    group = make_notification(ChangeKind.FIRED, ChangeKind.RESOLVED, message="x")
    assert (len(group.firing), len(group.resolved)) == (1, 1)
    assert len({notice.key for notice in group.notices} | {group.key}) == 3
    assert {notice.alert.message for notice in group.notices} == {"x"}
