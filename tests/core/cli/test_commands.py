"""The other commands: what they print as text and as JSON, and how they refuse."""

from __future__ import annotations

import json
import shutil
import sysconfig
import tomllib
from pathlib import Path

import anyio
import msgspec
import pytest

from auscult import Monitor
from auscult.config import load
from auscult.config.tokens import verify
from auscult.definitions import Definition


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["check"], {"status", "components"}),
        (["plugins"], {"plugins", "problems"}),
        (["config", "check"], {"ok", "components", "findings"}),
        (["config", "show"], {"components", "server", "plugins"}),
        (["config", "plan", "auscult.toml"], {"added", "changed", "removed"}),
    ],
)
def test_everything_that_reads_prints_json(auscult, arguments, keys):
    """One document on standard output, although a plugin prints while it is imported; no secret in it."""
    auscult.configure(a={"status": "healthy", "password": "hunter2hunter2"})
    done = auscult(*arguments, "--json")
    assert done.code == 0, done.err
    assert keys <= set(done.json())
    assert "hunter2" not in done.out + done.err
    assert "a plugin that prints" in done.err


def test_the_doctor_prints_json(auscult):
    """A list of what was found, each with a level."""
    auscult.configure(a="healthy")
    done = auscult("doctor", "--json", AUSCULT_SERVER__PORT="9")
    assert done.code == 1
    assert {found["level"] for found in done.json()} <= {"ok", "note", "problem"}


def test_the_schema_is_json_and_knows_local_plugins(auscult):
    """For editors; with a broken file as well, since that is when one needs it."""
    auscult.configure(a="healthy")
    assert '"says"' in json.dumps(auscult("config", "schema").json())
    auscult.configure(a={"stauts": "healthy"})
    done = auscult("config", "schema")
    assert done.code == 0
    assert done.json()["$schema"].startswith("https://json-schema.org/")
    assert "local plugins are left out" in done.err


# config


def test_config_check(auscult):
    """A line for people, and every finding at once with its place."""
    auscult.configure(a="healthy", b="healthy")
    done = auscult("config", "check")
    assert (done.code, done.out) == (0, "auscult.toml: fine, 2 components: a, b\n")
    auscult.configure(a={"stauts": "healthy"}, b={"status": "healthy", "interval": "soon"})
    done = auscult("config", "check")
    assert (done.code, done.out) == (2, "")
    assert "auscult.toml:5: components.a.stauts" in done.err
    assert "did you mean `status`?" in done.err
    assert "components.b.interval" in done.err


def test_config_check_json_with_findings(auscult):
    """Exit code 2, and the findings as data."""
    auscult.configure(a={"stauts": "healthy"})
    done = auscult("config", "check", "--json")
    assert done.code == 2
    answer = done.json()
    assert answer["ok"] is False
    assert answer["findings"][0]["key"] == "components.a.stauts"


def test_config_show_masks_secrets(auscult):
    """What is in force, defaults included."""
    auscult.configure(a={"status": "healthy", "password": "hunter2hunter2"})
    done = auscult("config", "show")
    assert done.code == 0
    assert "password: '***'" in done.out
    assert "hunter2" not in done.out


def test_config_plan(auscult):
    """What a file would add, change and remove."""
    auscult.configure(a="healthy", b="healthy")
    old = auscult.write("old.toml", auscult.directory.joinpath("auscult.toml").read_text())
    new = auscult.configure(b="degraded", c="healthy")
    done = auscult("config", "plan", str(new), "--config", str(old))
    assert (done.code, done.out.splitlines()) == (0, ["+ c", "~ b", "- a"])
    assert auscult("config", "plan", str(old), "--config", str(old)).out == "Nothing would change.\n"
    assert auscult("config", "plan", "absent.toml", "--config", str(old)).code == 2


# init


def test_init_writes_what_serve_would_monitor(auscult):
    """A commented file that loads, with references instead of secrets; it is not overwritten by accident."""
    secrets = {"REDIS_URL": "redis://:hunter2hunter2@h:6379/0", "OPENAI_API_KEY": "sk-hunter2hunter2"}
    printed = auscult("init", "--print", **secrets)
    assert printed.code == 0
    done = auscult("init", **secrets)
    assert done.code == 0
    text = (auscult.directory / "auscult.toml").read_text()
    assert text == printed.out
    assert "hunter2" not in text
    assert set(tomllib.loads(text)["components"]) >= {"host", "redis"}
    assert auscult("config", "check", **secrets).code == 0
    again = auscult("init", **secrets)
    assert again.code == 2
    assert "auscult.toml exists; --force overwrites it" in again.err
    assert auscult("init", "--force", **secrets).code == 0


