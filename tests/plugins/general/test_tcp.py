"""The check `tcp` against real ports: open, closed, deaf, chatty, over TLS."""

import pytest

from auscult import Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.tcp import TcpCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("nginx")]

ASK = "GET /health HTTP/1.0\r\n\r\n"


async def test_an_open_port(web, look):
    """Connecting is enough; each phase has its time."""
    result = await look(TcpCheck(host="127.0.0.1", port=web.port))
    assert (result.status, result.message) == (Status.HEALTHY, f"port {web.port} takes connections")
    assert list(result.stages) == ["dns", "connect"]
    assert result.measurements == {}


async def test_a_talk(web, look):
    """What is sent gets the answer that is expected."""
    result = await look(TcpCheck(host="localhost", port=web.port, send=ASK, expect="all is well"))
    assert (result.status, result.message) == (Status.HEALTHY, f"port {web.port} answers")
    assert list(result.stages) == ["dns", "connect", "answer"]
    assert result.measurements["answer_bytes"] > len("all is well")


async def test_a_greeting_in_pieces(says, look, end):
    """Reading goes on until the text is there, and no longer: the connection may stay open."""
    port = says(b"220 mail.exam", 0.1, b"ple ESMTP\r\n", end=end.KEEP)
    result = await look(TcpCheck(host="127.0.0.1", port=port, expect="example ESMTP"))
    assert result.status is Status.HEALTHY, result.message
    assert result.duration < 20


@pytest.mark.parametrize(
    ("words", "says_what"),
    [
        (b"554 go away\r\n", "expected '220', got '554 go away\\r\\n'"),
        (b"", "expected '220', got ''"),
        (b"\xff\xfe" * 100, "expected '220', got '\ufffd"),
    ],
)
async def test_another_greeting(says, look, words, says_what):
    """Quoted in part."""
    result = await look(TcpCheck(host="127.0.0.1", port=says(words), expect="220"))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(says_what)
    assert result.measurements["answer_bytes"] == len(words)
    assert len(result.message) < 200


async def test_a_flood_is_not_read_to_its_end(says, look):
    """64 KiB, and memory is bounded."""
    port = says(*[b"x" * 65536] * 100)
    result = await look(TcpCheck(host="127.0.0.1", port=port, expect="never"))
    assert result.status is Status.UNHEALTHY
    assert 65536 <= result.measurements["answer_bytes"] <= 2 * 65536


async def test_a_text_across_the_limit_of_one_packet(says, look):
    """The text is found where two pieces meet."""
    result = await look(TcpCheck(host="127.0.0.1", port=says(b"x" * 60000 + b"ne", 0.1, b"edle"), expect="needle"))
    assert result.status is Status.HEALTHY


async def test_a_reset_while_reading(says, look, end):
    """One sentence."""
    port = says(0.1, end=end.RESET)
    result = await look(TcpCheck(host="127.0.0.1", port=port, expect="220"))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"127.0.0.1:{port} reset the connection"


async def test_a_closed_port(closed, watch):
    """Refused, in words."""
    async with watch(TcpCheck(host="127.0.0.1", port=closed)) as look:
        for _ in range(2):
            result = await look()
            assert result.status is Status.UNHEALTHY
            assert result.message == f"cannot connect to 127.0.0.1:{closed}: Connection refused"


@pytest.mark.parametrize("options", [{"expect": "220"}, {"tls": True}])
async def test_one_that_hangs_is_cut(deaf, look, options):
    """While an answer, or a handshake, is waited for."""
    result = await look(TcpCheck(host="127.0.0.1", port=deaf, **options), timeout=0.5)
    assert result.message == "no answer within 0.5 s"
    assert result.duration < 20


async def test_over_tls(web, look):
    """Verified unless asked not to; the talk goes through it."""
    port = int(web.secure["good"].rpartition(":")[2])
    options = {"host": "localhost", "port": port, "tls": True, "send": ASK, "expect": "all is well"}
    result = await look(TcpCheck(**options, ca_file=web.certificates.authority))
    assert result.status is Status.HEALTHY, result.message
    assert list(result.stages) == ["dns", "connect", "tls", "answer"]
    assert (await look(TcpCheck(**options, verify=False))).status is Status.HEALTHY
    result = await look(TcpCheck(**options))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("the certificate of localhost does not verify: ")
    result = await look(TcpCheck(**options | {"port": web.port}))
    assert result.message == f"TLS with localhost:{web.port} failed: wrong version number; is TLS spoken there?"


async def test_a_name_that_does_not_resolve(look):
    """The sentence names the name."""
    result = await look(TcpCheck(host="no-such-host.invalid", port=1))
    assert result.message.startswith("cannot resolve no-such-host.invalid: ")


async def test_the_egress_policy_holds(look, web):
    """Not connected to, whatever listens there."""
    result = await look(TcpCheck(host="127.0.0.1", port=web.port), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")
