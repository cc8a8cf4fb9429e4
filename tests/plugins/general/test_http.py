"""The check `http` against nginx, over HTTP and HTTPS, and against servers that answer wrongly in every way."""

import base64
import time

import anyio
import pytest

from auscult import Status
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.http import HttpCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("nginx")]

PLAIN = ["dns", "connect", "first_byte", "transfer"]
SECURE = ["dns", "connect", "tls", "first_byte", "transfer"]


# In order


async def test_a_page_in_order(web, look):
    """Status, size, and the time of each phase."""
    result = await look(HttpCheck(url=web.url + "/health"))
    assert (result.status, result.message) == (Status.HEALTHY, "HTTP 200 OK")
    assert result.measurements == {"http_status": 200, "body_bytes": 11}
    assert list(result.stages) == PLAIN


async def test_a_page_over_tls(web, look):
    """The handshake has its time, the certificate its days."""
    url = web.secure["good"] + "/health"
    result = await look(HttpCheck(url=url, ca_file=web.certificates.authority))
    assert result.status is Status.HEALTHY, result.message
    assert list(result.stages) == SECURE
    assert result.stages["tls"] > 0
    assert 90 < result.measurements["certificate_days_left"] < 91


@pytest.mark.parametrize("pauses", [(0.4, 0.0), (0.0, 0.4), (0.2, 0.3)])
async def test_the_phases_add_up_to_the_duration(says, look, pauses):
    """A wait for the first byte counts there, a slow body as transfer, and nothing is lost in between."""
    before, within = pauses
    port = says(before, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na", within, b"b")
    result = await look(HttpCheck(url=f"http://127.0.0.1:{port}"))
    assert result.status is Status.HEALTHY, result.message
    assert result.stages["first_byte"] >= before * 0.95
    assert result.stages["transfer"] >= within * 0.95
    assert sum(result.stages.values()) <= result.duration
    assert sum(result.stages.values()) == pytest.approx(result.duration, rel=0.3, abs=0.05)
    shares = {name: result.stages[name] for name in ("first_byte", "transfer")}
    assert max(shares, key=shares.get) == ("first_byte" if before > within else "transfer")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods(web, look, method):
    """Each arrives as itself, and an answer to HEAD has no body to wait for."""
    result = await look(HttpCheck(url=web.url + "/headers", method=method, expect_headers={"X-Heard": f"|{method}|"}))
    assert result.status is Status.HEALTHY, result.message


async def test_a_body_is_sent(web, look):
    """With its length and the type that was asked for."""
    check = HttpCheck(
        url=web.url + "/post",
        method="POST",
        body='{"a": "é"}',
        headers={"Content-Type": "application/json"},
        contains="POST 11 application/json",
    )
    result = await look(check)
    assert result.status is Status.HEALTHY, result.message


async def test_paths_and_queries_arrive_quoted(web, look):
    """Spaces and letters beyond ASCII are quoted, what is quoted already stays."""
    url = web.url + "/headers?q=a b&é=%20"
    result = await look(HttpCheck(url=url, expect_headers={"X-Heard": "/headers?q=a%20b&%C3%A9=%20"}))
    assert result.status is Status.HEALTHY, result.message


# What an answer has to be


@pytest.mark.parametrize(
    ("path", "options", "status", "says"),
    [
        ("/down", {}, Status.UNHEALTHY, "HTTP 503 Service Temporarily Unavailable, expected 200-299"),
        ("/down", {"status": "200, 503"}, Status.HEALTHY, "HTTP 503 Service Temporarily Unavailable"),
        ("/down", {"status": 503}, Status.HEALTHY, "HTTP 503 Service Temporarily Unavailable"),
        ("/empty", {}, Status.HEALTHY, "HTTP 204 No Content"),
        ("/no-such-page", {}, Status.UNHEALTHY, "HTTP 404 Not Found, expected 200-299"),
        ("/health", {"contains": "all is"}, Status.HEALTHY, "HTTP 200 OK"),
        ("/health", {"contains": ["all", "lost"]}, Status.UNHEALTHY, "the body does not contain 'lost'"),
        ("/health", {"not_contains": "well"}, Status.UNHEALTHY, "the body contains 'well'"),
        ("/health", {"not_contains": ["error", "fault"]}, Status.HEALTHY, "HTTP 200 OK"),
        ("/health", {"json": {"status": "ok"}}, Status.UNHEALTHY, "the body is not JSON"),
        ("/json", {"json": {"status": "ok", "items.0.id": 7}}, Status.HEALTHY, "HTTP 200 OK"),
        ("/json", {"json": {"status": "bad"}}, Status.UNHEALTHY, 'the JSON has "ok" at `status`, not "bad"'),
        ("/json", {"json": {"items.1.id": 7}}, Status.UNHEALTHY, "the JSON has nothing at `items.1.id`"),
        ("/json", {"json": {"items": []}}, Status.UNHEALTHY, 'the JSON has [{"id":7}] at `items`, not []'),
        ("/json", {"expect_headers": {"content-type": "application/json"}}, Status.HEALTHY, "HTTP 200 OK"),
        ("/json", {"expect_headers": {"Content-Type": ""}}, Status.HEALTHY, "HTTP 200 OK"),
        ("/json", {"expect_headers": {"X-None": ""}}, Status.UNHEALTHY, "the header X-None is missing"),
        ("/json", {"expect_headers": {"Server": "iis"}}, Status.UNHEALTHY, "the header Server is 'nginx/"),
        ("/health", {"contains": "x", "not_contains": "all"}, Status.UNHEALTHY,
         "the body does not contain 'x'; the body contains 'all'"),
    ],
)  # fmt: skip
async def test_what_an_answer_has_to_be(web, look, path, options, status, says):
    """Each complaint is a sentence that says what was found and what was expected."""
    result = await look(HttpCheck(url=web.url + path, **options))
    assert result.status is status, result.message
    assert result.message.startswith(says)


@pytest.mark.parametrize("status", ["", "ok", "200-", "2xx", "200;201", "-5"])
def test_a_status_that_is_none(status):
    """Refused when the configuration is read."""
    with pytest.raises(ValueError, match="`status` is codes and ranges"):
        HttpCheck(url="http://h", status=status)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"X:": "a"}, {"é": "a"}, {"X": "\0"}, {"": "a"}])
