"""All stand-ins together: steering, real Redis and SQLite, and nothing left behind."""

import json
import signal
import sqlite3
import subprocess
import sys
import time

import httpx
import psutil
import pytest
import redis

from auscult_rehearsal.client import ControlError, running_stack
from auscult_rehearsal.stack import NAMES


def test_seven_components_and_what_they_can_suffer(control):
    """Each has an address, its faults, a note; nothing is broken."""
    components = control.status()["components"]
    assert tuple(components) == NAMES
    assert all(each["url"] and each["note"] and not each["fault"] for each in components.values())
    assert {"slow", "silent", "down", "unauthorized", "throttled", "lying"} <= set(components["tts"]["faults"])


@pytest.mark.parametrize(
    ("component", "fault", "says"),
    [
        ("voice", "silent", "there are stt, llm, tts"),
        ("tts", "sleepy", "it has slow, silent"),
        ("database", "slow", "it has"),
    ],
)
def test_wrong_wishes_are_refused_with_the_right_ones(control, component, fault, says):
    """Whoever mistypes learns what there is."""
    with pytest.raises(ControlError, match=says):
        control.break_(component, fault)


def test_names_people_use_are_understood(control):
    """tts_client as in the configuration, agent as in speech."""
    assert control.break_("tts_client", "silent")["components"]["tts"]["fault"] == "silent"
    assert control.break_("agent", "lying")["components"]["orchestrator"]["fault"] == "lying"
    assert not any(each["fault"] for each in control.mend()["components"].values())


def test_no_web_page_can_break_the_demo(control):
    """A form or a simple fetch from a page cannot say application/json without being asked first."""
    reply = httpx.post(control.url + "/mend", content="{}", headers={"content-type": "text/plain"})
    assert reply.status_code == 415


def test_the_agent_worker(control):
    """OK, and JSON without the fields that are zero; a liar keeps / up only."""
    url = control.address("orchestrator")
    assert httpx.get(url + "/").text == "OK"
    assert httpx.get(url + "/worker").json()["active_jobs"] == 1
    control.break_("orchestrator", "lying")
    assert httpx.get(url + "/").status_code == 200
    assert httpx.get(url + "/worker").status_code == 503


def test_slow_is_as_slow_as_asked(control):
    """Half a second late, and not its health."""
    control.break_("orchestrator", "slow", 0.5)
    begin = time.monotonic()
    httpx.get(control.address("orchestrator") + "/")
    assert time.monotonic() - begin >= 0.5


def test_redis_is_real_and_so_are_its_faults(control):
    """Works; refuses to write while answering PING; wants a password; hangs; is gone; works again on its port."""
    client = redis.Redis.from_url(control.address("redis"), socket_timeout=0.5, retry=None)
    assert client.set("a", "b")
    control.break_("redis", "lying")
    assert client.ping()
    with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
        client.set("a", "c")
    control.break_("redis", "unauthorized")
    with pytest.raises((redis.AuthenticationError, redis.ConnectionError)):
        client.ping()
    control.break_("redis", "silent")
    with pytest.raises((redis.TimeoutError, redis.ConnectionError)):
        client.ping()
    control.break_("redis", "down")
    with pytest.raises(redis.ConnectionError):
        client.ping()
    control.mend("redis")
    assert client.ping()


def test_redis_stutters_when_slow(control):
    """Stopped for a while, then on: an answer comes, late."""
    client = redis.Redis.from_url(control.address("redis"), socket_timeout=5)
    control.break_("redis", "slow", 0.4)
    waits = []
    for _ in range(4):
        begin = time.monotonic()
        client.ping()
        waits.append(time.monotonic() - begin)
        time.sleep(0.06)
    assert max(waits) > 0.2


def test_the_database_is_real_and_so_are_its_faults(control):
    """Rows to count; locked by another process; gone; there again."""
    path = control.address("database").removeprefix("sqlite:///")

    def count() -> int:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.1)
        try:
            return connection.execute("select count(*) from calls").fetchone()[0]
        finally:
            connection.close()

    assert count() == 3
    control.break_("database", "silent")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        count()
    control.break_("database", "down")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        count()
    control.mend("database")
    assert count() == 3


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=10)[1]


def start(directory) -> tuple[subprocess.Popen, dict]:
    child = subprocess.Popen(
        [sys.executable, "-m", "auscult_rehearsal", str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    return child, json.loads(child.stdout.readline())


@pytest.mark.parametrize("how", ["terminate", "input ends"])
def test_nothing_is_left_behind(stack, tmp_path, how):
    """SIGTERM, or the end of whoever started it: redis-server and the recogniser end too, with exit code 0."""
    child, _ = start(tmp_path)
    processes = family(psutil.Process(child.pid))
    assert len(processes) == 3
    child.send_signal(signal.SIGTERM) if how == "terminate" else child.stdin.close()
    assert gone(processes)
    assert child.wait() == 0


def test_a_silenced_redis_does_not_hold_up_the_end(stack, tmp_path):
    """A stopped process is woken before it is ended."""
    with running_stack(tmp_path) as control:
        control.break_("redis", "silent")
        begin = time.monotonic()
    assert time.monotonic() - begin < 8
