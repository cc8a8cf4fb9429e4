"""What the server costs: ``/health`` beside a bare ASGI application, and the start beside Litestar's hello world.

    python -m tests.benchmarks.serving [--quick]

Both peers run under the same uvicorn with the same event loop. Needs Debian's ``wrk``.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.goals import Goal, table
from tests.benchmarks.processes import Measured, free_port

SERVER, CLIENT = 0, 1
"""Processors."""
IDLE = 5.0
"""Seconds after the start at which memory is looked at: what is loaded in the background is there by then."""
BARE = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"119"), (b"cache-control", b"no-store")]})
    await send({"type": "http.response.body", "body": b"x" * 119})
"""
HELLO = """
from litestar import Litestar, get


@get("/")
async def hello() -> str:
    return "Hello, world!"


app = Litestar([hello])
"""


def uvicorn(source: str, directory: Path) -> tuple[Measured, str]:
    """An application in `source` under uvicorn, with its address."""
    port = free_port()
    (directory / "peer.py").write_text(source)
    options = ["--loop", "uvloop", "--no-access-log", "--log-level", "warning", "--lifespan", "off"]
    argv = [sys.executable, "-m", "uvicorn", "peer:app", "--app-dir", directory, "--port", str(port), *options]
    return Measured(argv, log=directory / "peer.log"), f"http://127.0.0.1:{port}/"


def auscult(directory: Path) -> tuple[Measured, str]:
    """auscult with the host and itself, and the address of its health."""
    port = free_port()
    config = directory / "auscult.toml"
    config.write_text(f"[server]\nport = {port}\nlog_level = 'warning'\n[components.host]\ncheck = 'host'\n")
    argv = [sys.executable, "-m", "auscult", "serve", "-c", config, "--state-dir", directory / "state"]
    return Measured(argv, log=directory / "auscult.log"), f"http://127.0.0.1:{port}/-/healthy"


def requests_per_second(url: str, seconds: int) -> float:
    """What wrk gets through 32 connections, on a processor of its own."""
    command = ["taskset", "-c", str(CLIENT), "wrk", "-t1", "-c32", f"-d{seconds}s", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def one_round(seconds: int) -> dict[str, float]:
    """Each figure once, from fresh starts."""
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    figures: dict[str, float] = {}
    peer, url = uvicorn(HELLO, directory)
    figures["litestar start s"] = peer.wait_for(url)
    time.sleep(IDLE)
    figures["litestar MiB"] = peer.rss() / 2**20
    peer.stop()
    ours, alive = auscult(directory)
    figures["auscult start s"] = ours.wait_for(alive)
    health = alive.replace("/-/healthy", "/health")
    ours.wait_for(health)
    time.sleep(IDLE)
    figures["auscult MiB"] = ours.rss() / 2**20
    ours.process.cpu_affinity([SERVER])
    figures["auscult health/s"] = requests_per_second(health, seconds)
    ours.stop()
    bare, url = uvicorn(BARE, directory)
    bare.wait_for(url)
    bare.process.cpu_affinity([SERVER])
    figures["bare ASGI/s"] = requests_per_second(url, seconds)
    bare.stop()
    shutil.rmtree(directory, ignore_errors=True)
    return figures


def main() -> list[Goal]:
    """Alternating rounds; medians and ratios."""
    quick = "--quick" in sys.argv
    rounds = [one_round(3 if quick else 8) for _ in range(1 if quick else 5)]
    median = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    for name, value in median.items():
        print(f"{name:<20} {value:10.2f}")
    goals = [
        Goal(
            "`/health` requests/s, one core",
            median["bare ASGI/s"],
            median["auscult health/s"],
            "/s",
            0.4,
            0.8,
            more=True,
        ),
        Goal("start to the first 200", median["litestar start s"], median["auscult start s"], "s", 1.5, 1.0),
        Goal("idle memory", median["litestar MiB"], median["auscult MiB"], "MiB", 80, 60, absolute=True),
    ]
    print("\n" + table(goals) + "\n", flush=True)
    return goals


if __name__ == "__main__":
    main()
