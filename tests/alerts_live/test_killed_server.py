"""`auscult serve` as people run it, killed with SIGKILL while alerts are posted: what got a 200 is never forgotten."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from contextlib import suppress

import httpx
import pytest
from tests.alerts_live.checker import Record, check
from tests.alerts_live.test_kills import Ledger, until
from tests.web.serving import Serving

KILLS = 4
CONFIG = """
[channels.ledger]
channel = "webhook"
webhook_url = "{url}"
"""
OVER = "2020-01-01T00:00:00Z"
LATER = "2099-01-01T00:00:00Z"


class Sender(threading.Thread):
    """Posts alerts one after the other, begins and ends, until the server is gone; remembers what was accepted."""

    def __init__(self, url: str, first: int, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.url, self.next, self.dice = url, first, dice
        self.accepted: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client, suppress(httpx.HTTPError):
            while True:
                names = [f"n{self.next + at}" for at in range(self.dice.randrange(1, 20))]
                self.next += len(names)
                body = [alert(name, LATER) for name in names]
                if self.accepted and self.dice.random() < 0.4:
                    body.append(alert(self.dice.choice(self.accepted), OVER))
                assert client.post("/api/v2/alerts", json=body).status_code == 200
                self.accepted += names


def alert(name: str, ends: str) -> dict:
    return {"labels": {"alertname": name, "severity": "warning"}, "annotations": {"summary": name}, "endsAt": ends}


def waiting(state) -> int:
    database = sqlite3.connect(f"file:{state / 'auscult.sqlite'}?mode=ro", uri=True)
    try:
        return database.execute("SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending')").fetchone()[0]
    finally:
        database.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("kills")
def test_a_server_killed_while_alerts_are_posted(tmp_path):
    """Every accepted alert is stored and told, in order and under one key, over all kills on one state directory."""
    dice, accepted, number = random.Random(7), [], 0
    ledger = Ledger(tmp_path, 0.01)
    config = CONFIG.format(url=ledger.url)
    try:
        for _ in range(KILLS):
            with Serving(tmp_path, config) as server:
                sender = Sender(server.url, number, dice)
                size = ledger.size
                sender.start()
                until(lambda size=size: ledger.size > size)
                time.sleep(dice.uniform(0.0, 0.2))
                server.process.kill()
                server.process.wait()
                sender.join(20)
            accepted += sender.accepted
            number = sender.next
        with Serving(tmp_path, config) as server:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                body = [alert(f"n{at}", OVER) for at in range(number)]
                assert client.post("/api/v2/alerts", json=body).status_code == 200
            until(lambda: not waiting(tmp_path / "state"), 60)
            server.process.terminate()
            assert server.process.wait(20) == 0
        record = Record(tmp_path / "state", ledger.path)
        figures = check(record, [], kills=KILLS)
        print("\n" + ", ".join(f"{name} {figure}" for name, figure in figures.items()), f"accepted {len(accepted)}")
        assert len(accepted) > KILLS
        assert set(accepted) <= {change.alert.rule for change in record.changes}, "accepted and forgotten"
    finally:
        ledger.close()
