"""What a scrape of 100,000 series costs: auscult beside prometheus_client and a real Pushgateway with the same series.

    python -m tests.benchmarks.rendering [--quick]

One gauge of three labels, about 112 bytes a line, half of the values whole and half of them random. A scrape is an
uncompressed GET over the loopback, read to its end. Needs Debian's ``prometheus-pushgateway``.
"""

from __future__ import annotations

import http.client
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from prometheus_client import generate_latest
from tests.benchmarks.goals import Goal
from tests.benchmarks.processes import Measured, free_port
from tests.need import program

from auscult import Family, Snapshot, render
from auscult.metrics.table import Table

SERIES = 100_000
FAMILY = Family("agent_request_seconds_last", "gauge", "How long the last request took.")
PEER = """
import asyncio, json, random, time, tracemalloc
from tests.benchmarks.rendering import FAMILY, change, filled
from auscult import Monitor, Source, create_app

class Bench(Source):
    kind = "bench"
    async def run(self, ctx):
        pass

monitor = Monitor()
monitor.metrics._limits = type(monitor.metrics._limits)(series=1_000_000)
monitor.metrics.add_source("bench", Bench())
table = filled()
inner = create_app(monitor)
worst = 0.0

async def watch():
    global worst
    before = time.perf_counter()
    while True:
        await asyncio.sleep(0)
        now = time.perf_counter()
        worst, before = max(worst, now - before), now

async def start():
    await monitor.run()
    monitor.metrics.context("bench").intake._tables[FAMILY.name] = table

async def app(scope, receive, send):
    global worst
    if scope["type"] == "lifespan":
        await receive()
        await start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await monitor.stop()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"].startswith("/bench/"):
        _, _, what, value = scope["path"].split("/")
        answer = {}
        if what == "change":
            change(table, float(value))
        elif what == "trace":
            tracemalloc.start() if value == "on" else tracemalloc.stop()
        elif what == "peak":
            answer["now"], answer["peak"] = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
        elif what == "watch":
            answer["worst"], worst = worst, 0.0
            if value == "on":
                app.watching = asyncio.create_task(watch())
            elif value == "off":
                app.watching.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
    else:
        await inner(scope, receive, send)
"""


def value(row: int) -> float:
    """Half of them whole, half of them not."""
    return float(random.randrange(10_000)) if row % 2 else random.random() * 1000


def filled(count: int = SERIES) -> Table:
    """The series."""
    table = Table(FAMILY)
    for row in range(count):
        labels = (
            ("endpoint", f"/api/v1/route/{row % 1000}"),
            ("instance", f"10.0.{row // 1000}.{row % 250}:9100"),
            ("worker", f"agent-{row:06}"),
        )
        table.add((FAMILY.name, labels), value(row), None, 1e12)
    return table


def change(table: Table, share: float) -> None:
    """New values for that share of the series, spread over all of them."""
    rows = range(len(table)) if share >= 1 else random.sample(range(len(table)), int(len(table) * share))
    for row in rows:
        table.values[row] = value(row)


def scrape(port: int) -> tuple[float, int]:
    """Seconds and bytes of one GET of ``/metrics``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    begin = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "identity"})
    reply = connection.getresponse()
    size, buffer = 0, bytearray(1 << 20)
    while got := reply.readinto(buffer):
        size += got
    took = time.perf_counter() - begin
    connection.close()
    assert reply.status == 200
    return took, size


def bench(port: int, what: str) -> dict[str, float]:
    """Have our server do something between scrapes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bench/{what}", timeout=120) as reply:
        found: dict[str, float] = json.load(reply)
        return found


def auscult(directory: Path) -> tuple[Measured, int]:
    """auscult with the series in it."""
    port = free_port()
    (directory / "peer.py").write_text(PEER)
    options = ["--loop", "uvloop", "--no-access-log", "--log-level", "warning"]
    argv = [sys.executable, "-m", "uvicorn", "peer:app", "--app-dir", directory, "--port", str(port), *options]
    measured = Measured(argv, log=directory / "peer.log", env={"PYTHONPATH": str(Path.cwd())})
    measured.wait_for(f"http://127.0.0.1:{port}/-/healthy", 120)
    return measured, port


