"""The whole zoo, installed at once, as a user meets it: on the command line of a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auscult import Catalogue
from auscult.catalogue.discovery import installed

BEASTS = {
    "raises": "raise ValueError('on purpose')",
    "exits": "import sys\nsys.exit(7)",
    "panics": "class Panic(BaseException): pass\nraise Panic('on purpose')",
    "prints": "import os\nprint('{\"not\": \"json\"')\nraise ImportError('on purpose')",
    "syntax": "def broken(:",
    "lacks": "import zoo_package_nobody_has",
    "gone": None,
    "misspelt": "from auscult import hookimpl\n@hookimpl\ndef auscult_check():\n    return []",
    "unmarked": "def auscult_checks():\n    return []",
    "hooked": "from auscult import hookimpl\n@hookimpl\ndef auscult_checks():\n    raise SystemExit(8)",
    "endless": "from auscult import hookimpl\n@hookimpl\ndef auscult_checks():\n    while True:\n        yield object",
    "taker": (
        "from auscult import *\n"
        "class Taker(Check):\n"
        "    kind = 'http'\n"
        "    async def probe(self, ctx): return Reading()\n"
        "@hookimpl\n"
        "def auscult_checks(): return [Taker]"
    ),
    "logging": "import logging\nlogging.basicConfig()\nlogging.shutdown()\nlogging.raiseExceptions = True\n1/0",
}


@pytest.fixture
def full(zoo) -> Path:
    """A folder with everybody in it, and metadata that cannot be read."""
    for name, source in BEASTS.items():
        zoo.add(name, source, module="zoo_gone" if source is None else "")
    broken = zoo.describe("auscult-broken", "1.0", [])
    (broken / "entry_points.txt").write_bytes(b"[auscult\nnot = \xff\xfe an ini file\n= =\n")
    nameless = zoo.describe("auscult-nameless", "1.0", [])
    (nameless / "METADATA").write_bytes(b"")
    (zoo.path / "unreadable-1.0.dist-info").mkdir()
    return zoo.path


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``auscult`` with that folder on the import path."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(path), "HOME": str(path)}
    return subprocess.run(
        [sys.executable, "-m", "auscult", *arguments],
        env=environ,
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_everybody_is_listed(full):
    """Exit code 0, valid JSON, one problem each, and the bundled plugins are in order."""
    done = run(full, "plugins", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    problems: dict[str, list[dict[str, str]]] = {}
    for problem in listed["problems"]:
        problems.setdefault(problem["plugin"], []).append(problem)
        assert problem["message"]
        assert problem["remedy"]
    plugins = {info["name"]: info for info in listed["plugins"]}
    assert set(BEASTS) < set(plugins)
    for name in BEASTS:
        assert len(problems[name]) == (1 if name != "endless" else 2), problems[name]
        assert not plugins[name]["ok"]
    bundled = [info for info in plugins.values() if info["distribution"] == "auscult"]
    assert len(bundled) >= 15
    assert all(info["ok"] for info in bundled)
    assert plugins["fine"]["kinds"] == {"checks": ["fine"]}


def test_the_text_says_the_same(full):
    """For people, with each remedy after an arrow."""
    done = run(full, "plugins")
    assert done.returncode == 0, done.stderr
    assert "problem (import): raises of auscult-raises 1.2" in done.stdout
    assert "→ pip install zoo_package_nobody_has" in done.stdout
    assert "✓ fine" in done.stdout
    assert "✗ exits" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["config", "schema"], ["init", "--help"]])
def test_other_commands_work_on(full, arguments):
    """Whatever is installed beside them."""
    done = run(full, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_check_of_a_bundled_kind_works_on(full):
    """The stranger that wants the kind `http` did not get it."""
    done = run(full, "check", "--kind", "http", "--set", "url=http://127.0.0.1:9/")
    assert done.returncode == 1
    assert "http" in done.stdout


def test_unreadable_metadata_is_a_problem_of_its_own(zoo, monkeypatch):
    """Python would give up on all plugins; each distribution is asked alone instead."""
    zoo.add("good", "from auscult import hookimpl\n@hookimpl\ndef auscult_checks():\n    return []")
    folder = zoo.describe("auscult-broken", "1.0", [])
    (folder / "entry_points.txt").write_bytes(b"[auscult]\nx = \xff\xfe\n")
    found, problems = installed()
    assert {"good", "fine", "http"} <= {entry.name for entry in found}
    (problem,) = problems
    assert problem.distribution == "auscult-broken"
    assert problem.message.startswith("the metadata of the installed distribution auscult-broken cannot be read")
    assert problem.remedy == "reinstall that distribution, or remove it"
    assert problem in Catalogue.discover().problems
