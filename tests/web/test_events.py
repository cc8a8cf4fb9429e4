"""The event stream: the current state, then every change; ids to go on from, over restarts; slow readers; the end."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from contextlib import aclosing

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.web.helpers import asking, assert_problem, bearer, with_tokens
from tests.web.serving import Serving, eventually

from auscult import Monitor, Reading
from auscult.alerts.external import ExternalAlert
from auscult.web import stream as streaming
from auscult.web.ring import ALL, Ring
from auscult.web.stream import EventStream, position_of

pytestmark = pytest.mark.anyio

CONFIG = """
[components.pushed]
check = "push"
"""


def parse(text):
    """Events of a piece of stream: (name, data, id)."""
    found = []
    for block in text.split("\n\n"):
        fields = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


class Reader:
    """Reads a stream of a real server in a thread of its own."""

    def __init__(self, server, last=None, query=""):
        self.events = []
        self.ended = threading.Event()
        self._server, self._headers, self._query = server, {"Last-Event-ID": last} if last else {}, query
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with (
            contextlib.suppress(httpx.TransportError),  # the server is killed at the end of a test
            self._server.client(headers=self._headers) as client,
            client.stream("GET", f"/api/v1/events{self._query}", timeout=60) as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            block = []
            for line in answer.iter_lines():
                if line:
                    block.append(line)
                else:
                    self.events += parse("\n".join(block) + "\n\n")
                    block = []
        self.ended.set()

    def named(self, name):
        return [data for event, data, _ in list(self.events) if event == name]

    def wait(self, name, count=1):
        return eventually(lambda: len(self.named(name)) >= count and self.named(name))

    @property
    def last(self):
        return [ident for _, _, ident in list(self.events) if ident][-1]


def push(client, status, name="pushed"):
    answer = client.post(f"/api/v1/components/{name}/readings", json={"status": status, "message": f"is {status}"})
    assert answer.status_code == 202


def post(client, name, ends="2099-01-01T00:00:00Z"):
    answer = client.post("/api/v2/alerts", json=[{"labels": {"alertname": name}, "endsAt": ends}])
    assert answer.status_code == 200


def test_the_state_comes_first_and_then_every_change(tmp_path):
    """A page that opens the stream needs nothing else to show what is."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        reader = Reader(server)
        reader.wait("ready")
        names = [event for event, _, _ in reader.events]
        assert names[0] == "hello"
        assert {"system", "component", "channel"} <= set(names)
        assert reader.named("hello")[0]["mode"] == "snapshot"
        assert {data["name"] for data in reader.named("component")} == {"pushed", "auscult"}
        begun = len(reader.events)
        push(client, "healthy")
        post(client, "Lamp")
        told = eventually(
            lambda: [d for n, d, _ in reader.events[begun:] if n == "component" and d["name"] == "pushed"]
        )[-1]
        assert told["result"]["message"] == "is healthy"
        assert told["status"] == "healthy"
        lamp = eventually(lambda: [d for d in reader.named("alert") if d["alert"]["name"] == "Lamp"])[0]
        assert lamp["change"]["kind"] == "fired"
        shown = client.get("/api/v1/alerts", params={"rule": "Lamp"}).json()["alerts"][0]
        assert lamp["alert"] == shown
        eventually(lambda: [d for d in reader.named("delivery") if d["alert"] == shown["id"] and d["state"] == "done"])
        eventually(lambda: [d for d in reader.named("channel") if d["delivered"] >= 1])
        eventually(lambda: [d for d in reader.named("system") if d["status"] == "healthy"])
        silence = {"matchers": [{"name": "rule", "value": "Lamp"}], "comment": "x", "ends_at": "2098-01-01T00:00:00Z"}
        made = client.post("/api/v1/silences", json=silence).json()
        assert reader.wait("silence")[0] == made
        client.delete(f"/api/v1/silences/{made['id']}")
        assert reader.wait("silence", 2)[1]["ended_by"] == "local"
        idents = [tuple(map(int, ident.split("-"))) for _, _, ident in reader.events if ident]
        assert idents == sorted(set(idents)), "ids grow"
        assert [sequence for sequence, _ in idents] == sorted(sequence for sequence, _ in idents)


