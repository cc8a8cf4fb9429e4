"""What the tests of the source `otlp` share: a monitor that has it, and requests in OpenTelemetry's own messages."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from auscult import Catalogue, Event, Monitor, create_app

PAYLOADS = Path(__file__).parent / "payloads"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
Otlp = Catalogue.discover().sources["otlp"]
SDK_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
DELTA, CUMULATIVE = 1, 2


class Agent:
    """A client of a running monitor with the source `otel`."""

    def __init__(self, monitor: Monitor, client: httpx.AsyncClient, events: list[Event]) -> None:
        self.monitor, self.client, self.events = monitor, client, events

    async def post(self, body: bytes, what: str = "metrics", **headers: str) -> httpx.Response:
        """Send one body as it is; in protobuf where the headers say nothing else."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/in/otel/v1/{what}", content=body, headers=PROTOBUF | named)

    async def send(self, *metrics: dict[str, Any], resource: str = "agent", scope: str = "test") -> httpx.Response:
        """Send metrics and expect them to be taken."""
        answer = await self.post(request(*metrics, resource=resource, scope=scope))
        assert answer.status_code == 200, answer.text
        return answer

    async def value(self, name: str, **labels: str) -> float | None:
        """The value of one series now."""
        return (await self.monitor.metrics.snapshot()).value(name, **labels)


def request(*metrics: dict[str, Any], resource: str = "agent", scope: str = "test") -> bytes:
    """An export of these metrics, as protobuf's own library writes it. The points lie in ``points``."""
    message = ExportMetricsServiceRequest()
    sender = message.resource_metrics.add()
    if resource:
        sender.resource.attributes.add(key="service.name").value.string_value = resource
    meter = sender.scope_metrics.add()
    meter.scope.name = scope
    for given in metrics:
        metric = meter.metrics.add(
            name=given["name"], unit=given.get("unit", ""), description=given.get("description", "")
        )
        data = getattr(metric, given["shape"])
        data.SetInParent()
        if "temporality" in given:
            data.aggregation_temporality = given["temporality"]
        if "monotonic" in given:
            data.is_monotonic = given["monotonic"]
        for point in given["points"]:
            rest = {key: value for key, value in point.items() if key != "attributes"}
            added = data.data_points.add(**rest)
            for key, value in point.get("attributes", {}).items():
                kind = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}[type(value)]
                setattr(added.attributes.add(key=key).value, kind, value)
    return message.SerializeToString()


def counter(value: float, *, start: int = 1, time: int = 10, temporality: int = CUMULATIVE, **attributes: Any) -> dict:
    """A monotonic sum named `calls` with one point."""
    point = {
        "start_time_unix_nano": start,
        "time_unix_nano": time,
        "as_double": value,
        "attributes": attributes,
    }
    return {"name": "calls", "shape": "sum", "temporality": temporality, "monotonic": True, "points": [point]}


@asynccontextmanager
async def agent(state_dir: Path | None = None, **options: Any) -> AsyncIterator[Agent]:
    """A monitor with the source `otel`, on the loopback."""
    monitor = Monitor(state_dir=state_dir)
    events: list[Event] = []
    record = monitor.metrics.record

    def keep(event: Event) -> None:
        events.append(event)
        record(event)

    monitor.metrics.record = keep  # type: ignore[method-assign]
    monitor.metrics.store_interval = 0.05
    monitor.metrics.add_source("otel", Otlp(**options))
    async with monitor:
        transport = httpx.ASGITransport(create_app(monitor), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            yield Agent(monitor, client, events)


def payload(name: str) -> bytes:
    """One of the bodies that the scripts in `capturing` made."""
    return gzip.decompress((PAYLOADS / f"{name}.pb.gz").read_bytes())
