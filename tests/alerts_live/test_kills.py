"""kill -9, fifty times in mid-write and fifty times in mid-delivery; afterwards the ledger of a receiver and the file
are compared. The same state directory is used over all kills, so that each crash is on top of the last one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.alerts_live.checker import Record, check

HERE = Path(__file__).parent
KILLS = int(os.environ.get("AUSCULT_KILLS", "50"))


class Ledger:
    """The receiver's process and what it wrote down."""

    def __init__(self, directory: Path, slowest: float) -> None:
        self.path = directory / "ledger"
        self.path.touch()
        command = [sys.executable, HERE / "ledger.py", self.path, str(slowest)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/alerts"

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


class Nursery:
    """Forks monitors that are to be killed."""

    def __init__(self, directory: Path, url: str, **task) -> None:
        self.said = directory / "said"
        self.said.touch()
        self.task = {"state": str(directory / "state"), "url": url, "said": str(self.said), **task}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "raising.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path.cwd(),
        )

    def bear(self, **task) -> int:
        self.process.stdin.write(json.dumps(self.task | task) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self) -> int:
        """How the latest child ended."""
        return int(self.process.stdout.readline())

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.said.read_text().splitlines()]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.001)


@pytest.fixture
def ledger(tmp_path, request):
    made = Ledger(tmp_path, request.param)
    yield made
    made.close()


def run_kills(tmp_path: Path, ledger: Ledger, wait, *, seed: int, **task) -> dict[str, int]:
    """Start, wait for the moment, kill; at the end have everything told and judge."""
    dice = random.Random(seed)
    nursery = Nursery(tmp_path, ledger.url)
    try:
        for number in range(KILLS):
            before = nursery.said.stat().st_size
            pid = nursery.bear(seed=seed * 1000 + number, **task)
            until(lambda size=before: nursery.said.stat().st_size > size)
            wait(dice)
            os.kill(pid, signal.SIGKILL)
            assert nursery.ended() == -signal.SIGKILL, "it ended by itself"
        nursery.bear(**task | {"seed": 0, "pace": 0})
        assert nursery.ended() == 0
        said = nursery.lines()
    finally:
        nursery.close()
    assert said[-1] == ["ended"], "something was never told"
    figures = check(Record(tmp_path / "state", ledger.path), said, kills=KILLS)
    print("\n" + ", ".join(f"{name} {figure}" for name, figure in figures.items()))
    return figures


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("ledger", [0.0], indirect=True)
def test_killed_in_the_middle_of_writing(tmp_path, ledger):
    """At a random moment of a storm of commits: nothing that was shown is lost, nothing is torn, all is told."""
    figures = run_kills(
        tmp_path, ledger, lambda dice: time.sleep(dice.uniform(0.0, 0.15)), seed=1, pace=0.01, at_once=12, cooldown=0.0
    )
    assert figures["acknowledged"] > KILLS, "hardly anything was ever written"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("ledger", [0.05], indirect=True)
def test_killed_in_the_middle_of_a_delivery(tmp_path, ledger):
    """Right after a request has arrived and before its answer counts: it arrives again, under the same key."""

    def wait(dice: random.Random) -> None:
        for _ in range(dice.randrange(1, 4)):
            until(lambda size=ledger.size: ledger.size > size)
        time.sleep(dice.uniform(0.0, 0.02))

    figures = run_kills(tmp_path, ledger, wait, seed=2, pace=0.02, cooldown=0.002)
    assert figures["repeats"] > 0, "no kill ever hit a delivery"
