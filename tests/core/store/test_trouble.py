"""What the store does when it cannot: locked, newer, corrupt, busy, closed."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from tests.core.store.making import opened, written

from auscult import CheckResult, Status
from auscult.engine.health import Change
from auscult.errors import StateDirectoryLocked, StoreError
from auscult.store import Store
from auscult.store.schema import FILE, MIGRATIONS, open_writer
from auscult.testing import ManualClock

ROWS = [CheckResult("one", Status.HEALTHY, at, 0.0, 5.0, f"message {at}" * 20) for at in range(3000)]


def everything_in(directory):
    """What every file of a store holds, byte by byte."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name not in ("lock", "reserve")}


def test_a_second_process_is_refused_with_a_sentence(tmp_path):
    """It names the directory, the process that has it, and what to do."""
    program = "import sys; from pathlib import Path; from auscult.store import Store; from auscult import SystemClock\n"
    program += "Store.open(Path(sys.argv[1]), clock=SystemClock())"
    with written(ROWS, tmp_path) as store:
        second = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60)
        assert second.returncode != 0
        assert second.stderr.splitlines()[-1] == (
            f"auscult.errors.StateDirectoryLocked: The state directory {tmp_path} belongs to a running auscult "
            f"(process {os.getpid()}): stop that one first, or give this one its own with --state-dir"
        )
        assert len(store.results("one", limit=5000)) == 3000


def test_a_second_store_in_the_same_process_is_refused_too(tmp_path):
    """And may have the directory once the first is closed."""
    with opened(tmp_path), pytest.raises(StateDirectoryLocked, match="belongs to a running auscult"):
        Store.open(tmp_path, clock=ManualClock())
    with opened(tmp_path):
        pass


def test_whoever_died_leaves_no_lock(tmp_path):
    """The kernel lets go: nobody has to delete a file."""
    program = "import os, sys; from pathlib import Path; from auscult.store.lock import DirectoryLock\n"
    program += "lock = DirectoryLock(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", program, tmp_path], check=False, timeout=60)
    assert killed.returncode == -9
    assert (tmp_path / "lock").exists()
    with opened(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path):
    """Where a file stands in the way, for example."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/state cannot be used: .*Not a directory"):
        Store.open(tmp_path / "file" / "state", clock=ManualClock())


def test_a_newer_schema_is_refused_and_untouched(tmp_path):
    """One line that says which version it is and what to do; not a byte of the history changes."""
    with written(ROWS, tmp_path):
        pass
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
        connection.execute("CREATE TABLE news (id INTEGER)")
    connection.close()
    before = everything_in(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError) as refused:
            Store.open(tmp_path, clock=ManualClock())
        assert str(refused.value) == (
            f"The history was written by a newer auscult (schema {len(MIGRATIONS) + 1}, this one knows "
            f"{len(MIGRATIONS)}): install that version again, or use another state directory"
        )
        assert everything_in(tmp_path) == before


def test_a_half_made_schema_is_finished(tmp_path):
    """Killed in the middle of the first start: each migration is one transaction."""
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute(MIGRATIONS[0][0])
    connection.close()
    with written(ROWS[:10], tmp_path) as store:
        assert len(store.results("one")) == 10


@pytest.mark.parametrize("damage", ["not a database", "cut short", "header", "schema", "empty pages"])
def test_a_corrupt_file_is_reported_and_left_alone(tmp_path, damage):
    """Never replaced by an empty one: the sentence says what to do, and the evidence stays."""
    with written(ROWS, tmp_path):
        pass
    path = tmp_path / FILE
    whole = path.read_bytes()
    path.write_bytes(
        {
            "not a database": b"This is not a database at all.\n" * 400,
            "cut short": whole[: len(whole) // 2 // 4096 * 4096 + 100],
            "header": b"SQLite format 4\x00" + whole[16:],
            "schema": whole[:100] + random.Random(1).randbytes(3996) + whole[4096:],
            "empty pages": whole[:4096] + bytes(len(whole) - 4096),
        }[damage]
    )
    path.with_name(FILE + "-wal").touch()  # as after an unclean end
    before = path.read_bytes()
    with pytest.raises(StoreError) as reported:
        Store.open(tmp_path, clock=ManualClock())
    assert f"The history in {path} cannot be read (" in str(reported.value)
    assert str(reported.value).endswith("move the file away and start again, or restore a copy")
    assert path.read_bytes() == before
    path.rename(tmp_path / "away")
    with written(ROWS[:3], tmp_path) as store:
        assert len(store.results("one")) == 3


def test_any_damage_is_reported_or_survived(tmp_path):
    """Random bytes anywhere: opening, reading and writing end in answers or in StoreError, nothing else."""
    with written(ROWS, tmp_path):
        pass
    path, dice = tmp_path / FILE, random.Random(7)
    whole = path.read_bytes()
    outcomes = set()
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(dice.choice([1, 10, 100])):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        path.with_name(FILE + "-wal").touch()
        try:
            with written(ROWS[:1], tmp_path) as store:
                store.results("one", limit=5000)
                store.history("one", 0, 10_000, 5)
                store.uptime(10_000)
            outcomes.add("survived")
        except StoreError:
            outcomes.add("reported")
        path.with_name(FILE + "-wal").unlink(missing_ok=True)
        path.with_name(FILE + "-shm").unlink(missing_ok=True)
    assert outcomes == {"survived", "reported"}


def impatient(path):
    connection = open_writer(path)
    connection.execute("PRAGMA busy_timeout=50")
    return connection


def test_a_foreign_writer_only_delays(tmp_path, monkeypatch):
    """Somebody's backup holds the file for a while: results wait and are written afterwards."""
    monkeypatch.setattr("auscult.store.writer.open_writer", impatient)
    with written(ROWS[:5], tmp_path) as store:
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for row in ROWS[5:50]:
            store.append(row)
        change = Change("one", Status.UNKNOWN, Status.HEALTHY, 5, "")
        store.note_change(change)
        store.flush()
        assert "SQLITE_BUSY" in store.stats().last_error
        assert len(store.results("one")) == 5, "reading goes on"
        failed = []
        store.append_durably(ROWS[0], failed.append)
        store.flush()
        assert isinstance(failed[0], StoreError)
        other.execute("ROLLBACK")
        other.close()
        store.flush()
        store.flush()
        assert [found.result for found in store.results("one")] == ROWS[:50][::-1]
        assert store.changes.latest(0, 10) == [change]
        assert store.states() == {"one": ("healthy", 5)}
        assert (store.stats().dropped, store.stats().last_error) == (0, "")