def test_who_comes_back_gets_what_was_missed(tmp_path):
    """By header or parameter: the very events, each once, in order."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        reader = Reader(server, query="?topics=alerts")
        reader.wait("ready")
        for number in range(5):
            post(client, f"A{number}")
        reader.wait("alert", 5)
        third = [ident for name, data, ident in reader.events if data.get("sequence") and data["alert"]["name"] == "A2"]
        for back in (
            Reader(server, last=third[0], query="?topics=alerts"),
            Reader(server, query=f"?topics=alerts&since={third[0]}"),
        ):
            back.wait("ready")
            assert back.named("hello")[0]["mode"] == "replay"
            assert [data["alert"]["name"] for data in back.named("alert")] == ["A3", "A4"]
            assert [name for name, _, _ in back.events][-1] == "ready"


def test_a_restart_loses_no_change_of_an_alert(tmp_path):
    """What happened while nobody was connected, before and after a restart, comes from the store, each change once."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        push(client, "healthy")
        reader = Reader(server)
        reader.wait("ready")
        post(client, "Seen")
        eventually(lambda: [d for d in reader.named("alert") if d["alert"]["name"] == "Seen"])
        server.signal(signal.SIGSTOP)
        last = reader.last
        server.signal(signal.SIGCONT)
        post(client, "Unseen")
        post(client, "Unseen", ends="2020-01-01T00:00:00Z")
        assert server.end()[0] == 0
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        post(client, "Later")
        back = Reader(server, last=last)
        back.wait("ready")
        assert back.named("hello")[0]["mode"] == "replay"
        told = [(d["alert"]["name"], d["change"]["kind"]) for d in back.named("alert")]
        assert [each for each in told if each[0] != "monitor_unhealthy"] == [
            ("Unseen", "fired"),
            ("Unseen", "resolved"),
            ("Later", "fired"),
        ]
        assert back.named("components")[0]["names"] == ["auscult", "pushed"]
        assert {d["name"] for d in back.named("component")} == {"auscult", "pushed"}
        assert tuple(map(int, back.last.split("-"))) > tuple(map(int, last.split("-"))), "ids grow over restarts"


def test_the_end_is_told_and_holds_nothing_up(tmp_path):
    """SIGTERM: every stream gets a goodbye and ends; the process ends within two seconds with exit code 0."""
    with Serving(tmp_path, CONFIG) as server:
        readers = [Reader(server) for _ in range(20)]
        for reader in readers:
            reader.wait("ready")
        code, took = server.end()
        assert code == 0
        assert took < 2.5
        for reader in readers:
            assert reader.ended.wait(5)
            assert reader.events[-1][0] == "bye"
        assert "Traceback" not in server.said


async def test_what_is_no_id_or_topic_is_refused_and_head_ends():
    """One sentence each; HEAD says what GET would and does not wait for ever."""
    async with asking() as client:
        assert_problem(await client.get("/api/v1/events", params={"since": "x"}), 400)
        assert_problem(await client.get("/api/v1/events", headers={"Last-Event-ID": "1"}), 400)
        refused = assert_problem(await client.get("/api/v1/events", params={"topics": "alarms"}), 400)
        assert "alerts" in refused["detail"]
        head = await client.head("/api/v1/events")
        assert head.status_code == 200
        assert head.headers["content-type"].startswith("text/event-stream")
    async with asking(settings=with_tokens()) as client:
        assert_problem(await client.get("/api/v1/events"), 401)
        assert (await client.head("/api/v1/events", headers=bearer("viewer"))).status_code == 200


# One reader in this process

PATIENCE = 20.0


class Reading_:
    """Reads one stream step by step."""

    def __init__(self, pieces):
        self._pieces = pieces
        self.events = []

    async def until(self, name, count=1):
        """Go on until so many events of that name have come since the last call; gives all since then."""
        begin = len(self.events)
        with anyio.fail_after(PATIENCE):
            while sum(event == name for event, _, _ in self.events[begin:]) < count:
                self.events += parse((await anext(self._pieces)).decode())
        return self.events[begin:]


def monitored(*names):
    monitor = Monitor()
    for name in names:
        monitor.health.register(name)
    return monitor


