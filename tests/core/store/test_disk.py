"""A disk that fills up: results stop being stored, everything else goes on, and it recovers by itself."""

from __future__ import annotations

import os
import subprocess
import time
from types import SimpleNamespace

import anyio
import pytest
from tests.core.store.making import FOREVER, NOW, opened, written

from auscult import Check, CheckResult, Component, Monitor, Reading, Status, SystemClock
from auscult.errors import StoreError
from auscult.store import Store
from auscult.store.disk import Disk
from tests import need

ROWS = [CheckResult("one", Status.HEALTHY, NOW + at, 0.0, 5.0, "a message of some length " * 8) for at in range(1000)]


@pytest.fixture
def free(monkeypatch):
    """The bytes that are free, to be changed by the test."""
    disk = SimpleNamespace(f_bavail=1 << 20, f_frsize=4096)
    monkeypatch.setattr("auscult.store.disk.os.statvfs", lambda _: disk)
    monkeypatch.setattr("auscult.store.disk.LOOK_EVERY", 0.0)
    return disk


def durably(store, row=ROWS[0]):
    """What whoever waits is told."""
    outcomes = []
    store.append_durably(row, outcomes.append)
    store.flush()
    return outcomes[0]


def test_below_the_mark_results_are_dropped_and_counted(free, caplog):
    """Said once when it begins and once when it ends; reading goes on throughout."""
    with written(ROWS[:10]) as store:
        free.f_bavail = 1000
        for row in ROWS[10:30]:
            store.append(row)
        store.flush()
        assert store.stats().low_on_disk
        assert store.stats().dropped == 20
        assert len(store.results("one", limit=100)) == 10
        store.flush()
        free.f_bavail = 1 << 20
        for row in ROWS[30:40]:
            store.append(row)
        store.flush()
        assert not store.stats().low_on_disk
        assert [found.result for found in store.results("one", limit=100)] == (ROWS[:10] + ROWS[30:40])[::-1]
        assert store.stats().dropped == 20
    assert [record.message for record in caplog.records if "disk" in record.message] == [
        "the disk is almost full: results are not stored",
        "there is space on the disk again",
    ]


def test_below_the_mark_whoever_waits_is_told(free):
    """An acknowledgement would be a lie."""
    with opened() as store:
        assert durably(store) is None
        free.f_bavail = 1000
        refused = durably(store)
        assert isinstance(refused, StoreError)
        assert str(refused) == "the disk is almost full: nothing is stored until there is space again"
        free.f_bavail = 1 << 20
        assert durably(store) is None
        assert len(store.results("one")) == 2


def test_below_the_mark_alerts_are_written_from_the_reserve(free, tmp_path):
    """Bytes kept aside are given up for them, and kept aside anew afterwards."""
    with opened(tmp_path) as store:
        store.flush()
        assert (tmp_path / "reserve").stat().st_size == 1 << 20
        free.f_bavail = 1000
        store.submit(lambda connection: connection.execute("INSERT INTO component (name) VALUES ('alert')")).result(10)
        assert not (tmp_path / "reserve").exists()
        free.f_bavail = 1 << 20
        store.flush()
        assert durably(store) is None
        assert (tmp_path / "reserve").exists()


def test_statuses_are_remembered_for_when_there_is_space(free):
    """They are few: since when a component is unhealthy outlives the full disk."""
    with opened() as store:
        store.flush()
        free.f_bavail = 1000
        store.note_state("one", "unhealthy", 7)
        store.flush()
        assert store.states() == {}
        free.f_bavail = 1 << 20
        store.flush()
        assert store.states() == {"one": ("unhealthy", 7)}


def test_a_disk_that_cannot_be_asked_is_no_reason_to_stop(tmp_path, monkeypatch):
    """Some file systems do not say."""

    def fails(_):
        raise OSError("not supported")

    monkeypatch.setattr("auscult.store.disk.os.statvfs", fails)
    disk = Disk(tmp_path, 1 << 60)
    disk.look()
    assert not disk.low


class Steady(Check):
    kind = "steady"

    async def probe(self, ctx):
        return Reading()


async def until(condition):
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.02)


@pytest.mark.anyio
async def test_the_monitor_goes_on_says_so_and_recovers(free, tmp_path):
    """Components are judged all the while; component `auscult` is degraded until there is space again."""
    component = Component(name="one", check=Steady(), interval=0.05, timeout=0.05)
    async with Monitor([component], state_dir=tmp_path) as monitor:
        await until(lambda: monitor.stats().store.rows_written > 0)
        free.f_bavail = 1000
        await until(lambda: monitor.stats().store.low_on_disk and monitor.stats().store.dropped > 0)
        checked = monitor.stats().checks_finished
        said = await monitor.check_now("auscult")
        assert said.status == Status.DEGRADED
        assert "the disk is almost full: results are not being stored" in said.message
        await until(lambda: monitor.stats().checks_finished > checked + 2)
        assert monitor.component_health("one").status == Status.HEALTHY
        free.f_bavail = 1 << 20
        written_before = monitor.stats().store.rows_written
        await until(lambda: monitor.stats().store.rows_written > written_before)
        assert (await monitor.check_now("auscult")).status == Status.HEALTHY


@pytest.fixture
def tmpfs(tmp_path):
    """A disk of 8 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount, umount = need.program("mount", "mount"), need.program("umount", "mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run([umount, "-l", disk], check=True)


@pytest.mark.parametrize("low_water", [0, 2 << 20])
def test_a_disk_that_is_really_full(tmpfs, low_water, monkeypatch, caplog):
    """With a mark and, worse, without: nothing stored is lost, and it goes on when there is space again."""
    monkeypatch.setattr("auscult.store.disk.LOOK_EVERY", 0.1)
    store = Store.open(tmpfs, clock=SystemClock(), retention=FOREVER, low_water_bytes=low_water)
    try:
        assert durably(store) is None
        (tmpfs / "other").write_bytes(bytes(4 << 20))
        told = [durably(store, row) for row in ROWS for _ in range(3) if fill(store)]
        refused = [answer for answer in told if answer is not None]
        assert refused
        assert all(isinstance(answer, StoreError) for answer in refused)
        assert store.stats().dropped > 0 or store.stats().queue_length > 0
        assert store.stats().low_on_disk or "SQLITE_FULL" in store.stats().last_error
        acknowledged = 1 + told.count(None)
        assert len([r for r in store.results("one", limit=100_000) if r.result in ROWS[:1000]]) >= acknowledged
        (tmpfs / "other").unlink()
        deadline = time.monotonic() + 20
        while durably(store) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not store.stats().low_on_disk
        said = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert said == ["the disk is almost full: results are not stored", "there is space on the disk again"]
        check = store.submit(lambda connection: connection.execute("PRAGMA integrity_check").fetchone())
        assert check.result(10) == ("ok",)
    finally:
        store.close()


def fill(store):
    """More results, as they come while the disk fills up."""
    for row in ROWS[:50]:
        store.append(CheckResult("two", row.status, row.at, message=row.message))
    return True
