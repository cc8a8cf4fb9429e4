"""Which addresses may be connected to, however they are spelled. No real address is ever connected to here."""

import socket
from contextlib import suppress

import httpcore
import httpx
import pytest

from auscult.errors import EgressRefused
from auscult.runtime import client as client_module
from auscult.runtime.client import make_client
from auscult.runtime.egress import EgressPolicy
from auscult.runtime.resolver import Resolver

OPEN, INSIDE, SHUT = "open", "inside", "shut"
"""Allowed always; allowed unless strict; never allowed."""

SPELLINGS = [
    # public
    ("8.8.8.8", OPEN),
    ("134744072", OPEN),
    ("2001:4860:4860::8888", OPEN),
    ("::ffff:8.8.8.8", OPEN),
    ("public.example", OPEN),
    # inside: a monitor has to reach it, a hosted one must not
    ("127.0.0.1", INSIDE),
    ("127.1", INSIDE),
    ("0x7f.1", INSIDE),
    ("0177.0.0.1", INSIDE),
    ("2130706433", INSIDE),
    ("0x7f000001", INSIDE),
    ("017700000001", INSIDE),
    ("::1", INSIDE),
    ("0:0:0:0:0:0:0:1", INSIDE),
    ("::ffff:127.0.0.1", INSIDE),
    ("::ffff:7f00:1", INSIDE),
    ("localhost", INSIDE),
    ("10.0.0.5", INSIDE),
    ("172.16.0.1", INSIDE),
    ("192.168.1.1", INSIDE),
    ("::ffff:10.0.0.5", INSIDE),
    ("100.64.0.1", INSIDE),
    ("fd12:3456::1", INSIDE),
    ("fec0::1", INSIDE),
    ("198.18.0.1", INSIDE),
    ("240.0.0.1", INSIDE),
    ("inside.example", INSIDE),
    # nobody monitors these
    ("0.0.0.0", SHUT),
    ("0", SHUT),
    ("::", SHUT),
    ("169.254.169.254", SHUT),
    ("2852039166", SHUT),
    ("0xa9fea9fe", SHUT),
    ("0251.0376.0251.0376", SHUT),
    ("169.254.43518", SHUT),
    ("::ffff:169.254.169.254", SHUT),
    ("::ffff:a9fe:a9fe", SHUT),
    ("::169.254.169.254", SHUT),
    ("::ffff:0:169.254.169.254", SHUT),
    ("64:ff9b::a9fe:a9fe", SHUT),
    ("64:ff9b:1::a9fe:a9fe", SHUT),
    ("2002:a9fe:a9fe::1", SHUT),
    ("2001:0:1::1", SHUT),
    ("192.88.99.1", SHUT),
    ("fe80::1", SHUT),
    ("fe80::1%lo", SHUT),
    ("fd00:ec2::254", SHUT),
    ("fd20:ce::254", SHUT),
    ("100.100.100.200", SHUT),
    ("168.63.129.16", SHUT),
    ("192.0.0.192", SHUT),
    ("224.0.0.1", SHUT),
    ("239.255.255.250", SHUT),
    ("255.255.255.255", SHUT),
    ("ff02::1", SHUT),
    ("metadata.example", SHUT),
]
NAMES = {
    "public.example": ["8.8.8.8"],
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
}


def look_up(host):
    """The system's resolver without a network: known names, else whatever it takes for a number."""
    if host in NAMES:
        return NAMES[host]
    return [str(item[4][0]) for item in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)]


class Connected(Exception):
    """Raised in the place of a connection."""


class FakeBackend(httpcore.AsyncNetworkBackend):
    """Notes where it was asked to connect, and connects to nothing."""

    addresses: list[str] = []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.addresses.append(host)
        raise Connected(host)


@pytest.fixture
def connected(monkeypatch):
    """Addresses the client went to."""
    monkeypatch.setattr(client_module.httpcore, "AnyIOBackend", FakeBackend)
    monkeypatch.setattr(FakeBackend, "addresses", [])
    return FakeBackend.addresses


def client(policy, names=look_up):
    return make_client(policy, Resolver(policy, look_up=names))


