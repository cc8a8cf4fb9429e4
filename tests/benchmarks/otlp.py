"""What taking in OpenTelemetry's metrics costs: 10,000 points a second, of a real server's processor time.

    python -m tests.benchmarks.otlp [--quick]

Requests as collectors send them: 1000 points of 20 metrics, 10 processes, four attributes a point, half counters and
half gauges, packed with gzip; then the same with every tenth point a histogram of 14 buckets. Beside it, what
protobuf's own library needs to read a request and to look at every attribute once.
"""

from __future__ import annotations

import gzip
import http.client
import shutil
import sys
import tempfile
import time
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.benchmarks.goals import Goal
from tests.benchmarks.processes import Measured, free_port
from tests.benchmarks.rendering import cpu_ms

from auscult_plugins.otlp import binary

RATE = 10_000
POINTS = 1000
CONFIG = """
[components.host]
check = "host"

[sources.otel]
source = "otlp"
"""
BOUNDS = [0.01 * 2**power for power in range(14)]


def request(process: int, turn: int, histograms: int) -> bytes:
    """One process's export."""
    message = ExportMetricsServiceRequest()
    sender = message.resource_metrics.add()
    sender.resource.attributes.add(key="service.name").value.string_value = "bench"
    sender.resource.attributes.add(key="service.instance.id").value.string_value = str(process)
    scope = sender.scope_metrics.add()
    now = 1_700_000_000_000_000_000 + turn * 1_000_000_000
    for number in range(20):
        metric = scope.metrics.add(name=f"bench.metric.{number}", unit="s" if number % 2 else "{call}")
        for place in range(POINTS // 20):
            if histograms and (number * 50 + place) % histograms == 0:
                continue
            point = (metric.gauge if number % 2 else metric.sum).data_points.add()
            point.start_time_unix_nano, point.time_unix_nano = 1, now
            point.as_double = turn * 1.5 + place
            label(point, place)
        if not number % 2:
            metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
    if histograms:
        metric = scope.metrics.add(name="bench.histogram", unit="s")
        metric.histogram.aggregation_temporality = 2
        for place in range(POINTS // histograms):
            spread = metric.histogram.data_points.add(
                start_time_unix_nano=1, time_unix_nano=now, count=15 * turn, sum=turn, explicit_bounds=BOUNDS
            )
            spread.bucket_counts.extend([turn] * 15)
            label(spread, place)
    return message.SerializeToString()


def label(point: object, place: int) -> None:
    """Four attributes."""
    for key, value in (
        ("gen_ai.request.model", f"model-{place % 5}"),
        ("model_provider", "api.openai.com"),
        ("http.route", f"/api/v1/route/{place}"),
        ("outcome", "ok"),
    ):
        point.attributes.add(key=key).value.string_value = value  # type: ignore[attr-defined]


def served(seconds: int, histograms: int) -> float:
    """The share of one core that a server needs for `RATE` points a second."""
    bodies = [
        [gzip.compress(request(process, turn, histograms), 1) for process in range(RATE // POINTS)]
        for turn in range(1, seconds + 3)
    ]
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    port = free_port()
    (directory / "auscult.toml").write_text(CONFIG)
    argv = [sys.executable, "-m", "auscult", "serve", "--config", str(directory / "auscult.toml")]
    argv += ["--port", str(port), "--state-dir", str(directory / "state")]
    measured = Measured(argv, log=directory / "log")
    measured.wait_for(f"http://127.0.0.1:{port}/-/healthy", 120)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies[0] + bodies[1]:
        send(connection, body)
    time.sleep(1)
    idle, begin = cpu_ms(measured), time.perf_counter()
    time.sleep(2)
    idle = (cpu_ms(measured) - idle) / (time.perf_counter() - begin)
    before, begin = cpu_ms(measured), time.perf_counter()
    for turn, second in enumerate(bodies[2:]):
        time.sleep(max(0.0, begin + turn - time.perf_counter()))
        for body in second:
            send(connection, body)
    time.sleep(max(0.0, begin + seconds - time.perf_counter()))
    used = (cpu_ms(measured) - before) / (time.perf_counter() - begin)
    measured.stop()
    shutil.rmtree(directory, ignore_errors=True)
    what = f"{RATE} points/s{', a tenth histograms' if histograms else ''}"
    print(f"{what:<40} {used / 10:5.1f}% of a core, {idle / 10:.1f}% of it idle")
    return used / 1000


def send(connection: http.client.HTTPConnection, body: bytes) -> None:
    """One export."""
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    connection.request("POST", "/v1/metrics", body, headers)
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (200, b"")


def read_by_hand(body: bytes) -> int:
    """Points, with their attributes."""
    return sum(len(point.attributes.values) > 0 for _, metric in binary.metrics(body) for point in metric.points)


def read_by_library(body: bytes) -> int:
    """The same with protobuf's own library, whose core is written in C."""
    count = 0
    for sender in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in sender.scope_metrics:
            for metric in scope.metrics:
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    found = {each.key: each.value.string_value for each in point.attributes}
                    _ = point.time_unix_nano, point.start_time_unix_nano
                    count += len(found) > 0
    return count


def timed(read: object, body: bytes) -> float:
    """µs a point, the best of several."""
    best = float("inf")
    for _ in range(20):
        begin = time.process_time()
        count = read(body)  # type: ignore[operator]
        best = min(best, (time.process_time() - begin) / count)
    return best * 1e6


def main() -> list[Goal]:
    """Both mixes, and reading alone."""
    seconds = 5 if "--quick" in sys.argv else 20
    body = request(1, 1, 0)
    hand, library = timed(read_by_hand, body), timed(read_by_library, body)
    print(f"reading a point: {hand:.1f} µs by hand, {library:.1f} µs with protobuf's library")
    plain, mixed = served(seconds, 0), served(seconds, 10)
    return [
        Goal("OTLP, 10k points/s, of a core", 0.0, plain, "", 0.5, 0.3, absolute=True),
        Goal("the same, a tenth histograms", 0.0, mixed, "", 0.5, 0.4, absolute=True),
    ]


if __name__ == "__main__":
    main()
