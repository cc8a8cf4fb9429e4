"""A day of one component checked every second, drawn with 500 points: the store beside plain SQL over raw rows.

python -m tests.benchmarks.history [--quick]
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.goals import Goal, table

from auscult.clock import SystemClock
from auscult.model import CheckResult, Status
from auscult.store import Store
from auscult.store.schema import FILE

DAY = 86_400
POINTS = 500


def filled(directory: Path, others: int) -> tuple[Store, int]:
    """A store with a day of results, and its last moment; `others` components are checked every minute."""
    store = Store.open(directory, clock=SystemClock())
    end = SystemClock().now_ms()
    for second in range(DAY):
        at = end - (DAY - second) * 1000
        status = Status.UNHEALTHY if second % 977 == 0 else Status.HEALTHY
        store.append(CheckResult("one", status, at, 0.012, 12.0 + second % 7))
        if second % 60 == 0:
            for other in range(others):
                store.append(CheckResult(f"other{other}", Status.HEALTHY, at, 0.01, 10.0))
        if second % 5000 == 0:
            store.flush()
    store.close()
    reopened = Store.open(directory, clock=SystemClock())
    wait_for_rollups(directory / FILE)
    return reopened, end


def wait_for_rollups(path: Path) -> None:
    """Until they hold every result: a running server is seconds behind, and not a day that came within a minute."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    question = "SELECT (SELECT max(id) FROM result) - (SELECT value FROM watermark WHERE name = 'rolled')"
    while connection.execute(question).fetchone()[0]:
        time.sleep(0.1)
    connection.close()


def plain(path: Path, end: int) -> Callable[[], int]:
    """The same question as one statement over the raw rows, indexed as one would."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE sample (component INTEGER, at INTEGER, ms REAL, code INTEGER)")
    rows = ((1, end - (DAY - s) * 1000, 12.0 + s % 7, int(s % 977 == 0)) for s in range(DAY))
    connection.executemany("INSERT INTO sample VALUES (?, ?, ?, ?)", rows)
    connection.execute("CREATE INDEX by_time ON sample (component, at)")
    connection.commit()
    width = DAY * 1000 // POINTS

    def ask() -> int:
        return len(
            connection.execute(
                "SELECT at / ?, count(*), sum(code), min(ms), avg(ms), max(ms) FROM sample "
                "WHERE component = 1 AND at >= ? AND at < ? GROUP BY 1",
                (width, end - DAY * 1000, end),
            ).fetchall()
        )

    return ask


def median_ms(ask: Callable[[], object], times: int) -> float:
    """Milliseconds, the median of many."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        found.append((time.perf_counter() - begin) * 1000)
    return statistics.median(found)


def main() -> list[Goal]:
    """Both, in the same run."""
    directory = Path(tempfile.mkdtemp(prefix="auscult-bench-"))
    store, end = filled(directory / "state", 10 if "--quick" in sys.argv else 100)
    raw = plain(directory / "plain.sqlite", end)

    def ours() -> int:
        return len(store.history("one", end - DAY * 1000, end, POINTS))

    assert 0 < ours() <= POINTS
    peer, own = median_ms(raw, 9), median_ms(ours, 50)
    print(f"plain SQL over raw rows {peer:8.2f} ms\nauscult's store         {own:8.2f} ms")
    goals = [Goal(f"24 h of one component at 1 s to {POINTS} points", peer, own, "ms", 10, 2, absolute=True)]
    print("\n" + table(goals) + "\n", flush=True)
    store.close()
    shutil.rmtree(directory, ignore_errors=True)
    return goals


if __name__ == "__main__":
    main()