def test_a_header_that_no_request_may_have(headers):
    """Refused when the configuration is read; the value, which may be secret, is not repeated."""
    with pytest.raises(ValueError, match="holds a character that no header may have"):
        HttpCheck(url="http://h", headers=headers)


# Credentials


async def test_credentials(web, watch):
    """By options and by the URL, where they are quoted; wrong ones are refused, and none of them is told."""
    right = HttpCheck(url=web.url + "/login", username="agent", password="s3cret-word", contains="hello")
    in_url = HttpCheck(url=web.url.replace("//", "//agent:s3cret%2Dword@") + "/login", contains="hello")
    for check in (right, in_url):
        async with watch(check, never="s3cret-word") as look:
            result = await look()
            assert result.status is Status.HEALTHY, result.message
        assert "s3cret" not in repr(check)
    async with watch(HttpCheck(url=web.url + "/login", username="agent", password="wr0ng"), never="wr0ng") as look:
        assert (await look()).message == "HTTP 401 Unauthorized, expected 200-299"


async def test_a_token_and_headers_of_the_user(web, look):
    """A header of the user's replaces ours of the same name, whatever its case."""
    result = await look(HttpCheck(url=web.url + "/headers", token="t0ken", expect_headers={"X-Heard": "Bearer t0ken|"}))
    assert result.status is Status.HEALTHY, result.message
    headers = {"authorization": "Own scheme", "X-Mine": "yes"}
    heard = {"X-Heard": "Own scheme|yes"}
    check = HttpCheck(url=web.url + "/headers", token="t", headers=headers, expect_headers=heard)
    assert (await look(check)).status is Status.HEALTHY


# Redirects


async def test_redirects_are_answers_by_default(web, look):
    """Not followed: the status is judged, and the target told."""
    result = await look(HttpCheck(url=web.url + "/moved"))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"HTTP 301 Moved Permanently to {web.url}/health, expected 200-299"
    assert "redirects" not in result.measurements