def pushgateway(directory: Path, body: bytes) -> tuple[Measured, int]:
    """A Pushgateway that was given the series."""
    port = free_port()
    path = program("prometheus-pushgateway", "prometheus-pushgateway")
    measured = Measured([path, f"--web.listen-address=127.0.0.1:{port}"], log=directory / "gateway.log")
    measured.wait_for(f"http://127.0.0.1:{port}/-/ready")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics/job/bench", data=body, method="PUT")
    with urllib.request.urlopen(request, timeout=300) as reply:
        assert reply.status == 200
    return measured, port


def in_process(table: Table, rounds: int) -> dict[str, float]:
    """Rendering alone, beside prometheus_client's in the same process."""
    figures: dict[str, float] = {}
    snapshot = Snapshot(0, [table.samples()])
    begin = time.perf_counter()
    theirs = generate_latest(snapshot)
    figures["prometheus_client ms"] = (time.perf_counter() - begin) * 1000
    assert b"".join(render(snapshot)) == theirs
    for name, share in (("all new", 1.0), ("a tenth new", 0.1), ("none new", 0.0)):
        times = []
        for _ in range(rounds):
            change(table, share)
            begin = time.perf_counter()
            for _piece in render(Snapshot(0, [table.samples()])):
                pass
            times.append((time.perf_counter() - begin) * 1000)
        figures[f"render, {name} ms"] = statistics.median(times)
    return figures


def cpu_ms(measured: Measured) -> float:
    """CPU time of all threads of a process so far, exactly; other load on the machine does not blur it."""
    tasks = Path(f"/proc/{measured.popen.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def one_round(other: Measured, gateway: int, own: Measured, ours: int) -> dict[str, float]:
    """Each figure once."""
    before = cpu_ms(other)
    figures = {"Pushgateway ms": scrape(gateway)[0] * 1000}
    figures["Pushgateway CPU ms"] = cpu_ms(other) - before
    for name, share in (("all new", 1.0), ("a tenth new", 0.1), ("none new", 0.0)):
        bench(ours, f"change/{share}")
        before = cpu_ms(own)
        figures[f"auscult, {name} ms"] = scrape(ours)[0] * 1000
        figures[f"auscult, {name} CPU ms"] = cpu_ms(own) - before
    bench(ours, "watch/on")
    bench(ours, "change/1.0")
    bench(ours, "watch/-")
    scrape(ours)
    figures["loop held ms"] = bench(ours, "watch/off")["worst"] * 1000
    return figures


def main() -> list[Goal]:
    """Alternating rounds; medians and ratios."""
    count = 3 if "--quick" in sys.argv else 11
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    table = filled()
    alone = in_process(table, count)
    other, gateway = pushgateway(directory, b"".join(render(Snapshot(0, [table.samples()]))))
    own, ours = auscult(directory)
    scrape(ours)
    scrape(gateway)
    rounds = [one_round(other, gateway, own, ours) for _ in range(count)]
    median = alone | {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    bench(ours, "trace/on")
    bench(ours, "change/1.0")
    scrape(ours)
    bench(ours, "change/1.0")
    before = bench(ours, "peak/-")["now"]
    size = scrape(ours)[1]
    median["peak of a scrape / body"] = (bench(ours, "peak/-")["peak"] - before) / size
    median["auscult MiB"], median["Pushgateway MiB"] = own.rss() / 2**20, other.rss() / 2**20
    own.stop()
    other.stop()
    shutil.rmtree(directory, ignore_errors=True)
    for name, figure in median.items():
        print(f"{name:<28} {figure:10.2f}")
    gate, cpu = median["Pushgateway ms"], median["Pushgateway CPU ms"]
    for name in ("all new", "a tenth new"):
        print(
            f"  => {name}: {median[f'auscult, {name} ms'] / gate:.2f}x Pushgateway over HTTP, "
            f"{median[f'auscult, {name} CPU ms'] / cpu:.2f}x of its CPU time, "
            f"{median['prometheus_client ms'] / median[f'render, {name} ms']:.1f} times as fast as prometheus_client"
        )
    print(f"  => peak of a scrape: {median['peak of a scrape / body']:.2f} of the body\n", flush=True)
    return [
        Goal("/metrics, 100k series, all new", gate, median["auscult, all new ms"], "ms", 0.6, 0.4),
        Goal("/metrics, a tenth new", gate, median["auscult, a tenth new ms"], "ms", 0.2, 0.12),
        Goal("its peak allocation / body", 0.0, median["peak of a scrape / body"], "", 2.5, 1.2, absolute=True),
        Goal("the loop held by it", 0.0, median["loop held ms"], "ms", 5.0, 5.0, absolute=True),
    ]


if __name__ == "__main__":
    main()
