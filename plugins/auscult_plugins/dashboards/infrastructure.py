"""Panels about what everything runs on: the machine, its network, databases, Redis, LiveKit."""

from __future__ import annotations

from collections.abc import Sequence

from auscult import Gauge, Shape, View
from auscult_plugins.dashboards.figures import Figure, Figures
from auscult_plugins.dashboards.lines import measured, series

__all__ = ["Database", "HostResources", "LiveKit", "Network", "Redis"]

_RESPONSE = Figure(name="response_time_ms", title="Response", unit="ms")


class HostResources(Figures):
    """Processor, memory and disk of the machine."""

    kind = "host-resources"
    heading = "System resources"
    size = (12, 6)
    types = ("host",)
    figures = (
        Figure(name="cpu_usage_percent", title="CPU", unit="%", warning=75.0, critical=90.0),
        Figure(name="memory_usage_percent", title="Memory", unit="%", warning=80.0, critical=90.0),
        Figure(name="disk_usage_percent", title="Disk", unit="%", warning=80.0, critical=90.0),
        Figure(name="load_per_cpu", title="Load per core", warning=1.5, critical=4.0, drawn=False),
    )
    missing = "The machine is not monitored."
    connect = '[components.host]\ncheck = "host"'
    page = "kinds/host.md"

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Gauges for one machine."""
        views = self._views(view)
        if len(views) != 1 or views[0].last_check is None:
            return super().show(view)
        (host,) = views
        gauges = [
            Gauge(
                title=figure.title,
                name=figure.name.removesuffix("_percent"),
                value=value,
                unit="%",
                threshold_warning=figure.warning,
                threshold_critical=figure.critical,
            )
            for figure in self.figures
            if figure.unit == "%" and (value := figure.of(host)) is not None
        ]
        lines = {
            figure.title: points
            for figure in self.figures
            if figure.drawn and (points := measured(view, host.component_name, figure.of))
        }
        return [*gauges, series(lines, unit="%")] if lines else gauges or super().show(view)


class Network(Figures):
    """What goes in and out of the machine."""

    kind = "network"
    heading = "Network usage"
    size = (6, 6)
    types = ("host",)
    figures = (
        Figure(name="network_received_bytes_per_second", title="Received", unit="bytes/s"),
        Figure(name="network_sent_bytes_per_second", title="Sent", unit="bytes/s"),
        Figure(name="network_errors_per_second", title="Errors", unit="1/s", warning=0.1, critical=10.0),
    )
    missing = "The machine's network is not monitored."
    connect = '[components.host]\ncheck = "host"\nnetwork = true'
    page = "kinds/host.md"

    def show(self, view: View) -> Shape | Sequence[Shape]:
        """Without response times: those of looking at the machine say nothing about its network."""
        found = super().show(view)
        return found if not isinstance(found, list) else [shape for shape in found if shape.title != "Response time"]


class Database(Figures):
    """Databases: answers, connections, transactions."""

    kind = "database-performance"
    heading = "Database"
    types = ("database",)
    figures = (
        _RESPONSE,
        Figure(name="connections_percent", title="Connections", unit="%", warning=80.0, critical=95.0),
        Figure(name="cache_hit_percent", title="Cache hits", unit="%", drawn=False),
        Figure(name="slow_queries", title="Slow queries", unit="queries", warning=1.0, critical=10.0),
        Figure(name="commits", title="Commits", unit="1/s", rate=True),
        Figure(name="rollbacks", title="Rollbacks", unit="1/s", rate=True),
        Figure(name="replication_lag_seconds", title="Replication lag", unit="s", warning=10.0, critical=60.0),
        Figure(name="size_bytes", title="Size", unit="bytes", drawn=False),
    )
    missing = "No database is monitored."
    connect = '[components.database]\ncheck = "database"\nurl = "${DATABASE_URL}"'
    page = "kinds/database.md"


class Redis(Figures):
    """Redis: memory, hits, commands, clients."""

    kind = "redis-metrics"
    heading = "Redis cache"
    types = ("redis",)
    figures = (
        _RESPONSE,
        Figure(name="memory_bytes", title="Memory", unit="bytes"),
        Figure(name="hit_ratio_percent", title="Hits", unit="%", warning=80.0, critical=50.0),
        Figure(name="operations_per_second", title="Commands", unit="1/s"),
        Figure(name="connected_clients", title="Clients", unit="clients"),
        Figure(name="evicted_keys", title="Evictions", unit="1/s", rate=True),
    )
    missing = "No Redis is monitored."
    connect = '[components.redis]\ncheck = "redis"\nurl = "${REDIS_URL}"'
    page = "kinds/redis.md"


class LiveKit(Figures):
    """LiveKit: rooms and who is in them."""

    kind = "livekit-service"
    heading = "LiveKit"
    types = ("livekit",)
    figures = (
        _RESPONSE,
        Figure(name="rooms", title="Rooms", unit="rooms"),
        Figure(name="participants", title="Participants", unit="participants"),
        Figure(name="publishers", title="Publishers", unit="participants"),
        Figure(name="recorded_rooms", title="Recorded", unit="rooms", drawn=False),
    )
    missing = "No LiveKit server is monitored."
    connect = (
        '[components.livekit]\ncheck = "livekit"\nurl = "${LIVEKIT_URL}"\n'
        'api_key = "${LIVEKIT_API_KEY}"\napi_secret = "${LIVEKIT_API_SECRET}"'
    )
    page = "kinds/livekit.md"
