"""`auscult serve` as a process: start, first verdicts, signals, reload, and the end in time whatever a probe does."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import datetime
from itertools import pairwise

import httpx
import pytest
from tests.web.helpers import TOKENS, cheap_hash
from tests.web.serving import Serving, eventually

from auscult.store.schema import FILE

GENEROUS = 6.0
"""Seconds that the end may take: two (`server.graceful_timeout`), and some for a machine that is busy with tests."""
CHECKS = '''
import asyncio, contextlib, threading, time
from auscult import Check, Reading, hookimpl


class Fine(Check):
    """Counts how often it was asked."""

    kind = "fine"
    note: str = ""

    async def probe(self, ctx):
        return Reading.healthy(self.note)


class Slow(Check):
    """Takes its time, and may be cancelled."""

    kind = "slow"

    async def probe(self, ctx):
        await asyncio.sleep(3600)


class Swallows(Check):
    """Is not to be cancelled."""

    kind = "swallows"

    async def probe(self, ctx):
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(3600)


class Thread(Check):
    """Hangs in a thread."""

    kind = "thread"

    async def probe(self, ctx):
        await asyncio.to_thread(time.sleep, 3600)


class Leaves(Check):
    """Leaves a thread of its own behind, which is no daemon."""

    kind = "leaves"

    async def probe(self, ctx):
        threading.Thread(target=time.sleep, args=(3600,)).start()
        return Reading.healthy()


class Blocks(Check):
    """Blocks the event loop and takes no hint."""

    kind = "blocks"

    async def probe(self, ctx):
        while True:
            with contextlib.suppress(BaseException):
                while True:
                    time.sleep(0.05)


@hookimpl
def auscult_checks():
    return [Fine, Slow, Swallows, Thread, Leaves, Blocks]
'''


def config(**kinds: str) -> str:
    """A configuration with the local plugin and a component for each kind."""
    tables = "".join(f'[components.{name}]\ncheck = "{kind}"\ninterval = "1s"\n' for name, kind in kinds.items())
    return f'plugins = ["./checks.py"]\n{tables}'


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "checks.py").write_text(CHECKS)
    return tmp_path


def statuses(client: httpx.Client) -> dict[str, str]:
    components = client.get("/api/v1/components").json()["components"]
    return {component["name"]: component["status"] for component in components}


# The start


def test_first_verdicts_are_there_long_before_the_first_interval(directory):
    """Liveness at once, readiness with the first verdicts, and those long before an interval of an hour."""
    text = config(a="fine", b="fine").replace("1s", "1h")
    with Serving(directory, text) as server, server.client() as client:
        assert client.get("/-/healthy").status_code == 200
        eventually(lambda: client.get("/-/ready").status_code == 200)
        assert statuses(client)["a"] == "healthy"
        assert client.get("/health").status_code == 200
        assert "auscult" in client.get("/").text


def test_a_port_in_use_is_one_sentence_and_exit_code_2(directory):
    """No traceback, no half-started server; the sentence says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = serve(directory, "", "--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_open_address_without_a_token_is_refused(directory):
    """With a sentence that says how to get one; with a token it starts."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = serve(directory, "", "--host", host, "--port", "0")
        assert done.returncode == 2
        assert "auscult token" in done.stderr
        assert "Traceback" not in done.stderr
    token = f'[auth.tokens.me]\nrole = "viewer"\nhash = "{cheap_hash(TOKENS["viewer"])}"\n'
    with Serving(directory, token, "--host", "0.0.0.0") as server:
        port = server.url.rpartition(":")[2]
        address = f"http://127.0.0.1:{port}/metrics"
        assert httpx.get(address).status_code == 401
        assert httpx.get(address, headers={"Authorization": f"Bearer {TOKENS['viewer']}"}).status_code == 200


def test_a_host_that_does_not_exist_and_a_broken_file_are_sentences(directory):
    """Exit code 2, every finding, no traceback."""
    done = serve(directory, "", "--host", "nowhere.invalid", "--port", "0")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    done = serve(directory, '[components.a]\ncheck = "nope"\n[components.b]\ncheck = "fine"\n')
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "components.a" in done.stderr
    assert "components.b" in done.stderr


def test_a_state_directory_in_use_is_one_sentence(directory):
    """The second process refuses; the first goes on."""
    with Serving(directory, config(a="fine")) as server, server.client() as client:
        done = serve(directory, config(a="fine"), "--port", "0")
        assert done.returncode == 2
        assert str(directory / "state") in done.stderr
        assert "Traceback" not in done.stderr
        assert client.get("/-/healthy").status_code == 200


def serve(directory, text, *arguments):
    file = directory / "other.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "auscult", "serve", "--config", str(file), "--state-dir", str(directory / "state")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)


# The end


def test_a_crash_in_compiled_code_says_where(directory):
    """A plugin's extension module, say: what every thread was doing stands on stderr."""
    with Serving(directory, config(a="fine")) as server:
        server.signal(signal.SIGSEGV)
        assert server.process.wait(60) == -signal.SIGSEGV
        server.kill()
        assert "Fatal Python error: Segmentation fault" in server.said
        assert "auscult/store/writer.py" in server.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_in_order(directory, number):
    """Exit code 0, quietly, and everything that was seen is in the history."""
    with Serving(directory, config(a="fine")) as server, server.client() as client:
        eventually(lambda: statuses(client)["a"] == "healthy")
        started = time.monotonic()
        server.signal(number)
        assert server.process.wait(60) == 0
        assert time.monotonic() - started <= GENEROUS
    assert "Traceback" not in server.said
    with sqlite3.connect(directory / "state" / FILE) as history:
        assert history.execute("SELECT count(*) FROM result").fetchone()[0] > 0
        assert history.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("kind", ["slow", "swallows", "thread", "leaves", "blocks"])
def test_no_probe_keeps_the_process(directory, kind):
    """Hanging, swallowing its cancellation, in a thread, or blocking the loop itself: an end in time, exit code 0."""
    with Serving(directory, config(good="fine", bad=kind)) as server, server.client() as client:
        if kind == "blocks":
            eventually(lambda: "the event loop is blocked by the probe of `bad`" in server.said)
        else:
            eventually(lambda: statuses(client)["good"] == "healthy")
            eventually(lambda: client.get("/api/v1/components/bad/results").status_code == 200)
        code, took = server.end()
        assert code == 0, server.said
        assert took <= GENEROUS, server.said
    with sqlite3.connect(directory / "state" / FILE) as history:
        assert history.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert history.execute("SELECT count(*) FROM result").fetchone()[0] > 0


def test_open_connections_do_not_keep_it(directory):
    """Idle ones, half a request, a body that does not end, an answer nobody reads, a probe that is waited for."""
    many = "".join(f'[components.c{n}]\ncheck = "fine"\n' for n in range(300))
    with Serving(directory, config(hangs="slow") + many) as server:
        host, port = server.url.removeprefix("http://").split(":")
        connections = []

        def connect(data):
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(data)
            connections.append(connection)

        with server.client() as client:
            eventually(lambda: client.get("/-/ready").status_code == 200)
        head = b"Host: localhost\r\n"
        for _ in range(5):
            connect(b"")
            connect(b"GET / HTTP/1.1\r\nHo")
            connect(b"POST /api/v1/components/c0/ping HTTP/1.1\r\n" + head + b"Content-Length: 1000\r\n\r\nhalf")
            connect(b"POST /api/v1/components/hangs/check HTTP/1.1\r\n" + head + b"Content-Length: 0\r\n\r\n")
            connect((b"GET /health/detailed HTTP/1.1\r\n" + head + b"\r\n") * 20)
        time.sleep(0.5)  # let them be in the middle of it
        code, took = server.end()
        for connection in connections:
            connection.close()
        assert code == 0, server.said
        assert took <= GENEROUS, server.said
        assert "Traceback" not in server.said


def test_a_second_signal_and_one_at_the_start_are_no_harm(directory):
    """Impatience ends it no worse, and so does a signal before it is up."""
    with Serving(directory, config(bad="swallows")) as server:
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGTERM)
        code, took = server.end()
        assert code == 0, server.said
        assert took <= GENEROUS
    starting = Serving(directory, config(a="fine"))
    try:
        time.sleep(0.4)
        starting.signal(signal.SIGTERM)
        assert starting.process.wait(60) in (0, -signal.SIGTERM), starting.said
    finally:
        starting.kill()


