"""Alerts: from a failing probe to the webhook, and a storm of distinct alerts beside Debian's Alertmanager.

    python -m tests.benchmarks.alerts [--quick] [--latency] [--storm]

Both servers get the same bodies over the same four connections and tell the same kind of receiver, each alert on its
own. Ours has each change on disk, synced, before it answers or tells anybody; an Alertmanager keeps alerts in memory.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import uvloop
from tests.benchmarks.goals import Goal, table
from tests.benchmarks.processes import Measured, free_port

BATCH = 500
CONNECTIONS = 4
COMPONENTS = 20

ALERTMANAGER = """
route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 5s
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs:
      - url: {url}
        send_resolved: false
"""
AUSCULT = """
[server]
port = {port}
log_level = "warning"
[channels.hook]
channel = "webhook"
webhook_url = "{url}"
[[routes]]
channels = ["hook"]
group_by = ["..."]
""" + "".join(
    f"[rules.{name}]\nenabled = false\n"
    for name in (
        "system_unhealthy",
        "system_degraded",
        "component_unhealthy",
        "component_high_latency",
        "component_low_success_rate",
        "monitor_unhealthy",
    )
)


class Sink:
    """The receiver, in a process of its own."""

    def __init__(self) -> None:
        argv = [sys.executable, "-m", "tests.benchmarks.sink"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/hook"

    def ask(self, what: str) -> str:
        """``count`` or ``times``."""
        with urllib.request.urlopen(self.url.replace("hook", what), timeout=30) as answer:
            return answer.read().decode()

    def count(self) -> int:
        """How many notifications came."""
        return int(self.ask("count"))

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


# The storm


def bodies(count: int) -> list[bytes]:
    """Batches of distinct alerts as a Prometheus posts them, all firing."""
    alerts = [
        {
            "labels": {
                "alertname": "InstanceDown",
                "severity": "warning",
                "service": f"service-{number % 100}",
                "instance": f"10.0.{number >> 8}.{number & 255}:9100",
            },
            "annotations": {"summary": f"instance {number} of the fleet has been down for more than a minute"},
            "startsAt": "2026-11-26T04:00:00Z",
            "endsAt": "2099-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up+%3D%3D+0",
        }
        for number in range(count)
    ]
    return [json.dumps(alerts[at : at + BATCH]).encode() for at in range(0, count, BATCH)]


async def post(port: int, batches: list[bytes]) -> float:
    """Seconds until the last batch was accepted."""
    waiting = list(reversed(batches))

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            body = waiting.pop()
            head = (
                f"POST /api/v2/alerts HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            length = answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(length or 0))
        writer.close()

    begin = time.monotonic()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return time.monotonic() - begin


def peak(process: Measured) -> float:
    """The most memory that was resident so far, in MiB."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def storm(process: Measured, port: int, sink: Sink, count: int) -> dict[str, float]:
    """Post them, wait until all are delivered, and post them again."""
    batches = bodies(count)
    cpu, begin = process.cpu(), time.monotonic()
    accepted = uvloop.run(post(port, batches))
    deadline = begin + 300
    while (came := sink.count()) < count:
        assert time.monotonic() < deadline, f"{came} of {count}"
        time.sleep(0.02)
    figures = {
        "accepted/s": count / accepted,
        "delivered s": time.monotonic() - begin,
        "CPU s": process.cpu() - cpu,
        "peak MiB": peak(process),
    }
    time.sleep(1.0)
    figures["repeats/s"] = count / statistics.median(uvloop.run(post(port, batches)) for _ in range(3))
    time.sleep(1.0)
    figures["surplus"] = sink.count() - count
    return figures


