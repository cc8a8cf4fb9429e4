"""The check `dns` against dnsmasq, and against name servers that are silent, broken or lying."""

import socket
import threading
from collections.abc import Callable, Iterator

import anyio
import pytest
from tests.servers.dnsmasq import Dnsmasq, dnsmasq

from auscult import Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.dns import DnsCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dnsmasq")]


@pytest.fixture(scope="session")
def running() -> Iterator[Dnsmasq]:
    """One server for the module."""
    with dnsmasq() as server:
        yield server


@pytest.fixture
def server(running: Dnsmasq) -> Dnsmasq:
    """The server, up whatever the test before did to it."""
    running.server.start()
    return running


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[[bytes], bytes | None]], str]]:
    """``answering(function)``: a name server that gives each query's bytes to `function` and sends what it returns."""
    opened: list[socket.socket] = []

    def start(function: Callable[[bytes], bytes | None]) -> str:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        opened.append(server)

        def serve() -> None:
            while True:
                try:
                    query, address = server.recvfrom(4096)
                    if (reply := function(query)) is not None:
                        server.sendto(reply, address)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in opened:
        server.close()


async def test_a_name_in_order(server, look):
    """Address, number of records, time to live, and the time it took."""
    result = await look(DnsCheck(name="web.test", server=server.address))
    assert (result.status, result.message) == (Status.HEALTHY, "192.0.2.1")
    assert result.measurements == {"records": 1, "ttl_seconds": 300}
    assert list(result.stages) == ["query"]


@pytest.mark.parametrize(
    ("name", "record", "expect", "says"),
    [
        ("web.test", "A", "192.0.2.1", "192.0.2.1"),
        ("web.test.", "A", "192.0.2.1", "192.0.2.1"),
        ("WEB.test", "AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("www.test", "A", "192.0.2.1", "192.0.2.1"),
        ("www.test", "CNAME", "Web.Test", "web.test."),
        ("test", "MX", "10 mail.test.", "10 mail.test."),
        ("test", "MX", "10 mail.test", "10 mail.test."),
        ("test", "TXT", "v=spf1 -allsecond part", "v=spf1 -allsecond part"),
        ("_sip._tcp.test", "SRV", "10 20 5060 web.test", "10 20 5060 web.test."),
        ("1.2.0.192.in-addr.arpa", "PTR", "web.test", "web.test."),
        ("192.0.2.1", "PTR", "web.test", "web.test."),
    ],
)
async def test_records(server, look, name, record, expect, says):
    """Each type in its usual spelling; case and a dot at the end do not matter."""
    result = await look(DnsCheck(name=name, record=record, expect=expect, server=server.address))
    assert result.status is Status.HEALTHY, result.message
    assert result.message == says


async def test_several_records(server, look):
    """In any order; all that are expected have to be there."""
    options = {"name": "a1.test", "server": server.address}
    result = await look(DnsCheck(**options, expect=["192.0.2.22", "192.0.2.21"]))
    assert result.status is Status.HEALTHY
    assert result.measurements["records"] == 2
    result = await look(DnsCheck(**options, expect=["192.0.2.21", "192.0.2.99"]))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("A of a1.test is 192.0.2.2")
    assert result.message.endswith("; missing 192.0.2.99")
    assert result.measurements["records"] == 2


@pytest.mark.parametrize(
    ("name", "record", "says"),
    [
        ("none.test", "A", "the name none.test does not exist (NXDOMAIN)"),
        ("web.test", "MX", "web.test has no MX record"),
        ("example.com", "A", "the name server cannot answer for example.com: REFUSED"),
        ("x" * 64 + ".test", "A", "A DNS label is > 63 octets long"),
        ("a..test", "A", "A DNS label is empty"),
    ],
)
async def test_what_is_not_there(server, look, name, record, says):
    """A missing name, a missing record and a refusal are told apart."""
    result = await look(DnsCheck(name=name, record=record, server=server.address))
    assert result.status is Status.UNHEALTHY
    assert says in result.message


async def test_stopped_and_started_again(server, watch):
    """Nobody answers, and then somebody does."""
    async with watch(DnsCheck(name="web.test", server=server.address), timeout=1.0) as look:
        assert (await look()).status is Status.HEALTHY
        await anyio.to_thread.run_sync(server.server.stop)
        result = await look()
        assert result.status is Status.UNHEALTHY
        assert result.message == "no name server answered within 0.9 s"
        await anyio.to_thread.run_sync(server.server.start)
        assert (await look()).status is Status.HEALTHY


async def test_a_silent_server(answering, look):
    """Told in words before the probe is cut."""
    result = await look(DnsCheck(name="web.test", server=answering(lambda _: None)), timeout=0.6)
    assert result.message == "no name server answered within 0.54 s"
    assert result.duration < 20


async def test_a_lost_packet_is_sent_once_more(answering, look):
    """The second is answered: NXDOMAIN."""
    seen = []

    def second_only(query: bytes) -> bytes | None:
        seen.append(query)
        return query[:2] + b"\x81\x83" + query[4:] if len(seen) > 1 else None

    result = await look(DnsCheck(name="web.test", server=answering(second_only)), timeout=2.0)
    assert result.message == "the name web.test does not exist (NXDOMAIN)"


async def test_a_server_that_fails(answering, look):
    """SERVFAIL by its name."""
    address = answering(lambda query: query[:2] + b"\x81\x82" + query[4:])
    result = await look(DnsCheck(name="web.test", server=address), timeout=2.0)
    assert result.message == "the name server cannot answer for web.test: SERVFAIL"


@pytest.mark.parametrize(
    "lie",
    [
        lambda query: b"",
        lambda query: b"\x00",
        lambda query: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda query: query[:2] + b"\xff" * 60,
        lambda query: query[:2] + b"\x81\x80\x00\x01\x00\x05\x00\x00\x00\x00" + query[12:],
        lambda query: b"\xaa\xbb" + query[2:],
    ],
    ids=["empty", "short", "http", "garbage", "half", "another's"],
)
async def test_answers_that_are_none(answering, look, lie):
    """Unhealthy with a sentence within the time, whatever comes."""
    result = await look(DnsCheck(name="web.test", server=answering(lie)), timeout=1.0)
    assert result.status is Status.UNHEALTHY
    assert "name server" in result.message
    assert len(result.message) < 200


@pytest.mark.parametrize("server", ["dns.example", "1.2.3", "127.0.0.1:x", "[::1]:53:1", "127.0.0.1:"])
def test_a_server_that_is_no_address(server):
    """Refused when the configuration is read, with an example."""
    if server == "127.0.0.1:":
        assert DnsCheck(name="x", server=server).server == server  # an empty port is the usual one
        return
    with pytest.raises(ValueError, match="`server` is the address of a name server"):
        DnsCheck(name="x", server=server)


async def test_the_egress_policy_holds(server, look):
    """A name server is connected to like everything else."""
    check = DnsCheck(name="web.test", server=server.address)
    result = await look(check, policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")


async def test_the_system_s_servers_are_asked_by_default(look, monkeypatch):
    """Without `server`; here from a file of ours, by the library that reads it."""
    import dns.asyncresolver

    asked = []

    async def resolve(self, name, record, **options):
        asked.append((name, record, options, self.nameservers))
        raise dns.resolver.NXDOMAIN(qnames=[], responses={})

    monkeypatch.setattr(dns.asyncresolver.Resolver, "resolve", resolve)
    await look(DnsCheck(name="web.test"))
    assert asked[0][:2] == ("web.test", "A")
    assert asked[0][3]
