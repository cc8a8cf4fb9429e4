"""A Prometheus Pushgateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from tests.need import program
from tests.servers.process import Server, accepts, directory, free_port

__all__ = ["Pushgateway", "pushgateway"]


class Pushgateway:
    """Its address, and what it holds."""

    def __init__(self, server: Server) -> None:
        self.server, self.url = server, f"http://127.0.0.1:{server.port}"

    def text(self) -> str:
        """What Prometheus would scrape."""
        return httpx.get(f"{self.url}/metrics", trust_env=False, timeout=60).text

    def groups(self) -> list[dict[str, str]]:
        """The labels of each group that it holds."""
        found = httpx.get(f"{self.url}/api/v1/metrics", trust_env=False, timeout=60).json()["data"]
        return [group["labels"] for group in found]


@contextmanager
def pushgateway() -> Iterator[Pushgateway]:
    """Keeps nothing over a restart."""
    binary = program("prometheus-pushgateway", "prometheus-pushgateway")
    with directory() as path:
        port = free_port()
        command = [binary, f"--web.listen-address=127.0.0.1:{port}"]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port))
        server.start()
        try:
            yield Pushgateway(server)
        finally:
            server.stop()
