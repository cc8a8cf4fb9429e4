"""The check `host` beside what the kernel itself says of this machine."""

import os
import time
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from auscult import Component, Monitor, Status
from auscult_plugins import host
from auscult_plugins.host import HostCheck

pytestmark = pytest.mark.anyio


async def test_everything_declared_is_measured(look):
    """No measurement is promised and left out, and the sentence names the three that have levels."""
    result = await look(HostCheck())
    assert result.status is Status.HEALTHY
    assert set(result.measurements) == {measurement.name for measurement in HostCheck.measurements}
    assert result.message.startswith("CPU ")


async def test_numbers_are_the_machines(look):
    """Beside /proc, statvfs and psutil, as far as they stand still."""
    measured = (await look(HostCheck())).measurements
    disk = os.statvfs("/")
    assert measured["disk_free_bytes"] == pytest.approx(disk.f_bavail * disk.f_frsize, rel=0.1)
    assert measured["memory_available_bytes"] == pytest.approx(psutil.virtual_memory().available, rel=0.3)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert measured["uptime_seconds"] == pytest.approx(uptime, rel=0.1, abs=60)
    assert 0 < measured["processes"] < 100_000
    assert measured["load_per_cpu"] == pytest.approx(measured["load_1m"] / (os.cpu_count() or 1))


async def test_work_is_seen_as_cpu_usage(watch):
    """The share since the last look: a busy second beside it cannot read as idle."""
    async with watch(HostCheck()) as look:
        await look()
        until = time.process_time() + 1.0
        while time.process_time() < until:
            pass
        busy = (await look()).measurements["cpu_usage_percent"]
    share = 100 / (os.cpu_count() or 1)
    assert busy > share / 4, "a core was busy for most of the time"


Times = namedtuple("Times", "user nice system idle iowait irq softirq steal guest guest_nice")


def test_guests_are_not_counted_twice(monkeypatch):
    """Linux counts the time of virtual machines in `user` as well; waiting for a disk is idle."""
    times = [Times(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), Times(50, 0, 0, 25, 25, 0, 0, 0, 50, 0)]
    monkeypatch.setattr(psutil, "cpu_times", lambda: times.pop(0))
    seen = host._Look(HostCheck())
    assert seen._cpu_percent() == pytest.approx(50.0)


async def test_the_fullest_of_several_file_systems(look, monkeypatch):
    """Each is looked at, and the fullest one counts."""
    real = psutil.disk_usage("/")
    usage = {"/": real._replace(percent=12.0, free=500), "/srv": real._replace(percent=97.0, free=3)}
    monkeypatch.setattr(psutil, "disk_usage", lambda path: usage[path])
    measured = (await look(HostCheck(mounts=("/", "/srv")))).measurements
    assert (measured["disk_usage_percent"], measured["disk_free_bytes"]) == (97.0, 3.0)


async def test_a_file_system_that_is_not_there(look):
    """A sentence that names it."""
    result = await look(HostCheck(mounts=("/", "/no/such/mount")))
    assert result.status is Status.UNHEALTHY
    assert result.message == "the file system at /no/such/mount cannot be looked at: No such file or directory"


async def test_a_file_system_that_hangs_holds_nobody(look, monkeypatch):
    """A network file system whose server is gone keeps whoever asks: not the event loop, only this component."""
    monkeypatch.setattr(psutil, "disk_usage", lambda path: time.sleep(3))
    result = await look(HostCheck(), timeout=1.0)
    assert result.message == "no answer within 1 s"


async def test_network_is_optional(look):
    """Containers without counters of their own leave it out."""
    assert not [name for name in (await look(HostCheck(network=False))).measurements if name.startswith("network")]


async def test_its_levels_are_the_components_threshold():
    """One breach is enough to be degraded, with the level in words (decision 6)."""
    from auscult import HealthThreshold

    tight = HealthThreshold(memory_usage_percent=0.001)
    monitor = Monitor([Component(name="host", check=HostCheck(), threshold=tight, failures=1, successes=1)])
    async with monitor:
        await monitor.check_now("host")
        view = monitor.component_health("host")
    assert view.status is Status.DEGRADED
    assert "memory usage" in view.message
    assert "0.001 %" in view.message


def test_it_is_found_everywhere():
    """Any environment has a host; one look is enough for it either way."""
    (found,) = HostCheck.discover({})
    assert found.name == "host"
    wanted = found.check.prefers()
    assert (wanted.failures, wanted.successes) == (1, 1)
