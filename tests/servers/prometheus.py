"""Two databases that take Prometheus' remote write protocol: Prometheus itself and VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.need import program
from tests.servers.process import Server, accepts, directory, free_port

__all__ = ["Database", "prometheus", "victoria_metrics"]


class Database:
    """Where to write, and what is in it."""

    def __init__(self, server: Server) -> None:
        self.server, self.url = server, f"http://127.0.0.1:{server.port}"
        self.write_url = f"{self.url}/api/v1/write"

    def series(self, selector: str, seconds: int = 3600) -> list[dict[str, Any]]:
        """The stored samples of the last `seconds`, as they came in: a range vector, not evaluated at steps."""
        asked = httpx.get(
            f"{self.url}/api/v1/query", params={"query": f"{selector}[{seconds}s]"}, trust_env=False, timeout=60
        )
        return asked.json()["data"]["result"] if asked.status_code == 200 else []

    def samples(self, selector: str, seconds: int = 3600) -> list[tuple[float, float]]:
        """Times (s) and values of the only series of that name; none where there is none yet."""
        found = self.series(selector, seconds)
        assert len(found) <= 1, found
        return [(float(at), float(value)) for at, value in found[0]["values"]] if found else []

    def now(self, selector: str, at: int | None = None) -> list[dict[str, Any]]:
        """What a query shows at a time (ms), or now."""
        params = {"query": selector} | ({} if at is None else {"time": f"{at / 1000}"})
        return httpx.get(f"{self.url}/api/v1/query", params=params, trust_env=False, timeout=60).json()["data"][
            "result"
        ]


@contextmanager
def _running(command: list[str], port: int, log: Any) -> Iterator[Database]:
    server = Server(command, port=port, log=log, ready=lambda: accepts(port) and _is_ready(port))
    server.start()
    try:
        yield Database(server)
    finally:
        server.stop()


def _is_ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False, timeout=10).status_code == 200


@contextmanager
def prometheus() -> Iterator[Database]:
    """Scrapes nothing; keeps its data over a restart."""
    binary = program("prometheus", "prometheus")
    with directory() as path:
        port = free_port()
        (path / "prometheus.yml").write_text("scrape_configs: []\n", encoding="utf-8")
        command = [
            binary,
            f"--config.file={path / 'prometheus.yml'}",
            f"--storage.tsdb.path={path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
        ]
        with _running(command, port, path / "log") as database:
            yield database


@contextmanager
def victoria_metrics() -> Iterator[Database]:
    """Keeps its data over a restart."""
    binary = program("victoria-metrics", "victoria-metrics")
    with directory() as path:
        port = free_port()
        command = [
            binary,
            f"-storageDataPath={path / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s",
            "-search.disableCache",
            "-memory.allowedBytes=67108864",
        ]
        with _running(command, port, path / "log") as database:
            yield database