async def test_a_slow_reader_is_told_of_the_gap_and_gets_what_it_missed(monkeypatch):
    """The ring is small: the one who does not read falls out of it, the other notices nothing; both know all alerts."""
    monkeypatch.setattr(streaming, "Ring", lambda position: Ring(position, capacity=20_000))
    monitor = monitored("a", "b", "still")
    async with monitor:
        stream = EventStream(monitor)
        async with aclosing(stream.read(None, ALL)) as slow, aclosing(stream.read(None, ALL)) as quick:
            slowly, quickly = Reading_(slow), Reading_(quick)
            await slowly.until("ready")
            await quickly.until("ready")
            for number in range(60):
                await monitor.alerts.post([ExternalAlert(labels={"alertname": f"A{number}"})])
                await quickly.until("alert")
            await monitor.report_durably("a", Reading.healthy())
            await quickly.until("component")
            assert not any(event == "gap" for event, _, _ in quickly.events)
            told = await slowly.until("ready")
            assert told[0][0] == "gap"
            assert told[0][1]["mode"] == "replay"
            names = [data["alert"]["name"] for event, data, _ in told if event == "alert"]
            assert names == [f"A{number}" for number in range(60)]
            changed = {data["name"] for event, data, _ in told if event == "component"} - {"auscult"}
            assert changed == {"a"}, "and not those of which there is nothing new"
            await monitor.report_durably("b", Reading.healthy())
            told = await slowly.until("component")
            assert "b" in [data["name"] for event, data, _ in told if event == "component"]
        assert stream.readers == 0


async def test_too_much_to_replay_becomes_a_snapshot(monkeypatch):
    """More changes than are told again, and ids of another installation: forget, and here is how things are."""
    monkeypatch.setattr(streaming, "MOST_REPLAYED", 3)
    monkeypatch.setattr(streaming, "Ring", lambda position: Ring(position, capacity=100))
    monitor = monitored("a")
    async with monitor:
        stream = EventStream(monitor)
        async with aclosing(stream.read(None, ALL)) as pieces:
            first = (await Reading_(pieces).until("ready"))[-1][2]
        for number in range(5):
            await monitor.alerts.post([ExternalAlert(labels={"alertname": f"A{number}"})])
        await anyio.sleep(0.2)
        for since in (first, "999-1", f"999-{10**17}"):
            async with aclosing(stream.read(position_of(since), ALL)) as pieces:
                told = await Reading_(pieces).until("ready")
            assert told[0][1]["mode"] == "snapshot"
            assert {data["alert"]["name"] for event, data, _ in told if event == "alert"} == {
                f"A{number}" for number in range(5)
            }


async def test_components_that_went_while_nobody_looked_are_told(monkeypatch):
    """Back within the ring: the removal. Back later: the names that there are."""
    monitor = monitored("a", "b")
    async with monitor:
        stream = EventStream(monitor)
        async with aclosing(stream.read(None, ALL)) as pieces:
            reading = Reading_(pieces)
            ident = (await reading.until("ready"))[-1][2]
            monitor.health.unregister("a")
            told = await reading.until("component_removed")
            assert [data for event, data, _ in told if event == "component_removed"] == [{"name": "a"}]
            monitor.health.register("c")
            told = await reading.until("component")
            assert [data["name"] for event, data, _ in told if event == "component"] == ["c"]
        monkeypatch.setattr(stream, "_ring", Ring(stream._ring.position))
        async with aclosing(stream.read(position_of(ident), ALL)) as pieces:
            told = await Reading_(pieces).until("ready")
        assert [data["names"] for event, data, _ in told if event == "components"] == [["auscult", "b", "c"]]


async def test_silence_is_told_as_silence(monkeypatch):
    """Nothing happens: the reader hears that the server is there; by a comment for programs, by an event for pages."""
    monkeypatch.setattr(streaming, "ALIVE", 0.05)
    monitor = monitored("a")
    async with monitor:
        stream = EventStream(monitor)
        async with aclosing(stream.read(None, frozenset({"silences"}), snapshot=False)) as pieces:
            reading = Reading_(pieces)
            told = await reading.until("alive", 3)
            assert [event for event, _, _ in told] == ["hello", "ready", "alive", "alive", "alive"]
            assert told[0][1]["mode"] == "live"
            assert (await anext(pieces)).startswith(b": ")


