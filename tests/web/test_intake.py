"""A flood of posted alerts: answered when it is on disk, worked off afterwards, whole after a crash."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from concurrent.futures import Future

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.web.helpers import asking, assert_problem
from tests.web.serving import Serving, eventually

from auscult import Monitor
from auscult.alerts.external import Externals
from auscult.alerts.posted import decode_posted
from auscult.runtime import intake

pytestmark = pytest.mark.anyio

CONFIG = """
[components.pushed]
check = "push"
[channels.log]
channel = "log"
[[routes]]
match = { rule = "NobodyIsTold" }
channels = ["log"]
"""
ENDS, OVER = "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"


def flood(begin, count, ends=ENDS):
    return [{"labels": {"alertname": "Flood", "n": str(begin + number)}, "endsAt": ends} for number in range(count)]


def open_numbers(client):
    found = client.get("/alerts", params={"rule": "Flood"}).json()["alerts"]
    numbers = [int(alert["labels"]["n"]) for alert in found]
    assert len(numbers) == len(set(numbers)), "one alert each"
    return set(numbers)


def kept(directory):
    with sqlite3.connect(f"file:{directory / 'state' / 'auscult.sqlite'}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM posted").fetchone()[0]


def test_what_was_answered_survives_a_crash(tmp_path):
    """Killed right after an answer, again and again: every alert of every answered request is there, once."""
    answered = set()
    for round_ in range(4):
        with Serving(tmp_path, CONFIG) as server, server.client() as client:
            stop = threading.Timer(0.1 + 0.15 * round_, server.kill)
            stop.start()
            for lot in range(30):
                begin = round_ * 100_000 + lot * 300
                try:
                    answer = client.post("/api/v2/alerts", json=flood(begin, 300))
                except Exception:
                    break  # killed in between: taken or not
                assert answer.status_code == 200
                answered |= set(range(begin, begin + 300))
            stop.join()
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        eventually(lambda: answered <= open_numbers(client), 60)
        eventually(lambda: kept(tmp_path) == 0, 60)
        assert server.end()[0] == 0


def test_floods_end_as_they_begin(tmp_path):
    """Thousands at once, the same again, and their ends: nothing is open, each has fired and ended once."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        for body in (flood(0, 3000), flood(0, 3000), flood(0, 3000, OVER), flood(0, 500), flood(0, 500, OVER)):
            assert client.post("/api/v2/alerts", json=body).status_code == 200
        assert client.post("/api/v2/alerts", json=flood(9000, 1)).status_code == 200
        eventually(lambda: open_numbers(client) == {9000}, 60)
        eventually(lambda: kept(tmp_path) == 0)
        history = client.get("/api/v1/alerts", params={"rule": "Flood", "limit": 1000}).json()["alerts"]
        ended = [alert for alert in history if alert["status"] == "resolved"]
        assert len(ended) == 999
        assert client.get("/metrics").text.count("auscult_external_waiting 0.0")


async def worked_off(monitor):
    with anyio.fail_after(30):
        while monitor.alerts.stats().waiting or monitor.alerts.stats().uncommitted:
            await anyio.sleep(0.02)


async def test_more_than_may_wait_is_refused_and_a_store_that_fails_too(tmp_path, monkeypatch):
    """503 with a sentence; whoever posts again later is heard."""
    monkeypatch.setattr(intake, "MOST_WAITING", 1000)
    monkeypatch.setattr(intake.Intake, "_may_go_on", lambda _: False)
    monitor = Monitor(state_dir=tmp_path)
    async with asking(monitor) as client:
        assert (await client.post("/api/v2/alerts", json=flood(0, 600))).status_code == 200
        refused = await client.post("/api/v2/alerts", json=flood(600, 600))
        assert "wait to be judged" in assert_problem(refused, 503)["detail"]
        assert refused.headers["retry-after"]
        monkeypatch.setattr(intake.Intake, "_may_go_on", lambda _: True)
        await worked_off(monitor)
        assert len((await client.get("/alerts", params={"rule": "Flood"})).json()["alerts"]) == 600
        broken = Future()
        broken.set_exception(sqlite3.OperationalError("disk I/O error"))
        monkeypatch.setattr(monitor.store, "keep_posted", lambda *_: broken)
        answer = await client.post("/api/v2/alerts", json=flood(5000, 600))
        assert "not on disk: disk I/O error" in assert_problem(answer, 503)["detail"]


