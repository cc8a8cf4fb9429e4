"""``/api/v1/exporters`` and ``/api/v1/sources``, and what the doctor makes of them at a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.plugins.channels.receiver import Receiver, reply
from tests.servers.process import free_port
from tests.web.helpers import asking
from tests.web.serving import Serving, eventually

from auscult import Monitor
from auscult.metrics_exporter import JSONExporter, PrometheusExporter
from auscult_plugins.prometheus_scrape import PrometheusScrapeSource

pytestmark = pytest.mark.anyio


async def test_both_lists():
    """Every one with what it is and how it is doing; no secret, no address."""
    monitor = Monitor()
    secret = "http://127.0.0.1:1/canary-of-addresses"
    monitor.metrics.add_exporter("out", JSONExporter(endpoint_url=secret, push_interval=7))
    monitor.metrics.add_exporter("text", PrometheusExporter())
    monitor.metrics.add_source("agent", PrometheusScrapeSource(url="http://127.0.0.1:1/canary-of-addresses"))
    async with asking(monitor) as client:
        exporters = await client.get("/api/v1/exporters")
        sources = await client.get("/api/v1/sources")
    out, text = exporters.json()["exporters"]
    assert (out["name"], out["kind"], out["pushes"], out["interval"]) == ("out", "json", True, 7)
    assert (text["renders"], text["pushes"], text["interval"], text["pushed"]) == (True, False, None, 0)
    (agent,) = sources.json()["sources"]
    assert (agent["name"], agent["kind"], agent["interval"]) == ("agent", "prometheus-scrape", 15)
    assert "canary" not in exporters.text + sources.text


def doctor(server: Serving) -> list[tuple[str, str, str]]:
    """What it finds about metrics: level, message, remedy."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUSCULT_")}
    port = server.url.rstrip("/").rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "auscult", "doctor", "--json", "--config", str(server.file)],
        env={**environ, "AUSCULT_SERVER__PORT": port, "AUSCULT_STATE_DIR": str(server.file.parent / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = [
        (each["level"], each["message"], each["remedy"])
        for each in json.loads(done.stdout)
        if each["section"] == "metrics"
    ]
    assert done.returncode == (1 if any(level == "problem" for level, _, _ in found) else done.returncode)
    return found


def test_the_doctor_says_which_exporter_fails(tmp_path):
    """At a server that runs: one delivers, one is refused, one finds nobody; then all is well."""
    receiver, refusing = Receiver(), Receiver()
    refusing.otherwise = reply(403, b"wrong key")
    config = "[components.host]\ncheck = 'host'\n"
    for name, url in (
        ("good", f"http://127.0.0.1:{receiver.port}/"),
        ("refused", f"http://127.0.0.1:{refusing.port}/canary-of-paths"),
        ("away", f"http://127.0.0.1:{free_port()}/"),
    ):
        config += f"[exporters.{name}]\nexporter = 'json'\nendpoint_url = '{url}'\npush_interval = 0.5\n"
    try:
        with Serving(tmp_path, config) as server, server.client() as client:

            def exporters():
                return {each["name"]: each for each in client.get("/api/v1/exporters").json()["exporters"]}

            eventually(
                lambda: (
                    exporters()["good"]["pushed"] and all(exporters()[name]["failed"] for name in ("refused", "away"))
                )
            )
            found = doctor(server)
            problems = {
                message.split("`")[1]: (message, remedy) for level, message, remedy in found if level == "problem"
            }
            assert set(problems) == {"refused", "away"}
            assert "answered 403 Forbidden: wrong key" in problems["refused"][0]
            assert "check the key" in problems["refused"][1]
            assert "ConnectError" in problems["away"][0]
            assert "is it running" in problems["away"][1]
            assert any("`good` delivers" in message for level, message, _ in found if level == "ok")
            assert "canary" not in str(found)
            refusing.otherwise = reply()
            eventually(lambda: not exporters()["refused"]["last_error"])
            assert "`refused` delivers, but" in str(doctor(server))
    finally:
        receiver.close()
        refusing.close()