def test_a_queue_that_is_full_drops_the_oldest_and_counts(tmp_path, monkeypatch):
    """Memory is bounded; the newest results are the ones worth having."""
    monkeypatch.setattr("auscult.store.writer.CAPACITY", 100)
    with opened(tmp_path) as store:
        release, held = threading.Event(), threading.Event()
        store.submit(lambda _: (held.set(), release.wait(10)))
        assert held.wait(10)
        for row in ROWS[:250]:
            store.append(row)
        assert store.stats().queue_length == 100
        release.set()
        store.flush()
        assert [found.result for found in store.results("one", limit=300)] == ROWS[150:250][::-1]
        assert store.stats().dropped == 150


def test_work_that_fails_leaves_nothing_behind():
    """A transaction of its own: rolled back as a whole, the next one works."""
    with opened() as store:

        def half(connection):
            connection.execute("INSERT INTO component (name) VALUES ('half')")
            raise ValueError("changed its mind")

        with pytest.raises(ValueError, match="changed its mind"):
            store.submit(half).result(10)
        count = store.submit(lambda connection: connection.execute("SELECT count(*) FROM component").fetchone())
        assert count.result(10) == (0,)
        store.append(CheckResult("half", Status.HEALTHY, 1))
        store.flush()
        assert len(store.results("half")) == 1


def test_alerts_go_ahead_of_results():
    """What is submitted does not wait for the results that are queued, and is synced to disk."""
    with opened() as store:
        release = threading.Event()
        store.submit(lambda _: release.wait(10))
        for row in ROWS:
            store.append(row)
        seen = store.submit(
            lambda connection: (
                connection.execute("SELECT count(*) FROM result").fetchone()[0],
                connection.execute("PRAGMA synchronous").fetchone()[0],
            )
        )
        release.set()
        assert seen.result(10) == (0, 2)


def test_closing_while_others_read():
    """Each question is answered or refused with StoreError; the process lives."""
    stop = threading.Event()

    def ask(store):
        while not stop.is_set():
            try:
                assert len(store.results("one", limit=5000)) == 3000
                store.uptime(10_000)
                store.history("one", 0, 10_000_000, 500)
            except StoreError as error:
                return str(error)
        return "never refused"

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            with written(ROWS) as store:
                asking = [pool.submit(ask, store) for _ in range(4)]
                store.results("one")
            assert {answer.result(10) for answer in asking} <= {
                "The history cannot be read: the store is closed",
                "The history cannot be read: the store is being closed",
            }
    stop.set()


def test_threads_that_come_and_go_leave_no_connection_open():
    """Worker threads live for seconds: a reader per thread would run out of files within days."""
    with written(ROWS[:5]) as store:
        store.results("one")
        before = psutil.Process().num_fds()
        for _ in range(50):
            thread = threading.Thread(target=store.results, args=("one",))
            thread.start()
            thread.join()
        after = psutil.Process().num_fds()
        assert after <= before + 2


def test_a_closed_store_says_so_to_everybody():
    """Nobody waits for ever."""
    with written(ROWS[:1]) as store:
        pass
    outcomes = []
    store.append_durably(ROWS[0], outcomes.append)
    assert isinstance(outcomes[0], StoreError)
    with pytest.raises(StoreError, match="the store is closed"):
        store.submit(lambda _: None).result(10)
    with pytest.raises(StoreError, match="the store is closed"):
        store.results("one")
    store.flush()
    store.append(ROWS[0])
    store.close()
