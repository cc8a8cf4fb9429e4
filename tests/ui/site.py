"""A server with cheap components, pushed by the tests, that can be broken and mended in an instant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from tests.servers.process import free_port
from tests.web.serving import Serving, eventually

__all__ = ["CONFIG", "Site", "site_config"]

CONFIG = """\
[defaults]
interval = "10m"                       # pushed: never stale while a test looks
failures = 1
successes = 1

[defaults.threshold]
success_rate_percent = 1
error_rate_percent = 99
response_time_ms = 2000

[components.gateway]
check = "push"
group = "front"
runbook = "https://runbooks.example/gateway"
labels = { team = "core" }

[components.agent]
check = "push"
group = "voice"
depends_on = ["speech"]

[components.speech]
check = "push"
group = "voice"

[components.archive]
check = "push"
group = "storage"

[channels.ops]
channel = "log"

[status_page]
enabled = true
title = "Example voice"
description = "How our agents are"
groups = ["front", "voice"]
names = { speech = "Speech recognition" }
"""
NAMES = ("gateway", "agent", "speech", "archive")


def site_config(more: str = "") -> str:
    """The configuration, with more at its end."""
    return f"{CONFIG}\n{more}"


class Site(Serving):
    """The server, on a port that it keeps over a restart."""

    def __init__(self, directory: Path, config: str = CONFIG, *, port: int = 0, token: str = "") -> None:
        self.directory, self.port, self.token = directory, port or free_port(), token
        super().__init__(directory, config, "--port", str(self.port))

    def again(self) -> Site:
        """The same server once more, after it has ended."""
        return Site(self.directory, self.file.read_text(encoding="utf-8"), port=self.port, token=self.token)

    def api(self) -> httpx.Client:
        """A client that may do everything."""
        return self.client(headers={"Authorization": f"Bearer {self.token}"} if self.token else {})

    def push(self, name: str, status: str = "healthy", message: str = "", **more: Any) -> None:
        """One reading."""
        body = {"status": status, "message": message, "response_time_ms": 12.5} | more
        with self.api() as client:
            client.post(f"/api/v1/components/{name}/readings", json=body).raise_for_status()

    def fill(self) -> None:
        """Every component healthy, with a past."""
        with self.api() as client:
            for turn in range(12):
                for name in NAMES:
                    body = {
                        "status": "healthy",
                        "message": f"answers as it should ({turn})",
                        "response_time_ms": 10 + turn * 3,
                        "stages": {"connect": 0.002, "first_byte": 0.006 + turn / 1000},
                        "measurements": {"queue_depth": turn},
                    }
                    client.post(f"/api/v1/components/{name}/readings", json=body).raise_for_status()

    def open_alert(self, component: str) -> dict[str, Any]:
        """The alert `component_unhealthy` about a component, once it is there."""

        def look() -> Any:
            with self.api() as client:
                alerts = client.get("/api/v1/alerts", params={"component": component}).json()["alerts"]
            return next((a for a in alerts if a["name"] == "component_unhealthy" and a["status"] != "resolved"), None)

        found: dict[str, Any] = eventually(look)
        return found
