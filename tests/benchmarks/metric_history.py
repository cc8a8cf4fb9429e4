"""The history of metrics: samples a second, bytes a sample, a day of one series, how long a write waits meanwhile.

    python -m tests.benchmarks.metric_history [--quick]

A day of 58 gauges and 58 counters sampled every second, 10 million samples: beside plain SQL over as many indexed rows.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.goals import Goal
from tests.benchmarks.rendering import FAMILY, filled

from auscult import Family, Snapshot
from auscult.alerts.matching import Matcher
from auscult.cli.serve import SWITCH
from auscult.metrics.query import MetricQuery
from auscult.metrics.table import Table
from auscult.store import Retention, Store
from auscult.testing import ManualClock

DAY = 86_400
POINTS = 500
START = 1_750_000_000_000 // 86_400_000 * 86_400_000
EACH = 58


def tables() -> tuple[Table, Table]:
    """Gauges like response times, and counters."""
    gauges = Table(Family("response_seconds", "gauge", "x"))
    counters = Table(Family("requests_total", "counter", "x"))
    for number in range(EACH):
        labels = (("host", f"h{number}"),)
        gauges.add(("response_seconds", labels), 0.1)
        counters.add(("requests_total", labels), 0.0)
    return gauges, counters


def step(gauges: Table, counters: Table) -> None:
    """A second later."""
    for row in range(EACH):
        gauges.values[row] = round(random.lognormvariate(-2, 0.4), 4)
        counters.values[row] += random.randrange(4)


def written_per_second() -> float:
    """Snapshots of 100,000 series into an empty store, as fast as they go."""
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    table = filled()
    store = Store.open(directory, clock=ManualClock(START))
    store.append_snapshot(Snapshot(START, [table.samples()]))
    store.flush()  # the series have their numbers now
    begin, count = time.perf_counter(), 20
    for number in range(count):
        store.append_snapshot(Snapshot(START + number * 15_000, [table.samples()]))
        store.flush()
    took = time.perf_counter() - begin
    store.close()
    shutil.rmtree(directory, ignore_errors=True)
    return count * len(table) / took


def held(store: Store, busy: Callable[[], bool], waits: list[float]) -> None:
    """How long an urgent write waits for its turn, for as long as the writer is busy."""
    while busy():
        begin = time.perf_counter()
        began = store.submit(lambda connection: time.perf_counter()).result(60)
        waits.append((began - begin) * 1000)
        time.sleep(0.02)


def rows_left(path: Path, table: str) -> int:
    """How many rows a table has."""
    connection = sqlite3.connect(path)
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return int(count)


def a_day(directory: Path, seconds: int) -> tuple[dict[str, float], list[float]]:
    """A store with that many seconds in it; what it cost, and how long urgent writes waited."""
    store = Store.open(directory, clock=ManualClock(START))
    gauges, counters = tables()
    samples, spent, waits = seconds * EACH * 2, 0.0, list[float]()
    begin, cpu, going = time.perf_counter(), time.process_time(), threading.Event()
    watcher = threading.Thread(target=held, args=(store, lambda: not going.is_set(), waits))
    watcher.start()
    for second in range(seconds):
        before = time.process_time()
        step(gauges, counters)
        spent += time.process_time() - before
        store.append_snapshot(Snapshot(START + second * 1000, [gauges.samples(), counters.samples()]))
        if second % 7 == 6:
            store.flush()
    path = directory / "auscult.sqlite"
    while rows_left(path, "metric_log") > 1100:
        time.sleep(0.05)
    going.set()
    watcher.join()
    store.close()
    figures = {
        "samples": float(samples),
        "stored samples/s, 116 at a time": samples / (time.perf_counter() - begin),
        "CPU us/sample, all of it": (time.process_time() - cpu - spent) / samples * 1e6,
    }
    connection = sqlite3.connect(path)
    for name, query in (
        ("bytes/sample in chunks", "SELECT total(length(numbers)) FROM metric_chunk"),
        ("bytes/sample in roll-ups", "SELECT total(length(buckets)) FROM metric_rolled"),
    ):
        figures[name] = connection.execute(query).fetchone()[0] / samples
    connection.close()
    figures["bytes/sample of the file"] = path.stat().st_size / samples
    return figures, waits


def plain(path: Path, seconds: int) -> Callable[[], object]:
    """The same question over raw rows in SQLite, indexed as one would: a series in twelve, to keep it short."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE sample (series INTEGER, at INTEGER, value REAL)")
    rows = ((series, START + s * 1000, random.random()) for s in range(seconds) for series in range(12))
    connection.executemany("INSERT INTO sample VALUES (?, ?, ?)", rows)
    connection.execute("CREATE INDEX by_time ON sample (series, at)")
    connection.commit()
    width = seconds * 1000 // POINTS
    return lambda: connection.execute(
        "SELECT at / ?, avg(value), min(value), max(value) FROM sample WHERE series = 3 AND at >= ? GROUP BY 1",
        (width, START),
    ).fetchall()


