"""Scheduled HTTP checks: auscult beside Prometheus with blackbox_exporter, one after the other, in one run.

    python -m tests.benchmarks.checks [--quick]

Both check N paths of one loopback target, a fresh connection each. auscult runs whole: history on disk, metrics,
HTTP server. Figures are per 1,000 checks that arrived; lateness is what the target saw. Needs Debian's
``prometheus`` and ``prometheus-blackbox-exporter``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.benchmarks.processes import Measured, Peak, free_port

HERE = Path(__file__).parent


class Row(dict):  # type: ignore[type-arg]
    """One measured case."""


def fetch(url: str) -> dict[str, float]:
    """The JSON document behind `url`."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def auscult(count: int, interval: str, port: int, directory: Path) -> tuple[Measured, ...]:
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
    process = Measured(argv, log=directory / "auscult.log")
    process.wait_for(f"http://127.0.0.1:{own}/-/healthy")
    return (process,)


def prometheus(count: int, interval: str, port: int, directory: Path) -> tuple[Measured, ...]:
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
    )
    server.wait_for(f"http://127.0.0.1:{own}/-/healthy")
    return server, exporter


SYSTEMS = {"prometheus+blackbox": prometheus, "auscult": auscult}


def measure(system: str, count: int, interval: float, *, warm: float, window: float) -> Row:
    """One case, from a fresh start to the end of one window."""
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    port = free_port()
    target = Measured([sys.executable, HERE / "target.py", str(port)], log=directory / "target.log")
    target.wait_for(f"http://127.0.0.1:{port}/__reset")
    processes = SYSTEMS[system](count, f"{interval:g}s", port, directory)
    try:
        time.sleep(warm)
        fetch_reset(port)
        peak = Peak(*processes)
        cpu = peak.watch(window)
        seen = fetch(f"http://127.0.0.1:{port}/__stats?interval={interval}")
    finally:
        for process in (*processes, target):
            process.stop()
    kept = Row(
        system=system,
        asked=count / interval,
        achieved=seen["arrivals"] / window,
        cpu_per_1000=cpu / seen["arrivals"] * 1000 if seen["arrivals"] else float("nan"),
        cpu_percent=cpu / window * 100,
        rss_mib=peak.rss / 2**20,
        late_p50_ms=seen["late_p50_ms"],
        late_p99_ms=seen["late_p99_ms"],
    )
    shutil.rmtree(directory, ignore_errors=True)
    print(
        f"{system:<20} {count:>6} @ {interval:>4g} s: {kept['achieved']:7.1f}/s of {kept['asked']:7.1f}, "
        f"{kept['cpu_per_1000']:6.3f} CPU-s/1000, {kept['cpu_percent']:5.1f} %, {kept['rss_mib']:6.0f} MiB, "
        f"late p50 {kept['late_p50_ms']:6.1f} p99 {kept['late_p99_ms']:7.1f} ms",
        flush=True,
    )
    return kept


def fetch_reset(port: int) -> None:
    """Have the target forget what it saw."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/__reset", timeout=30) as answer:
        answer.read()


def compare(count: int, interval: float, *, warm: float, window: float, rounds: int) -> None:
    """Both systems in turn; prints the median ratios."""
    rows: dict[str, list[Row]] = {name: [] for name in SYSTEMS}
    for _ in range(rounds):
        for name, kept in rows.items():
            kept.append(measure(name, count, interval, warm=warm, window=window))

    def ratio(key: str) -> float:
        pairs = [
            ours[key] / theirs[key]
            for ours, theirs in zip(rows["auscult"], rows["prometheus+blackbox"], strict=True)
            if theirs[key]
        ]
        return sorted(pairs)[len(pairs) // 2]

    print(
        f"  => {count} @ {interval:g} s, auscult / peer: CPU {ratio('cpu_per_1000'):.3f}x, "
        f"memory {ratio('rss_mib'):.3f}x, lateness p99 {ratio('late_p99_ms'):.3f}x\n",
        flush=True,
    )


def maximum(counts: tuple[int, ...], *, window: float) -> None:
    """What auscult sustains at an interval of 1 s, and what is left of it when twice as much is asked."""
    best = 0.0
    for count in counts:
        row = measure("auscult", count, 1.0, warm=8, window=window)
        best = max(best, row["achieved"])
    over = measure("auscult", int(best * 2), 1.0, warm=10, window=window)
    print(
        f"  => most sustained {best:.0f}/s; asked for twice that, {over['achieved'] / best:.0%} is kept\n", flush=True
    )


def main() -> None:
    """All cases; ``--quick`` for a first look."""
    quick = "--quick" in sys.argv
    rounds, window = (1, 10) if quick else (3, 20)
    compare(1000, 10, warm=15, window=window, rounds=rounds)
    compare(5000, 10, warm=15, window=window, rounds=rounds)
    maximum((2500,) if quick else (2000, 2500, 3000, 4000), window=10)


if __name__ == "__main__":
    main()
