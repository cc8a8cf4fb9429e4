"""What the doctor says of exporters and sources, by what a server tells of them."""

from __future__ import annotations

import httpx
import pytest

from auscult.cli.flows import examine_flows

WELL = {"name": "out", "kind": "otlp", "pushes": True, "interval": 30.0, "pushed": 7, "failed": 0, "dropped": 0}
WELL |= {
    "waiting": 0,
    "waiting_bytes": 0,
    "last_success": "2024-01-15T10:30:00.000Z",
    "last_error": "",
    "renders": False,
}
ASKED = {"name": "in", "kind": "prometheus-scrape", "interval": 15.0, "looks": 3, "received": 0, "failed": 0}
ASKED |= {"last_success": None, "last_error": ""}


def said(exporters=(), sources=(), *, configured=(), status=200):
    """All that is said at a server with these."""

    def answer(request):
        role = request.url.path.rpartition("/")[2]
        return httpx.Response(status, json={role: list(exporters if role == "exporters" else sources)})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://auscult") as client:
        return list(examine_flows(client, configured, ()))


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("127.0.0.1: ConnectError: All connection attempts failed", "is it running"),
        ("no answer within 30 s", "firewall"),
        (
            "api.datadoghq.com answered 403 Forbidden: Forbidden",
            "check the key, token or password in the table of the exp",
        ),
        ("127.0.0.1 answered 404 Not Found", "the path of its address is wrong"),
        ("127.0.0.1 answered 413 Request Entity Too Large", "lower `batch`"),
        ("127.0.0.1 answered 429 Too Many Requests", "a longer `interval`"),
        ("127.0.0.1 answered 400 Bad Request: out of order sample", "labels of its own"),
        ("the snapshot is older than the hour that Datadog takes", "goes on by itself"),
        ("127.0.0.1 answered 503 Service Unavailable", "read the log over there; what it misses is kept"),
        ("300 data points were refused: too old", "what it does not like"),
        ("out of cheese", "read the log over there"),
    ],
)
def test_an_exporter_that_fails(error, advice):
    """Which one, why, how much waits and is lost, and what to do."""
    ((level, message, remedy),) = said([WELL | {"last_error": error, "waiting": 1, "dropped": 2}])
    assert level == "problem"
    assert message == f"the exporter `out` (otlp) fails: {error}; 1 snapshot waits; 2 snapshots will never arrive"
    assert advice in remedy


def test_exporters_that_do_not():
    """One delivers, one has lost something, one has not begun, one is asked."""
    found = said(
        [
            WELL,
            WELL | {"name": "lossy", "dropped": 1, "waiting": 2},
            WELL | {"name": "new", "pushed": 0},
            WELL | {"name": "pull", "pushes": False, "interval": None},
        ]
    )
    assert [(level, message) for level, message, _ in found] == [
        ("ok", "the exporter `out` delivers: 7 snapshots so far"),
        ("note", "the exporter `lossy` delivers; 2 snapshots wait, but 1 snapshot will never arrive"),
        ("note", "the exporter `new` has not pushed yet"),
        ("ok", "the exporter `pull` is there to be asked, at /metrics/pull"),
    ]


def test_sources():
    """One that fails, one that works, one that nobody sends to, one that was not asked yet."""
    found = said(
        sources=[
            ASKED | {"last_error": "it answered 401"},
            ASKED | {"name": "well"},
            ASKED | {"name": "taking", "interval": None, "looks": 0},
            ASKED | {"name": "new", "looks": 0},
        ]
    )
    assert [level for level, _, _ in found] == ["problem", "ok", "note", "note"]
    assert found[0][1:] == (
        "the source `in` (prometheus-scrape) fails: it answered 401",
        "check the key, token or password in the table of the source",
    )
    assert "/in/taking" in found[2][2]


def test_an_exporter_that_the_server_does_not_know():
    """The file is newer than what runs."""
    ((level, message, remedy), _) = said([WELL], configured=["out", "late"])
    assert (level, message) == ("problem", "the running server does not know the exporter `late`")
    assert "reload" in remedy


def test_an_older_server():
    """Says nothing of them, and the doctor makes nothing up."""
    assert said([WELL], configured=["late"], status=404) == []