async def test_who_keeps_the_time_may_leave(monkeypatch):
    """One reader wakes the others: when it is gone, or no longer allowed, another does; none is left waiting."""
    monkeypatch.setattr(streaming, "ALIVE", 0.05)
    monkeypatch.setattr(streaming, "LOOK", 0.05)
    monitor, allowed = monitored("a"), [True] * 4
    async with monitor:
        stream, heard = EventStream(monitor), [0] * 4

        async def read(number, scope):
            options = {"snapshot": False, "valid": lambda: allowed[number]}
            with scope:
                async with aclosing(stream.read(None, frozenset({"silences"}), **options)) as pieces:
                    async for piece in pieces:
                        heard[number] += b"event: alive" in piece

        async def all_hear(*numbers):
            before = list(heard)
            with anyio.fail_after(30):
                while any(heard[number] < before[number] + 2 for number in numbers):
                    await anyio.sleep(0.01)

        scopes = [anyio.CancelScope() for _ in allowed]
        async with anyio.create_task_group() as group:
            for number, scope in enumerate(scopes):
                group.start_soon(read, number, scope)
            await all_hear(0, 1, 2, 3)
            scopes[0].cancel()
            await all_hear(1, 2, 3)
            allowed[1] = False
            await all_hear(2, 3)
            scopes[2].cancel()
            await all_hear(3)
            scopes[3].cancel()
        assert stream.readers == 0


async def test_whoever_may_no_longer_ask_is_judged_again():
    """A token is taken away: its stream ends, and who connects again is asked for one that is valid."""
    monitor, valid = monitored("a"), True
    async with monitor:
        stream = EventStream(monitor)
        async with aclosing(stream.read(None, ALL, valid=lambda: valid)) as pieces:
            reading = Reading_(pieces)
            await reading.until("ready")
            valid = False
            await monitor.report_durably("a", Reading.healthy())
            assert (await reading.until("bye"))[-1][1]["reason"] == "who may ask has changed"


async def test_nothing_is_encoded_while_nobody_reads():
    """An idle page costs nothing, and whoever comes later is told the latest all the same."""
    monitor = monitored("a")
    async with monitor:
        stream = EventStream(monitor)
        before = stream._ring.position
        await monitor.report_durably("a", Reading.healthy("it works"))
        await anyio.sleep(0.2)
        assert stream._ring.position > before
        assert stream._ring._events == []
        async with aclosing(stream.read(None, ALL)) as pieces:
            told = await Reading_(pieces).until("ready")
        assert {data["name"]: data["message"] for event, data, _ in told if event == "component"}["a"] == "it works"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.tuples(st.sampled_from(["alerts", "system"]), st.integers(1, 60)))),
    st.integers(50, 300),
    st.data(),
)
def test_the_ring_gives_exactly_what_came_after_or_says_that_it_cannot(steps, capacity, data):
    """Against a list that forgets nothing; memory stays within the capacity."""
    ring, model = Ring(1000, capacity), []
    for number, step in enumerate(steps):
        if step is None:
            ring.skip()
            model.append(None)
        else:
            topic, size = step
            event = str(number % 10).encode() * size
            ring.add(topic, event)
            model.append((topic, event))
    assert ring.position == 1000 + len(model)
    position = data.draw(st.integers(995, 1005 + len(model)))
    topics = data.draw(st.sampled_from([ALL, frozenset({"alerts"})]))
    missed = model[max(position - 1000, 0) :]
    if ring.has(position):
        assert position <= ring.position
        assert None not in missed
        expected = b"".join(event for topic, event in missed if topic in topics)
        assert ring.after(position, topics) == expected
        assert len(b"".join(event for _, event in missed)) <= capacity
    else:
        lost = position > ring.position or position < 1000 or None in missed
        assert lost or sum(len(event) for _, event in missed) > capacity


def test_bursts_leave_out_no_result(tmp_path):
    """Readings faster than the stream's pace: fewer events, and every result in one of them, in order."""
    with Serving(tmp_path, CONFIG) as server, server.client() as client:
        reader = Reader(server, query="?topics=components")
        reader.wait("ready")
        for number in range(20):
            client.post("/api/v1/components/pushed/readings", json={"message": f"n{number}"})

        def told():
            mine = [data for data in reader.named("component") if data["name"] == "pushed" and data["result"]]
            return [result["message"] for data in mine for result in [*data["earlier"], data["result"]]]

        eventually(lambda: told()[-1:] == ["n19"], 20)
        assert told() == [f"n{number}" for number in range(20)]