@pytest.mark.anyio
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("spelling", "verdict"), SPELLINGS)
async def test_every_spelling_is_judged_by_the_address_it_means(spelling, verdict, strict, connected):
    """A forbidden address is not connected to however it is written; an allowed one is, by its literal."""
    allowed = verdict == OPEN or (verdict == INSIDE and not strict)
    policy = EgressPolicy(strict=strict)
    resolver = Resolver(policy, look_up=look_up)
    if allowed:
        assert await resolver.resolve(spelling, 80)
    else:
        with pytest.raises(EgressRefused, match="may not be connected to"):
            await resolver.resolve(spelling, 80)
    url = f"http://[{spelling}]/" if ":" in spelling else f"http://{spelling}/"
    async with client(policy) as http:
        with suppress(httpx.InvalidURL):  # httpx itself refuses zones and octal numbers
            httpx.URL(url)
            with pytest.raises(Connected if allowed else EgressRefused):
                await http.get(url)
            assert bool(connected) == allowed
    assert all(policy.allows(address) for address in connected)


@pytest.mark.anyio
async def test_a_rebinding_name_is_judged_at_each_connection(connected):
    """Public at the first look and private at the second: the second connection is refused."""
    answers = iter([["8.8.8.8"], ["169.254.169.254"]])
    async with client(EgressPolicy(), lambda host: next(answers)) as http:
        with pytest.raises(Connected):
            await http.get("http://rebinding.example/")
        with pytest.raises(EgressRefused):
            await http.get("http://rebinding.example/")
    assert connected == ["8.8.8.8"]


@pytest.mark.anyio
async def test_a_forbidden_address_among_allowed_ones_is_left_out(connected):
    """A name with several addresses is connected to on the allowed ones only."""
    async with client(EgressPolicy(), lambda host: ["169.254.169.254", "10.0.0.1"]) as http:
        with pytest.raises(Connected):
            await http.get("http://mixed.example/")
    assert connected == ["10.0.0.1"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "unix:///run/x.sock", "gopher://h/", "//h/"]
)
async def test_other_schemes_are_refused(url, connected):
    """Only http and https leave the client."""
    async with client(EgressPolicy()) as http:
        with pytest.raises((httpx.UnsupportedProtocol, httpx.InvalidURL)):
            await http.get(url)
    assert not connected


@pytest.mark.anyio
async def test_unix_sockets_are_refused():
    """The network backend offers none."""
    backend = client_module._Backend(Resolver(EgressPolicy()), FakeBackend())
    with pytest.raises(EgressRefused, match="unix"):
        await backend.connect_unix_socket("/run/docker.sock")


def test_allow_beats_deny_beats_built_in():
    """The order of the three lists, in both families and through IPv4-mapped spellings."""
    policy = EgressPolicy(
        allow=["169.254.169.254", "10.0.0.1", "::ffff:192.168.7.0/120"], deny=["10.0.0.0/8", "8.8.8.8"]
    )
    assert policy.allows("169.254.169.254")
    assert policy.allows("::ffff:169.254.169.254")
    assert policy.allows("10.0.0.1")
    assert not policy.allows("10.0.0.2")
    assert not policy.allows("::ffff:10.0.0.2")
    assert not policy.allows("8.8.8.8")
    assert not policy.allows("169.254.1.1")
    assert EgressPolicy(allow=["::ffff:192.168.7.0/120"], strict=True).allows("192.168.7.9")
    assert not EgressPolicy(deny=["::ffff:192.168.7.0/120"]).allows("192.168.7.9")


def test_the_reason_is_in_words():
    """A refusal says which address, why, and where to change it."""
    with pytest.raises(EgressRefused, match=r"169\.254\.169\.254 .* link-local.* `egress`"):
        EgressPolicy().check("169.254.169.254")
    with pytest.raises(EgressRefused, match="the policy is strict"):
        EgressPolicy(strict=True).check("127.0.0.1")
    with pytest.raises(EgressRefused, match="denied by the configuration"):
        EgressPolicy(deny=["127.0.0.0/8"]).check("127.0.0.1")
    with pytest.raises(EgressRefused, match="no address"):
        EgressPolicy().check("example.com")


def test_strict_lets_no_network_through_that_is_not_public():
    """`is_global` alone would pass translated, multicast and site-local addresses."""
    strict = EgressPolicy(strict=True)
    for address in ("64:ff9b::1", "2002::1", "224.0.0.1", "ff0e::1", "fec0::1", "2001:0::1", "192.88.99.1"):
        assert not strict.allows(address), address


def test_settings_become_a_policy():
    """The `[egress]` table of a configuration is what it says."""
    from auscult.config import EgressSettings

    policy = EgressPolicy.from_settings(EgressSettings(allow=("169.254.169.254",), deny=("8.8.8.8",), strict=True))
    assert policy.allows("169.254.169.254")
    assert not policy.allows("8.8.8.8")
    assert not policy.allows("127.0.0.1")