def timed(ask: Callable[[], object], times: int = 25) -> float:
    """Milliseconds, the median of several."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)


def questions(store: Store, end: int) -> dict[str, float]:
    """A day of one series to 500 points, in several ways."""
    one = (Matcher("host", "h3"),)
    points = min(POINTS, (end - START) // 60_000)
    found = {}
    for title, question in (
        ("gauge", MetricQuery(name="response_seconds", match=one)),
        ("gauge, largest", MetricQuery(name="response_seconds", match=one, function="max")),
        ("counter's rate", MetricQuery(name="requests_total", match=one, function="rate")),
    ):
        found[f"{title}, from roll-ups ms"] = timed(lambda q=question: store.metrics.ask(q, START, end, points), 300)  # type: ignore[misc]
    question = MetricQuery(name="response_seconds", match=one)
    found["gauge, from samples ms"] = timed(lambda: store.metrics.ask(question, START, end, 3 * points + 200))
    every = MetricQuery(name="requests_total", function="rate", aggregate="sum")
    found["rate of all 58 counters, roll-ups ms"] = timed(lambda: store.metrics.ask(every, START, end, points), 3)
    return found


def forgotten(directory: Path, seconds: int) -> list[float]:
    """How long urgent writes wait while the whole day is forgotten."""
    waits: list[float] = []
    spans = rows_left(directory / "auscult.sqlite", "metric_span")
    assert spans
    clock = ManualClock(START + seconds * 1000 + 10 * 86_400_000)
    store = Store.open(directory, clock=clock, retention=Retention(raw=60, minutes=60, hours=60))
    held(store, lambda: not waits or rows_left(directory / "auscult.sqlite", "metric_span") > 0, waits)
    store.close()
    return waits


def main() -> list[Goal]:
    """Each figure once, or as a median."""
    sys.setswitchinterval(SWITCH)  # as the server has it
    seconds = DAY // 8 if "--quick" in sys.argv else DAY
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    figures = {f"stored samples/s, 100,000 at a time ({FAMILY.type}s)": written_per_second()}
    day, compacting = a_day(directory / "state", seconds)
    figures |= day
    store = Store.open(directory / "state", clock=ManualClock(START))
    figures |= questions(store, START + seconds * 1000)
    store.close()
    figures["plain SQL over indexed rows ms"] = timed(plain(directory / "plain.sqlite", seconds), 3)
    for name, waits in (("compacting", compacting), ("forgetting", forgotten(directory / "state", seconds))):
        waits.sort()
        assert waits, name
        figures[f"urgent write waits while {name}, p50 ms"] = statistics.median(waits)
        figures[f"urgent write waits while {name}, p99 ms"] = waits[int(len(waits) * 0.99) - 1]
    shutil.rmtree(directory, ignore_errors=True)
    for name, figure in figures.items():
        print(f"{name:<48} {figure:14.2f}")
    print(flush=True)
    written = figures[f"stored samples/s, 100,000 at a time ({FAMILY.type}s)"]
    plain_ms = figures["plain SQL over indexed rows ms"]
    return [
        Goal("samples stored a second", 0.0, written, "/s", 200_000, 400_000, absolute=True, more=True),
        Goal("bytes a sample on disk", 0.0, figures["bytes/sample of the file"], "", 36, 12, absolute=True),
        Goal("a day to 500 points, roll-ups", 0.0, figures["gauge, from roll-ups ms"], "ms", 10, 2, absolute=True),
        Goal("the same from samples", plain_ms, figures["gauge, from samples ms"], "ms", 100, 100, absolute=True),
    ]


if __name__ == "__main__":
    main()
