"""A real Prometheus scrapes a real server: every series arrives, in either format, and stays."""

from __future__ import annotations

import subprocess
import time

import httpx
from tests.need import program
from tests.servers.process import directory, free_port
from tests.web.serving import Serving

CONFIG = """
[components.host]
check = "host"
interval = "1s"
"""


def asked(prometheus, query):
    """Prometheus' answer, by labels."""
    reply = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, timeout=10).json()
    return {
        tuple(sorted(found["metric"].items())): float(found["value"][1])
        for found in reply.get("data", {}).get("result", [])
    }


def until(happens, seconds=60.0):
    """Wait for something that comes sooner or later; what it was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := happens():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def missing(prometheus, url):
    """How many samples more there are than Prometheus has taken at its latest scrape."""
    document = httpx.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=10).text
    (scraped,) = asked(prometheus, "scrape_samples_post_metric_relabeling").values()
    return sum(not line.startswith("#") for line in document.splitlines()) - scraped


def test_prometheus_scrapes_everything(tmp_path):
    """As many samples as there are lines, none out of order or refused, and the seed document's names among them.

    Prometheus asks for OpenMetrics first.
    """
    binary = program("prometheus", "prometheus")
    port = free_port()
    with Serving(tmp_path, CONFIG) as server, directory() as place:
        target = server.url.removeprefix("http://").rstrip("/")
        (place / "prometheus.yml").write_text(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: auscult\n"
            f"  static_configs:\n  - targets: ['{target}']\n",
            encoding="utf-8",
        )
        argv = [
            binary,
            f"--config.file={place / 'prometheus.yml'}",
            f"--storage.tsdb.path={place / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        prometheus = f"http://127.0.0.1:{port}"
        try:
            status = until(lambda: asked(prometheus, 'component_health_status{component="host"} >= 0'))
            assert set(status.values()) <= {0.0, 0.5, 1.0}
            assert until(lambda: asked(prometheus, "up == 1"))
            assert until(lambda: asked(prometheus, "sum(scrape_samples_scraped) > 40"))
            counted = until(lambda: asked(prometheus, "auscult_checks_finished_total > 1"))
            assert len(counted) == 1
            quantile = 'histogram_quantile(0.9, auscult_probe_duration_seconds_bucket{component="host"})'
            assert until(lambda: asked(prometheus, f"{quantile} >= 0"))
            log_text = (place / "log").read_text(encoding="utf-8", errors="replace")
            for trouble in ("out of order", "out-of-order", "duplicate", "Append failed", "expected a valid"):
                assert trouble not in log_text, log_text[-2000:]
            assert until(lambda: missing(prometheus, server.url) == 0)
        finally:
            process.terminate()
            process.wait(20)
