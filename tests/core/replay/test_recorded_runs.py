"""A replay of what a real monitor has recorded gives the same alerts: same ids, times and messages."""

from __future__ import annotations

import random
import socket
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from auscult import Catalogue, Monitor, Reading
from auscult.alerts.matching import Matcher
from auscult.config import load
from auscult.errors import AlertNotFound
from auscult.replay.history import replay
from auscult.store.record import recorded

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]

SETTINGS = """
[components.db]
check = "push"
interval = 0.05
timeout = 0.05
failures = 2
labels = { team = "voice" }
[components.agent]
check = "push"
interval = 0.2
depends_on = ["db"]
[components.quiet]
check = "push"
interval = 0.3
timeout = 0.01
[components.auscult]
interval = 0.2

[rules.slow]
condition = "response_time_ms > 100"
for = 0.15
clear = "response_time_ms < 50"
message_template = "{component}: {response_time_ms} ms, {turns:,} turns, {trend}"
cooldown_minutes = 0.01
[rules.average]
condition = 'avg(turns, "1s") > 500'
keep_firing = 0.1
cooldown_minutes = 0
[rules.silent]
absent = 0.25
cooldown_minutes = 0.02
[rules.unknown]
condition = 'stale or status == "unknown"'
cooldown_minutes = 0
[rules.many]
scope = "system"
condition = 'health_percentage < 100 and "db" in unhealthy'
message_template = "{message}: {unhealthy}"
cooldown_minutes = 0

[maintenance.every_minute]
match = { component = "quiet" }
cron = "* * * * *"
duration = 20
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


def loaded(tmp_path, more=""):
    path = tmp_path / "auscult.toml"
    path.write_text(SETTINGS + more)
    return load(path, environ={"AUSCULT_STATE_DIR": str(tmp_path / "state")}, catalogue=Catalogue.discover())


def readings(rng):
    """Anything a component may say."""
    kind = rng.random()
    numbers = {"turns": rng.choice([0, 7, 1000, 123456, 0.1 + 0.2])}
    if kind < 0.35:
        return Reading.unhealthy(rng.choice(["gone", "refused — naïve"]), **numbers)
    if kind < 0.45:
        return Reading.unknown("who knows")
    ms = rng.choice([1, 20, 75, 101, 250, 1 / 3])
    return Reading(measurements=numbers, response_time_ms=ms)


async def busy(monitor, rng, seconds):
    """Pushed in both ways, from the loop and from a thread, in bursts and with pauses."""
    with anyio.move_on_after(seconds):
        while True:
            name = rng.choice(["db", "db", "agent", "agent", "quiet"] if rng.random() < 0.5 else ["db", "agent"])
            if rng.random() < 0.3:
                await monitor.report_durably(name, readings(rng))
            elif rng.random() < 0.3:
                await anyio.to_thread.run_sync(monitor.report, name, readings(rng))
            else:
                monitor.report(name, readings(rng))
            await anyio.sleep(rng.choice([0, 0.001, 0.02, 0.05, 0.35]) if rng.random() < 0.25 else 0.002)


def judged_again(tmp_path, settings, since=0):
    with recorded(tmp_path / "state") as record:
        found = replay(record, settings, since=since)
    assert found is not None
    return found


def assert_same(found):
    """Named one by one, so that a difference can be read."""
    surplus = [each for each in found.replayed if each not in found.recorded]
    missing = [each for each in found.recorded if each not in found.replayed]
    assert (missing, surplus) == ([], [])
    assert found.replayed == found.recorded


@pytest.mark.parametrize("seed", range(3))
async def test_one_run(tmp_path, seed):
    """Seconds of chaos: waits, absence, windows, staleness, the system, silences, people who act."""
    settings, catalogue = loaded(tmp_path)
    rng = random.Random(seed)
    monitor = Monitor.from_settings(settings, catalogue)
    await monitor.run()
    try:
        await busy(monitor, rng, 1.5)
        await monitor.alerts.silence(
            [Matcher("rule", "slow")], ends_at=monitor.clock.now_ms() + 400, by="ann", comment="known"
        )
        await busy(monitor, rng, 0.3)
        for alert in monitor.alerts.open_alerts()[:2]:
            with suppress(AlertNotFound):  # over by itself meanwhile
                await monitor.alerts.resolve(alert.id, by="bob")
        await busy(monitor, rng, 1.0)
    finally:
        await monitor.stop()
    found = judged_again(tmp_path, settings)
    assert found.results > 20
    assert len({each.rule for each in found.recorded}) >= 4
    assert_same(found)


async def test_runs_one_after_the_other(tmp_path):
    """Each starts from what the one before left, and so does the replay."""
    settings, catalogue = loaded(tmp_path)
    rng = random.Random(7)
    for _ in range(4):
        monitor = Monitor.from_settings(settings, catalogue)
        await monitor.run()
        await busy(monitor, rng, 0.8)
        await monitor.stop()
        await anyio.sleep(rng.choice([0, 0.2]))
    found = judged_again(tmp_path, settings)
    assert_same(found)
    with recorded(tmp_path / "state") as record:
        third = record.runs()[2]
    later = judged_again(tmp_path, settings, since=third.at + 100)
    assert later.exact_from == third.at
    assert 0 < later.results < found.results
    assert_same(later)


async def test_a_channel_that_is_down(tmp_path):
    """Who could be told decides neither which alerts there are nor when; over a restart neither."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dead = f'[channels.dead]\nchannel = "webhook"\nwebhook_url = "http://127.0.0.1:{port}/"\n'
    settings, catalogue = loaded(tmp_path, dead)
    for seed in range(2):
        monitor = Monitor.from_settings(settings, catalogue)
        await monitor.run()
        await busy(monitor, random.Random(seed), 1.5)
        await monitor.stop()
    assert_same(judged_again(tmp_path, settings))


KILLED = """
import os, random, signal, sys
from pathlib import Path

import anyio

sys.path.insert(0, sys.argv[3])
from tests.core.replay.test_recorded_runs import busy, loaded
from auscult import Monitor


async def main():
    settings, catalogue = loaded(Path(sys.argv[1]))
    monitor = Monitor.from_settings(settings, catalogue)
    await monitor.run()
    await busy(monitor, random.Random(int(sys.argv[2])), 1.2)
    os.kill(os.getpid(), signal.SIGKILL)


anyio.run(main)
"""


async def test_runs_that_were_killed(tmp_path):
    """Only what was lost in the last moments before a kill may differ; the run after it is exact again."""
    for seed in range(3):
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(seed), str(ROOT)]
        done = await anyio.run_process(command, check=False)
        assert done.returncode == -9, done.stderr
    settings, _ = loaded(tmp_path)
    found = judged_again(tmp_path, settings)
    with recorded(tmp_path / "state") as record:
        runs = record.runs()
        ends = [max(r.result.at for r in record.results(a.result, b.result)) for a, b in pairwise(runs)]
        ends.append(max(stored.result.at for stored in record.results(runs[-1].result, 1 << 62)))
    assert len(runs) == 3
    different = set(found.replayed) ^ set(found.recorded)
    lost = [each for each in different if not any(end - 50 <= each.at <= end + 1000 for end in ends)]
    assert lost == []
    assert len(found.recorded) > 20