# Reload


def reload_by(server: Serving, client: httpx.Client, way: str) -> None:
    if way == "post":
        answer = client.post("/-/reload")
        assert answer.status_code == 200, answer.text
    else:
        before = server.said.count("configuration reloaded")
        server.signal(signal.SIGHUP)
        eventually(lambda: server.said.count("configuration reloaded") > before)


@pytest.mark.parametrize("way", ["post", "hup"])
def test_a_reload_swaps_what_changed_and_nothing_else(directory, way):
    """Added, changed and removed components; the unchanged one keeps its results, its state and its ticks."""
    text = config(stays="fine", goes="fine", changes="fine")
    with Serving(directory, text) as server, server.client() as client:
        eventually(lambda: all(status == "healthy" for status in statuses(client).values()))
        before = client.get("/api/v1/components/stays").json()
        changed = config(stays="fine", changes="fine", comes="fine").replace(
            "[components.changes]\n", '[components.changes]\nnote = "new"\n'
        )
        server.file.write_text(changed)
        reload_by(server, client, way)
        after = client.get("/api/v1/components/stays").json()
        assert set(statuses(client)) == {"stays", "changes", "comes", "auscult"}
        assert after["since"] == before["since"]
        assert after["window_results"] >= before["window_results"]
        eventually(lambda: client.get("/api/v1/components/changes").json()["message"] == "new")
        eventually(lambda: statuses(client)["comes"] == "healthy")
        results = client.get("/api/v1/components/stays/results?limit=1000").json()["results"]
        times = sorted(datetime.fromisoformat(result["time"]).timestamp() for result in results)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert max(gaps, default=0) < 2.5, f"a tick of one second was lost: {gaps}"


