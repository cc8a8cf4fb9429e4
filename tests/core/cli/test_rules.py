"""``auscult rules``: what it lists, how it tests, and that a replay reads what a server records."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

RULES = """
[channels.log]
channel = "log"
[rules.slow]
condition = "response_time_ms > 100"
for = "1m"
components = ["ap*"]
severity = "low"
message_template = "{component} needs {response_time_ms:.0f} ms"
"""
TESTS = """
config = "auscult.toml"
[[tests]]
name = "a minute"
given = [{ component = "api", every = 20, times = 4, response_time_ms = 150 }]
expect = [{ at = "59s" }, { at = "1m", alerts = [{ rule = "slow", message = "api needs 150 ms" }] }]
"""


@pytest.fixture
def shell(auscult):
    """With a configuration that has one rule of its own."""
    path = auscult.configure(api="healthy", db="healthy")
    path.write_text(path.read_text() + RULES)
    return auscult


def test_list_and_show(shell):
    """Default rules and configured ones; what a rule looks at, and who is told."""
    done = shell("rules", "list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) == 7
    assert shell("rules").out == done.out
    assert lines[-1].split(maxsplit=2) == ["slow", "low", "response_time_ms > 100 for 1m in ap*"]
    names = [rule["name"] for rule in shell("rules", "list", "--json").json()]
    assert names[-1] == "slow"
    shown = shell("rules", "show", "slow", "--json").json()
    assert (shown["for"], shown["data"], shown["looks_at"]) == ("1m", ["response_time_ms"], ["api"])
    assert shown["told"] == {"api": ["log"]}
    assert "condition: response_time_ms > 100" in shell("rules", "show", "slow").out
    wrong = shell("rules", "show", "slwo")
    assert wrong.code == 2
    assert "There is no rule `slwo`; did you mean `slow`?" in wrong.err


def test_test_passes(shell):
    """Exit code 0, and the rules that no test reached."""
    shell.write("test_it.rules.toml", TESTS)
    done = shell("rules", "test", "test_it.rules.toml")
    assert done.code == 0, done.out
    assert "✓ a minute" in done.out
    assert "no test reached 6 of the rules: system_unhealthy," in done.out
    assert shell("rules", "test", "test_it.rules.toml", "--complete").code == 1
    found = shell("rules", "test", "test_it.rules.toml", "--json").json()
    assert found["ok"] is True
    assert found["tests"][0]["reached"] == ["slow"]


def test_test_fails(shell):
    """Exit code 1 and a sentence; 2 for a file that cannot be understood."""
    shell.write("test_it.rules.toml", TESTS.replace('"59s"', '"61s"'))
    done = shell("rules", "test", "test_it.rules.toml")
    assert done.code == 1
    assert "at 1m1s: the alert slow for api is not expected (api needs 150 ms)" in done.out
    assert shell("rules", "test", "test_it.rules.toml", "--json").json()["ok"] is False
    shell.write("test_it.rules.toml", TESTS.replace('component = "api"', 'component = "apo"'))
    wrong = shell("rules", "test", "test_it.rules.toml")
    assert wrong.code == 2
    assert "test_it.rules.toml:5: tests[0].given[0].component: there is no component `apo`" in wrong.err
    assert shell("rules", "test", "nothing.toml").code == 2
    assert shell("rules", "test").code == 2


def test_replay_beside_a_running_server(shell):
    """Reads what the server writes; the same rules give the same alerts, changed ones what they would change."""
    path = shell.directory / "auscult.toml"
    path.write_text(
        path.read_text().replace('status = "healthy"', 'status = "unhealthy"\nfailures = 1\ninterval = 0.2')
        + '[server]\nport = 0\n[store]\nstate_dir = "state"\n'
    )
    assert shell("rules", "replay").code == 2, "nothing has run yet"
    command = [sys.executable, "-m", "auscult", "serve"]
    server = subprocess.Popen(command, cwd=shell.directory, env=shell.environ(), stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            done = shell("rules", "replay", "--json")
            if done.code == 0 and len(done.json()["recorded"]) >= 3:
                break
        found = done.json()
        assert found["same"] is True, done.out
        assert found["results"] > 0
        assert found["notes"] == []
        assert {each["rule"] for each in found["replayed"]} == {"component_unhealthy", "system_unhealthy"}
        assert "the same alerts as recorded" in shell("rules", "replay", "--since", "1h").out
        changed = path.read_text() + '[rules.component_unhealthy]\nseverity = "critical"\ncomponents = ["db"]\n'
        shell.write("changed.toml", changed)
        done = shell("rules", "replay", "--since", "1h", "-c", "changed.toml")
        assert done.code == 0
        assert "auscult: the configuration is not the one that recorded this" in done.err
        lines = done.out.splitlines()
        assert any(line.startswith("- ") and "component_unhealthy for api fired (high)" in line for line in lines)
        assert any(line.startswith("+ ") and "component_unhealthy for db fired (critical)" in line for line in lines)
    finally:
        server.terminate()
        assert server.wait(10) == 0


def test_replay_refuses_nonsense(shell):
    """A sentence, not a traceback."""
    done = shell("rules", "replay", "--since", "soon")
    assert done.code == 2
    assert "expected a time span such as 24h or 7d, or a time such as" in done.err