async def test_a_small_request_behind_a_flood_keeps_the_order(tmp_path):
    """The end of an alert that is still to be judged is judged after it."""
    monitor = Monitor(state_dir=tmp_path)
    async with asking(monitor) as client:
        await client.post("/api/v2/alerts", json=flood(0, 1500))
        begun = time.monotonic()
        assert (await client.post("/api/v2/alerts", json=flood(1499, 1, OVER))).status_code == 200
        assert time.monotonic() - begun < 10
        await worked_off(monitor)
        found = (await client.get("/alerts", params={"rule": "Flood"})).json()["alerts"]
        assert {int(alert["labels"]["n"]) for alert in found} == set(range(1499))


# Against a model

LABELS = [
    b'{"alertname":"a"}',
    b'{ "alertname": "a" }',
    b'{"alertname":"b"}',
    b'{"alertname":"b","x":""}',
    b'{"x":"1"}',
]
NOTES = [b"{}", b'{"summary":"s"}', b'{"summary":"t"}']


class Book:
    """Remembers what is open, and refuses what makes no sense."""

    def __init__(self):
        self.open, self.count = {}, 0

    def fire(self, firing, now, print_):
        if print_ not in self.open:
            self.count += 1
            self.open[print_] = f"{print_}-{self.count}"
        return type("Alert", (), {"id": self.open[print_]})

    def get(self, ident):
        return ident if ident in self.open.values() else None

    def clear_print(self, print_, now):
        del self.open[print_]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(LABELS), st.sampled_from(NOTES), st.sampled_from([0, 50, 400])),
            st.integers(1, 200),  # time goes on
            st.just("work"),
        ),
        max_size=40,
    )
)
def test_late_or_at_once_comes_to_the_same(steps):
    """Whatever is posted in whatever bytes, judged at once or later: the same is open, as a model says."""
    books = Book(), Book()
    at_once, late = Externals(books[0]), Externals(books[1])
    waiting, now, model = [], 1000, {}
    for step in [*steps, "work"]:
        if isinstance(step, int):
            now += step * 1000
            for _, task_now, task in waiting:
                late.do(task, task_now)
            waiting.clear()
            at_once.sweep(now)
            late.sweep(now)
            model = {name: end for name, end in model.items() if end > now}
        elif step == "work":
            for _, task_now, task in waiting:
                late.do(task, task_now)
            waiting.clear()
        else:
            labels, notes, length = step
            end = None if length == 400 else now + length * 1000
            text = (
                ""
                if end is None
                else f"1970-01-01T{end // 3_600_000:02}:{end // 60_000 % 60:02}:{end // 1000 % 60:02}Z"
            )
            body = b'[{"labels":%b,"annotations":%b,"endsAt":"%b"}]' % (labels, notes, text.encode())
            for externals, queue in ((at_once, None), (late, waiting)):
                tasks, refused = externals.take(decode_posted(body), now)
                assert not refused
                for task in tasks:
                    if queue is None:
                        externals.do(task, now)
                    else:
                        queue.append((externals, now, task))
            name = json.loads(labels).get("alertname", "external") + json.loads(labels).get("x", "")
            if length == 0:
                model.pop(name, None)
            else:
                model[name] = now + 300_000 if end is None else end
    assert len(books[0].open) == len(books[1].open) == len(model)
    assert set(books[0].open) == set(books[1].open)
    assert len(at_once) == len(late) == len(model)