def test_a_bad_file_changes_nothing_and_every_finding_is_told(directory):
    """By POST in the answer, by SIGHUP in the log; afterwards everything is as it was."""
    text = config(a="fine", b="fine")
    with Serving(directory, text) as server, server.client() as client:
        eventually(lambda: set(statuses(client).values()) == {"healthy"})
        before, shown = client.get("/api/v1/components/a").json(), client.get("/api/v1/config").json()
        nothing_there = text.replace("./checks.py", "./missing.py")
        for bad in ("not toml [", config(a="nope") + "[server]\nport = 99999999\n", nothing_there):
            server.file.write_text(bad)
            answer = client.post("/-/reload")
            assert answer.status_code == 422, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["errors"]
            told = server.said.count("nothing changed")
            server.signal(signal.SIGHUP)
            eventually(lambda told=told: server.said.count("nothing changed") > told)
            assert set(statuses(client)) == {"a", "b", "auscult"}
            assert client.get("/api/v1/config").json() == shown
        server.file.unlink()
        assert client.post("/-/reload").status_code == 422
        after = client.get("/api/v1/components/a").json()
        assert after["since"] == before["since"]
        assert after["window_results"] >= before["window_results"]
        assert client.get("/health").status_code == 200


def test_both_mistakes_of_a_file_are_told_at_once(directory):
    """Not one after the other."""
    with Serving(directory, config(a="fine")) as server, server.client() as client:
        server.file.write_text('[components.a]\ncheck = "nope"\n[server]\nlog_format = "x"\n')
        keys = {error["key"] for error in client.post("/-/reload").json()["errors"]}
        assert any("components.a" in key for key in keys)
        assert any("server.log_format" in key for key in keys)


def test_a_reload_revokes_a_token_at_once_and_never_opens_the_server(directory):
    """A token taken out of the file is refused with the next request; an open server keeps one."""

    def table(role):
        return f'[auth.tokens.{role}]\nrole = "{role}"\nhash = "{cheap_hash(TOKENS[role])}"\n'

    with Serving(directory, table("viewer") + table("admin"), "--host", "0.0.0.0") as server:
        url = f"http://127.0.0.1:{server.url.rpartition(':')[2]}"
        viewer, admin = ({"Authorization": f"Bearer {TOKENS[role]}"} for role in ("viewer", "admin"))
        assert httpx.get(f"{url}/metrics", headers=viewer, timeout=60).status_code == 200
        assert httpx.post(f"{url}/-/reload", headers=viewer, timeout=60).status_code == 403
        server.file.write_text(table("admin"))
        assert httpx.post(f"{url}/-/reload", headers=admin, timeout=60).status_code == 200
        assert httpx.get(f"{url}/metrics", headers=viewer, timeout=60).status_code == 401
        server.file.write_text('[server]\nhost = "127.0.0.1"\n')
        refused = httpx.post(f"{url}/-/reload", headers=admin, timeout=60)
        assert refused.status_code == 422
        assert "token" in refused.text
        assert httpx.get(f"{url}/metrics", timeout=60).status_code == 401
        assert httpx.get(f"{url}/metrics", headers=admin, timeout=60).status_code == 200


def test_reloads_at_once_come_one_after_the_other(directory):
    """Twenty of them, while the file changes under them: every answer is whole, and the last file is in force."""
    with Serving(directory, config(a="fine")) as server, server.client() as client:
        codes = []

        def reload():
            codes.append(httpx.post(f"{server.url}/-/reload", timeout=60).status_code)

        threads = [threading.Thread(target=reload) for _ in range(20)]
        for number, thread in enumerate(threads):
            temporary = server.file.with_suffix(".new")
            temporary.write_text(config(**{f"c{number}": "fine"}))
            temporary.replace(server.file)
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [200] * 20
        assert client.post("/-/reload").status_code == 200
        assert set(statuses(client)) == {"c19", "auscult"}


def test_what_it_does_not_need_is_not_loaded(tmp_path):
    """The application is made without an HTTP client, and without any driver: an idle server stays small."""
    script = """
import sys
from auscult import Monitor, create_app
create_app(Monitor())
heavy = {"httpx", "httpcore", "rich", "trio", "psycopg", "aiomysql", "dns", "jsonschema", "aiosmtplib", "minijinja"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