def alertmanager(count: int, directory: Path) -> dict[str, float]:
    """Debian's."""
    sink, port = Sink(), free_port()
    config = directory / "alertmanager.yml"
    config.write_text(ALERTMANAGER.format(url=sink.url))
    argv = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={directory / 'am'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    process = Measured(argv, log=directory / "alertmanager.log")
    try:
        process.wait_for(f"http://127.0.0.1:{port}/-/ready")
        return storm(process, port, sink, count)
    finally:
        process.stop()
        sink.stop()


def auscult(count: int, directory: Path) -> dict[str, float]:
    """Ours."""
    sink, port = Sink(), free_port()
    config = directory / "auscult.toml"
    config.write_text(AUSCULT.format(url=sink.url, port=port))
    argv = [sys.executable, "-m", "auscult", "serve", "-c", config, "--state-dir", directory / "state"]
    process = Measured(argv, log=directory / "auscult.log")
    try:
        process.wait_for(f"http://127.0.0.1:{port}/-/ready")
        time.sleep(1.0)
        return storm(process, port, sink, count)
    finally:
        process.stop()
        sink.stop()


# From a failing probe to the webhook


async def latencies(url: str, directory: Path, count: int) -> list[int]:
    """When each failing probe ended (monotonic, ns)."""
    from auscult import Check, Component, Monitor, Reading
    from auscult.rules.rule import AlertRule
    from auscult_plugins.webhook import WebhookChannel

    ended: list[int] = []
    failing: set[str] = set()

    class Flip(Check):
        """Fails when it is told to."""

        kind = "flip"
        name: str

        async def probe(self, ctx: object) -> Reading:
            """Note when it ends."""
            if self.name in failing:
                ended.append(time.monotonic_ns())
                return Reading.unhealthy("told to")
            return Reading.healthy()

    names = [f"c{number}" for number in range(COMPONENTS)]
    components = [
        Component(name=name, check=Flip(name=name), interval=3600, failures=1, successes=1, critical=False)
        for name in names
    ]
    monitor = Monitor(components, state_dir=directory / "latency")
    for rule in monitor.alerts.rules():
        monitor.alerts.remove_rule(rule.name)
    monitor.alerts.add_rule(
        AlertRule(name="down", condition='status == "unhealthy"', cooldown_minutes=0.0, max_alerts_per_hour=0)
    )
    monitor.alerts.add_channel("hook", WebhookChannel(webhook_url=url))
    async with monitor:
        await asyncio.sleep(2.5)
        for number in range(count):
            name = names[number % COMPONENTS]
            failing.symmetric_difference_update({name})
            if name not in failing:
                ended.append(time.monotonic_ns())
            await monitor.check_now(name)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
    return ended


def latency(count: int, directory: Path) -> list[float]:
    """Milliseconds from the end of a probe that begins or ends an alert to its receipt."""
    sink = Sink()
    try:
        ended = uvloop.run(latencies(sink.url, directory, count))
        came = [int(line) for line in sink.ask("times").split()]
    finally:
        sink.stop()
    assert len(came) == len(ended) == count, (len(came), len(ended))
    return [(b - a) / 1e6 for a, b in zip(sorted(ended), sorted(came), strict=True)]


ROWS = (
    ("accepted/s", "50,000 distinct alerts accepted", "/s", 5.0, 15.0, True),
    ("delivered s", "the same, each on its own, all delivered", "s", 0.6, 0.2, False),
    ("CPU s", "CPU of that", "s", 0.6, 0.2, False),
    ("peak MiB", "peak memory of that", "MiB", 0.3, 0.2, False),
    ("repeats/s", "repeats de-duplicated", "/s", 2.0, 4.0, True),
)


def main() -> list[Goal]:
    """Print the figures as they come, and give those that have goals."""
    quick = "--quick" in sys.argv
    wanted = {"--latency", "--storm"} & set(sys.argv) or {"--latency", "--storm"}
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="auscult-bench-") as name:
        directory = Path(name)
        if "--latency" in wanted:
            found = sorted(latency(200 if quick else 1000, directory))
            p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
            print(f"probe to webhook: p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {found[-1]:.2f} ms")
            goals.append(Goal("end of a failing probe to the webhook, p99", 0.0, p99, "ms", 50.0, 10.0, absolute=True))
        if "--storm" in wanted:
            goals += compared(*((10_000, 1) if quick else (50_000, 3)), directory)
    return goals


def compared(count: int, rounds: int, directory: Path) -> list[Goal]:
    """Medians of alternating rounds."""
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    for number in range(rounds):
        for system, figures in ((alertmanager, theirs), (auscult, ours)):
            own = directory / f"{system.__name__}-{number}"
            own.mkdir()
            figures.append(system(count, own))
            print(system.__name__, {name: round(figure, 2) for name, figure in figures[-1].items()}, flush=True)
    assert not any(figures["surplus"] for figures in ours), "a repeat was told"
    return [
        Goal(
            work,
            statistics.median(figures[name] for figures in theirs),
            statistics.median(figures[name] for figures in ours),
            unit,
            good,
            aim,
            more=more,
        )
        for name, work, unit, good, aim, more in ROWS
    ]


if __name__ == "__main__":
    print(table(main()))
