"""Scheduled HTTP checks: auscult beside Prometheus with blackbox_exporter, one after the other, in one run.

    python -m tests.benchmarks.checks [--quick]

Both check N paths of one loopback target, a fresh connection each. auscult runs whole: history on disk, metrics,
HTTP server. Figures are per 1,000 checks that arrived; lateness is what the target saw. Needs Debian's
``prometheus`` and ``prometheus-blackbox-exporter``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.benchmarks.goals import Goal, table
from tests.benchmarks.processes import Measured, Peak, free_port

HERE = Path(__file__).parent


class Row(dict):  # type: ignore[type-arg]
    """One measured case."""


OURS, TARGETS = 0, 1
"""Processors, where it is about what one of them can do."""


def fetch(url: str) -> dict[str, float]:
    """The JSON document behind `url`."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def auscult(count: int, interval: str, port: int, directory: Path, cpu: int | None = None) -> tuple[Measured, ...]:
    """auscult with `count` HTTP components."""
    own = free_port()
    lines = [f"[server]\nport = {own}\nlog_level = 'warning'\n"]
    lines += [
        f"[components.c{i}]\ncheck = 'http'\nurl = 'http://127.0.0.1:{port}/{i}'\ninterval = '{interval}'\n"
        for i in range(count)
    ]
    config = directory / "auscult.toml"
    config.write_text("\n".join(lines))
    argv = [sys.executable, "-m", "auscult", "serve", "-c", config, "--state-dir", directory / "state"]
    process = Measured(argv, log=directory / "auscult.log", cpu=cpu)
    process.wait_for(f"http://127.0.0.1:{own}/-/healthy")
    return (process,)


def prometheus(count: int, interval: str, port: int, directory: Path, cpu: int | None = None) -> tuple[Measured, ...]:
    """Prometheus scraping blackbox_exporter for `count` targets, with one alert rule over all."""
    blackbox, own = free_port(), free_port()
    (directory / "blackbox.yml").write_text(
        "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n"
    )
    (directory / "rules.yml").write_text(
        "groups:\n- name: up\n  rules:\n  - alert: Down\n    expr: probe_success == 0\n    for: 1m\n"
    )
    targets = ",".join(f'"http://127.0.0.1:{port}/{i}"' for i in range(count))
    (directory / "prometheus.yml").write_text(
        f"global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval if interval == '1s' else '5s'}\n"
        f"  evaluation_interval: {interval}\nrule_files: [rules.yml]\nscrape_configs:\n- job_name: blackbox\n"
        f"  metrics_path: /probe\n  params:\n    module: [http_2xx]\n  static_configs:\n  - targets: [{targets}]\n"
        "  relabel_configs:\n  - source_labels: [__address__]\n    target_label: __param_target\n"
        "  - source_labels: [__param_target]\n    target_label: instance\n"
        f"  - target_label: __address__\n    replacement: 127.0.0.1:{blackbox}\n"
    )
    exporter = Measured(
        [
            "prometheus-blackbox-exporter",
            f"--config.file={directory}/blackbox.yml",
            f"--web.listen-address=127.0.0.1:{blackbox}",
        ],
        log=directory / "blackbox.log",
        cpu=cpu,
    )
    exporter.wait_for(f"http://127.0.0.1:{blackbox}/-/healthy")
    server = Measured(
        [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/tsdb",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
        log=directory / "prometheus.log",
        cpu=cpu,
    )
    server.wait_for(f"http://127.0.0.1:{own}/-/healthy")
    return server, exporter


SYSTEMS = {"prometheus+blackbox": prometheus, "auscult": auscult}


def measure(system: str, count: int, interval: float, *, warm: float, window: float, one_core: bool = False) -> Row:
    """One case, from a fresh start to the end of one window; `one_core`: it has one processor, the target the other."""
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    port = free_port()
    target = Measured(
        [sys.executable, HERE / "target.py", str(port)],
        log=directory / "target.log",
        cpu=TARGETS if one_core else None,
    )
    target.wait_for(f"http://127.0.0.1:{port}/__reset")
    processes = SYSTEMS[system](count, f"{interval:g}s", port, directory, OURS if one_core else None)
    try:
        time.sleep(warm)
        fetch_reset(port)
        peak = Peak(*processes)
        cpu = peak.watch(window)
        seen = fetch(f"http://127.0.0.1:{port}/__stats?interval={interval}")
        skipped = missed(directory)
    finally:
        for process in (*processes, target):
            process.stop()
    kept = Row(
        system=system,
        asked=count / interval,
        achieved=seen["per_second"],
        cpu_per_1000=cpu / seen["arrivals"] * 1000 if seen["arrivals"] else float("nan"),
        cpu_percent=cpu / window * 100,
        rss_mib=peak.rss / 2**20,
        late_p50_ms=seen["late_p50_ms"],
        late_p99_ms=seen["late_p99_ms"],
        missed=skipped,
    )
    shutil.rmtree(directory, ignore_errors=True)
    print(
        f"{system:<20} {count:>6} @ {interval:>4g} s: {kept['achieved']:7.1f}/s of {kept['asked']:7.1f}, "
        f"{kept['cpu_per_1000']:6.3f} CPU-s/1000, {kept['cpu_percent']:5.1f} %, {kept['rss_mib']:6.0f} MiB, "
        f"late p50 {kept['late_p50_ms']:6.1f} p99 {kept['late_p99_ms']:7.1f} ms"
        + (f", {skipped:.0f} starts missed since the start" if skipped else ""),
        flush=True,
    )
    return kept


def missed(directory: Path) -> float:
    """Starts that auscult says it missed; 0 where it does not run."""
    config = directory / "auscult.toml"
    if not config.exists():
        return 0.0
    port = config.read_text().partition("port = ")[2].partition("\n")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("auscult_checks_missed_total "))