def test_init_where_nothing_can_be_written(auscult):
    """A sentence, no traceback."""
    done = auscult("init", "--output", "absent/auscult.toml")
    assert done.code == 2
    assert "absent/auscult.toml" in done.err


# token, completion, help


def test_a_token_fits_the_lines_that_let_it_in(auscult):
    """Pasted into a configuration, they admit the token with its role; the hash does not tell it."""
    done = auscult("token", "ops", "--role", "operator")
    assert done.code == 0
    token = done.out.split()[3]
    table = "\n".join(line.strip() for line in done.out.splitlines() if line.startswith("    "))
    table = table.partition("[auth")[1] + table.partition("[auth")[2]
    assert token not in table
    file = auscult.write("tokens.toml", f"{table}\n[components]\n")
    settings, _ = load(file, environ={})
    (ops,) = settings.auth.tokens
    assert (ops.name, ops.role) == ("ops", "operator")
    assert verify(token, ops.hash)
    assert not verify(token + "x", ops.hash)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(auscult, shell):
    """For each shell the script that its click version makes."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed; on Debian: apt install bash")
    done = auscult("completion", shell)
    assert done.code == 0
    assert "_AUSCULT_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("auscult pl", {"plugins"}), ("auscult config s", {"show", "schema"}), ("auscult de", {"demo"})],
)
def test_commands_are_completed(auscult, typed, offered):
    """Commands, subcommands, and those of plugins."""
    done = auscult(_AUSCULT_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split()) - 1))
    if "demo" in offered and "demo" not in auscult("--help").out:
        pytest.skip("auscult-rehearsal is not installed")
    assert {line.partition(",")[2] for line in done.out.splitlines()} >= offered


def test_a_wrong_command_is_answered_with_the_nearest(auscult):
    """Exit code 2."""
    done = auscult("plugin")
    assert done.code == 2
    assert "There is no command `plugin`; did you mean `plugins`?" in done.err


@pytest.mark.parametrize("command", ["serve", "check", "plugins", "config", "init", "doctor", "token", "completion"])
def test_every_command_has_help(auscult, command):
    """The summary of the list is the beginning of the command's own help."""
    done = auscult(command, "--help")
    assert done.code == 0
    assert f"Usage: auscult {command}" in done.out
    assert command in auscult("-h").out


def test_the_console_script_is_the_same(auscult):
    """``auscult`` and ``python -m auscult``."""
    script = Path(sysconfig.get_path("scripts")) / "auscult"
    assert script.is_file()
    assert auscult("--version").out.startswith("auscult 0.")
    assert "from auscult.cli import main" in script.read_text()


# serve


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0", "--port", "0"], "token"),
        (["--port", "99999"], "99999"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--state-dir", "says.py/sub"], "says.py"),
    ],
)
def test_serve_refuses_with_a_sentence(auscult, arguments, says):
    """Exit code 2, and what to do."""
    auscult.configure(a="healthy")
    done = auscult("serve", *arguments)
    assert done.code == 2
    assert says in done.err


def test_serve_strict(auscult):
    """A plugin's problem is a reason not to start, where that is asked for."""
    auscult.configure(a="healthy")
    auscult.write("says.py", (auscult.directory / "says.py").read_text() + "\n@hookimpl\ndef auscult_check(): pass\n")
    done = auscult("serve", "--strict", "--port", "0")
    assert done.code == 2
    assert "`auscult_check` is not a hook" in done.err


def test_grafana_gets_what_was_made_in_the_page(auscult):
    """Dashboards that a server keeps, and default ones that people have changed; without a server there are none."""
    definition = msgspec.convert(
        {"title": "Ours", "panels": [{"panel": "system-health"}, {"panel": "response-times", "title": "Speed"}]},
        Definition,
    )

    async def make() -> None:
        monitor = Monitor(state_dir=auscult.directory / "state")
        async with monitor:
            await monitor.dashboards.create(definition, by="ana")

    auscult.write("auscult.toml", '[store]\nstate_dir = "state"\n[components.host]\ncheck = "host"\n')
    assert "ours.json" not in auscult("grafana", "export", "before").out
    anyio.run(make)
    said = auscult("grafana", "export", "after").out
    made = json.loads((auscult.directory / "after" / "ours.json").read_text())
    assert made["title"] == "auscult: Ours"
    assert "Speed" in {panel["title"] for panel in made["panels"]}
    assert "ours.json" in said
    elsewhere = auscult("grafana", "export", "no", "--state-dir", "nowhere")
    assert elsewhere.code == 2
    assert "There is no history in nowhere" in elsewhere.err
