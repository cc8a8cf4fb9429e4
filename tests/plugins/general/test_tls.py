"""The check `tls` against nginx with certificates good and bad."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Status
from auscult_plugins._certificate import days_left, not_after
from auscult_plugins.tls import TlsCheck

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("nginx")]


def check(web, name: str, **options) -> TlsCheck:
    given = {"host": "localhost", "port": urlsplit(web.secure[name]).port, "ca_file": web.certificates.authority}
    return TlsCheck(**given | options)


@pytest.mark.parametrize(
    ("name", "status", "says", "days"),
    [
        ("good", Status.HEALTHY, "TLSv1.3, 90 days left", 90),
        ("old", Status.HEALTHY, "TLSv1.2, 92 days left", 92),
        ("soon", Status.DEGRADED, "the certificate ends in 5 days", 5),
        ("expired", Status.UNHEALTHY, "the certificate does not verify: certificate has expired", -3),
        ("wrong", Status.UNHEALTHY, "the certificate does not verify: Hostname mismatch, certificate is not valid", 90),
    ],
)
async def test_certificates(web, look, name, status, says, days):
    """The days are told also of one that does not verify."""
    result = await look(check(web, name))
    assert result.status is status, result.message
    assert result.message.startswith(says)
    assert result.measurements["certificate_days_left"] == pytest.approx(days, abs=0.6)
    assert list(result.stages) == ["dns", "connect", "tls"]


async def test_when_to_warn_is_an_option(web, look):
    """Days before the end."""
    assert (await look(check(web, "good", days=100))).message == "the certificate ends in 90 days"
    assert (await look(check(web, "soon", days=3))).status is Status.HEALTHY


async def test_the_oldest_protocol_is_an_option(web, look):
    """What the server speaks is told."""
    result = await look(check(web, "old", minimum_version="TLSv1.3"))
    assert (result.status, result.message) == (Status.DEGRADED, "the server speaks TLSv1.2, older than TLSv1.3")
    with pytest.raises(ValueError, match="`minimum_version` is one of TLSv1, "):
        check(web, "old", minimum_version="SSLv3")


async def test_an_authority_nobody_knows(web, look):
    """Ours is not among the system's."""
    result = await look(check(web, "good", ca_file=""))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith("the certificate does not verify: ")
    assert result.measurements["certificate_days_left"] > 90


async def test_another_name_to_verify(web, look):
    """For a server that is reached by another name."""
    assert (await look(check(web, "wrong", server_name="elsewhere.example"))).status is Status.HEALTHY


async def test_a_server_that_wants_a_certificate_of_ours(web, look):
    """Its own certificate is what matters here."""
    assert (await look(check(web, "mutual"))).status is Status.HEALTHY


async def test_no_tls_there(web, look):
    """The usual mistake, in words."""
    result = await look(TlsCheck(host="127.0.0.1", port=web.port))
    assert result.status is Status.UNHEALTHY
    assert result.message == f"TLS with 127.0.0.1:{web.port} failed: wrong version number; is TLS spoken there?"


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 no\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
async def test_answers_that_are_none(says, look, words):
    """Closed at once, another protocol, an alert."""
    port = says(words)
    result = await look(TlsCheck(host="127.0.0.1", port=port))
    assert result.status is Status.UNHEALTHY
    assert result.message.startswith(f"TLS with 127.0.0.1:{port} failed: ")


async def test_stopped_and_hanging(closed, deaf, look):
    """Refused, and cut."""
    result = await look(TlsCheck(host="127.0.0.1", port=closed))
    assert result.message == f"cannot connect to 127.0.0.1:{closed}: Connection refused"
    assert (await look(TlsCheck(host="127.0.0.1", port=deaf), timeout=0.5)).message == "no answer within 0.5 s"


async def test_a_file_that_is_not_there(look):
    """Named."""
    result = await look(TlsCheck(host="127.0.0.1", port=1, ca_file="/no/such.pem"))
    assert result.message == "`ca_file`: there is no file /no/such.pem"


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_refused(der):
    """ValueError, and nothing else, whatever a server sends."""
    try:
        days_left(der, 0)
    except ValueError as error:
        assert str(error) == "this is no X.509 certificate"  # noqa: PT017 - either way is right


def test_dates_of_both_forms(tmp_path):
    """UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280)."""
    import ssl
    from datetime import UTC, datetime

    import trustme

    for year in (2049, 2050, 2120):
        end = datetime(year, 6, 1, 12, 30, 15, tzinfo=UTC)
        pem = trustme.CA().issue_cert("localhost", not_after=end).cert_chain_pems[0].bytes().decode()
        assert not_after(ssl.PEM_cert_to_DER_cert(pem)) == end
