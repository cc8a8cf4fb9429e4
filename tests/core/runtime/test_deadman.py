"""The dead-man address: asked while alerts could go out, and each part of the path that breaks makes it fall silent."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future
from contextlib import asynccontextmanager

import anyio
import pytest
from tests.plugins.channels.receiver import Receiver, reply

from auscult import Channel, Monitor
from auscult.alerts.external import ExternalAlert
from auscult.config import load, show
from auscult.errors import ConfigurationError
from auscult.runtime import delivery
from auscult.runtime.deadman import DeadMan

pytestmark = pytest.mark.anyio


@pytest.fixture
def receiver():
    found = Receiver()
    try:
        yield found
    finally:
        found.close()


def configured(directory, text):
    file = directory / "auscult.toml"
    file.write_text(text)
    return load(file, environ={})


def settings_of(directory, receiver, more=""):
    return configured(
        directory,
        f"""
        [components.pushed]
        check = "push"
        [deadman]
        url = "http://127.0.0.1:{receiver.port}/ping/a-secret-place"
        {more}
        """,
    )


async def eventually(look, seconds=20.0):
    with anyio.fail_after(seconds):
        while not look():
            await anyio.sleep(0.02)


@asynccontextmanager
async def watched(directory, receiver, more=""):
    """A running monitor that has asked once, and the one who asks."""
    settings, catalogue = settings_of(directory, receiver, more)
    monitor = Monitor.from_settings(settings, catalogue, state_dir=directory / "state")
    async with monitor:
        assert monitor.dead_man is not None
        await eventually(lambda: monitor.alerts.stepped_at() is not None)
        monitor.dead_man.interval = 0.1
        await monitor.dead_man.look()
        await eventually(lambda: receiver.requests)
        yield monitor, monitor.dead_man


async def assert_silent(receiver, dead_man, words):
    """It says why, and asks no more; a look that was under way when the path broke may still find it whole."""
    with anyio.fail_after(30):
        await dead_man.look()
        while not dead_man.broken:
            await dead_man.look()
    assert words in dead_man.broken
    await anyio.sleep(0.2)
    count = len(receiver.requests)
    await dead_man.look()
    assert len(receiver.requests) == count


async def assert_heard(receiver, dead_man):
    """It asks again."""
    count = len(receiver.requests)
    await dead_man.look()
    assert dead_man.broken == ""
    assert len(receiver.requests) > count


async def test_it_is_asked_again_and_again(tmp_path, receiver):
    """Every interval, as configured, also with POST and headers."""
    more = 'method = "POST"\nheaders = { Authorization = "Bearer a-secret-word" }\ninterval = "1s"'
    async with watched(tmp_path, receiver, more) as (monitor, dead_man):
        await eventually(lambda: len(receiver.requests) >= 3)
        assert receiver.requests[-1].method == "POST"
        assert receiver.requests[-1].path == "/ping/a-secret-place"
        headers = {name.lower(): value for name, value in receiver.requests[-1].headers.items()}
        assert headers["authorization"] == "Bearer a-secret-word"
        assert monitor.stats().deadman == ("", "")
        dead_man.interval = 3600


async def test_rules_that_judge_nothing_are_noticed(tmp_path, receiver):
    """The loop goes on, the schedule does not: silence; a result is judged again: heard."""
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        dead_man._stepped_within = 0.2
        await anyio.sleep(0.3)
        await assert_silent(receiver, dead_man, "rules have judged no result for")
        await monitor.check_now("auscult")
        await assert_heard(receiver, dead_man)


async def test_commits_that_fail_or_hang_are_noticed(tmp_path, receiver, monkeypatch):
    """The store refuses, or does not answer: silence, although everything else goes on."""
    monkeypatch.setattr("auscult.runtime.deadman.COMMIT_WITHIN", 0.5)
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        store = monitor.alerts._committer._store
        break_store(monkeypatch, store)
        await assert_silent(receiver, dead_man, "nothing is committed within 0.5 s: disk I/O error")
        assert "alert path is broken" in (await monitor.check_now("auscult")).message
        monkeypatch.undo()
        with anyio.fail_after(30):
            while not await monitor.alerts.commits(0.5):
                await anyio.sleep(0.1)
        await assert_heard(receiver, dead_man)


def break_store(monkeypatch, store):
    def refuse(work):
        future = Future()
        future.set_exception(sqlite3.OperationalError("disk I/O error"))
        return future

    monkeypatch.setattr(store, "submit", refuse)


class Deaf(Channel):
    """Takes nothing."""

    kind = "deaf"

    async def send(self, notification, ctx):
        raise RuntimeError("never called here")


async def test_deliveries_that_nobody_sees_to_are_noticed(tmp_path, receiver, monkeypatch):
    """Something is due and the worker is gone: silence."""
    monkeypatch.setattr(delivery, "STALLED_MS", 100)
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        monitor.alerts.add_channel("ops", Deaf())
        monkeypatch.setattr(delivery.Delivery, "_pump", lambda *_: None)
        await monitor.alerts.post([ExternalAlert(labels={"alertname": "Lamp"})])
        await anyio.sleep(0.3)
        await assert_silent(receiver, dead_man, "nobody delivers what is due to")
        assert "ops" in dead_man.broken


async def test_channels_that_all_fail_are_noticed(tmp_path, receiver, monkeypatch):
    """One that works is enough; when every one has failed for long, nobody can be told."""
    monkeypatch.setattr("auscult.runtime.deadman.ALL_FAIL", 0.3)
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        monitor.alerts.add_channel("ops", Deaf())
        await monitor.alerts.post([ExternalAlert(labels={"alertname": "Lamp"})])
        await eventually(lambda: monitor.alerts.channel_stats()["ops"].failing_since is not None)
        await anyio.sleep(0.5)
        await assert_heard(receiver, dead_man)  # the channel `log` works
        monitor.alerts.remove_channel("log")
        await assert_silent(receiver, dead_man, "every channel fails")


async def test_an_address_that_does_not_answer_well_is_told(tmp_path, receiver):
    """It goes on asking, and the monitor complains of itself without giving the address away."""
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        receiver.otherwise = reply(404)
        await dead_man.look()
        assert dead_man.error == "it answers 404"
        said = (await monitor.check_now("auscult")).message
        assert "the dead-man address cannot be asked: it answers 404" in said
        assert "a-secret-place" not in said
        receiver.otherwise = reply()
        await dead_man.look()
        assert dead_man.error == ""
        receiver.close()
        await dead_man.look()
        assert dead_man.error
        assert "a-secret-place" not in dead_man.error


async def test_a_reload_changes_where_is_asked(tmp_path, receiver):
    """Another address, and none; the old one is asked no more."""
    async with watched(tmp_path, receiver) as (monitor, dead_man):
        settings, catalogue = configured(tmp_path, '[components.pushed]\ncheck = "push"\n')
        monitor.reload(settings, catalogue)
        assert monitor.dead_man is None
        await anyio.sleep(0.3)
        count = len(receiver.requests)
        await anyio.sleep(0.3)
        assert len(receiver.requests) == count
        monitor.reload(*settings_of(tmp_path, receiver))
        assert isinstance(monitor.dead_man, DeadMan)
        assert monitor.dead_man is not dead_man


def test_its_address_and_headers_are_secrets(tmp_path, receiver):
    """Shown as stars; what is no address, or too often, is refused with a sentence."""
    settings, _ = settings_of(tmp_path, receiver, 'headers = { X = "a-secret-word" }')
    shown = str(show(settings))
    assert "a-secret" not in shown
    assert "***" in shown
    for wrong, words in (('url = "ftp://x"', "http://"), ('url = "http://x"\ninterval = "10ms"', "at least 1s")):
        with pytest.raises(ConfigurationError, match=words):
            configured(tmp_path, f"[deadman]\n{wrong}\n")