def fetch_reset(port: int) -> None:
    """Have the target forget what it saw."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/__reset", timeout=30) as answer:
        answer.read()


def compare(count: int, interval: float, *, warm: float, window: float, rounds: int) -> tuple[Row, Row]:
    """Both systems in turn; the medians, of the peer and ours."""
    rows: dict[str, list[Row]] = {name: [] for name in SYSTEMS}
    for _ in range(rounds):
        for name, kept in rows.items():
            kept.append(measure(name, count, interval, warm=warm, window=window))
    theirs, ours = (
        Row({key: statistics.median(row[key] for row in rows[name]) for key in rows[name][0] if key != "system"})
        for name in ("prometheus+blackbox", "auscult")
    )
    return theirs, ours


def maximum(system: str, counts: tuple[int, ...], *, window: float, one_core: bool) -> tuple[float, float]:
    """The most checks/s sustained at an interval of 1 s, and the share kept when asked for twice as many."""
    best = 0.0
    for count in counts:
        row = measure(system, count, 1.0, warm=8, window=window, one_core=one_core)
        if row["achieved"] < 0.98 * count:
            break
        best = row["achieved"]
    best = best or row["achieved"]
    over = measure(system, int(best * 2), 1.0, warm=12, window=window, one_core=one_core)
    return best, over["achieved"] / best


def main() -> list[Goal]:
    """All cases; ``--quick`` for a first look."""
    quick = "--quick" in sys.argv
    rounds, window = (1, 20) if quick else (3, 20)
    peer, own = compare(1000, 10, warm=15, window=window, rounds=rounds)
    many_peer, many = compare(5000, 10, warm=25, window=window, rounds=rounds)
    goals = [
        Goal(f"CPU per 1,000 fresh HTTP checks, {n} every 10 s", a["cpu_per_1000"], b["cpu_per_1000"], "s", 0.25, aim)
        for n, a, b, aim in (("5,000", many_peer, many, 0.12), ("1,000", peer, own, 0.15))
    ]
    goals += [
        Goal("peak memory, 5,000 checks", many_peer["rss_mib"], many["rss_mib"], "MiB", 0.2, 0.12),
        Goal("lateness p99 at 500/s", many_peer["late_p99_ms"], many["late_p99_ms"], "ms", 25, 5, absolute=True),
    ]
    most, kept = maximum("auscult", (2500, 4000, 5000) if quick else (2500, 4000, 5000, 6000), window=10, one_core=True)
    peers, peers_kept = maximum(
        "prometheus+blackbox", (1000,) if quick else (1000, 1200, 1400), window=10, one_core=False
    )
    goals += [
        Goal(
            "checks/s sustained, ours on one core",
            peers,
            most,
            "/s",
            2500,
            4000,
            absolute=True,
            more=True,
        ),
        Goal("kept when asked for twice the most", peers_kept * 100, kept * 100, "%", 80, 95, absolute=True, more=True),
    ]
    print("\n" + table(goals) + "\n", flush=True)
    return goals


if __name__ == "__main__":
    main()
