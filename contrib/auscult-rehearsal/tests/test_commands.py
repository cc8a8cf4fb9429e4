"""The commands of the demo, with a server that is only pretended: what it is given, and what is steered."""

import json
import os
import tomllib

import click
import pytest
from click.testing import CliRunner

from auscult.config import load
from auscult_rehearsal.commands import demo
from auscult_rehearsal.plugin import auscult_commands


def run(serve, *words: str):
    """`auscult demo …` under a root whose `serve` is the function given."""
    root = click.Group()
    root.add_command(demo)
    options = [
        click.Option(["--config"]),
        click.Option(["--port"]),
        click.Option(["--state-dir"]),
        click.Option(["--strict"]),
    ]
    root.add_command(click.Command("serve", callback=serve, params=options))
    return CliRunner().invoke(root, ["demo", *words], catch_exceptions=False)


def test_the_hook_offers_the_command():
    """auscult finds it through its entry point."""
    assert [command.name for command in auscult_commands()] == ["demo"]


def test_the_server_gets_a_configuration_for_all_seven(stack, tmp_path):
    """Valid TOML, addresses of the stand-ins, the voice ones at the depth that proves work, the state beside it."""
    seen = {}
    result = run(
        lambda **given: seen.update(given, text=given["config"].read_text(), settings=load(given["config"])[0]),
        "--directory",
        str(tmp_path),
        "--port",
        "9",
    )
    assert result.exit_code == 0, result.output
    components = tomllib.loads(seen["text"])["components"]
    assert set(components) == {
        "stt_client", "llm_client", "tts_client", "database", "redis", "livekit", "orchestrator", "host",
    }  # fmt: skip
    depths = {name: table.get("depth") for name, table in components.items() if "depth" in table}
    assert depths == {"stt_client": "speech", "llm_client": "completion", "tts_client": "speech"}
    assert all("{" not in str(table.get("url", "")) for table in components.values())
    assert (seen["port"], seen["state_dir"]) == (9, tmp_path / "state")
    assert "http://127.0.0.1:9/" in result.stderr
    assert "break tts --silent" in result.stderr
    assert seen["settings"].warnings == [], "a newcomer's first lines are no warnings"


def test_commands_are_named_as_they_can_be_called(stack, tmp_path, monkeypatch):
    """By the path it was started with, while no `auscult` is on the PATH, as after `make run`."""
    monkeypatch.setattr("sys.argv", [".venv/bin/auscult", "demo"])
    monkeypatch.setenv("PATH", "")
    shown = run(lambda **_: None, "--directory", str(tmp_path)).stderr
    assert f"  .venv/bin/auscult demo --directory {tmp_path} mend" in shown
    here = tmp_path / "auscult"
    here.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown = run(lambda **_: None).stderr
    assert "  auscult demo mend" in shown
    spaced = tmp_path / "two words"
    monkeypatch.setenv("AUSCULT_DEMO_DIR", str(spaced))
    assert f"  auscult demo --directory '{spaced}' status" in run(lambda **_: None).stderr


def test_steering_while_it_runs(stack, tmp_path):
    """Break, status, mend, by the notice that the demo leaves in its directory; a second demo is refused."""
    said = {}

    def serve(**_):
        where = ("--directory", str(tmp_path))
        said["break"] = run(None, *where, "break", "tts_client", "--silent")
        said["other"] = run(None, *where, "break", "llm", "--fault", "broken")
        said["status"] = run(None, *where, "status", "--json")
        said["wrong"] = run(None, *where, "break", "tts", "--fault", "sleepy")
        said["none"] = run(None, *where, "break", "tts")
        said["mend"] = run(None, *where, "mend")
        said["after"] = run(None, *where, "status", "--json")
        said["again"] = run(None, *where)

    assert run(serve, "--directory", str(tmp_path), "--port", "9").exit_code == 0
    assert "tts: answers, but nothing is in it (silent)" in said["break"].stdout
    assert f"demo --directory {tmp_path} mend tts" in said["break"].stdout
    faults = {
        name: row["fault"] for name, row in json.loads(said["status"].stdout)["stand_ins"].items() if row["fault"]
    }
    assert faults == {"tts": "silent", "llm": "broken"}
    assert json.loads(said["status"].stdout)["stand_ins"]["tts"]["status"] == "unknown"
    assert "it has slow, silent" in said["wrong"].stderr
    assert said["wrong"].exit_code == 1
    assert "--throttled" in said["none"].stderr
    assert said["none"].exit_code == 2
    assert "works again" in said["mend"].stdout
    assert not any(row["fault"] for row in json.loads(said["after"].stdout)["stand_ins"].values())
    assert f"process {os.getpid()}" in said["again"].stderr


@pytest.mark.parametrize("words", [["status"], ["break", "tts", "--down"], ["mend"]])
def test_without_a_demo_there_is_a_sentence(tmp_path, words):
    """Nothing runs: how to start one, and how to find another."""
    result = run(None, "--directory", str(tmp_path), *words)
    assert result.exit_code == 1
    assert f"Start one with `auscult demo --directory {tmp_path}`" in result.stderr


def test_a_notice_left_by_a_crash_stops_nobody(stack, tmp_path):
    """The notice of a demo that is gone is no demo."""
    (tmp_path / "demo.json").write_text(json.dumps({"pid": 1, "control": "http://127.0.0.1:9", "url": "x"}))
    assert run(lambda **_: None, "--directory", str(tmp_path)).exit_code == 0
    assert not (tmp_path / "demo.json").exists()


def test_what_is_missing_is_said(stack, tmp_path):
    """Clips instead of speech: the welcome says so, with the remedy."""
    result = run(lambda **_: None, "--directory", str(tmp_path), "--clips")
    assert "Speech is not real" in result.stderr
    assert "pip install --no-deps pocketsphinx" in result.stderr


def test_a_server_that_fails_leaves_nothing_behind(stack, tmp_path):
    """The port is taken, say: the sentence comes through, and the stand-ins are gone."""

    def serve(**_):
        raise click.ClickException("the port is taken")

    result = run(serve, "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert "the port is taken" in result.stderr
    assert not (tmp_path / "demo.json").exists()