async def test_redirects_that_are_followed(web, look):
    """Counted, and their time is added."""
    result = await look(HttpCheck(url=web.url + "/moved", follow_redirects=True, contains="all is well"))
    assert result.status is Status.HEALTHY, result.message
    assert result.measurements["redirects"] == 1
    assert list(result.stages) == PLAIN


async def test_a_redirect_elsewhere_gets_no_credentials(web, look):
    """Another port is another place: what was meant for the first is not sent there."""
    check = HttpCheck(
        url=web.url + "/away",
        follow_redirects=True,
        token="t0ken",
        headers={"X-Mine": "private"},
        expect_headers={"X-Heard": "||GET|"},
    )
    result = await look(check)
    assert result.status is Status.HEALTHY, result.message


@pytest.mark.parametrize(
    ("path", "says"),
    [("/around", "more than 10 redirects, the last to "), ("/nowhere", "redirected to 'ftp://example.com/', which")],
)
async def test_redirects_that_lead_nowhere(web, look, path, says):
    """In circles, and out of the web."""
    result = await look(HttpCheck(url=web.url + path, follow_redirects=True))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(says)


# Bodies


@pytest.mark.parametrize("accept", [{}, {"Accept-Encoding": "gzip"}])
async def test_a_compressed_body_is_read(web, look, accept):
    """A server compresses when it is asked to; what is looked for is found either way."""
    result = await look(HttpCheck(url=web.url + "/compressed.txt", headers=accept, contains="repeats\na line"))
    assert result.status is Status.HEALTHY, result.message
    assert (result.measurements["body_bytes"] < 1000) == bool(accept)


async def test_a_chunked_body_is_read_to_its_end(web, look):
    """Fifty kilobytes in chunks."""
    result = await look(HttpCheck(url=web.url + "/chunked.txt", contains=["begin", "end"]))
    assert result.status is Status.HEALTHY, result.message
    assert result.measurements["body_bytes"] == 50_011


async def test_a_huge_body_is_not_read_to_its_end(web, look):
    """A gigabyte: the head and the first megabyte are enough, or as much as the user says."""
    begin = time.monotonic()
    result = await look(HttpCheck(url=web.url + "/big.bin"))
    assert result.status is Status.HEALTHY, result.message
    assert result.measurements["body_bytes"] == 1 << 20
    result = await look(HttpCheck(url=web.url + "/big.bin", max_body=100))
    assert result.measurements["body_bytes"] == 100
    assert time.monotonic() - begin < 10
    result = await look(HttpCheck(url=web.url + "/big.bin", max_body=100, contains="x"))
    assert result.message == "the body does not contain 'x' (only its first 100 bytes were read: raise `max_body`)"


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
BROKEN_GZIP = HEAD + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain"


@pytest.mark.parametrize(
    ("parts", "status", "says_what"),
    [
        ([HEAD + b"\r\nto the end"], Status.HEALTHY, "HTTP 200 OK"),
        ([HEAD + b"content-length: 0\r\n\r\n"], Status.HEALTHY, "HTTP 200 OK"),
        ([b"HTTP/1.0 200 OK\r\n\r\nold"], Status.HEALTHY, "HTTP 200 OK"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, HEAD + b"content-length: 1\r\n\r\nx"], Status.HEALTHY, "HTTP 200 OK"),
        ([b"HTTP/1.1 200\r\n\r\n"], Status.HEALTHY, "HTTP 200"),
        ([HEAD + b"content-length: 10\r\n\r\nhalf"], Status.UNHEALTHY, "the connection was closed in the middle"),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhel"], Status.UNHEALTHY, "the connection was closed in"),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"], Status.UNHEALTHY, "a chunk's size is b'zz'"),
        ([HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n"], Status.UNHEALTHY, "a chunk does not end where"),
        ([HEAD + b"content-length: -1\r\n\r\n"], Status.UNHEALTHY, "the content-length is '-1'"),
        ([b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"], Status.UNHEALTHY, "a header line is b'no colon here'"),
        ([b"HTTP/1.1 twohundred\r\n\r\n"], Status.UNHEALTHY, "the status line is b'HTTP/1.1 twohundred'"),
        ([b"HTTP/2 200\r\n\r\n"], Status.UNHEALTHY, "the status line is b'HTTP/2 200'"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], Status.UNHEALTHY, "the answer begins with b'SSH-2.0-OpenSSH_9.2"),
        ([b"\x15\x03\x01\x00\x02\x02\x16"], Status.UNHEALTHY, "the answer begins with b'\\x15\\x03"),
        ([b""], Status.UNHEALTHY, "the connection was closed without an answer"),
        ([b"HTTP/1.1 200 OK\r\nx: "], Status.UNHEALTHY, "the connection was closed in the middle of the header"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 80_000], Status.UNHEALTHY, "the header is longer than 65536 bytes"),
    ],
)  # fmt: skip
async def test_answers_of_all_kinds(says, look, parts, status, says_what):
    """Whole ones however they end, and broken ones with what is wrong."""
    result = await look(HttpCheck(url=f"http://127.0.0.1:{says(*parts)}/"))
    assert result.status is status, result.message
    assert result.message.startswith(says_what)


