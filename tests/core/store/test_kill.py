"""kill -9 at a random moment, fifty times: what the README promises about crashes, looked up in the file afterwards.

Every acknowledged result is there, of the others at most the last 250 ms are missing, nothing is torn, and what was
computed from results agrees with them.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.core.store.appending import content
from tests.core.store.making import rolled_up

from auscult import SystemClock
from auscult.store import Store

PROGRAM = Path(__file__).with_name("appending.py")
KILLS = 10
"""Per test: there are four with a store alone and one with a whole monitor, for as many workers."""
AT_MOST = 0.25
STARVED = 1.0
"""On a machine with other things to do, a killed process may not have had the processor for a while."""


class Session:
    """What a killed process said it had done."""

    def __init__(self, said: str, killed: float) -> None:
        self.appended: list[tuple[int, float]] = []
        self.committed: list[int] = []
        for line in said.splitlines():
            what, number, *at = line.split()
            if what == "committed":
                self.committed.append(int(number))
            else:
                self.appended.append((int(number), float(at[0])))
        self.killed = killed

    def lost(self, last_stored: int) -> float:
        """Seconds before the kill when the first result that is missing was handed over; 0 when none is."""
        missing = [at for number, at in self.appended if number > last_stored]
        return self.killed - missing[0] if missing else 0.0

    @property
    def stalled(self) -> float:
        """The longest while that the process did not get anything done."""
        times = [at for _, at in self.appended] + [self.killed]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)


def run_and_kill(directory: Path, what: str, first: int, delay: float, *, started: bool) -> Session:
    """Let it run for `delay` seconds, from its first line on or from the very beginning, and kill it."""
    said = directory.with_suffix(".said")
    with said.open("wb") as output:
        process = subprocess.Popen([sys.executable, PROGRAM, directory, what, str(first)], stdout=output)
        try:
            deadline = time.monotonic() + 30
            while started and not said.stat().st_size:
                assert process.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(delay)
            killed = time.monotonic()
        finally:
            process.kill()
            assert process.wait(60) == -9
    return Session(said.read_text(), killed)


def numbers_of(store: Store, component: str) -> list[int]:
    """The numbers of all stored results, in the order they were written; none of them torn."""
    numbers = []
    for stored in reversed(store.results(component, limit=1_000_000)):
        number = int(stored.result.message.split()[1])
        found = {name: getattr(stored.result, name) for name in ("message", "measurements", "stages")}
        assert found == content(number), "torn"
        numbers.append(number)
    return numbers


def check_sound(store: Store) -> None:
    """The file has no faults, and days, hours and minutes count what the results count."""
    ask = "PRAGMA integrity_check"
    assert store.submit(lambda connection: connection.execute(ask).fetchall()).result(30) == [("ok",)]
    rolled_up(store)
    counted = "SELECT name, sum(healthy + degraded + unhealthy + unknown) FROM {} JOIN component ON id = component"
    raw = "SELECT name, count(*) FROM result JOIN component ON component.id = component GROUP BY name"
    expected = dict(store.submit(lambda connection: connection.execute(raw).fetchall()).result(30))
    for table in ("minute", "hour", "day"):
        statement = counted.format(table) + " GROUP BY name"
        found = store.submit(lambda connection, s=statement: connection.execute(s).fetchall()).result(30)
        assert dict(found) == expected


def kill_and_look(directory: Path, what: str, dice: random.Random, first: int) -> tuple[float, int]:
    """One kill: everything is checked but how late results were, which is returned with the next free number."""
    started = dice.random() > 0.2
    session = run_and_kill(directory, what, first, dice.uniform(0, 0.5 if started else 0.3), started=started)
    store = Store.open(directory, clock=SystemClock())
    try:
        check_sound(store)
        scheduled = [number for number in numbers_of(store, "scheduled") if number >= first]
        assert scheduled == list(range(first, first + len(scheduled))), "a hole, or a repeat"
        pushed = numbers_of(store, "pushed")
        assert len(pushed) == len(set(pushed))
        assert set(session.committed) <= set(pushed), "acknowledged and lost"
    finally:
        store.close()
    last = max(scheduled, default=first - 1)
    free = max([last, *pushed, *(number for number, _ in session.appended)]) + 1
    return max(session.lost(last) - session.stalled, 0.0), max(free, first)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "seed"), [("store", 1), ("store", 2), ("store", 3), ("store", 4), ("monitor", 5)])
def test_killed_at_any_moment(tmp_path, what, seed):
    """The same directory is used again after every kill, so that each crash is on top of the last one."""
    dice, number, losses = random.Random(seed), 0, []
    for _ in range(KILLS):
        lost, number = kill_and_look(tmp_path / "state", what, dice, number)
        losses.append(lost)
    print("lost before the kill, s:", *(f"{lost:.3f}" for lost in sorted(losses)))
    assert number > 0, "nothing was ever stored"
    assert sorted(losses)[KILLS * 8 // 10] <= AT_MOST
    assert max(losses) <= AT_MOST + STARVED
