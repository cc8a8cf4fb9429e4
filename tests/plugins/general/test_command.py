"""The check `command` with real programs: exit codes, performance data, and whatever else a program can do."""

import contextlib
import os
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auscult import Status
from auscult_plugins.command import MAX_OUTPUT, CommandCheck, performance_data

pytestmark = pytest.mark.anyio


def shell(script: str, **options: object) -> CommandCheck:
    """A check that runs `script`."""
    return CommandCheck(argv=["sh", "-c", script], **options)


@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        ("echo 'DISK OK - 40 % free'", Status.HEALTHY, "DISK OK - 40 % free"),
        ("echo 'DISK WARNING'; exit 1", Status.DEGRADED, "DISK WARNING"),
        ("echo 'DISK CRITICAL'; exit 2", Status.UNHEALTHY, "DISK CRITICAL"),
        ("echo 'DISK UNKNOWN'; exit 3", Status.UNKNOWN, "DISK UNKNOWN"),
        ("exit 0", Status.HEALTHY, "exit code 0"),
        ("echo hm; exit 4", Status.UNHEALTHY, "exit code 4: hm"),
        ("no-such-program-at-all", Status.UNKNOWN, "exit code 127: sh: 1: no-such-program-at-all: not found"),
        ("echo before; kill -TERM $$", Status.UNHEALTHY, "killed by signal 15: before"),
        ("kill -9 $$", Status.UNHEALTHY, "killed by signal 9"),
        ("echo only on the error output >&2; exit 2", Status.UNHEALTHY, "only on the error output"),
        ("echo noise >&2; echo the answer", Status.HEALTHY, "the answer"),
    ],
)
async def test_exit_codes_and_words(look, script, status, message):
    """The four codes of Nagios plugins, and everything else that can come of a program."""
    result = await look(shell(script))
    assert (result.status, result.message) == (status, message)


async def test_performance_data_of_a_real_plugin(look):
    """First line and later ones; quoted labels, units turned into base units, limits left out."""
    output = "PING OK|rta=12.5ms;3000;5000;0 pl=0%;80;100;;\nmore text | 'free space'=2KB;;; 9lives=9c\nload=0.5"
    result = await look(CommandCheck(argv=["printf", output.replace("%", "%%")]))
    assert result.message == "PING OK"
    assert result.measurements == {
        "exit_code": 0,
        "rta_seconds": pytest.approx(0.0125),
        "pl_percent": 0,
        "free_space_bytes": 2000,
        "_9lives": 9,
    }


@given(st.text())
def test_any_performance_data_is_taken(text):
    """Whatever a program prints: numbers under names that measurements may have, or nothing."""
    for name, value in performance_data(text).items():
        assert name.replace("_", "a").isalnum()
        assert len(name) <= 100
        assert isinstance(value, float)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"argv": ["/no/such/program"]}, "there is no '/no/such/program'"),
        ({"argv": ["no-such-program-on-the-path"]}, "there is no 'no-such-program-on-the-path'"),
        ({"argv": ["true"], "directory": "/no/such/place"}, "there is no directory '/no/such/place'"),
        ({"argv": [__file__]}, f"{__file__!r} cannot be run: Permission denied"),
    ],
)
async def test_a_program_that_cannot_be_run(look, options, message):
    """What is missing is named."""
    result = await look(CommandCheck(**options))
    assert (result.status, result.message) == (Status.UNHEALTHY, message)


async def test_nothing_is_expanded_and_nothing_inherited(look, monkeypatch, tmp_path):
    """No shell; of our own environment only the harmless part; what is configured is there; the directory holds."""
    monkeypatch.setenv("DATABASE_URL", "postgres://user:geheim@host/db")
    tell = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.environ['TOLD'], os.getcwd())"
    result = await look(
        CommandCheck(argv=[sys.executable, "-c", tell, "$HOME"], environment={"TOLD": "yes"}, directory=str(tmp_path))
    )
    assert "DATABASE_URL" not in result.message
    assert str(tmp_path) in result.message
    assert (await look(CommandCheck(argv=["echo", "$HOME", "*"]))).message == "$HOME *"


async def test_a_secret_of_the_environment_is_in_no_message(look):
    """A program that prints what it was given in confidence is not repeated, in no log either."""
    secret = "geheim-geheim-geheim"
    result = await look(shell("echo token $TOKEN; exit 2", environment={"TOKEN": secret}), never=secret)
    assert result.message == "token ***"


async def test_standard_input_is_empty(look):
    """A program that reads ends, instead of waiting for a terminal."""
    assert (await look(CommandCheck(argv=["cat"]), timeout=10)).status is Status.HEALTHY


async def test_a_flood_is_bounded(look):
    """Output beyond 64 KiB is read and dropped, and the message stays a message."""
    script = f"import sys; sys.stdout.write('x' * {MAX_OUTPUT * 50})"
    result = await look(CommandCheck(argv=[sys.executable, "-c", script]))
    assert result.status is Status.HEALTHY
    assert len(result.message) <= 1000


async def test_bytes_that_are_no_text(look):
    """Shown as such, in one line."""
    result = await look(shell(r"printf 'a\377\000b\033[31mred\n'"))
    assert result.message.startswith("a\ufffd")
    assert result.message.isprintable() or "\ufffd" in result.message


def _lives(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def test_a_hang_is_killed_with_all_it_started(look, tmp_path):
    """Also where it takes no hint; its children do not live on."""
    notes = tmp_path / "pids"
    script = f"trap '' TERM INT; sleep 1000 & echo $$ $! > {notes}; wait; sleep 1000"
    result = await look(shell(script), timeout=2)
    assert (result.status, result.message) == (Status.UNHEALTHY, "no answer within 2 s")
    pids = [int(pid) for pid in notes.read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(map(_lives, pids)):
        assert time.monotonic() < deadline, "something lives on"
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["sleep 1000 &", "setsid sleep 1000 & sleep 0.5;"], ids=["a child", "a daemon"])
async def test_a_program_that_leaves_something_behind_ends_with_its_own_end(look, how, tmp_path):
    """What it left holds the output open: the answer is the program's all the same."""
    notes = tmp_path / "pid"
    result = await look(shell(f"{how} echo $! > {notes}; echo 'OK - started'"), timeout=30)
    assert (result.status, result.message) == (Status.HEALTHY, "OK - started")
    assert result.duration < 20
    with contextlib.suppress(ProcessLookupError, ValueError):
        os.kill(int(notes.read_text()), 9)