async def test_a_body_that_is_not_compressed_as_it_says(says, look):
    """Told, where the body is looked at."""
    port = says(BROKEN_GZIP)
    assert (await look(HttpCheck(url=f"http://127.0.0.1:{port}/"))).status is Status.HEALTHY
    result = await look(HttpCheck(url=f"http://127.0.0.1:{port}/", contains="plain"))
    assert result.message == "the body is not compressed with gzip, as its header says"


async def test_a_server_that_keeps_the_connection(says, look, end):
    """The answer ends by its length, not by the connection's end."""
    port = says(HEAD + b"content-length: 2\r\n\r\nok and more than was said", end=end.KEEP)
    result = await look(HttpCheck(url=f"http://127.0.0.1:{port}/", contains="ok", not_contains="more"))
    assert result.status is Status.HEALTHY, result.message
    assert result.duration < 20


async def test_a_reset_connection(says, look, end):
    """With the address, in words."""
    port = says(b"HTTP/1.1 200 OK\r\n", 0.1, end=end.RESET)
    result = await look(HttpCheck(url=f"http://127.0.0.1:{port}/"))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"127.0.0.1:{port} reset the connection"


# Nobody there


async def test_stopped_and_started_again(web, watch):
    """Refused, and then well again."""
    async with watch(HttpCheck(url=web.url + "/health")) as look:
        assert (await look()).status is Status.HEALTHY
        await anyio.to_thread.run_sync(web.server.stop)
        for _ in range(2):
            assert (await look()).message == f"cannot connect to 127.0.0.1:{web.port}: Connection refused"
        await anyio.to_thread.run_sync(web.server.start)
        assert (await look()).status is Status.HEALTHY


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_one_that_hangs_is_cut(deaf, watch, scheme):
    """Before the answer, and in the handshake."""
    async with watch(HttpCheck(url=f"{scheme}://127.0.0.1:{deaf}/", token="secret-word"), 0.5, "secret-word") as look:
        for _ in range(2):
            result = await look()
            assert result.message == "no answer within 0.5 s"
            assert result.duration < 20


async def test_one_that_drips_is_cut(says, look):
    """A byte now and then keeps nobody waiting beyond the timeout."""
    port = says(b"HTTP/1.1 200 OK\r\n", *[0.1, b"x"] * 40)
    result = await look(HttpCheck(url=f"http://127.0.0.1:{port}/"), timeout=0.5)
    assert result.message == "no answer within 0.5 s"


async def test_a_name_that_does_not_resolve(look):
    """The sentence names the name."""
    result = await look(HttpCheck(url="http://no-such-host.invalid/"))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("cannot resolve no-such-host.invalid: ")


async def test_the_next_address_is_tried(web, look, monkeypatch):
    """A name with a dead address and a living one."""
    from auscult.runtime.resolver import Resolver

    async def resolve(self, host, port):
        return [("127.0.0.2", 1), ("127.0.0.1", port)]

    monkeypatch.setattr(Resolver, "resolve", resolve)
    for url in (web.url + "/health", web.secure["good"] + "/health"):
        result = await look(HttpCheck(url=url, verify=False))
        assert result.status is Status.HEALTHY, result.message


async def test_the_egress_policy_holds_also_for_redirects(web, look):
    """What a policy forbids is not connected to, whoever asks for it."""
    result = await look(HttpCheck(url=web.url), policy=EgressPolicy(deny=["127.0.0.0/8"]))
    assert result.message.startswith("127.0.0.1 may not be connected to")
    result = await look(HttpCheck(url=web.url + "/metadata", follow_redirects=True))
    assert result.message.startswith("169.254.169.254 may not be connected to")


# Certificates


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("good", Status.HEALTHY, "HTTP 200 OK"),
        ("soon", Status.DEGRADED, "the certificate ends in 5 days"),
        ("expired", Status.UNHEALTHY, "the certificate of localhost does not verify: certificate has expired"),
        ("wrong", Status.UNHEALTHY, "the certificate of localhost does not verify: Hostname mismatch"),
    ],
)
async def test_certificates(web, look, name, status, says):
    """Verified for the name, and for some time to come."""
    result = await look(HttpCheck(url=web.secure[name] + "/health", ca_file=web.certificates.authority))
    assert result.status is status, result.message
    assert result.message.startswith(says)


async def test_an_authority_nobody_knows(web, look):
    """Ours is not among the system's; it may be left unverified, and the days are still told."""
    result = await look(HttpCheck(url=web.secure["good"]))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("the certificate of localhost does not verify: ")
    result = await look(HttpCheck(url=web.secure["good"] + "/health", verify=False))
    assert result.status is Status.HEALTHY
    assert result.measurements["certificate_days_left"] > 90
    result = await look(HttpCheck(url=web.secure["expired"] + "/health", verify=False))
    assert (result.status, result.message) == (Status.DEGRADED, "the certificate ended 3 days ago")
    result = await look(HttpCheck(url=web.secure["expired"] + "/health", verify=False, certificate_days=0))
    assert result.status is Status.HEALTHY
    assert result.measurements["certificate_days_left"] < 0


async def test_another_name_to_verify(web, look):
    """For a server that is reached by its address."""
    url = web.secure["wrong"] + "/health"
    check = HttpCheck(url=url, ca_file=web.certificates.authority, server_name="elsewhere.example")
    assert (await look(check)).status is Status.HEALTHY


async def test_a_certificate_of_ours(web, look):
    """Where the server wants one; without it, the server's own refusal."""
    url, authority = web.secure["mutual"] + "/health", web.certificates.authority
    certificate, key = web.certificates.issue("client.example")
    check = HttpCheck(url=url, ca_file=authority, client_cert=certificate, client_key=key)
    assert (await look(check)).status is Status.HEALTHY
    result = await look(HttpCheck(url=url, ca_file=authority))
    assert result.message == "HTTP 400 Bad Request, expected 200-299"


@pytest.mark.parametrize("option", ["ca_file", "client_cert"])
async def test_a_file_that_is_not_there(look, option):
    """Named."""
    result = await look(HttpCheck(url="https://127.0.0.1:1/", **{option: "/no/such.pem"}))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"`{option}`: there is no file /no/such.pem"


async def test_tls_where_none_is_spoken(web, look):
    """The usual mistake, in words."""
    result = await look(HttpCheck(url=web.url.replace("http://", "https://")))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"TLS with 127.0.0.1:{web.port} failed: wrong version number; is TLS spoken there?"


async def test_none_where_tls_is_spoken(web, look):
    """nginx says so itself."""
    result = await look(HttpCheck(url=web.secure["good"].replace("https://", "http://")))
    assert result.message == "HTTP 400 Bad Request, expected 200-299"


def test_basic_credentials_beyond_ascii():
    """As UTF-8 (RFC 7617), and quoted characters of a URL as what they stand for."""
    from auscult_plugins.http import _Prepared

    prepared = _Prepared(HttpCheck(url="http://us%40er:p%C3%A9@h/"))
    assert base64.b64encode("us@er:pé".encode()) in prepared._first.content
